/* What protects a CMP message: PBM and PBMAC1 are taken apart, because a stranger chooses how much work they
 * are; everything else is left to whoever verifies signatures. Which hashes: as one-way function and in
 * PBKDF2 SHA-2 only (RFC 9481 §2.1, §4.4); as the HMAC itself SHA-1 too, which `openssl cmp` 3.0 uses unless
 * told otherwise, and whose collisions say nothing about HMAC (RFC 6194 §3.3). */
#include "pki/cmp_algorithm.h"

#include "pki/der.h"

static const uint8_t oid_pbm[] = {0x2a, 0x86, 0x48, 0x86, 0xf6, 0x7d, 0x07, 0x42, 0x0d};
static const uint8_t oid_pbmac1[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0e};
static const uint8_t oid_pbkdf2[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0c};

struct named_hash {
    struct bytes oid;
    enum cmp_hash hash;
};

/* AlgorithmIdentifier without parameters, or with NULL (RFC 5754 §2). */
static bool find_hash(struct bytes in, const struct named_hash *known, size_t count, enum cmp_hash *out)
{
    struct der_item oid;
    struct der_item none;
    if (!der_take(&in, DER_OID, &oid)) {
        return false;
    }
    (void)der_take(&in, DER_NULL, &none);
    for (size_t i = 0; i < count && in.n == 0; i++) {
        if (bytes_equal(oid.value, known[i].oid)) {
            *out = known[i].hash;
            return true;
        }
    }
    return false;
}

static bool find_digest(struct bytes in, enum cmp_hash *out)
{
    static const uint8_t sha256[] = {0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01};
    static const uint8_t sha384[] = {0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02};
    static const uint8_t sha512[] = {0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03};
    const struct named_hash known[] = {
        {BYTES_OF(sha256), CMP_SHA256}, {BYTES_OF(sha384), CMP_SHA384}, {BYTES_OF(sha512), CMP_SHA512}};
    return find_hash(in, known, sizeof known / sizeof known[0], out);
}

static bool find_hmac(struct bytes in, enum cmp_hash *out)
{
    static const uint8_t sha1_of_pkix[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x08, 0x01, 0x02};
    static const uint8_t sha1[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x07};
    static const uint8_t sha256[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x09};
    static const uint8_t sha384[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x0a};
    static const uint8_t sha512[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x0b};
    const struct named_hash known[] = {{BYTES_OF(sha1_of_pkix), CMP_SHA1},
                                       {BYTES_OF(sha1), CMP_SHA1},
                                       {BYTES_OF(sha256), CMP_SHA256},
                                       {BYTES_OF(sha384), CMP_SHA384},
                                       {BYTES_OF(sha512), CMP_SHA512}};
    return find_hash(in, known, sizeof known / sizeof known[0], out);
}

static err_t read_salt(struct bytes salt, struct cmp_mac *out)
{
    ENSURE(salt.n >= CMP_SALT_MIN && salt.n <= CMP_SALT_MAX, ERR_UNPROCESSABLE,
           "protectionAlg: a salt of %zu bytes; %d to %d are taken", salt.n, CMP_SALT_MIN, CMP_SALT_MAX);
    out->salt = salt;
    return OK;
}

/* An INTEGER of up to four bytes; more, or a negative one, becomes -1 (never a good number here). */
static int64_t small_number(struct bytes value)
{
    int64_t number = 0;
    if (value.n > 5 || (value.p[0] & 0x80) != 0) {
        return -1;
    }
    for (size_t i = 0; i < value.n; i++) {
        number = number * 256 + value.p[i];
    }
    return number;
}

static err_t read_iterations(struct bytes value, struct cmp_mac *out)
{
    int64_t count = small_number(value);
    ENSURE(count >= 0, ERR_UNPROCESSABLE,
           "protectionAlg: iterationCount is beyond all limits; %d to %d are taken", CMP_ITERATIONS_MIN,
           CMP_ITERATIONS_MAX);
    ENSURE(count >= CMP_ITERATIONS_MIN && count <= CMP_ITERATIONS_MAX, ERR_UNPROCESSABLE,
           "protectionAlg: iterationCount is %lld; %d to %d are taken", (long long)count, CMP_ITERATIONS_MIN,
           CMP_ITERATIONS_MAX);
    out->iterations = (int32_t)count;
    return OK;
}

