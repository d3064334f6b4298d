/* Reads a JWK Set. Each key is judged here and then handed to cjose as a fresh object of the members that
 * matter: it never sees what else an issuer wrote, private members least of all. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "pki/jwt_internal.h"
#include "pki/openssl.h"

enum { RSA_BYTES_MIN = 256, RSA_BYTES_MAX = 512, RSA_EXPONENT_BYTES_MAX = 4 };

struct jwk_set {
    atomic_int references;
    size_t count;
    struct jwk keys[JWK_SET_KEYS_MAX];
};

static const char *text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static bool holds_text(const json_t *array, const char *text)
{
    for (size_t i = 0; i < json_array_size(array); i++) {
        const char *word = json_string_value(json_array_get(array, i));
        if (word != NULL && strcmp(word, text) == 0) {
            return true;
        }
    }
    return false;
}

/* `use` and `key_ops` (RFC 7517 §4.2, §4.3), private and symmetric members. */
static bool is_for_signatures(const json_t *jwk)
{
    static const char *const secret[] = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"};
    const json_t *use = json_object_get(jwk, "use");
    const json_t *operations = json_object_get(jwk, "key_ops");
    for (size_t i = 0; i < sizeof secret / sizeof secret[0]; i++) {
        if (json_object_get(jwk, secret[i]) != NULL) {
            return false;
        }
    }
    bool is_use_right = use == NULL || (json_is_string(use) && strcmp(json_string_value(use), "sig") == 0);
    return is_use_right && (operations == NULL || holds_text(operations, "verify"));
}

/* An odd modulus of 2048 … 4096 bits; an odd exponent of 3 … 2^32: a longer one makes each check a burden. */
static bool is_good_rsa(const json_t *jwk, size_t *signature_size)
{
    AUTO_VAL(buf) n = {0};
    AUTO_VAL(buf) e = {0};
    const char *modulus = text_of(jwk, "n");
    const char *exponent = text_of(jwk, "e");
    if (modulus == NULL || exponent == NULL || base64url_decode(bytes_str(modulus), &n).code != ERR_OK ||
        base64url_decode(bytes_str(exponent), &e).code != ERR_OK) {
        return false;
    }
    *signature_size = n.n;
    bool is_modulus =
        n.n >= RSA_BYTES_MIN && n.n <= RSA_BYTES_MAX && n.p[0] >= 0x80 && (n.p[n.n - 1] & 1) == 1;
    bool is_exponent = e.n >= 1 && e.n <= RSA_EXPONENT_BYTES_MAX && e.p[0] != 0 && (e.p[e.n - 1] & 1) == 1 &&
                       (e.n > 1 || e.p[0] >= 3);
    return is_modulus && is_exponent;
}

/* RFC 7518 §6.2.1.2: coordinates have the full size of the field. That the point is on the curve is checked
 * by cjose's import. */
static bool is_good_ec(const json_t *jwk, size_t coordinate_size)
{
    AUTO_VAL(buf) x = {0};
    AUTO_VAL(buf) y = {0};
    const char *x_text = text_of(jwk, "x");
    const char *y_text = text_of(jwk, "y");
    return x_text != NULL && y_text != NULL && base64url_decode(bytes_str(x_text), &x).code == ERR_OK &&
           base64url_decode(bytes_str(y_text), &y).code == ERR_OK && x.n == coordinate_size &&
           y.n == coordinate_size;
}

static bool judge_kind(const json_t *jwk, struct jwk *out)
{
    const char *kty = text_of(jwk, "kty");
    const char *curve = text_of(jwk, "crv");
    if (kty != NULL && strcmp(kty, "RSA") == 0) {
        out->kind = JWK_RSA;
        return is_good_rsa(jwk, &out->signature_size);
    }
    if (kty == NULL || strcmp(kty, "EC") != 0 || curve == NULL) {
        return false;
    }
    bool is_p256 = strcmp(curve, "P-256") == 0;
    size_t coordinate_size = is_p256 ? 32 : 48;
    out->kind = is_p256 ? JWK_P256 : JWK_P384;
    out->signature_size = 2 * coordinate_size;
    return (is_p256 || strcmp(curve, "P-384") == 0) && is_good_ec(jwk, coordinate_size);
}

