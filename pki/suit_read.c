/* Reading a release manifest: its values are taken out in the order that the profile gives them, then written
 * again and compared with what was read. So whatever is not exactly the profile, down to the length of a
 * head, is refused, without a rule for each way to be wrong. */
#include <stdio.h>
#include <string.h>

#include "base/encoding.h"
#include "pki/cbor_items.h"
#include "pki/suit.h"
#include "pki/suit_words.h"

void suit_uri_of(const struct sha256 *digest, char out[SUIT_URI_SIZE])
{
    memcpy(out, SUIT_URI_PREFIX, sizeof SUIT_URI_PREFIX - 1);
    hex_encode(BYTES_OF(digest->b), out + sizeof SUIT_URI_PREFIX - 1);
}

static bool take_uuid(struct bytes *in, int64_t key, struct uuid *out)
{
    struct bytes value;
    if (!cbor_take_key(in, key) || !cbor_take_bytes(in, &value) || value.n != sizeof out->b) {
        return false;
    }
    memcpy(out->b, value.p, sizeof out->b);
    return true;
}

static bool take_digest(struct bytes in, struct sha256 *out)
{
    struct bytes value;
    if (!cbor_take_array(&in, 2) || !cbor_take_key(&in, SUIT_SHA256) || !cbor_take_bytes(&in, &value) ||
        value.n != sizeof out->b) {
        return false;
    }
    memcpy(out->b, value.p, sizeof out->b);
    return true;
}

static bool take_word(struct bytes *in, int64_t key, char *out, size_t size)
{
    return cbor_take_key(in, key) && cbor_take_text(in, out, size);
}

/* A number that may be missing; `otherwise` then. */
static bool take_optional(struct bytes *in, int64_t key, int64_t otherwise, int64_t *out)
{
    *out = otherwise;
    return !cbor_take_key(in, key) || (cbor_take_int(in, out) && *out >= 0);
}

static bool take_parameters(struct bytes *in, struct suit_manifest *manifest, struct suit_component *out)
{
    char uri[SUIT_URI_SIZE];
    struct bytes digest;
    struct cbor_head head;
    return cbor_take(in, &head) && head.kind == CBOR_MAP && take_uuid(in, SUIT_VENDOR, &manifest->vendor) &&
           take_uuid(in, SUIT_CLASS, &manifest->class) && cbor_take_key(in, SUIT_IMAGE_DIGEST) &&
           cbor_take_bytes(in, &digest) && take_digest(digest, &out->digest) &&
           cbor_take_key(in, SUIT_IMAGE_SIZE) && cbor_take_int(in, &out->size) && out->size >= 0 &&
           take_word(in, SUIT_URI, uri, sizeof uri) &&
           take_word(in, SUIT_VERSION, out->version, sizeof out->version) &&
           take_optional(in, SUIT_COUNTER, -1, &out->counter) &&
           take_word(in, SUIT_FORMAT, out->format, sizeof out->format) &&
           take_optional(in, SUIT_MIN_SEQUENCE, 0, &manifest->min_sequence) &&
           take_word(in, SUIT_PART, out->part, sizeof out->part);
}

static bool take_shared(struct bytes in, struct suit_manifest *out)
{
    if (!cbor_take_array(&in, 4 * out->count + 4)) {
        return false;
    }
    for (size_t i = 0; i < out->count; i++) {
        if (!cbor_take_key(&in, SUIT_SET_COMPONENT) || !cbor_take_key(&in, (int64_t)i) ||
            !cbor_take_key(&in, SUIT_OVERRIDE_PARAMETERS) ||
            !take_parameters(&in, out, &out->components[i])) {
            return false;
        }
    }
    return true; /* the conditions behind are compared with the rest */
}

