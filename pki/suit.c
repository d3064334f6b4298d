/* Writing the release manifest. The numbers are those of draft-ietf-suit-manifest; those below -256 are of
 * this profile alone. Reading is in suit_read.c. */
#include "pki/suit.h"

#include <stdio.h>
#include <string.h>

#include "pki/cbor_items.h"
#include "pki/suit_words.h"

/* RFC 9562 §6.6 */
static const struct uuid namespace_dns = {
    {0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8}};

err_t suit_vendor_of(const char *tenant, struct uuid *out)
{
    return uuid_of_name(namespace_dns, bytes_str(tenant), out);
}

err_t suit_class_of(struct uuid vendor, const char *product, const char *class, struct uuid *out)
{
    AUTO_VAL(buf) name = {0};
    TRY(buf_printf(&name, "%s%s%s", product, class[0] == '\0' ? "" : "/", class));
    return uuid_of_name(vendor, buf_view(&name), out);
}

/* --- parts -------------------------------------------------------------------------------------------- */

static err_t write_digest(const struct sha256 *digest, struct buf *out)
{
    struct cbor_writer w = cbor_writer(out);
    cbor_put_array(&w, 2);
    cbor_put_int(&w, SUIT_SHA256);
    cbor_put_bytes(&w, BYTES_OF(digest->b));
    return cbor_finish(&w);
}

/* suit-parameters of one component; keys in the order of their encodings (RFC 8949 §4.2.1). */
static err_t write_parameters(const struct suit_manifest *manifest, const struct suit_component *component,
                              struct buf *out)
{
    char uri[SUIT_URI_SIZE];
    AUTO_VAL(buf) digest = {0};
    struct cbor_writer w = cbor_writer(out);
    bool has_counter = component->counter >= 0, has_least = manifest->min_sequence > 0;
    TRY(write_digest(&component->digest, &digest));
    suit_uri_of(&component->digest, uri);
    cbor_put_map(&w, 8 + (has_counter ? 1U : 0U) + (has_least ? 1U : 0U));
    cbor_put_int(&w, SUIT_VENDOR);
    cbor_put_bytes(&w, BYTES_OF(manifest->vendor.b));
    cbor_put_int(&w, SUIT_CLASS);
    cbor_put_bytes(&w, BYTES_OF(manifest->class.b));
    cbor_put_int(&w, SUIT_IMAGE_DIGEST);
    cbor_put_bytes(&w, buf_view(&digest));
    cbor_put_int(&w, SUIT_IMAGE_SIZE);
    cbor_put_int(&w, component->size);
    cbor_put_int(&w, SUIT_URI);
    cbor_put_text(&w, uri);
    cbor_put_int(&w, SUIT_VERSION);
    cbor_put_text(&w, component->version);
    if (has_counter) {
        cbor_put_int(&w, SUIT_COUNTER);
        cbor_put_int(&w, component->counter);
    }
    cbor_put_int(&w, SUIT_FORMAT);
    cbor_put_text(&w, component->format);
    if (has_least) {
        cbor_put_int(&w, SUIT_MIN_SEQUENCE);
        cbor_put_int(&w, manifest->min_sequence);
    }
    cbor_put_int(&w, SUIT_PART);
    cbor_put_text(&w, component->part);
    return cbor_finish(&w);
}

/* A command and its argument; conditions report to the policy SUIT_REPORT_ALL. */
static void put_command(struct cbor_writer *w, int64_t command, int64_t argument)
{
    cbor_put_int(w, command);
    cbor_put_int(w, argument);
}

static err_t write_shared(const struct suit_manifest *manifest, struct buf *out)
{
    struct cbor_writer w = cbor_writer(out);
    cbor_put_array(&w, 4 * manifest->count + 4);
    for (size_t i = 0; i < manifest->count; i++) {
        AUTO_VAL(buf) parameters = {0};
        put_command(&w, SUIT_SET_COMPONENT, (int64_t)i);
        cbor_put_int(&w, SUIT_OVERRIDE_PARAMETERS);
        TRY(cbor_finish(&w));
        TRY(write_parameters(manifest, &manifest->components[i], &parameters));
        TRY(buf_append_bytes(out, buf_view(&parameters)));
    }
    put_command(&w, SUIT_CONDITION_VENDOR, SUIT_REPORT_ALL);
    put_command(&w, SUIT_CONDITION_CLASS, SUIT_REPORT_ALL);
    return cbor_finish(&w);
}

