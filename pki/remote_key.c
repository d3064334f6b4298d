/* Remote keys towards OpenSSL: a legacy key with a method of ours, which OpenSSL 3 does not hand on to a
 * provider but calls (as for keys of engines). So CMS signs with it like with any other, on 3.0 and 3.5. What
 * the process says no to comes back through OpenSSL's error queue. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "pki/remote_key.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/rsa.h>

DEFINE_AUTO(EC_KEY, EC_KEY_free);
DEFINE_AUTO(RSA, RSA_free);

enum { APPLICATION_DATA = 0 /* the index of ex_data that OpenSSL keeps for programs */ };

struct remote_key {
    atomic_size_t references; /* the handle's, and the OpenSSL key's: CMS may hold that one longer */
    struct signer_client *client;
    char label[SIGNER_LABEL_MAX + 1];
    EC_KEY_METHOD *ec_method;
    RSA_METHOD *rsa_method;
    EVP_PKEY *pkey; /* until the handle takes it */
};

static struct remote_key *remote_key_ref(struct remote_key *key)
{
    atomic_fetch_add_explicit(&key->references, 1, memory_order_relaxed);
    return key;
}

void remote_key_unref(struct remote_key *key)
{
    if (key == NULL || atomic_fetch_sub_explicit(&key->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    signer_client_unref(key->client);
    if (key->ec_method != NULL) {
        EC_KEY_METHOD_free(key->ec_method);
    }
    RSA_meth_free(key->rsa_method);
    free(key);
}

/* --- asking ----------------------------------------------------------------------------------------- */

/* A key that is not there, or cannot be opened, is a fault of ours, not the caller's: a device is not told
 * that it is forbidden. */
static err_t as_ours(err_t error)
{
    if (error.code != ERR_FORBIDDEN && error.code != ERR_NOT_FOUND && error.code != ERR_WRONG_STATE) {
        return error;
    }
    return ERR(ERR_CRYPTO, "%s", error.detail);
}

static err_t ask(const struct remote_key *key, const struct signer_call *call, struct buf *signature)
{
    AUTO_VAL(buf) answer = {0};
    TRY(as_ours(signer_client_call(key->client, call, &answer)));
    return buf_append_bytes(signature, buf_view(&answer));
}

err_t remote_key_sign_text(const struct remote_key *key, struct bytes text, struct buf *signature)
{
    const struct signer_call call = {.op = SIGNER_SIGN_TEXT, .label = key->label, .data = text};
    return ask(key, &call, signature);
}

err_t remote_key_sign_digest(const struct remote_key *key, enum signer_scheme scheme, struct bytes digest,
                             struct buf *signature)
{
    const struct signer_call call = {
        .op = SIGNER_SIGN_DIGEST, .argument = (uint8_t)scheme, .label = key->label, .data = digest};
    return ask(key, &call, signature);
}

err_t remote_key_bind(const struct remote_key *key, struct bytes certificate)
{
    const struct signer_call call = {.op = SIGNER_BIND, .label = key->label, .data = certificate};
    ENSURE(certificate.n <= SIGNER_CERTIFICATE_MAX, ERR_CRYPTO, "a CA certificate of %zu bytes",
           certificate.n);
    return as_ours(signer_client_call(key->client, &call, NULL));
}

/* --- called by OpenSSL ------------------------------------------------------------------------------ */

static bool sign_into(const struct remote_key *key, enum signer_scheme scheme, struct bytes digest,
                      struct buf *signature)
{
    err_t error = key == NULL ? ERR(ERR_INTERNAL, "a key without its signer")
                              : remote_key_sign_digest(key, scheme, digest, signature);
    if (error.code != ERR_OK) {
        openssl_raise(error);
    }
    return error.code == ERR_OK;
}

static int ec_sign(int type, const unsigned char *digest, int digest_size, unsigned char *signature,
                   unsigned int *size, const BIGNUM *k_inverse, const BIGNUM *r, EC_KEY *ec)
{
    AUTO_VAL(buf) made = {0};
    struct bytes in = {digest, (size_t)digest_size};
    (void)type;
    (void)k_inverse;
    (void)r;
    if (!sign_into(EC_KEY_get_ex_data(ec, APPLICATION_DATA), SIGNER_ECDSA, in, &made) ||
        made.n > (size_t)ECDSA_size(ec)) {
        return 0;
    }
    memcpy(signature, made.p, made.n);
    *size = (unsigned)made.n;
    return 1;
}

static ECDSA_SIG *ec_sign_pair(const unsigned char *digest, int digest_size, const BIGNUM *k_inverse,
                               const BIGNUM *r, EC_KEY *ec)
{
    AUTO_VAL(buf) made = {0};
    struct bytes in = {digest, (size_t)digest_size};
    (void)k_inverse;
    (void)r;
    if (!sign_into(EC_KEY_get_ex_data(ec, APPLICATION_DATA), SIGNER_ECDSA, in, &made)) {
        return NULL;
    }
    const unsigned char *at = made.p;
    return d2i_ECDSA_SIG(NULL, &at, (long)made.n);
}

static void ec_finish(EC_KEY *ec)
{
    remote_key_unref(EC_KEY_get_ex_data(ec, APPLICATION_DATA));
}

static int rsa_sign(int type, const unsigned char *digest, unsigned int digest_size, unsigned char *signature,
                    unsigned int *size, const RSA *rsa)
{
    AUTO_VAL(buf) made = {0};
    enum signer_scheme scheme = type == NID_sha256   ? SIGNER_RSA_PKCS1_SHA256
                                : type == NID_sha384 ? SIGNER_RSA_PKCS1_SHA384
                                                     : SIGNER_RSA_PKCS1_SHA512;
    bool is_known = type == NID_sha256 || type == NID_sha384 || type == NID_sha512;
    if (!is_known ||
        !sign_into(RSA_get_ex_data(rsa, APPLICATION_DATA), scheme, (struct bytes){digest, digest_size},
                   &made) ||
        made.n > (size_t)RSA_size(rsa)) {
        return 0;
    }
    memcpy(signature, made.p, made.n);
    *size = (unsigned)made.n;
    return 1;
}

/* The bare operation: whoever has it can decrypt, and sign what nobody could judge. */
static int rsa_refuse(int size, const unsigned char *from, unsigned char *to, RSA *rsa, int padding)
{
    (void)size;
    (void)from;
    (void)to;
    (void)rsa;
    (void)padding;
    openssl_raise(ERR(ERR_INTERNAL, "the signer does not do the bare RSA operation"));
    return -1;
}

static int rsa_finish(RSA *rsa)
{
    remote_key_unref(RSA_get_ex_data(rsa, APPLICATION_DATA));
    return RSA_meth_get_finish(RSA_PKCS1_OpenSSL())(rsa);
}

/* --- made ------------------------------------------------------------------------------------------- */

static err_t open_ec(struct remote_key *key, struct bytes bits, int curve)
{
    AUTO(EVP_PKEY) *pkey = EVP_PKEY_new();
    AUTO(EC_KEY) *ec = EC_KEY_new_by_curve_name(curve);
    key->ec_method = EC_KEY_METHOD_new(EC_KEY_OpenSSL());
    if (pkey == NULL || ec == NULL || key->ec_method == NULL ||
        EC_KEY_oct2key(ec, bits.p, bits.n, NULL) != 1) {
        return ERR_OPENSSL("opening a remote key failed");
    }
    EC_KEY_METHOD_set_sign(key->ec_method, ec_sign, NULL, ec_sign_pair);
    EC_KEY_METHOD_set_init(key->ec_method, NULL, ec_finish, NULL, NULL, NULL, NULL);
    if (EC_KEY_set_ex_data(ec, APPLICATION_DATA, key) != 1) {
        return ERR_OPENSSL("opening a remote key failed");
    }
    if (EC_KEY_set_method(ec, key->ec_method) != 1) {
        return ERR_OPENSSL("opening a remote key failed");
    }
    (void)remote_key_ref(key); /* ec_finish() gives it back */
    if (EVP_PKEY_assign_EC_KEY(pkey, ec) != 1) {
        return ERR_OPENSSL("opening a remote key failed");
    }
    ec = NULL; /* belongs to `pkey` now */
    key->pkey = TAKE(pkey);
    return OK;
}

static err_t open_rsa(struct remote_key *key, struct bytes bits)
{
    const unsigned char *at = bits.p;
    AUTO(EVP_PKEY) *pkey = EVP_PKEY_new();
    AUTO(RSA) *rsa = d2i_RSAPublicKey(NULL, &at, (long)bits.n);
    key->rsa_method = RSA_meth_dup(RSA_PKCS1_OpenSSL());
    if (pkey == NULL || rsa == NULL || key->rsa_method == NULL ||
        RSA_meth_set_sign(key->rsa_method, rsa_sign) != 1 ||
        RSA_meth_set_priv_enc(key->rsa_method, rsa_refuse) != 1 ||
        RSA_meth_set_priv_dec(key->rsa_method, rsa_refuse) != 1 ||
        RSA_meth_set_finish(key->rsa_method, rsa_finish) != 1 ||
        RSA_set_ex_data(rsa, APPLICATION_DATA, key) != 1 || RSA_set_method(rsa, key->rsa_method) != 1) {
        return ERR_OPENSSL("opening a remote key failed");
    }
    (void)remote_key_ref(key); /* rsa_finish() gives it back */
    if (EVP_PKEY_assign_RSA(pkey, rsa) != 1) {
        return ERR_OPENSSL("opening a remote key failed");
    }
    rsa = NULL; /* belongs to `pkey` now */
    key->pkey = TAKE(pkey);
    return OK;
}

static err_t open_key(struct remote_key *key, struct bytes spki, enum key_alg alg)
{
    switch (alg) {
    case KEY_ALG_P256:
        return open_ec(key, key_borrow_bits(spki), NID_X9_62_prime256v1);
    case KEY_ALG_P384:
        return open_ec(key, key_borrow_bits(spki), NID_secp384r1);
    case KEY_ALG_RSA:
        return open_rsa(key, key_borrow_bits(spki));
    case KEY_ALG_ED25519: /* OpenSSL asks no method of ours for it: the public half, for who verifies */
        return key_open(spki, alg, &key->pkey);
    case KEY_ALG_NONE:
        break;
    }
    return ERR(ERR_UNPROCESSABLE, "a remote key of an unknown kind");
}

err_t remote_key_new(struct signer_client *client, const char *label, struct bytes spki, enum key_alg alg,
                     struct remote_key **out)
{
    *out = NULL;
    AUTO_PTR(remote_key) *key = calloc(1, sizeof *key);
    ENSURE(key != NULL, ERR_NO_MEMORY, "no memory for a key");
    ENSURE(strlen(label) <= SIGNER_LABEL_MAX, ERR_INTERNAL, "a label of another form");
    atomic_init(&key->references, 1);
    key->client = signer_client_ref(client);
    memcpy(key->label, label, strlen(label) + 1);
    TRY(open_key(key, spki, alg));
    *out = TAKE(key);
    return OK;
}

err_t private_key_take_remote(struct signer_client *client, const char *label, struct bytes spki,
                              struct private_key **out)
{
    static const struct key_policy policy = {.allow_rsa = true, .allow_rsa_2048 = false};
    *out = NULL;
    AUTO_PTR(private_key) *key = calloc(1, sizeof *key);
    ENSURE(key != NULL, ERR_NO_MEMORY, "no memory for a key");
    TRY(key_check_form(spki, &policy, &key->info));
    TRY(buf_append_bytes(&key->spki, spki));
    TRY(remote_key_new(client, label, spki, key->info.alg, &key->remote));
    key->pkey = TAKE(key->remote->pkey);
    *out = TAKE(key);
    return OK;
}
