/* MCUboot images, as imgtool writes them: header, payload, protected and other TLVs, and perhaps the padding
 * of a slot with the boot loader's trailer. All numbers are little-endian. What the boot loader would refuse
 * is refused here; the signature is only found. */
#include <string.h>

#include "firmware_store/mcuboot_tlv.h"

#define MAGIC    0x96f3b83dU
#define MAGIC_V1 0x96f3b83cU

enum { FLAG_AES128 = 0x04, FLAG_AES256 = 0x08, TRAILER_MAGIC_SIZE = 16, ALIGN_MAX = 32 };

static const struct flag_row {
    uint32_t bit;
    const char *name;
} flag_rows[] = {
    {FLAG_AES128, "encrypted_aes128"},
    {FLAG_AES256, "encrypted_aes256"},
    {0x10, "non_bootable"},
    {0x20, "ram_load"},
    {0x100, "rom_fixed"},
    {0x200, "compressed_lzma1"},
    {0x400, "compressed_lzma2"},
    {0x800, "compressed_arm_thumb"},
};

struct header {
    uint32_t size, protected_size, image_size, flags;
    int64_t tlvs; /* where they begin */
    int64_t signed_size;
};

/* --- the header ------------------------------------------------------------------------------------- */

static err_t fact_header(const struct image_reading *r, const struct header *header, uint32_t load_address)
{
    json_t *facts = r->out->facts;
    AUTO(json_t) *flags = json_array();
    for (size_t i = 0; i < sizeof flag_rows / sizeof flag_rows[0]; i++) {
        if ((header->flags & flag_rows[i].bit) != 0) {
            ENSURE(json_array_append_new(flags, json_string(flag_rows[i].name)) == 0, ERR_NO_MEMORY,
                   "the facts of an image");
        }
    }
    TRY(json_take(facts, "flags", TAKE(flags)));
    TRY(json_set_int(facts, "header_size", header->size));
    TRY(json_set_int(facts, "payload_size", header->image_size));
    return json_set_int(facts, "load_address", load_address);
}

static err_t read_header(const struct image_reading *r, struct header *out)
{
    uint8_t head[MCUBOOT_HEADER_SIZE];
    TRY(image_take(r, 0, head, sizeof head, "the header"));
    IMAGE_NEED(le32(head) != MAGIC_V1, r, 0,
               "this is an image of MCUboot's first form, which is not supported");
    IMAGE_NEED(le32(head) == MAGIC, r, 0, "no MCUboot image: it begins with 0x%08x, not 0x%08x", le32(head),
               MAGIC);
    *out = (struct header){.size = le16(head + 8),
                           .protected_size = le16(head + 10),
                           .image_size = le32(head + 12),
                           .flags = le32(head + 16)};
    IMAGE_NEED(out->size >= MCUBOOT_HEADER_SIZE, r, 8,
               "the header says that it has %u bytes; it has at least %d", out->size, MCUBOOT_HEADER_SIZE);
    IMAGE_NEED(out->image_size > 0, r, 12, "the header says that the image is empty");
    out->tlvs = (int64_t)out->size + out->image_size;
    out->signed_size = out->tlvs + out->protected_size;
    TRY(image_must_hold(r, 0, out->tlvs, "the payload that the header declares"));
    IMAGE_NEED((out->flags & (FLAG_AES128 | FLAG_AES256)) != (FLAG_AES128 | FLAG_AES256), r, 16,
               "the flags name two encryptions");
    r->out->is_encrypted = (out->flags & (FLAG_AES128 | FLAG_AES256)) != 0;
    mcuboot_version_format(head + 20, r->out->version);
    return fact_header(r, out, le32(head + 4));
}

/* --- what the TLVs say ------------------------------------------------------------------------------ */

static enum digest_kind hash_kind_of(unsigned type)
{
    return type == MCUBOOT_TLV_SHA512 ? DIGEST_SHA512
                                      : (type == MCUBOOT_TLV_SHA384 ? DIGEST_SHA384 : DIGEST_SHA256);
}

/* Of an encrypted image it covers the plain bytes, which nobody can see here. */
static err_t check_hash(const struct image_reading *r, const struct header *header,
                        const struct mcuboot_tlvs *tlvs, struct buf *digest)
{
    uint8_t found[DIGEST_SIZE_MAX];
    if (tlvs->hash.at == 0) {
        IMAGE_NEED(tlvs->pure.at != 0, r, header->tlvs, "there is no hash of the image among the TLVs");
        return OK;
    }
    enum digest_kind kind = hash_kind_of(tlvs->hash.type);
    TRY(image_take_buf(r, tlvs->hash.at, tlvs->hash.size, "the hash", digest));
    if (!r->out->is_encrypted) {
        TRY(image_hash(r, kind, 0, header->signed_size, found));
        IMAGE_NEED(bytes_equal(buf_view(digest), (struct bytes){found, digest_size(kind)}), r, tlvs->hash.at,
                   "the hash is not that of the image: a byte before %lld is another",
                   (long long)header->signed_size);
    }
    return json_set_hex(r->out->facts, "hash", buf_view(digest));
}