/* `kid` is how a token finds its key: without one there is nothing to find. */
static bool judge(const json_t *jwk, struct jwk *out)
{
    const char *id = text_of(jwk, "kid");
    const json_t *alg = json_object_get(jwk, "alg");
    if (id == NULL || id[0] == '\0' || strlen(id) >= sizeof out->id || !is_for_signatures(jwk) ||
        !judge_kind(jwk, out)) {
        return false;
    }
    memcpy(out->id, id, strlen(id) + 1);
    if (alg == NULL) {
        return true;
    }
    out->pinned = json_is_string(alg) ? jws_algorithm_find(json_string_value(alg)) : NULL;
    return out->pinned != NULL && out->pinned->kind == out->kind;
}

static err_t import(const json_t *jwk, struct jwk *out)
{
    static const char *const members[] = {"kty", "crv", "n", "e", "x", "y"};
    AUTO(json_t) *clean = json_object();
    ENSURE(clean != NULL, ERR_NO_MEMORY, "a key");
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        const char *value = text_of(jwk, members[i]);
        if (value != NULL) {
            TRY(json_set_text(clean, members[i], value));
        }
    }
    /* none when the point is not on its curve: passed over like other unusable keys (the code that cjose
       gives for it is the one of memory) */
    out->key = cjose_jwk_import_json(clean, NULL);
    openssl_forget_errors();
    return OK;
}

static void mark_same_ids(struct jwk_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        for (size_t j = i + 1; j < set->count; j++) {
            if (strcmp(set->keys[i].id, set->keys[j].id) == 0) {
                set->keys[i].is_ambiguous = true;
                set->keys[j].is_ambiguous = true;
            }
        }
    }
}

static err_t take_keys(const json_t *keys, struct jwk_set *set)
{
    for (size_t i = 0; i < json_array_size(keys); i++) {
        struct jwk jwk = {.key = NULL};
        const json_t *element = json_array_get(keys, i);
        if (!judge(element, &jwk)) {
            continue;
        }
        TRY(import(element, &jwk));
        if (jwk.key != NULL) {
            set->keys[set->count++] = jwk;
        }
    }
    mark_same_ids(set);
    ENSURE(set->count > 0, ERR_UNPROCESSABLE, "the issuer's key set has no usable signature key with a kid");
    return OK;
}

err_t jwk_set_read(struct bytes document, struct jwk_set **out)
{
    *out = NULL;
    AUTO(json_t) *root = NULL;
    err_t error = json_parse(document, JWK_SET_SIZE_MAX, &root);
    ENSURE(error.code != ERR_BAD_JSON, ERR_UNPROCESSABLE, "the issuer's key set is no JSON: %.80s",
           error.detail);
    TRY(error);
    const json_t *keys = json_object_get(root, "keys");
    ENSURE(json_is_array(keys), ERR_UNPROCESSABLE, "the issuer's key set has no array \"keys\"");
    ENSURE(json_array_size(keys) <= JWK_SET_KEYS_MAX, ERR_UNPROCESSABLE,
           "the issuer's key set has more than %d keys", JWK_SET_KEYS_MAX);
    AUTO_PTR(jwk_set) *set = calloc(1, sizeof *set);
    ENSURE(set != NULL, ERR_NO_MEMORY, "a key set");
    atomic_init(&set->references, 1);
    TRY(take_keys(keys, set));
    *out = TAKE(set);
    return OK;
}

struct jwk_set *jwk_set_ref(struct jwk_set *set)
{
    atomic_fetch_add_explicit(&set->references, 1, memory_order_relaxed);
    return set;
}

void jwk_set_unref(struct jwk_set *set)
{
    if (set == NULL || atomic_fetch_sub_explicit(&set->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    for (size_t i = 0; i < set->count; i++) {
        (void)cjose_jwk_release(set->keys[i].key);
    }
    free(set);
}

size_t jwk_set_count(const struct jwk_set *set)
{
    return set->count;
}

const struct jwk *jwk_set_find(const struct jwk_set *set, const char *id)
{
    for (size_t i = 0; i < set->count; i++) {
        if (strcmp(set->keys[i].id, id) == 0) {
            return &set->keys[i];
        }
    }
    return NULL;
}