static bool take_common(struct bytes in, struct suit_manifest *out)
{
    struct cbor_head list;
    struct bytes shared, name;
    if (!cbor_take_map(&in, 2) || !cbor_take_key(&in, SUIT_COMPONENTS) || !cbor_take(&in, &list) ||
        list.kind != CBOR_ARRAY || list.number < 1 || list.number > SUIT_COMPONENTS_MAX) {
        return false;
    }
    out->count = (size_t)list.number;
    for (size_t i = 0; i < out->count; i++) {
        if (!cbor_take_array(&in, 1) || !cbor_take_bytes(&in, &name)) {
            return false;
        }
    }
    return cbor_take_key(&in, SUIT_SHARED) && cbor_take_bytes(&in, &shared) && take_shared(shared, out);
}

static bool take_manifest(struct bytes in, struct suit_manifest *out)
{
    struct bytes common;
    return cbor_take_map(&in, 5) && cbor_take_key(&in, SUIT_MANIFEST_VERSION) && cbor_take_key(&in, 1) &&
           cbor_take_key(&in, SUIT_SEQUENCE) && cbor_take_int(&in, &out->sequence) && out->sequence >= 0 &&
           cbor_take_key(&in, SUIT_COMMON) && cbor_take_bytes(&in, &common) && take_common(common, out);
}

static bool take_envelope(struct bytes in, struct bytes *authentication, struct bytes *manifest)
{
    return cbor_take_tag(&in, SUIT_TAG_ENVELOPE) && cbor_take_map(&in, 2) &&
           cbor_take_key(&in, SUIT_AUTHENTICATION) && cbor_take_bytes(&in, authentication) &&
           cbor_take_key(&in, SUIT_MANIFEST) && cbor_take_bytes(&in, manifest);
}

static bool take_authentication(struct bytes in, struct bytes *digest, struct bytes *block)
{
    return cbor_take_array(&in, 2) && cbor_take_bytes(&in, digest) && cbor_take_bytes(&in, block);
}

err_t suit_envelope_read(struct bytes in, struct suit_envelope *out)
{
    struct bytes authentication = BYTES_NONE, digest = BYTES_NONE, block = BYTES_NONE;
    AUTO_VAL(buf) again = {0};
    AUTO_VAL(buf) manifest = {0};
    AUTO_VAL(buf) payload = {0};
    *out = (struct suit_envelope){.manifest = {.count = 0}};
    ENSURE(in.n <= SUIT_ENVELOPE_MAX, ERR_BAD_ENCODING, "a release manifest has %d bytes at most",
           SUIT_ENVELOPE_MAX);
    ENSURE(take_envelope(in, &authentication, &out->manifest_bytes) &&
               take_authentication(authentication, &digest, &block),
           ERR_BAD_ENCODING, "not a SUIT envelope of the profile");
    TRY(cose_sign1_read(block, &out->signature));
    TRY(suit_digest_write(out->manifest_bytes, &payload));
    ENSURE(bytes_equal(buf_view(&payload), digest), ERR_BAD_ENCODING,
           "the digest in the envelope is not that of the manifest");
    ENSURE(take_manifest(out->manifest_bytes, &out->manifest), ERR_BAD_ENCODING,
           "the manifest is not one of the profile");
    TRY(suit_manifest_write(&out->manifest, &manifest));
    ENSURE(bytes_equal(buf_view(&manifest), out->manifest_bytes), ERR_BAD_ENCODING,
           "the manifest is not in the one form of the profile");
    TRY(suit_envelope_write(buf_view(&manifest), &out->signature.kid, out->signature.signature, &again));
    ENSURE(bytes_equal(buf_view(&again), in), ERR_BAD_ENCODING,
           "the envelope is not in the one form of the profile");
    return OK;
}

err_t suit_envelope_verify(const struct suit_envelope *envelope, struct bytes spki)
{
    AUTO_VAL(buf) payload = {0};
    TRY(suit_digest_write(envelope->manifest_bytes, &payload));
    return cose_sign1_verify(&envelope->signature, buf_view(&payload), spki);
}
