/* Reading a release manifest. The order: outer form, digest, signature, and only then what is inside, so that
 * nothing but form is looked at before someone vouches for it. */
#include "device/core/suit.h"

#include "device/core/cose.h"
#include "device/core/kdf.h"
#include "device/core/text.h"

enum { TAG_ENVELOPE = 107, ALG_SHA256 = -16, ENVELOPE_AUTH = 2, ENVELOPE_MANIFEST = 3 };
enum { MANIFEST_VERSION = 1, MANIFEST_SEQUENCE = 2, MANIFEST_COMMON = 3 };
enum { MANIFEST_VALIDATE = 7, MANIFEST_INSTALL = 20, COMMON_COMPONENTS = 2, COMMON_SHARED = 4 };
enum { CONDITION_VENDOR = 1, CONDITION_CLASS = 2, CONDITION_IMAGE = 3 };
enum { DIRECTIVE_INDEX = 12, DIRECTIVE_OVERRIDE = 20, DIRECTIVE_FETCH = 21, REPORT_ALL = 15 };
enum { PARAMETER_VENDOR = 1, PARAMETER_CLASS = 2, PARAMETER_DIGEST = 3, PARAMETER_SIZE = 14 };
enum { PARAMETER_URI = 21, PARAMETER_VERSION = -257, PARAMETER_COUNTER = -258, PARAMETER_FORMAT = -259 };
enum { PARAMETER_LEAST = -260, PARAMETER_PART = -261, PARAMETERS_FIXED = 8 };

static const char uri_folder[] = "firmware/images/";

/* What the envelope holds together. */
struct parts {
    struct whorl_bytes digest; /* the encoded SUIT_Digest: what is signed */
    struct whorl_bytes hash;   /* the one in it */
    struct whorl_cose cose;
    struct whorl_bytes wrapped; /* the manifest's byte string with its head: what is hashed */
    struct whorl_bytes manifest;
};

static bool read_digest(struct whorl_bytes digest, struct whorl_bytes *hash)
{
    return whorl_cbor_is_head(&digest, WHORL_CBOR_ARRAY, 2) && whorl_cbor_is_int(&digest, ALG_SHA256) &&
           whorl_cbor_is_bytes(&digest, WHORL_HASH_BYTES, hash) && digest.size == 0;
}

static bool read_envelope(struct whorl_bytes in, struct parts *out)
{
    struct whorl_bytes auth, message;
    if (in.size > WHORL_MANIFEST_MAX || !whorl_cbor_is_head(&in, WHORL_CBOR_TAG, TAG_ENVELOPE) ||
        !whorl_cbor_is_head(&in, WHORL_CBOR_MAP, 2) || !whorl_cbor_is_int(&in, ENVELOPE_AUTH) ||
        !whorl_cbor_bytes(&in, &auth) || !whorl_cbor_is_int(&in, ENVELOPE_MANIFEST)) {
        return false;
    }
    out->wrapped = in;
    return whorl_cbor_bytes(&in, &out->manifest) && in.size == 0 &&
           whorl_cbor_is_head(&auth, WHORL_CBOR_ARRAY, 2) && whorl_cbor_bytes(&auth, &out->digest) &&
           whorl_cbor_bytes(&auth, &message) && auth.size == 0 && read_digest(out->digest, &out->hash) &&
           whorl_cose_read(message, &out->cose) && out->cose.is_detached;
}

