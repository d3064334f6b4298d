/* The form of a SubjectPublicKeyInfo: which kinds of keys are accepted, each in exactly one encoding, and a
 * reason that a person can act on for those that are not. Pure reading; OpenSSL comes in key_open.c, only to
 * see that a point lies on its curve. */
#include "pki/key.h"

#include <string.h>

#include "pki/der.h"
#include "pki/openssl.h"

static const uint8_t oid_ec[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01};
static const uint8_t oid_ed25519[] = {0x2b, 0x65, 0x70};
static const uint8_t oid_rsa[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01};

/* An OID and what to say of it. */
struct refused_oid {
    uint8_t size;
    uint8_t oid[9];
    const char *what;
};

static const struct refused_oid refused_algorithms[] = {
    {7, {0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x01}, "DSA"},
    {9,
     {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a},
     "RSASSA-PSS (an rsaEncryption key is accepted)"},
    {9, {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x03, 0x01}, "Diffie-Hellman, which cannot sign,"},
    {3, {0x2b, 0x65, 0x6e}, "X25519, which cannot sign,"},
    {3, {0x2b, 0x65, 0x6f}, "X448, which cannot sign,"},
    {3, {0x2b, 0x65, 0x71}, "Ed448"},
    {5, {0x2b, 0x81, 0x04, 0x01, 0x0c}, "id-ecDH, which cannot sign,"},
    {9, {0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x11}, "ML-DSA-44"},
    {9, {0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x12}, "ML-DSA-65"},
    {9, {0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x13}, "ML-DSA-87"},
};

static const struct refused_oid refused_curves[] = {
    {5, {0x2b, 0x81, 0x04, 0x00, 0x23}, "P-521"},
    {5, {0x2b, 0x81, 0x04, 0x00, 0x21}, "P-224"},
    {5, {0x2b, 0x81, 0x04, 0x00, 0x0a}, "secp256k1"},
    {8, {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x01}, "P-192"},
    {9, {0x2b, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01, 0x07}, "brainpoolP256r1"},
    {9, {0x2b, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01, 0x0b}, "brainpoolP384r1"},
};

static const struct ec_curve {
    enum key_alg alg;
    int bits;
    size_t coordinate_size;
    uint8_t oid_size;
    uint8_t oid[8];
} curves[] = {
    {KEY_ALG_P256, 256, 32, 8, {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07}},
    {KEY_ALG_P384, 384, 48, 5, {0x2b, 0x81, 0x04, 0x00, 0x22}},
};

/* The parts of a SubjectPublicKeyInfo (RFC 5280 §4.1.2.7). */
struct spki_parts {
    struct bytes algorithm;  /* contents of the OID */
    struct bytes parameters; /* what follows the OID, often empty */
    struct bytes bits;       /* of the BIT STRING */
};

static bool split(struct bytes spki, struct spki_parts *out)
{
    struct der_item outer;
    struct der_item algorithm;
    struct der_item oid;
    struct der_item key;
    if (!der_take(&spki, DER_SEQUENCE, &outer) || spki.n != 0 ||
        !der_take(&outer.value, DER_SEQUENCE, &algorithm) || !der_take(&algorithm.value, DER_OID, &oid) ||
        !der_take(&outer.value, DER_BIT_STRING, &key) || outer.value.n != 0 || key.value.n < 2 ||
        key.value.p[0] != 0) {
        return false;
    }
    out->algorithm = oid.value;
    out->parameters = algorithm.value;
    out->bits = (struct bytes){key.value.p + 1, key.value.n - 1};
    return true;
}

struct bytes key_borrow_bits(struct bytes spki)
{
    struct spki_parts parts;
    return split(spki, &parts) ? parts.bits : BYTES_NONE;
}

static const char *name_refused(const struct refused_oid *rows, size_t count, struct bytes oid,
                                const char *otherwise)
{
    for (size_t i = 0; i < count; i++) {
        if (bytes_equal(oid, (struct bytes){rows[i].oid, rows[i].size})) {
            return rows[i].what;
        }
    }
    return otherwise;
}

/* RFC 5480 §2.1.1 (the curve by name) and §2.2 (the point, here uncompressed only: one key, one name). */
static err_t check_ec(const struct spki_parts *parts, struct key_info *out)
{
    struct bytes parameters = parts->parameters;
    struct der_item curve;
    ENSURE(parameters.n == 0 || parameters.p[0] != DER_SEQUENCE, ERR_UNPROCESSABLE,
           "the key describes its curve by explicit parameters; name the curve by its OID (openssl: "
           "-param_enc named_curve)");
    ENSURE(der_take(&parameters, DER_OID, &curve) && parameters.n == 0, ERR_UNPROCESSABLE,
           "the key does not name its curve");
    for (size_t i = 0; i < sizeof curves / sizeof curves[0]; i++) {
        const struct ec_curve *c = &curves[i];
        if (!bytes_equal(curve.value, (struct bytes){c->oid, c->oid_size})) {
            continue;
        }
        uint8_t form = parts->bits.p[0];
        ENSURE(form != 0x02 && form != 0x03, ERR_UNPROCESSABLE,
               "the key's point is compressed; send it uncompressed");
        ENSURE(form != 0x06 && form != 0x07, ERR_UNPROCESSABLE,
               "the key's point is in hybrid form; send it uncompressed");
        ENSURE(form == 0x04 && parts->bits.n == 1 + 2 * c->coordinate_size, ERR_UNPROCESSABLE,
               "the key's point does not have the size of its curve");
        out->alg = c->alg;
        out->bits = c->bits;
        return OK;
    }
    return ERR(ERR_UNPROCESSABLE, "keys on %s are not accepted; use P-256, P-384 or Ed25519",
               name_refused(refused_curves, sizeof refused_curves / sizeof refused_curves[0], curve.value,
                            "this curve"));
}

