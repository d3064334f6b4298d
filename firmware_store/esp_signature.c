/* Signature blocks of 1216 bytes: RSA-3072-PSS, or ECDSA on P-256 or P-384. P-192 is known and refused: it is
 * weaker than any key that is accepted here. Numbers are little-endian, those of the mathematics too. */
#include "firmware_store/esp_signature.h"

enum {
    BLOCK_MAGIC = 0xe7,
    BLOCK_RSA = 2,
    BLOCK_ECDSA = 3,
    BLOCK_SIZE = 1216,
    BLOCKS_MAX = 3,
    CRC_AT = 1196,
    RSA_KEY_AT = 36,
    RSA_SIGNATURE_AT = 812,
    RSA_SIZE = 384,
    CURVE_P192 = 1,
    CURVE_P256 = 2,
    CURVE_P384 = 3
};

/* Where the parts of a block lie. */
struct layout {
    enum signature_scheme scheme;
    enum digest_kind hash;
    size_t key_at, key_size;   /* what the digest in the chip is over */
    size_t signature_at, half; /* of ECDSA two halves; of RSA one */
    const char *name;
};

err_t esp_has_signatures(const struct image_reading *r, int64_t sector, bool *out)
{
    uint8_t head[2];
    TRY(image_take(r, sector, head, sizeof head, "the sector of signatures"));
    *out = head[0] == BLOCK_MAGIC;
    return OK;
}

static err_t lay_out_ecdsa(const struct image_reading *r, int64_t at, const uint8_t *block,
                           struct layout *out)
{
    bool is_384 = block[2] == 1;
    size_t curve_at = is_384 ? 52 : 36, half = is_384 ? 48 : 32;
    unsigned curve = block[curve_at];
    IMAGE_NEED(block[2] <= 1, r, at + 2, "the block names hash %u; 0 (SHA-256) and 1 (SHA-384) are known",
               block[2]);
    IMAGE_NEED(curve != CURVE_P192, r, at + (int64_t)curve_at,
               "the block's key is on P-192, which is too weak; use P-256, P-384 or RSA-3072");
    IMAGE_NEED(curve == (is_384 ? CURVE_P384 : CURVE_P256), r, at + (int64_t)curve_at,
               "the block names curve %u, which does not go with its hash", curve);
    *out = (struct layout){.scheme = SIGNATURE_ECDSA_RAW,
                           .hash = is_384 ? DIGEST_SHA384 : DIGEST_SHA256,
                           .key_at = curve_at,
                           .key_size = 1 + 2 * half,
                           .signature_at = curve_at + 1 + 2 * half,
                           .half = half,
                           .name = is_384 ? "ecdsa_p384" : "ecdsa_p256"};
    return OK;
}

static err_t lay_out(const struct image_reading *r, int64_t at, const uint8_t *block, struct layout *out)
{
    IMAGE_NEED(block[1] == BLOCK_RSA || block[1] == BLOCK_ECDSA, r, at + 1,
               "a signature block of version %u is not known; 2 (RSA) and 3 (ECDSA) are", block[1]);
    if (block[1] == BLOCK_ECDSA) {
        return lay_out_ecdsa(r, at, block, out);
    }
    *out = (struct layout){.scheme = SIGNATURE_RSA_PSS,
                           .hash = DIGEST_SHA256,
                           .key_at = RSA_KEY_AT,
                           .key_size = RSA_SIGNATURE_AT - RSA_KEY_AT,
                           .signature_at = RSA_SIGNATURE_AT,
                           .half = RSA_SIZE,
                           .name = "rsa3072_pss"};
    return OK;
}

static err_t append_reversed(struct buf *out, const uint8_t *p, size_t n)
{
    TRY(buf_reserve(out, n));
    while (n > 0) {
        TRY(buf_append(out, &p[--n], 1));
    }
    return OK;
}

static err_t check_block(const struct image_reading *r, int64_t at, const uint8_t *block,
                         const struct layout *layout)
{
    uint8_t digest[DIGEST_SIZE_MAX];
    int64_t sector = at - at % ESP_SECTOR_SIZE;
    uint32_t crc = crc32_of((struct bytes){block, CRC_AT});
    IMAGE_NEED(crc == le32(block + CRC_AT), r, at + CRC_AT,
               "the CRC of the signature block is 0x%08x, it says 0x%08x", crc, le32(block + CRC_AT));
    TRY(image_hash(r, layout->hash, 0, sector, digest));
    IMAGE_NEED(bytes_equal((struct bytes){block + 4, digest_size(layout->hash)},
                           (struct bytes){digest, digest_size(layout->hash)}),
               r, at + 4, "the digest in the signature block is not that of the %lld bytes before its sector",
               (long long)sector);
    return OK;
}

static err_t note_block(const struct image_reading *r, int64_t at, const uint8_t *block,
                        const struct layout *layout)
{
    struct image_signature *signature = NULL;
    struct sha256 key;
    TRY(image_add_signature(r, at, &signature));
    signature->scheme = layout->scheme;
    signature->size = at - at % ESP_SECTOR_SIZE;
    TRY(buf_append(&signature->digest, block + 4, digest_size(layout->hash)));
    TRY(sha256_of((struct bytes){block + layout->key_at, layout->key_size}, &key));
    TRY(buf_append(&signature->key_digest, key.b, sizeof key.b));
    TRY(append_reversed(&signature->bytes, block + layout->signature_at, layout->half));
    if (layout->scheme == SIGNATURE_ECDSA_RAW) {
        TRY(append_reversed(&signature->bytes, block + layout->signature_at + layout->half, layout->half));
    }
    AUTO(json_t) *fact = json_object();
    TRY(json_set_text(fact, "scheme", layout->name));
    TRY(json_set_hex(fact, "key_digest", BYTES_OF(key.b)));
    ENSURE(json_array_append_new(json_object_get(r->out->facts, "signatures"), TAKE(fact)) == 0,
           ERR_NO_MEMORY, "the facts of an image");
    return OK;
}

err_t esp_read_signatures(const struct image_reading *r, int64_t sector)
{
    uint8_t block[BLOCK_SIZE];
    struct layout layout = {.half = 0};
    int64_t other = 0, at = sector;
    TRY(json_take(r->out->facts, "signatures", json_array()));
    for (int i = 0; i < BLOCKS_MAX; i++, at += BLOCK_SIZE) {
        TRY(image_take(r, at, block, sizeof block, "a signature block"));
        if (block[0] != BLOCK_MAGIC) {
            break;
        }
        TRY(lay_out(r, at, block, &layout));
        TRY(check_block(r, at, block, &layout));
        TRY(note_block(r, at, block, &layout));
    }
    TRY(image_find_other(r, at, sector + ESP_SECTOR_SIZE, 0xff, &other));
    IMAGE_NEED(other == sector + ESP_SECTOR_SIZE, r, other,
               "behind the signature blocks there are other bytes than 0xff");
    return OK;
}