static err_t read_counter(const struct image_reading *r, const struct mcuboot_tlvs *tlvs)
{
    uint8_t value[4];
    if (tlvs->counter.at == 0) {
        return OK;
    }
    TRY(image_take(r, tlvs->counter.at, value, sizeof value, "the security counter"));
    r->out->counter = le32(value);
    return json_set_int(r->out->facts, "security_counter", r->out->counter);
}

static err_t fact_uuid(const struct image_reading *r, const char *name, const struct mcuboot_tlv *tlv)
{
    struct uuid id;
    if (tlv->at == 0) {
        return OK;
    }
    TRY(image_take(r, tlv->at, id.b, sizeof id.b, "a UUID"));
    return json_set_uuid(r->out->facts, name, id);
}

/* Which hash a key signs is fixed (imgtool): SHA-384 for P-384, SHA-256 for the others, either of two for
 * Ed25519. */
static err_t choose_scheme(const struct image_reading *r, const struct mcuboot_tlvs *tlvs,
                           enum signature_scheme *scheme, const char **name)
{
    unsigned type = tlvs->signature.type, hash = tlvs->hash.type;
    bool is_pure = tlvs->pure.at != 0;
    IMAGE_NEED(!is_pure || type == MCUBOOT_TLV_ED25519, r, tlvs->pure.at,
               "only an Ed25519 signature can be one over the image itself");
    if (type == MCUBOOT_TLV_ED25519) {
        *scheme = is_pure ? SIGNATURE_ED25519_PURE : SIGNATURE_ED25519;
        *name = is_pure ? "ed25519_pure" : "ed25519";
        return OK;
    }
    if (type == MCUBOOT_TLV_ECDSA) {
        IMAGE_NEED(hash != MCUBOOT_TLV_SHA512, r, tlvs->hash.at,
                   "an ECDSA signature is over SHA-256 or SHA-384");
        *scheme = hash == MCUBOOT_TLV_SHA384 ? SIGNATURE_ECDSA_P384 : SIGNATURE_ECDSA_P256;
        *name = hash == MCUBOOT_TLV_SHA384 ? "ecdsa_p384" : "ecdsa_p256";
        return OK;
    }
    IMAGE_NEED(hash == MCUBOOT_TLV_SHA256, r, tlvs->hash.at, "an RSA signature is over SHA-256");
    *scheme = SIGNATURE_RSA_PSS;
    *name = type == MCUBOOT_TLV_RSA2048 ? "rsa2048_pss" : "rsa3072_pss";
    return OK;
}

/* imgtool once padded ECDSA signatures with zeros to one size; the DER inside says how long it is. */
static void trim_ecdsa(struct buf *signature)
{
    size_t size = signature->p[0] == 0x30 && signature->p[1] < 0x80 ? (size_t)signature->p[1] + 2 : 0;
    while (size > 0 && signature->n > size && signature->p[signature->n - 1] == 0) {
        signature->n--;
    }
}

static err_t read_key_name(const struct image_reading *r, const struct mcuboot_tlvs *tlvs, struct buf *out)
{
    AUTO_VAL(buf) key = {0};
    struct sha256 digest;
    if (tlvs->key_hash.at != 0) {
        IMAGE_NEED(tlvs->key_hash.size == 32 || tlvs->key_hash.size == 48 || tlvs->key_hash.size == 64, r,
                   tlvs->key_hash.at, "a hash of a key has 32, 48 or 64 bytes");
        TRY(image_take_buf(r, tlvs->key_hash.at, tlvs->key_hash.size, "the hash of the key", out));
    } else if (tlvs->public_key.at != 0) {
        TRY(image_take_buf(r, tlvs->public_key.at, tlvs->public_key.size, "the public key", &key));
        TRY(sha256_of(buf_view(&key), &digest));
        TRY(buf_append(out, digest.b, sizeof digest.b));
    }
    return out->n == 0 ? OK : json_set_hex(r->out->facts, "key_hash", buf_view(out));
}