static err_t check_ed25519(const struct spki_parts *parts, struct key_info *out)
{
    ENSURE(parts->parameters.n == 0, ERR_UNPROCESSABLE, "an Ed25519 key has no parameters (RFC 8410 §3)");
    ENSURE(parts->bits.n == 32, ERR_UNPROCESSABLE, "an Ed25519 key has 32 bytes, not %zu", parts->bits.n);
    out->alg = KEY_ALG_ED25519;
    out->bits = 256;
    return OK;
}

static int bit_length(struct bytes unsigned_value)
{
    struct bytes v = unsigned_value;
    while (v.n > 0 && v.p[0] == 0) {
        v.p++;
        v.n--;
    }
    int bits = (int)v.n * 8;
    for (uint8_t top = v.n == 0 ? 0x80 : v.p[0]; (top & 0x80) == 0; top = (uint8_t)(top << 1)) {
        bits--;
    }
    return bits;
}

/* RFC 3279 §2.3.1. A large exponent is legal there, but makes each verification cost as much as a signature.
 */
static err_t check_rsa(const struct spki_parts *parts, const struct key_policy *policy, struct key_info *out)
{
    static const uint8_t null_parameters[] = {DER_NULL, 0};
    struct bytes bits = parts->bits;
    struct der_item outer;
    struct der_item n;
    struct der_item e;
    ENSURE(policy->allow_rsa || policy->allow_rsa_2048, ERR_UNPROCESSABLE,
           "RSA keys are not accepted here; use P-256, P-384 or Ed25519");
    TRY(der_check(bits));
    ENSURE(bytes_equal(parts->parameters, BYTES_OF(null_parameters)), ERR_UNPROCESSABLE,
           "the parameters of an RSA key must be NULL (RFC 3279 §2.3.1)");
    ENSURE(der_take(&bits, DER_SEQUENCE, &outer) && der_take(&outer.value, DER_INTEGER, &n) &&
               der_take(&outer.value, DER_INTEGER, &e) && outer.value.n == 0,
           ERR_BAD_ENCODING, "the RSA key is not a sequence of modulus and exponent");
    ENSURE(n.value.p[0] < 0x80 && e.value.p[0] < 0x80, ERR_UNPROCESSABLE,
           "the RSA key has a negative modulus or exponent");
    int size = bit_length(n.value);
    int smallest = policy->allow_rsa_2048 ? 2048 : 3072;
    ENSURE(size >= smallest && size <= 4096, ERR_UNPROCESSABLE,
           "the RSA key has %d bits; %d to 4096 are accepted", size, smallest);
    ENSURE((n.value.p[n.value.n - 1] & 1) == 1, ERR_UNPROCESSABLE, "the RSA modulus is even");
    ENSURE((e.value.p[e.value.n - 1] & 1) == 1, ERR_UNPROCESSABLE, "the RSA exponent is even");
    ENSURE(bit_length(e.value) >= 2 && bit_length(e.value) <= 32, ERR_UNPROCESSABLE,
           "the RSA exponent must lie between 3 and 2^32");
    out->alg = KEY_ALG_RSA;
    out->bits = size;
    return OK;
}

err_t key_check_form(struct bytes spki, const struct key_policy *policy, struct key_info *out)
{
    struct spki_parts parts;
    *out = (struct key_info){.alg = KEY_ALG_NONE};
    TRY(der_check(spki));
    ENSURE(split(spki, &parts), ERR_BAD_ENCODING, "the key is not a SubjectPublicKeyInfo");
    if (bytes_equal(parts.algorithm, BYTES_OF(oid_ec))) {
        TRY(check_ec(&parts, out));
    } else if (bytes_equal(parts.algorithm, BYTES_OF(oid_ed25519))) {
        TRY(check_ed25519(&parts, out));
    } else if (bytes_equal(parts.algorithm, BYTES_OF(oid_rsa))) {
        TRY(check_rsa(&parts, policy, out));
    } else {
        return ERR(ERR_UNPROCESSABLE, "a key for %s is not accepted; use P-256, P-384 or Ed25519",
                   name_refused(refused_algorithms, sizeof refused_algorithms / sizeof refused_algorithms[0],
                                parts.algorithm, "an unknown algorithm"));
    }
    return sha256_of(spki, &out->spki_sha256);
}
