/* The TLV areas of an MCUboot image: which entries may stand where and how often, and how long each is. Like
 * MCUboot with its list of allowed unprotected TLVs, nothing else may stand outside of the protected area:
 * no signature covers it there. */
#include "firmware_store/mcuboot_tlv.h"

#include <stddef.h>
#include <stdio.h>

enum { AREA_HEADER = 4, ENTRY_HEADER = 4, DEPENDENCIES_MAX = 16 };
enum { MAGIC_PROTECTED = 0x6908, MAGIC_PLAIN = 0x6907 };
enum place { IN_PROTECTED, IN_PLAIN };
#define NOWHERE ((size_t)-1)

static const struct entry_row {
    uint16_t type, least, most;
    enum place place;
    size_t slot; /* where it is noted; NOWHERE: it may stand more than once, or says nothing here */
    const char *name;
} rows[] = {
    {MCUBOOT_TLV_KEYHASH, 32, 64, IN_PLAIN, offsetof(struct mcuboot_tlvs, key_hash), "hash of the key"},
    {MCUBOOT_TLV_PUBKEY, 32, 1024, IN_PLAIN, offsetof(struct mcuboot_tlvs, public_key), "public key"},
    {MCUBOOT_TLV_SHA256, 32, 32, IN_PLAIN, offsetof(struct mcuboot_tlvs, hash), "hash of the image"},
    {MCUBOOT_TLV_SHA384, 48, 48, IN_PLAIN, offsetof(struct mcuboot_tlvs, hash), "hash of the image"},
    {MCUBOOT_TLV_SHA512, 64, 64, IN_PLAIN, offsetof(struct mcuboot_tlvs, hash), "hash of the image"},
    {MCUBOOT_TLV_RSA2048, 256, 256, IN_PLAIN, offsetof(struct mcuboot_tlvs, signature), "signature"},
    {MCUBOOT_TLV_ECDSA, 8, 144, IN_PLAIN, offsetof(struct mcuboot_tlvs, signature), "signature"},
    {MCUBOOT_TLV_RSA3072, 384, 384, IN_PLAIN, offsetof(struct mcuboot_tlvs, signature), "signature"},
    {MCUBOOT_TLV_ED25519, 64, 64, IN_PLAIN, offsetof(struct mcuboot_tlvs, signature), "signature"},
    {MCUBOOT_TLV_SIG_PURE, 1, 1, IN_PLAIN, offsetof(struct mcuboot_tlvs, pure), "mark of a pure signature"},
    {0x30, 1, 512, IN_PLAIN, offsetof(struct mcuboot_tlvs, encryption), "encrypted key"},
    {0x31, 1, 512, IN_PLAIN, offsetof(struct mcuboot_tlvs, encryption), "encrypted key"},
    {0x32, 1, 512, IN_PLAIN, offsetof(struct mcuboot_tlvs, encryption), "encrypted key"},
    {0x33, 1, 512, IN_PLAIN, offsetof(struct mcuboot_tlvs, encryption), "encrypted key"},
    {0x34, 1, 512, IN_PLAIN, offsetof(struct mcuboot_tlvs, encryption), "encrypted key"},
    {MCUBOOT_TLV_DEPENDENCY, 12, 12, IN_PROTECTED, NOWHERE, "dependency"},
    {MCUBOOT_TLV_SEC_CNT, 4, 4, IN_PROTECTED, offsetof(struct mcuboot_tlvs, counter), "security counter"},
    {MCUBOOT_TLV_UUID_VENDOR, 16, 16, IN_PROTECTED, offsetof(struct mcuboot_tlvs, vendor), "vendor UUID"},
    {MCUBOOT_TLV_UUID_CLASS, 16, 16, IN_PROTECTED, offsetof(struct mcuboot_tlvs, device_class), "class UUID"},
};

static const struct entry_row *find_row(unsigned type)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].type == type) {
            return &rows[i];
        }
    }
    return NULL;
}

void mcuboot_version_format(const uint8_t *version, char out[IMAGE_VERSION_SIZE])
{
    (void)snprintf(out, IMAGE_VERSION_SIZE, "%u.%u.%u+%u", version[0], version[1], le16(version + 2),
                   le32(version + 4));
}

/* {u8 image, 3 bytes, version}: the other image must be at least this. */
static err_t note_dependency(const struct image_reading *r, int64_t at, struct mcuboot_tlvs *out)
{
    uint8_t value[12];
    char version[IMAGE_VERSION_SIZE];
    IMAGE_NEED(out->dependencies < DEPENDENCIES_MAX, r, at, "there are more than %d dependencies",
               DEPENDENCIES_MAX);
    TRY(image_take(r, at, value, sizeof value, "a dependency"));
    mcuboot_version_format(value + 4, version);
    json_t *list = json_object_get(r->out->facts, "dependencies");
    if (list == NULL) {
        TRY(json_take(r->out->facts, "dependencies", json_array()));
        list = json_object_get(r->out->facts, "dependencies");
    }
    AUTO(json_t) *dependency = json_object();
    TRY(json_set_int(dependency, "image", value[0]));
    TRY(json_set_text(dependency, "version", version));
    ENSURE(json_array_append_new(list, TAKE(dependency)) == 0, ERR_NO_MEMORY, "the facts of an image");
    out->dependencies++;
    return OK;
}