/* PBMParameter ::= SEQUENCE { salt, owf, iterationCount, mac } */
static err_t read_pbm(struct bytes in, struct cmp_mac *out)
{
    struct der_item list;
    struct der_item salt;
    struct der_item owf;
    struct der_item count;
    struct der_item mac;
    ENSURE(der_take(&in, DER_SEQUENCE, &list) && in.n == 0 &&
               der_take(&list.value, DER_OCTET_STRING, &salt) && der_take(&list.value, DER_SEQUENCE, &owf) &&
               der_take(&list.value, DER_INTEGER, &count) && der_take(&list.value, DER_SEQUENCE, &mac) &&
               list.value.n == 0,
           ERR_BAD_ENCODING, "protectionAlg: the PBMParameter has another form");
    TRY(read_salt(salt.value, out));
    TRY(read_iterations(count.value, out));
    ENSURE(find_digest(owf.value, &out->derivation), ERR_UNPROCESSABLE,
           "protectionAlg: the one-way function is none of SHA-256, SHA-384, SHA-512");
    ENSURE(find_hmac(mac.value, &out->mac), ERR_UNPROCESSABLE,
           "protectionAlg: the MAC is none of HMAC with SHA-1, SHA-256, SHA-384, SHA-512");
    return OK;
}

/* PBKDF2-params ::= SEQUENCE { salt CHOICE { specified OCTET STRING, … }, iterationCount, keyLength OPTIONAL,
 * prf DEFAULT HMAC-SHA1 } (RFC 8018 A.2); RFC 9481 §4.4 wants the length to be told. */
static err_t read_pbkdf2(struct bytes in, struct cmp_mac *out)
{
    struct der_item item;
    struct der_item list;
    struct der_item count;
    struct der_item size;
    struct der_item prf;
    ENSURE(der_take(&in, DER_OID, &item) && der_take(&in, DER_SEQUENCE, &list) && in.n == 0, ERR_BAD_ENCODING,
           "protectionAlg: the keyDerivationFunc of PBMAC1 has another form");
    ENSURE(bytes_equal(item.value, BYTES_OF(oid_pbkdf2)), ERR_UNPROCESSABLE,
           "protectionAlg: the keyDerivationFunc of PBMAC1 is not PBKDF2");
    ENSURE(der_take(&list.value, DER_OCTET_STRING, &item) && der_take(&list.value, DER_INTEGER, &count),
           ERR_BAD_ENCODING, "protectionAlg: the parameters of PBKDF2 have another form");
    TRY(read_salt(item.value, out));
    TRY(read_iterations(count.value, out));
    ENSURE(der_take(&list.value, DER_INTEGER, &size), ERR_UNPROCESSABLE,
           "protectionAlg: PBKDF2 without keyLength");
    int64_t key_size = small_number(size.value);
    ENSURE(key_size >= 16 && key_size <= 64, ERR_UNPROCESSABLE,
           "protectionAlg: keyLength is %lld; 16 to 64 are taken", (long long)key_size);
    out->key_size = (int32_t)key_size;
    ENSURE(der_take(&list.value, DER_SEQUENCE, &prf) && list.value.n == 0 &&
               find_hmac(prf.value, &out->derivation) && out->derivation != CMP_SHA1,
           ERR_UNPROCESSABLE,
           "protectionAlg: the prf of PBKDF2 is none of HMAC with SHA-256, SHA-384, SHA-512");
    return OK;
}

/* PBMAC1-params ::= SEQUENCE { keyDerivationFunc, messageAuthScheme } */
static err_t read_pbmac1(struct bytes in, struct cmp_mac *out)
{
    struct der_item list;
    struct der_item derivation;
    struct der_item mac;
    ENSURE(der_take(&in, DER_SEQUENCE, &list) && in.n == 0 &&
               der_take(&list.value, DER_SEQUENCE, &derivation) &&
               der_take(&list.value, DER_SEQUENCE, &mac) && list.value.n == 0,
           ERR_BAD_ENCODING, "protectionAlg: the parameters of PBMAC1 have another form");
    TRY(read_pbkdf2(derivation.value, out));
    ENSURE(find_hmac(mac.value, &out->mac) && out->mac != CMP_SHA1, ERR_UNPROCESSABLE,
           "protectionAlg: the messageAuthScheme is none of HMAC with SHA-256, SHA-384, SHA-512");
    return OK;
}

err_t cmp_algorithm_read(struct cmp_header *header)
{
    struct bytes in = header->protection_alg;
    struct der_item list;
    struct der_item oid;
    ENSURE(der_take(&in, DER_SEQUENCE, &list) && in.n == 0 && der_take(&list.value, DER_OID, &oid),
           ERR_BAD_ENCODING, "protectionAlg: not an AlgorithmIdentifier");
    if (bytes_equal(oid.value, BYTES_OF(oid_pbm))) {
        header->protection_kind = CMP_PBM;
        return read_pbm(list.value, &header->mac);
    }
    if (bytes_equal(oid.value, BYTES_OF(oid_pbmac1))) {
        header->protection_kind = CMP_PBMAC1;
        return read_pbmac1(list.value, &header->mac);
    }
    header->protection_kind = CMP_SIGNED;
    return OK;
}