/* @param[out] signer which of the keys it was */
static enum whorl_verdict verify(const struct whorl_crypto *crypto, const struct whorl_firmware_keys *keys,
                                 const struct parts *parts, enum whorl_anchor *signer)
{
    uint8_t hash[WHORL_HASH_BYTES];
    if (whorl_sha256(crypto, parts->wrapped, hash) != WHORL_OK) {
        return WHORL_VERDICT_PORT;
    }
    if (!whorl_equal(hash, parts->hash.data, sizeof hash)) {
        return WHORL_VERDICT_DIGEST;
    }
    for (size_t i = 0; i < WHORL_ANCHOR_COUNT; i++) {
        uint8_t kid[WHORL_HASH_BYTES];
        if (whorl_cose_kid(crypto, keys->point[i], kid) != WHORL_OK) {
            return WHORL_VERDICT_PORT;
        }
        if (!whorl_equal(kid, parts->cose.kid.data, sizeof kid)) {
            continue;
        }
        *signer = (enum whorl_anchor)i;
        enum whorl_result result = whorl_cose_verify(crypto, &parts->cose, parts->digest, keys->point[i]);
        return result == WHORL_OK             ? WHORL_VERDICT_GOOD
               : result == WHORL_ERROR_ANSWER ? WHORL_VERDICT_SIGNATURE
                                              : WHORL_VERDICT_PORT;
    }
    return WHORL_VERDICT_KEY;
}

static bool is_uri_of(struct whorl_bytes uri, struct whorl_bytes digest)
{
    uint8_t named[WHORL_HASH_BYTES];
    size_t folder = sizeof uri_folder - 1;
    if (uri.size < folder || !whorl_equal(uri.data, uri_folder, folder)) {
        return false;
    }
    struct whorl_bytes hex = {uri.data + folder, uri.size - folder};
    return whorl_hex_decode(hex, named, sizeof named) && whorl_equal(named, digest.data, sizeof named);
}

/* A number that the profile leaves out where it says nothing. */
static bool read_optional(struct whorl_bytes *in, int64_t key, uint64_t *left, uint64_t *out)
{
    *out = 0;
    if (!whorl_cbor_skip_int(in, key)) {
        return true;
    }
    *left -= 1;
    return whorl_cbor_uint(in, out);
}

static bool read_parameters(struct whorl_bytes *in, struct whorl_component *out)
{
    struct whorl_bytes digest;
    uint64_t left = 0;
    if (!whorl_cbor_head(in, WHORL_CBOR_MAP, &left) || left < PARAMETERS_FIXED) {
        return false;
    }
    return whorl_cbor_is_int(in, PARAMETER_VENDOR) &&
           whorl_cbor_is_bytes(in, WHORL_UUID_BYTES, &out->vendor) &&
           whorl_cbor_is_int(in, PARAMETER_CLASS) &&
           whorl_cbor_is_bytes(in, WHORL_UUID_BYTES, &out->class_id) &&
           whorl_cbor_is_int(in, PARAMETER_DIGEST) && whorl_cbor_bytes(in, &digest) &&
           read_digest(digest, &out->digest) && whorl_cbor_is_int(in, PARAMETER_SIZE) &&
           whorl_cbor_uint(in, &out->size) && whorl_cbor_is_int(in, PARAMETER_URI) &&
           whorl_cbor_text(in, &out->uri) && is_uri_of(out->uri, out->digest) &&
           whorl_cbor_is_int(in, PARAMETER_VERSION) && whorl_cbor_text(in, &out->version) &&
           out->version.size <= WHORL_VERSION_MAX &&
           read_optional(in, PARAMETER_COUNTER, &left, &out->counter) &&
           whorl_cbor_is_int(in, PARAMETER_FORMAT) && whorl_cbor_text(in, &out->format) &&
           read_optional(in, PARAMETER_LEAST, &left, &out->least_sequence) &&
           whorl_cbor_is_int(in, PARAMETER_PART) && whorl_cbor_text(in, &out->part) &&
           out->part.size <= WHORL_PART_MAX && left == PARAMETERS_FIXED;
}

static bool is_index(struct whorl_bytes *in, size_t i)
{
    return whorl_cbor_is_int(in, DIRECTIVE_INDEX) && whorl_cbor_is_int(in, (int64_t)i);
}

/* A condition or a fetch, and what is to be reported of it. */
static bool is_command(struct whorl_bytes *in, int64_t command)
{
    return whorl_cbor_is_int(in, command) && whorl_cbor_is_int(in, REPORT_ALL);
}

