/* Bundles of RAUC: a payload, a CMS signature, the signature's size in eight bytes, big-endian. Plain: the
 * payload is a SquashFS with the manifest inside, and all of it is signed. Verity: the manifest is inside the
 * signature, and tells the root of the tree of hashes behind the SquashFS. Crypt: refused, encrypted. */
#include <string.h>

#include "firmware_store/cms_content.h"
#include "firmware_store/rauc_parts.h"

enum { SIZE_SIZE = 8, CMS_MAX = 1 << 20 };

struct bundle {
    int64_t payload_size; /* the signature begins there */
    struct buf cms;
    struct bytes content; /* of cms */
};
static void bundle_clear(struct bundle *bundle)
{
    buf_clear(&bundle->cms);
}
DEFINE_AUTO_VAL(bundle, bundle_clear);

static err_t read_cms(const struct image_reading *r, struct bundle *out)
{
    uint8_t tail[SIZE_SIZE];
    uint64_t size = 0;
    int64_t at = r->bytes->size - SIZE_SIZE;
    IMAGE_NEED(at > 0, r, r->bytes->size, "the file is too short for a RAUC bundle");
    TRY(image_take(r, at, tail, sizeof tail, "the size of the signature"));
    for (int i = 0; i < SIZE_SIZE; i++) {
        size = size << 8 | tail[i];
    }
    IMAGE_NEED(size > 0 && size <= CMS_MAX && (int64_t)size < at, r, at,
               "the last eight bytes say that the signature has %llu bytes: no RAUC bundle, or a cut one",
               (unsigned long long)size);
    out->payload_size = at - (int64_t)size;
    return image_take_buf(r, out->payload_size, (int64_t)size, "the signature", &out->cms);
}

static err_t check_magic(const struct image_reading *r)
{
    uint8_t magic[4];
    TRY(image_take(r, 0, magic, sizeof magic, "the payload"));
    IMAGE_NEED(
        memcmp(magic, "hsqs", sizeof magic) == 0, r, 0,
        "the payload is no SquashFS (it begins with %02x%02x%02x%02x): no RAUC bundle, or an encrypted one",
        magic[0], magic[1], magic[2], magic[3]);
    return OK;
}

static err_t note_signature(const struct image_reading *r, struct bundle *bundle,
                            enum signature_scheme scheme)
{
    struct image_signature *signature = NULL;
    struct sha256 digest;
    TRY(image_add_signature(r, bundle->payload_size, &signature));
    signature->scheme = scheme;
    signature->size = bundle->payload_size;
    if (scheme == SIGNATURE_CMS) {
        TRY(sha256_of(bundle->content, &digest));
        TRY(buf_append(&signature->digest, digest.b, sizeof digest.b));
    }
    return buf_append_bytes(&signature->bytes, buf_view(&bundle->cms));
}

static err_t read_plain(const struct image_reading *r, struct bundle *bundle)
{
    AUTO_VAL(buf) text = {0};
    struct rauc_manifest manifest;
    TRY(check_magic(r));
    TRY(rauc_read_squashfs(r, bundle->payload_size, &text));
    TRY(rauc_read_manifest(r, 0, buf_view(&text), &manifest));
    IMAGE_NEED(manifest.form == RAUC_PLAIN, r, bundle->payload_size,
               "the manifest in the payload names another format than plain, whose manifest would be in the "
               "signature");
    return note_signature(r, bundle, SIGNATURE_CMS_DETACHED);
}

static err_t read_verity(const struct image_reading *r, struct bundle *bundle)
{
    struct rauc_manifest manifest;
    int64_t at = bundle->payload_size + (bundle->content.p - bundle->cms.p);
    IMAGE_NEED(bundle->content.n <= RAUC_MANIFEST_MAX, r, at, "the manifest has %zu bytes; %d are possible",
               bundle->content.n, RAUC_MANIFEST_MAX);
    TRY(rauc_read_manifest(r, at, bundle->content, &manifest));
    IMAGE_NEED(manifest.form != RAUC_CRYPT, r, at,
               "the bundle is encrypted (crypt): what is in it cannot be judged here");
    IMAGE_NEED(manifest.form == RAUC_VERITY, r, at,
               "the manifest in the signature names another format than verity");
    IMAGE_NEED(manifest.has_root && manifest.has_salt && manifest.has_size, r, at,
               "the manifest lacks verity-hash, verity-salt or verity-size");
    TRY(check_magic(r));
    TRY(rauc_check_tree(r, bundle->payload_size, &manifest));
    return note_signature(r, bundle, SIGNATURE_CMS);
}

err_t rauc_read(const struct image_reading *r)
{
    AUTO_VAL(bundle) bundle = {.payload_size = 0};
    TRY(read_cms(r, &bundle));
    switch (cms_find_content(buf_view(&bundle.cms), &bundle.content)) {
    case CMS_SHAPE_DETACHED:
        return read_plain(r, &bundle);
    case CMS_SHAPE_CONTENT:
        return read_verity(r, &bundle);
    case CMS_SHAPE_ENVELOPED:
        return image_refuse(r, bundle.payload_size,
                            "the bundle's manifest is encrypted: what is in it cannot be judged here");
    case CMS_SHAPE_BROKEN:
        break;
    }
    return image_refuse(r, bundle.payload_size, "the signature is no CMS SignedData in DER");
}
