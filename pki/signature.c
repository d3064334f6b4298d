/* Signature algorithms: one table of what is accepted from others, what is refused and why, and what we use
 * ourselves. Signs and verifies; knows neither certificates nor requests. */
#include "pki/der.h"
#include "pki/openssl.h"
#include "pki/remote_key.h"

enum family { FAMILY_EC, FAMILY_ED25519, FAMILY_RSA, FAMILY_OTHER };

static const struct signature_row {
    uint8_t size;
    uint8_t oid[9];
    enum family family;
    const char *digest;   /* NULL: the algorithm brings its own */
    const char *weakness; /* why it is refused whoever signed */
} rows[] = {
    {8, {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02}, FAMILY_EC, "SHA256", NULL},
    {8, {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03}, FAMILY_EC, "SHA384", NULL},
    {8, {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x04}, FAMILY_EC, "SHA512", NULL},
    {3, {0x2b, 0x65, 0x70}, FAMILY_ED25519, NULL, NULL},
    {9, {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b}, FAMILY_RSA, "SHA256", NULL},
    {9, {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0c}, FAMILY_RSA, "SHA384", NULL},
    {9, {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0d}, FAMILY_RSA, "SHA512", NULL},
    {7,
     {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01},
     FAMILY_EC,
     "SHA1",
     "it is made with SHA-1; sign with SHA-256"},
    {8,
     {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x01},
     FAMILY_EC,
     "SHA224",
     "it is made with SHA-224; sign with SHA-256"},
    {9,
     {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x05},
     FAMILY_RSA,
     "SHA1",
     "it is made with SHA-1; sign with SHA-256"},
    {5, {0x2b, 0x0e, 0x03, 0x02, 0x1d}, FAMILY_RSA, "SHA1", "it is made with SHA-1; sign with SHA-256"},
    {9,
     {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0e},
     FAMILY_RSA,
     "SHA224",
     "it is made with SHA-224; sign with SHA-256"},
    {9,
     {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x04},
     FAMILY_RSA,
     "MD5",
     "it is made with MD5; sign with SHA-256"},
    {9,
     {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x02},
     FAMILY_RSA,
     "MD2",
     "it is made with MD2; sign with SHA-256"},
    {7,
     {0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x03},
     FAMILY_OTHER,
     "SHA1",
     "it is made with DSA and SHA-1; sign with ECDSA and SHA-256"},
};

/* What we sign with, and what the challenge protocol is signed with: whole AlgorithmIdentifiers. */
static const uint8_t ecdsa_sha256[] = {0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86,
                                       0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
static const uint8_t ecdsa_sha384[] = {0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86,
                                       0x48, 0xce, 0x3d, 0x04, 0x03, 0x03};
static const uint8_t ed25519[] = {0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70};
static const uint8_t rsa_sha256[] = {0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
                                     0xf7, 0x0d, 0x01, 0x01, 0x0b, 0x05, 0x00};

static const struct signature_row *find(struct bytes algorithm, struct bytes *parameters)
{
    struct der_item outer;
    struct der_item oid;
    if (!der_take(&algorithm, DER_SEQUENCE, &outer) || algorithm.n != 0 ||
        !der_take(&outer.value, DER_OID, &oid)) {
        return NULL;
    }
    *parameters = outer.value;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (bytes_equal(oid.value, (struct bytes){rows[i].oid, rows[i].size})) {
            return &rows[i];
        }
    }
    return NULL;
}

static enum family family_of(enum key_alg alg)
{
    switch (alg) {
    case KEY_ALG_P256:
    case KEY_ALG_P384:
        return FAMILY_EC;
    case KEY_ALG_ED25519:
        return FAMILY_ED25519;
    case KEY_ALG_RSA:
        return FAMILY_RSA;
    case KEY_ALG_NONE:
        break;
    }
    return FAMILY_OTHER;
}

const char *signature_weakness(struct bytes algorithm)
{
    struct bytes parameters;
    const struct signature_row *row = find(algorithm, &parameters);
    return row == NULL ? NULL : row->weakness;
}

const char *signature_refusal(struct bytes algorithm, enum key_alg alg)
{
    struct bytes parameters;
    const struct signature_row *row = find(algorithm, &parameters);
    if (row == NULL) {
        return "its algorithm is not accepted; sign with ECDSA or RSA (PKCS #1 v1.5) and SHA-256, or with "
               "Ed25519";
    }
    if (row->weakness != NULL) {
        return row->weakness;
    }
    if (row->family != family_of(alg)) {
        return "its algorithm does not suit the key";
    }
    /* Absent for ECDSA (RFC 5758 §3.2) and Ed25519 (RFC 8410 §3); NULL for RSA, where absence must be
     * understood (RFC 4055 §5). */
    bool is_null = parameters.n == 2 && parameters.p[0] == DER_NULL && parameters.p[1] == 0;
    if (parameters.n != 0 && !(is_null && row->family == FAMILY_RSA)) {
        return "its algorithm has parameters that do not belong there";
    }
    return NULL;
}

err_t signature_verify(EVP_PKEY *key, struct bytes algorithm, struct bytes tbs, struct bytes signature,
                       err_t bad)
{
    struct bytes parameters;
    const struct signature_row *row = find(algorithm, &parameters);
    AUTO(EVP_MD_CTX) *context = EVP_MD_CTX_new();
    bool is_good = row != NULL && context != NULL &&
                   EVP_DigestVerifyInit_ex(context, NULL, row->digest, NULL, NULL, key, NULL) == 1 &&
                   EVP_DigestVerify(context, signature.p, signature.n, tbs.p, tbs.n) == 1;
    err_t refused = openssl_refused(bad);
    return is_good ? OK : refused;
}

struct bytes signature_algorithm_of(enum key_alg alg)
{
    switch (alg) {
    case KEY_ALG_P256:
        return BYTES_OF(ecdsa_sha256);
    case KEY_ALG_P384:
        return BYTES_OF(ecdsa_sha384);
    case KEY_ALG_ED25519:
        return BYTES_OF(ed25519);
    case KEY_ALG_RSA:
        return BYTES_OF(rsa_sha256);
    case KEY_ALG_NONE:
        break;
    }
    return BYTES_NONE;
}

static err_t sign_failed(const struct private_key *key)
{
    err_t error = ERR_OPENSSL("signing failed");
    return key->proof == NULL ? error : ERR(ERR_UNAVAILABLE, "%s", error.detail);
}

err_t private_key_sign(const struct private_key *key, struct bytes tbs, struct buf *signature)
{
    struct bytes algorithm = signature_algorithm_of(key->info.alg);
    struct bytes parameters;
    if (key->remote != NULL) {
        return remote_key_sign_text(key->remote, tbs, signature);
    }
    const struct signature_row *row = find(algorithm, &parameters);
    AUTO(EVP_MD_CTX) *context = EVP_MD_CTX_new();
    uint8_t bytes[1024]; /* RSA-4096 takes 512 */
    size_t size = sizeof bytes;
    if (row == NULL || context == NULL ||
        EVP_DigestSignInit_ex(context, NULL, row->digest, NULL, NULL, key->pkey, NULL) != 1 ||
        EVP_DigestSign(context, bytes, &size, tbs.p, tbs.n) != 1 || size > sizeof bytes) {
        return sign_failed(key);
    }
    if (key->proof != NULL) {
        TRY(signature_verify(key->proof, algorithm, tbs, (struct bytes){bytes, size},
                             ERR(ERR_UNAVAILABLE, "the token answered with a signature that does not hold")));
    }
    return buf_append(signature, bytes, size);
}