static err_t note(const struct image_reading *r, const struct entry_row *row, const struct mcuboot_tlv *tlv,
                  struct mcuboot_tlvs *out)
{
    if (row->type == MCUBOOT_TLV_DEPENDENCY) {
        return note_dependency(r, tlv->at, out);
    }
    struct mcuboot_tlv *slot = (struct mcuboot_tlv *)(void *)((char *)out + row->slot);
    IMAGE_NEED(slot->at == 0, r, tlv->at - ENTRY_HEADER, "there is a second %s; the first is at byte %lld",
               row->name, (long long)(slot->at - ENTRY_HEADER));
    *slot = *tlv;
    return OK;
}

static err_t judge(const struct image_reading *r, enum place place, const struct mcuboot_tlv *tlv,
                   struct mcuboot_tlvs *out)
{
    int64_t at = tlv->at - ENTRY_HEADER;
    const struct entry_row *row = find_row(tlv->type);
    IMAGE_NEED(tlv->type != MCUBOOT_TLV_ECDSA224, r, at, "an ECDSA signature on P-224 is not accepted");
    if (row == NULL) {
        IMAGE_NEED(place == IN_PROTECTED, r, at,
                   "a TLV of type 0x%02x stands outside of the protected area, where no signature covers it",
                   tlv->type);
        return OK;
    }
    IMAGE_NEED(row->place == place, r, at, "the %s must %sstand in the protected area", row->name,
               row->place == IN_PROTECTED ? "" : "not ");
    IMAGE_NEED(tlv->size >= row->least && tlv->size <= row->most, r, at,
               "the %s has %lld bytes; %u to %u are possible", row->name, (long long)tlv->size, row->least,
               row->most);
    return note(r, row, tlv, out);
}

/* @param at of the area's own header */
static err_t read_area(const struct image_reading *r, enum place place, int64_t at, struct mcuboot_tlvs *out)
{
    uint8_t head[AREA_HEADER];
    unsigned magic = place == IN_PROTECTED ? MAGIC_PROTECTED : MAGIC_PLAIN;
    const char *name = place == IN_PROTECTED ? "the protected TLVs" : "the TLVs";
    TRY(image_take(r, at, head, sizeof head, name));
    IMAGE_NEED(le16(head) == magic, r, at, "%s do not begin with 0x%04x but with 0x%04x", name, magic,
               le16(head));
    int64_t total = le16(head + 2), end = at + total;
    IMAGE_NEED(total >= AREA_HEADER, r, at + 2, "%s say that they have %lld bytes, their header among them",
               name, (long long)total);
    TRY(image_must_hold(r, at, total, name));
    for (int64_t entry = at + AREA_HEADER; entry < end;) {
        IMAGE_NEED(end - entry >= ENTRY_HEADER, r, entry,
                   "%lld bytes are left of %s, too few for another one", (long long)(end - entry), name);
        TRY(image_take(r, entry, head, sizeof head, name));
        const struct mcuboot_tlv tlv = {
            .type = le16(head), .at = entry + ENTRY_HEADER, .size = le16(head + 2)};
        IMAGE_NEED(tlv.size <= end - tlv.at, r, entry + 2,
                   "a TLV of type 0x%02x has %lld bytes, but its area ends after %lld", tlv.type,
                   (long long)tlv.size, (long long)(end - tlv.at));
        TRY(judge(r, place, &tlv, out));
        entry = tlv.at + tlv.size;
    }
    out->end = end;
    return OK;
}

err_t mcuboot_read_tlvs(const struct image_reading *r, int64_t at, uint32_t protected_size,
                        struct mcuboot_tlvs *out)
{
    uint8_t head[AREA_HEADER];
    *out = (struct mcuboot_tlvs){.end = at};
    TRY(image_take(r, at, head, sizeof head, "the TLVs"));
    if (protected_size > 0) {
        IMAGE_NEED(le16(head) != MAGIC_PROTECTED || le16(head + 2) == protected_size, r, at + 2,
                   "the protected TLVs have %u bytes; the header says %u", le16(head + 2), protected_size);
        TRY(read_area(r, IN_PROTECTED, at, out));
    } else {
        IMAGE_NEED(le16(head) != MAGIC_PROTECTED, r, at,
                   "there are protected TLVs, of which the header knows nothing");
    }
    return read_area(r, IN_PLAIN, out->end, out);
}
