/* Statements of keys, and the record that holds the pair. The record is replaced in one write, so a power cut
 * leaves the old pair or the new one. */
#include "device/core/firmware_anchors.h"

#include "device/core/cose.h"
#include "device/core/text.h"

enum { RECORD_VERSION = 1, STATEMENT_FIELDS = 6, STATEMENT_VERSION = 1, UNCOMPRESSED = 4 };

static bool read_point(struct whorl_bytes *in, uint8_t out[WHORL_POINT_BYTES])
{
    struct whorl_bytes point;
    if (!whorl_cbor_is_bytes(in, WHORL_POINT_BYTES, &point) || point.data[0] != UNCOMPRESSED) {
        return false;
    }
    whorl_copy(out, point.data, WHORL_POINT_BYTES);
    return true;
}

/* ["whorl-anchors", 1, class, sequence, signing key, recovery key] */
static bool read_payload(struct whorl_bytes in, struct whorl_bytes *product, struct whorl_firmware_keys *out)
{
    struct whorl_bytes kind;
    return whorl_cbor_is_head(&in, WHORL_CBOR_ARRAY, STATEMENT_FIELDS) && whorl_cbor_text(&in, &kind) &&
           whorl_is(kind, "whorl-anchors") && whorl_cbor_is_int(&in, STATEMENT_VERSION) &&
           whorl_cbor_is_bytes(&in, WHORL_UUID_BYTES, product) && whorl_cbor_uint(&in, &out->sequence) &&
           read_point(&in, out->point[WHORL_ANCHOR_SIGNING]) &&
           read_point(&in, out->point[WHORL_ANCHOR_RECOVERY]) && in.size == 0;
}

enum whorl_verdict whorl_statement_read(const struct whorl_crypto *crypto,
                                        const struct whorl_firmware_keys *in_force,
                                        const uint8_t product[WHORL_UUID_BYTES], struct whorl_bytes statement,
                                        struct whorl_firmware_keys *out)
{
    const uint8_t *recovery = in_force->point[WHORL_ANCHOR_RECOVERY];
    struct whorl_cose cose;
    struct whorl_bytes named;
    uint8_t kid[WHORL_HASH_BYTES];
    whorl_zero(out, sizeof *out);
    if (statement.size > WHORL_STATEMENT_MAX || !whorl_cose_read(statement, &cose) || cose.is_detached) {
        return WHORL_VERDICT_FORM;
    }
    if (whorl_cose_kid(crypto, recovery, kid) != WHORL_OK) {
        return WHORL_VERDICT_PORT;
    }
    if (!whorl_equal(kid, cose.kid.data, sizeof kid)) {
        return WHORL_VERDICT_KEY;
    }
    enum whorl_result result = whorl_cose_verify(crypto, &cose, cose.payload, recovery);
    if (result != WHORL_OK) {
        return result == WHORL_ERROR_ANSWER ? WHORL_VERDICT_SIGNATURE : WHORL_VERDICT_PORT;
    }
    if (!read_payload(cose.payload, &named, out)) {
        return WHORL_VERDICT_FORM;
    }
    if (!whorl_equal(named.data, product, WHORL_UUID_BYTES)) {
        return WHORL_VERDICT_CLASS;
    }
    return out->sequence > in_force->sequence ? WHORL_VERDICT_GOOD : WHORL_VERDICT_SEQUENCE;
}

/* Record: version, class of the product, sequence, two points. */
enum whorl_result whorl_manifest_keys_load(const struct whorl_storage *storage,
                                           const struct whorl_firmware_class *own,
                                           const struct whorl_firmware_keys *firmware,
                                           struct whorl_firmware_keys *out)
{
    uint8_t record[WHORL_MANIFEST_KEYS_BYTES];
    struct whorl_space room = {record, sizeof record};
    size_t size = 0;
    whorl_copy(out, firmware, sizeof *out);
    enum whorl_result result = storage->read(storage->context, WHORL_RECORD_MANIFEST_KEYS, room, &size);
    if (result == WHORL_ERROR_NOT_AVAILABLE) {
        return WHORL_OK;
    }
    const uint8_t *points = record + 1 + WHORL_UUID_BYTES + 8;
    if (result != WHORL_OK || size != sizeof record || record[0] != RECORD_VERSION ||
        points[0] != UNCOMPRESSED || points[WHORL_POINT_BYTES] != UNCOMPRESSED) {
        return WHORL_ERROR_STORAGE;
    }
    uint64_t sequence = whorl_get_u64(record + 1 + WHORL_UUID_BYTES);
    if (!whorl_equal(record + 1, own->id[0], WHORL_UUID_BYTES) || sequence <= firmware->sequence) {
        return WHORL_OK;
    }
    out->sequence = sequence;
    whorl_copy(out->point, points, sizeof out->point);
    return WHORL_OK;
}

enum whorl_result whorl_manifest_keys_save(const struct whorl_storage *storage,
                                           const struct whorl_firmware_class *own,
                                           const struct whorl_firmware_keys *keys)
{
    uint8_t record[WHORL_MANIFEST_KEYS_BYTES];
    struct whorl_bytes bytes = {record, sizeof record};
    record[0] = RECORD_VERSION;
    whorl_copy(record + 1, own->id[0], WHORL_UUID_BYTES);
    whorl_put_u64(record + 1 + WHORL_UUID_BYTES, keys->sequence);
    whorl_copy(record + 1 + WHORL_UUID_BYTES + 8, keys->point, sizeof keys->point);
    return storage->write(storage->context, WHORL_RECORD_MANIFEST_KEYS, bytes);
}