static err_t read_signature(const struct image_reading *r, const struct header *header,
                            const struct mcuboot_tlvs *tlvs, struct buf *digest)
{
    const struct mcuboot_tlv *tlv = &tlvs->signature;
    struct image_signature *signature = NULL;
    const char *name = NULL;
    if (tlv->at == 0) {
        IMAGE_NEED(tlvs->pure.at == 0, r, tlvs->pure.at, "a pure signature is announced, and there is none");
        return OK;
    }
    TRY(image_add_signature(r, tlv->at, &signature));
    TRY(choose_scheme(r, tlvs, &signature->scheme, &name));
    IMAGE_NEED(!r->out->is_encrypted || tlvs->pure.at == 0, r, tlvs->pure.at,
               "an encrypted image cannot have a pure signature");
    signature->size = header->signed_size;
    TRY(image_take_buf(r, tlv->at, tlv->size, "the signature", &signature->bytes));
    if (tlv->type == MCUBOOT_TLV_ECDSA) {
        trim_ecdsa(&signature->bytes);
    }
    if (signature->scheme != SIGNATURE_ED25519_PURE) {
        signature->digest = *digest;
        *digest = (struct buf){0};
    }
    TRY(read_key_name(r, tlvs, &signature->key_digest));
    return json_set_text(r->out->facts, "signature", name);
}

/* --- what stands behind ----------------------------------------------------------------------------- */

/* The last 16 bytes of a slot once an image in it is to be tried; with an alignment above 8 they name it. */
static bool is_trailer_magic(const uint8_t *p)
{
    static const uint8_t plain[TRAILER_MAGIC_SIZE] = {0x77, 0xc2, 0x95, 0xf3, 0x60, 0xd2, 0xef, 0x7f,
                                                      0x35, 0x52, 0x50, 0x0f, 0x2c, 0xb6, 0x79, 0x80};
    static const uint8_t aligned[TRAILER_MAGIC_SIZE - 2] = {0x2d, 0xe1, 0x5d, 0x29, 0x41, 0x0b, 0x8d,
                                                            0x77, 0x67, 0x9c, 0x11, 0x0f, 0x1f, 0x8a};
    return memcmp(p, plain, sizeof plain) == 0 ||
           ((le16(p) == 16 || le16(p) == 32) && memcmp(p + 2, aligned, sizeof aligned) == 0);
}

/* imgtool --pad --confirm writes one byte 1, image_ok, an alignment before the magic. */
static err_t find_foreign(const struct image_reading *r, int64_t from, int64_t to, int64_t *at)
{
    uint8_t flag = 0;
    TRY(image_find_other(r, from, to, 0xff, at));
    if (*at == to || to - *at > 2 * (int64_t)ALIGN_MAX) {
        return OK;
    }
    TRY(image_take(r, *at, &flag, 1, "the trailer"));
    return flag == 1 ? image_find_other(r, *at + 1, to, 0xff, at) : OK;
}

static err_t check_behind(const struct image_reading *r, int64_t from)
{
    uint8_t magic[TRAILER_MAGIC_SIZE];
    int64_t to = r->bytes->size, foreign = 0;
    if (from == to) {
        return OK;
    }
    if (to - from >= TRAILER_MAGIC_SIZE) {
        TRY(image_take(r, to - TRAILER_MAGIC_SIZE, magic, sizeof magic, "the trailer"));
        to -= is_trailer_magic(magic) ? TRAILER_MAGIC_SIZE : 0;
    }
    TRY(find_foreign(r, from, to, &foreign));
    IMAGE_NEED(foreign == to, r, foreign,
               "there is something behind the TLVs that is neither padding (0xff) nor a slot's trailer");
    r->out->is_padded = true;
    return json_set_bool(r->out->facts, "padded", true);
}

err_t mcuboot_read(const struct image_reading *r)
{
    struct header header = {.size = 0};
    struct mcuboot_tlvs tlvs = {.end = 0};
    AUTO_VAL(buf) digest = {0};
    TRY(read_header(r, &header));
    TRY(mcuboot_read_tlvs(r, header.tlvs, header.protected_size, &tlvs));
    IMAGE_NEED(tlvs.encryption.at == 0 || r->out->is_encrypted, r, tlvs.encryption.at,
               "there is an encrypted key, and the flags say that the image is not encrypted");
    TRY(check_hash(r, &header, &tlvs, &digest));
    TRY(read_counter(r, &tlvs));
    TRY(fact_uuid(r, "vendor_uuid", &tlvs.vendor));
    TRY(fact_uuid(r, "class_uuid", &tlvs.device_class));
    TRY(read_signature(r, &header, &tlvs, &digest));
    TRY(check_behind(r, tlvs.end));
    return json_set_bool(r->out->facts, "encrypted", r->out->is_encrypted);
}
