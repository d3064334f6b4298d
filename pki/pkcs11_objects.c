/* Key pairs in a token: counted, made, destroyed. Under the token's mutex, on its one session. */
#include "pki/pkcs11.h"

#include <string.h>

enum { FOUND_MAX = 2, RSA_BITS = 3072, TEMPLATE_MAX = 4 };

/* DER OBJECT IDENTIFIERs of the curves: CKA_EC_PARAMS. */
static const uint8_t P256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
static const uint8_t P384[] = {0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22};

/* --- names as templates ------------------------------------------------------------------------------ */

struct template
{
    CK_OBJECT_CLASS class;
    CK_BBOOL is_kept;        /* in the token: pkcs11-provider copies keys into its sessions */
    struct pkcs11_name name; /* a copy: the module's signatures have no const */
    CK_ATTRIBUTE rows[TEMPLATE_MAX];
    CK_ULONG count;
};

static void template_make(struct template *t, CK_OBJECT_CLASS class, const struct pkcs11_name *name)
{
    t->class = class;
    t->is_kept = CK_TRUE;
    t->name = *name;
    t->count = 0;
    t->rows[t->count++] = (CK_ATTRIBUTE){CKA_CLASS, &t->class, sizeof t->class};
    t->rows[t->count++] = (CK_ATTRIBUTE){CKA_TOKEN, &t->is_kept, sizeof t->is_kept};
    if (t->name.label[0] != '\0') {
        t->rows[t->count++] = (CK_ATTRIBUTE){CKA_LABEL, t->name.label, strlen(t->name.label)};
    }
    if (t->name.id_size > 0) {
        t->rows[t->count++] = (CK_ATTRIBUTE){CKA_ID, t->name.id, t->name.id_size};
    }
}

static err_t find_locked(struct pkcs11_token *token, struct template *t, CK_OBJECT_HANDLE found[FOUND_MAX],
                         CK_ULONG *count)
{
    *count = 0;
    CK_RV rv = token->f->C_FindObjectsInit(token->session, t->rows, t->count);
    if (rv != CKR_OK) {
        return ERR_PKCS11(rv, "searching the token failed");
    }
    rv = token->f->C_FindObjects(token->session, found, FOUND_MAX, count);
    CK_RV ended = token->f->C_FindObjectsFinal(token->session);
    if (rv != CKR_OK || ended != CKR_OK) {
        return ERR_PKCS11(rv != CKR_OK ? rv : ended, "searching the token failed");
    }
    ENSURE(*count <= FOUND_MAX, ERR_CRYPTO, "the token found more than it was asked for");
    return OK;
}

err_t pkcs11_count(struct pkcs11_token *token, const struct pkcs11_name *name, int *out)
{
    struct template t;
    CK_OBJECT_HANDLE found[FOUND_MAX];
    CK_ULONG count = 0;
    template_make(&t, CKO_PRIVATE_KEY, name);
    (void)pthread_mutex_lock(&token->mutex);
    err_t error = find_locked(token, &t, found, &count);
    (void)pthread_mutex_unlock(&token->mutex);
    *out = (int)count;
    return error;
}

/* --- made -------------------------------------------------------------------------------------------- */

/* What a pair of one kind asks for. */
struct order {
    CK_MECHANISM mechanism;
    CK_ATTRIBUTE kind[2]; /* of the public half */
    CK_ULONG kind_count;
};

struct values {
    CK_BBOOL yes, no;
    CK_ULONG bits;
    uint8_t exponent[3];
    uint8_t curve[sizeof P256]; /* the longer one */
};

static err_t order_make(enum key_alg alg, struct values *v, struct order *out)
{
    switch (alg) {
    case KEY_ALG_P256:
        memcpy(v->curve, P256, sizeof P256);
        *out = (struct order){{CKM_EC_KEY_PAIR_GEN, NULL, 0}, {{CKA_EC_PARAMS, v->curve, sizeof P256}}, 1};
        return OK;
    case KEY_ALG_P384:
        memcpy(v->curve, P384, sizeof P384);
        *out = (struct order){{CKM_EC_KEY_PAIR_GEN, NULL, 0}, {{CKA_EC_PARAMS, v->curve, sizeof P384}}, 1};
        return OK;
    case KEY_ALG_RSA:
        *out = (struct order){{CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0},
                              {{CKA_MODULUS_BITS, &v->bits, sizeof v->bits},
                               {CKA_PUBLIC_EXPONENT, v->exponent, sizeof v->exponent}},
                              2};
        return OK;
    case KEY_ALG_ED25519:
    case KEY_ALG_NONE:
        break;
    }
    return ERR(ERR_UNPROCESSABLE, "a key in a token is one of P-256, P-384 or RSA");
}

