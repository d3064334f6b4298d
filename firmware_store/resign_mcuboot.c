/* MCUboot: header, payload and protected TLVs stay byte for byte; behind them stands one unprotected area
 * with hash, key hash and signature, as imgtool writes it. What else may stand there says who signed and how,
 * and goes with the former signature (firmware_store/mcuboot.c refuses everything else). */
#include "firmware_store/resign_internal.h"

enum {
    HEADER_SIZE = 32,
    FLAGS_COMPRESSED = 0x200 | 0x400 | 0x800,
    MAGIC_PLAIN = 0x6907,
    AREA_HEADER = 4,
    TLV_KEYHASH = 0x01,
    TLV_SHA256 = 0x10
};

static uint32_t read32(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

err_t resign_plan_mcuboot(const struct byte_source *bytes, const struct image *image, struct resign_plan *out,
                          struct image_fault *fault)
{
    uint8_t head[HEADER_SIZE];
    TRY(byte_source_read(bytes, 0, head, sizeof head));
    if (image->is_encrypted) {
        return resign_refuse(fault, 16,
                             "the image is encrypted: its hash is over bytes that nobody can see here");
    }
    if ((read32(head + 16) & FLAGS_COMPRESSED) != 0) {
        return resign_refuse(fault, 16,
                             "the image is compressed: a second signature within it would stay the old");
    }
    if (image->is_padded) {
        return resign_refuse(fault, bytes->size,
                             "the image is padded to the size of a slot: give it unpadded");
    }
    if (image->signature_count > 0 && image->signatures[0].scheme == SIGNATURE_ED25519_PURE) {
        return resign_refuse(fault, image->signatures[0].at,
                             "the signature is over the image itself; here the hash is signed");
    }
    int64_t header = head[8] | head[9] << 8, protected_size = head[10] | head[11] << 8;
    out->keep = header + read32(head + 12) + protected_size;
    out->signed_size = out->keep;
    return OK;
}

static err_t put16(struct buf *out, unsigned value)
{
    const uint8_t bytes[] = {(uint8_t)value, (uint8_t)(value >> 8)};
    return buf_append(out, bytes, sizeof bytes);
}

static err_t put_tlv(struct buf *out, unsigned type, struct bytes value)
{
    TRY(put16(out, type));
    TRY(put16(out, (unsigned)value.n));
    return buf_append_bytes(out, value);
}

err_t resign_insert_mcuboot(const struct resign_signature *signature, struct buf *out)
{
    AUTO_VAL(buf) entries = {0};
    TRY(put_tlv(&entries, TLV_SHA256, signature->digest));
    TRY(put_tlv(&entries, TLV_KEYHASH, signature->key_digest));
    TRY(put_tlv(&entries, signature->type, signature->signature));
    TRY(put16(out, MAGIC_PLAIN));
    TRY(put16(out, (unsigned)(entries.n + AREA_HEADER)));
    return buf_append_bytes(out, buf_view(&entries));
}