static bool read_components(struct whorl_bytes *in, size_t *count)
{
    uint64_t found = 0;
    if (!whorl_cbor_head(in, WHORL_CBOR_ARRAY, &found) || found == 0 || found > WHORL_COMPONENTS_MAX) {
        return false;
    }
    for (size_t i = 0; i < (size_t)found; i++) {
        struct whorl_bytes name;
        if (!whorl_cbor_is_head(in, WHORL_CBOR_ARRAY, 1) || !whorl_cbor_is_bytes(in, 1, &name) ||
            name.data[0] != (uint8_t)('0' + i)) {
            return false;
        }
    }
    *count = (size_t)found;
    return true;
}

static bool read_common(struct whorl_bytes in, struct whorl_manifest *out)
{
    struct whorl_bytes shared;
    if (!whorl_cbor_is_head(&in, WHORL_CBOR_MAP, 2) || !whorl_cbor_is_int(&in, COMMON_COMPONENTS) ||
        !read_components(&in, &out->count) || !whorl_cbor_is_int(&in, COMMON_SHARED) ||
        !whorl_cbor_bytes(&in, &shared) || in.size != 0 ||
        !whorl_cbor_is_head(&shared, WHORL_CBOR_ARRAY, 4 * out->count + 4)) {
        return false;
    }
    for (size_t i = 0; i < out->count; i++) {
        if (!is_index(&shared, i) || !whorl_cbor_is_int(&shared, DIRECTIVE_OVERRIDE) ||
            !read_parameters(&shared, &out->component[i])) {
            return false;
        }
    }
    return is_command(&shared, CONDITION_VENDOR) && is_command(&shared, CONDITION_CLASS) && shared.size == 0;
}

/* Fetch each (where `is_fetch`), and hold each against its digest. */
static bool is_sequence(struct whorl_bytes in, size_t count, bool is_fetch)
{
    if (!whorl_cbor_is_head(&in, WHORL_CBOR_ARRAY, (is_fetch ? 6 : 4) * count)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!is_index(&in, i) || (is_fetch && !is_command(&in, DIRECTIVE_FETCH)) ||
            !is_command(&in, CONDITION_IMAGE)) {
            return false;
        }
    }
    return in.size == 0;
}

static bool read_manifest(struct whorl_bytes in, struct whorl_manifest *out)
{
    struct whorl_bytes common, validate, install;
    return whorl_cbor_is_head(&in, WHORL_CBOR_MAP, 5) && whorl_cbor_is_int(&in, MANIFEST_VERSION) &&
           whorl_cbor_is_int(&in, 1) && whorl_cbor_is_int(&in, MANIFEST_SEQUENCE) &&
           whorl_cbor_uint(&in, &out->sequence) && whorl_cbor_is_int(&in, MANIFEST_COMMON) &&
           whorl_cbor_bytes(&in, &common) && whorl_cbor_is_int(&in, MANIFEST_VALIDATE) &&
           whorl_cbor_bytes(&in, &validate) && whorl_cbor_is_int(&in, MANIFEST_INSTALL) &&
           whorl_cbor_bytes(&in, &install) && in.size == 0 && read_common(common, out) &&
           is_sequence(validate, out->count, false) && is_sequence(install, out->count, true);
}

enum whorl_verdict whorl_suit_read(const struct whorl_crypto *crypto, const struct whorl_firmware_keys *keys,
                                   struct whorl_bytes envelope, struct whorl_manifest *out)
{
    struct parts parts;
    whorl_zero(out, sizeof *out);
    whorl_zero(&parts, sizeof parts);
    if (!read_envelope(envelope, &parts)) {
        return WHORL_VERDICT_FORM;
    }
    /* the digest covers the byte string with its head, as it stands in the envelope */
    parts.wrapped.size = (size_t)(parts.manifest.data - parts.wrapped.data) + parts.manifest.size;
    enum whorl_verdict verdict = verify(crypto, keys, &parts, &out->signer);
    if (verdict == WHORL_VERDICT_GOOD && !read_manifest(parts.manifest, out)) {
        verdict = WHORL_VERDICT_FORM;
    }
    return verdict;
}