static err_t write_common(const struct suit_manifest *manifest, struct buf *out)
{
    AUTO_VAL(buf) shared = {0};
    struct cbor_writer w = cbor_writer(out);
    TRY(write_shared(manifest, &shared));
    cbor_put_map(&w, 2);
    cbor_put_int(&w, SUIT_COMPONENTS);
    cbor_put_array(&w, manifest->count);
    for (size_t i = 0; i < manifest->count; i++) {
        uint8_t place = (uint8_t)('0' + i);
        cbor_put_array(&w, 1);
        cbor_put_bytes(&w, (struct bytes){&place, 1});
    }
    cbor_put_int(&w, SUIT_SHARED);
    cbor_put_bytes(&w, buf_view(&shared));
    return cbor_finish(&w);
}

/* For each component: its digest holds; before, where `is_fetched`, its bytes are fetched. */
static err_t write_steps(size_t count, bool is_fetched, struct buf *out)
{
    struct cbor_writer w = cbor_writer(out);
    cbor_put_array(&w, (is_fetched ? 6U : 4U) * count);
    for (size_t i = 0; i < count; i++) {
        put_command(&w, SUIT_SET_COMPONENT, (int64_t)i);
        if (is_fetched) {
            put_command(&w, SUIT_FETCH, SUIT_REPORT_ALL);
        }
        put_command(&w, SUIT_CONDITION_IMAGE, SUIT_REPORT_ALL);
    }
    return cbor_finish(&w);
}

/* --- the whole ---------------------------------------------------------------------------------------- */

err_t suit_manifest_write(const struct suit_manifest *manifest, struct buf *out)
{
    AUTO_VAL(buf) common = {0};
    AUTO_VAL(buf) validate = {0};
    AUTO_VAL(buf) install = {0};
    struct cbor_writer w = cbor_writer(out);
    ENSURE(manifest->count >= 1 && manifest->count <= SUIT_COMPONENTS_MAX, ERR_UNPROCESSABLE,
           "a manifest has 1 to %d images", SUIT_COMPONENTS_MAX);
    TRY(write_common(manifest, &common));
    TRY(write_steps(manifest->count, false, &validate));
    TRY(write_steps(manifest->count, true, &install));
    cbor_put_map(&w, 5);
    cbor_put_int(&w, SUIT_MANIFEST_VERSION);
    cbor_put_int(&w, 1);
    cbor_put_int(&w, SUIT_SEQUENCE);
    cbor_put_int(&w, manifest->sequence);
    cbor_put_int(&w, SUIT_COMMON);
    cbor_put_bytes(&w, buf_view(&common));
    cbor_put_int(&w, SUIT_VALIDATE);
    cbor_put_bytes(&w, buf_view(&validate));
    cbor_put_int(&w, SUIT_INSTALL);
    cbor_put_bytes(&w, buf_view(&install));
    return cbor_finish(&w);
}

err_t suit_digest_write(struct bytes manifest, struct buf *payload)
{
    AUTO_VAL(buf) wrapped = {0};
    struct sha256 digest;
    struct cbor_writer w = cbor_writer(&wrapped);
    cbor_put_bytes(&w, manifest); /* the digest is over the byte string with its head */
    TRY(cbor_finish(&w));
    TRY(sha256_of(buf_view(&wrapped), &digest));
    return write_digest(&digest, payload);
}

static err_t write_authentication(struct bytes payload, const struct cose_sign1 *signature, struct buf *out)
{
    AUTO_VAL(buf) block = {0};
    struct cbor_writer w = cbor_writer(out);
    TRY(cose_sign1_write(signature, &block));
    cbor_put_array(&w, 2);
    cbor_put_bytes(&w, payload);
    cbor_put_bytes(&w, buf_view(&block));
    return cbor_finish(&w);
}

err_t suit_envelope_write(struct bytes manifest, const struct sha256 *kid,
                          const uint8_t signature[COSE_SIGNATURE_SIZE], struct buf *out)
{
    AUTO_VAL(buf) payload = {0};
    AUTO_VAL(buf) authentication = {0};
    struct cose_sign1 message = {.kid = *kid, .is_detached = true};
    struct cbor_writer w = cbor_writer(out);
    size_t before = out->n;
    memcpy(message.signature, signature, sizeof message.signature);
    TRY(suit_digest_write(manifest, &payload));
    TRY(write_authentication(buf_view(&payload), &message, &authentication));
    cbor_put_tag(&w, SUIT_TAG_ENVELOPE);
    cbor_put_map(&w, 2);
    cbor_put_int(&w, SUIT_AUTHENTICATION);
    cbor_put_bytes(&w, buf_view(&authentication));
    cbor_put_int(&w, SUIT_MANIFEST);
    cbor_put_bytes(&w, manifest);
    TRY(cbor_finish(&w));
    ENSURE(out->n - before <= SUIT_ENVELOPE_MAX, ERR_TOO_LARGE, "a release manifest has %d bytes at most",
           SUIT_ENVELOPE_MAX);
    return OK;
}