static err_t generate_locked(struct pkcs11_token *token, struct pkcs11_name *name, struct order *order,
                             struct values *v)
{
    CK_ATTRIBUTE label = {CKA_LABEL, name->label, strlen(name->label)};
    CK_ATTRIBUTE id = {CKA_ID, name->id, name->id_size};
    CK_ATTRIBUTE keeps = {CKA_TOKEN, &v->yes, sizeof v->yes};
    CK_ATTRIBUTE public_half[6] = {label, id, keeps, {CKA_VERIFY, &v->yes, sizeof v->yes}};
    memcpy(public_half + 4, order->kind, sizeof order->kind);
    CK_ATTRIBUTE private_half[] = {
        label,
        id,
        keeps,
        {CKA_PRIVATE, &v->yes, sizeof v->yes},
        {CKA_SENSITIVE, &v->yes, sizeof v->yes},
        {CKA_EXTRACTABLE, &v->no, sizeof v->no},
        {CKA_SIGN, &v->yes, sizeof v->yes},
    };
    CK_OBJECT_HANDLE made[2];
    CK_RV rv = token->f->C_GenerateKeyPair(token->session, &order->mechanism, public_half,
                                           4 + order->kind_count, private_half,
                                           sizeof private_half / sizeof private_half[0], &made[0], &made[1]);
    return rv == CKR_OK ? OK : ERR_PKCS11(rv, "making a key in the token failed");
}

err_t pkcs11_generate(struct pkcs11_token *token, const struct pkcs11_name *name, enum key_alg alg)
{
    struct values v = {.yes = CK_TRUE, .no = CK_FALSE, .bits = RSA_BITS, .exponent = {1, 0, 1}};
    struct pkcs11_name copy = *name;
    struct order order = {0};
    TRY(order_make(alg, &v, &order));
    (void)pthread_mutex_lock(&token->mutex);
    err_t error = generate_locked(token, &copy, &order, &v);
    (void)pthread_mutex_unlock(&token->mutex);
    return error;
}

/* --- destroyed --------------------------------------------------------------------------------------- */

static err_t destroy_class(struct pkcs11_token *token, const struct pkcs11_name *name, CK_OBJECT_CLASS class)
{
    struct template t;
    CK_OBJECT_HANDLE found[FOUND_MAX];
    CK_ULONG count = 0;
    template_make(&t, class, name);
    do {
        TRY(find_locked(token, &t, found, &count));
        for (CK_ULONG i = 0; i < count; i++) {
            CK_RV rv = token->f->C_DestroyObject(token->session, found[i]);
            if (rv != CKR_OK && rv != CKR_OBJECT_HANDLE_INVALID) {
                return ERR_PKCS11(rv, "destroying a key in the token failed");
            }
        }
    } while (count > 0);
    return OK;
}

err_t pkcs11_destroy(struct pkcs11_token *token, const struct pkcs11_name *name)
{
    ENSURE(name->id_size > 0, ERR_INTERNAL, "only what has an id of ours is destroyed");
    (void)pthread_mutex_lock(&token->mutex);
    err_t error = destroy_class(token, name, CKO_PRIVATE_KEY);
    if (error.code == ERR_OK) {
        error = destroy_class(token, name, CKO_PUBLIC_KEY);
    }
    (void)pthread_mutex_unlock(&token->mutex);
    return error;
}

/* --- used -------------------------------------------------------------------------------------------- */

err_t pkcs11_load(struct pkcs11_token *token, const struct pkcs11_name *name, EVP_PKEY **out)
{
    AUTO_VAL(buf) uri = {0};
    int count = 0;
    TRY(pkcs11_count(token, name, &count));
    ENSURE(count > 0, ERR_NOT_FOUND, "the token \"%s\" has no private key \"%s\"", token->label.label,
           name->label);
    ENSURE(count == 1, ERR_CONFLICT, "the token has several private keys \"%s\": name one by its id",
           name->label);
    TRY(pkcs11_name_uri(name, &token->label, &uri));
    (void)pthread_mutex_lock(&token->mutex);
    err_t error = pkcs11_bridge_load(buf_str(&uri), out);
    (void)pthread_mutex_unlock(&token->mutex);
    return error;
}
