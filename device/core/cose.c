/* Reading a COSE_Sign1 and hashing its Sig_structure, which is never put together in memory. */
#include "device/core/cose.h"

enum { TAG_SIGN1 = 18, HEADER_ALG = 1, HEADER_KID = 4, ALG_ESP256 = -9 };

/* SubjectPublicKeyInfo of a P-256 key up to its point (RFC 5480): id-ecPublicKey, prime256v1. */
static const uint8_t spki_head[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                                    0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
                                    0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00};

static bool read_header(struct whorl_bytes header, struct whorl_bytes *kid)
{
    return whorl_cbor_is_head(&header, WHORL_CBOR_MAP, 2) && whorl_cbor_is_int(&header, HEADER_ALG) &&
           whorl_cbor_is_int(&header, ALG_ESP256) && whorl_cbor_is_int(&header, HEADER_KID) &&
           whorl_cbor_is_bytes(&header, WHORL_HASH_BYTES, kid) && header.size == 0;
}

bool whorl_cose_read(struct whorl_bytes message, struct whorl_cose *out)
{
    whorl_zero(out, sizeof *out);
    if (!whorl_cbor_is_head(&message, WHORL_CBOR_TAG, TAG_SIGN1) ||
        !whorl_cbor_is_head(&message, WHORL_CBOR_ARRAY, 4) || !whorl_cbor_bytes(&message, &out->header) ||
        !whorl_cbor_is_head(&message, WHORL_CBOR_MAP, 0)) {
        return false;
    }
    out->is_detached = whorl_cbor_is_null(&message);
    return (out->is_detached || whorl_cbor_bytes(&message, &out->payload)) &&
           whorl_cbor_is_bytes(&message, WHORL_SIGNATURE_BYTES, &out->signature) && message.size == 0 &&
           read_header(out->header, &out->kid);
}

/* One running hash; once a step failed, the others do nothing. */
struct hashing {
    const struct whorl_crypto *crypto;
    struct whorl_sha256_state state;
    bool is_well;
};

static void add(struct hashing *hashing, const void *data, size_t size)
{
    struct whorl_bytes bytes = {(const uint8_t *)data, size};
    hashing->is_well =
        hashing->is_well && hashing->crypto->sha256_update(hashing->crypto->context, &hashing->state, bytes);
}

static void add_string(struct hashing *hashing, struct whorl_bytes string)
{
    uint8_t head[WHORL_CBOR_HEAD_MAX];
    size_t size = whorl_cbor_put_head(head, WHORL_CBOR_BYTES, string.size);
    add(hashing, head, size);
    if (string.size != 0) {
        add(hashing, string.data, string.size);
    }
}

enum whorl_result whorl_cose_kid(const struct whorl_crypto *crypto, const uint8_t point[WHORL_POINT_BYTES],
                                 uint8_t out[WHORL_HASH_BYTES])
{
    struct hashing hashing = {.crypto = crypto};
    if (!crypto->sha256_begin(crypto->context, &hashing.state)) {
        return WHORL_ERROR_CRYPTO;
    }
    hashing.is_well = true;
    add(&hashing, spki_head, sizeof spki_head);
    add(&hashing, point, WHORL_POINT_BYTES);
    bool is_ended = crypto->sha256_end(crypto->context, &hashing.state, out);
    return is_ended && hashing.is_well ? WHORL_OK : WHORL_ERROR_CRYPTO;
}

enum whorl_result whorl_cose_verify(const struct whorl_crypto *crypto, const struct whorl_cose *cose,
                                    struct whorl_bytes payload, const uint8_t point[WHORL_POINT_BYTES])
{
    /* Sig_structure = ["Signature1", protected, external_aad = h'', payload] (RFC 9052 §4.4) */
    static const uint8_t context[] = {0x84, 0x6a, 'S', 'i', 'g', 'n', 'a', 't', 'u', 'r', 'e', '1'};
    static const struct whorl_bytes no_aad = {NULL, 0};
    struct hashing hashing = {.crypto = crypto};
    uint8_t hash[WHORL_HASH_BYTES];
    if (!crypto->sha256_begin(crypto->context, &hashing.state)) {
        return WHORL_ERROR_CRYPTO;
    }
    hashing.is_well = true;
    add(&hashing, context, sizeof context);
    add_string(&hashing, cose->header);
    add_string(&hashing, no_aad);
    add_string(&hashing, payload);
    bool is_ended = crypto->sha256_end(crypto->context, &hashing.state, hash);
    if (!is_ended || !hashing.is_well) {
        return WHORL_ERROR_CRYPTO;
    }
    return crypto->p256_verify(crypto->context, point, hash, cose->signature.data) ? WHORL_OK
                                                                                   : WHORL_ERROR_ANSWER;
}
