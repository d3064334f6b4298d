/* Microchip's Trust Platform manifest: a JSON array of JWS in flattened form (RFC 7515 §7.2.2), one chip
 * each, signed with ES256 by a pinned signer. What is not signed, or not by such a signer, makes the whole
 * manifest worthless. The certificates inside (x5c) are not read: the signature covers the keys themselves.
 */
#include <string.h>

#include "fleet/handover_internal.h"
#include "fleet/manifest_signers.h"
#include "pki/jws.h"

enum { COORDINATE_SIZE = 32, UNIQUE_ID_MAX = SERIAL_TEXT_SIZE - 1 };

/* SubjectPublicKeyInfo of a P-256 key up to its coordinates: id-ecPublicKey, prime256v1, 66 bits' bytes, 0x04
 * (RFC 5480). */
static const uint8_t p256_head[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                                    0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
                                    0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};

/* Everything of one entry; texts are borrowed from the two documents. */
struct entry {
    json_t *list, *header_document, *payload_document;
    const char *payload, *protected_text, *signature, *outer_id;
    json_t *outer;
    struct buf spki;
    int64_t version;
    const char *unique_id, *part_number;
    json_t *key_set, *keys;
};

static void entry_clear(struct entry *entry)
{
    json_decref(entry->list);
    json_decref(entry->header_document);
    json_decref(entry->payload_document);
    buf_clear(&entry->spki);
}
DEFINE_AUTO_VAL(entry, entry_clear);

#define TEXT_FIELD(type, json_name, member, required, most)                                                  \
    {                                                                                                        \
        (json_name), JSON_KIND_TEXT, (required), offsetof(struct type, member), 1, (most), JSON_NO_HAS       \
    }

static err_t read_flattened(struct entry *entry)
{
    static const struct json_field outer[] = {
        TEXT_FIELD(entry, "payload", payload, true, 0),
        TEXT_FIELD(entry, "protected", protected_text, true, 0),
        TEXT_FIELD(entry, "signature", signature, true, 0),
        {"header", JSON_KIND_OBJECT, true, offsetof(struct entry, outer), 0, 0, JSON_NO_HAS},
    };
    static const struct json_field header[] = {TEXT_FIELD(entry, "uniqueId", outer_id, true, UNIQUE_ID_MAX)};
    const json_t *value = json_array_get(entry->list, 0);
    ENSURE(json_is_object(value), ERR_UNPROCESSABLE, "an entry is a signed object");
    TRY(json_read(value, outer, sizeof outer / sizeof outer[0], false, entry));
    return json_read(entry->outer, header, 1, false, entry);
}

static err_t decode_json(const char *text, json_t **out)
{
    AUTO_VAL(buf) decoded = {0};
    TRY(base64url_decode(bytes_str(text), &decoded));
    TRY(json_parse(buf_view(&decoded), HANDOVER_PIECE_MAX, out));
    ENSURE(json_is_object(*out), ERR_UNPROCESSABLE, "an object is needed");
    return OK;
}

/* The protected header names the algorithm and the signer; both are pinned here, neither is believed. */
static err_t find_signer(const struct handover *handover, struct entry *entry, struct bytes *spki)
{
    struct names {
        const char *alg, *kid, *fingerprint;
    } names = {NULL, NULL, NULL};
    static const struct json_field fields[] = {
        TEXT_FIELD(names, "alg", alg, true, 16),
        TEXT_FIELD(names, "kid", kid, true, 64),
        TEXT_FIELD(names, "x5t#S256", fingerprint, true, 64),
    };
    AUTO_VAL(buf) fingerprint = {0};
    AUTO_VAL(buf) key_id = {0};
    TRY(decode_json(entry->protected_text, &entry->header_document));
    TRY(json_read(entry->header_document, fields, 3, false, &names));
    ENSURE(strcmp(names.alg, "ES256") == 0, ERR_UNPROCESSABLE, "'alg' is not ES256");
    ENSURE(json_object_get(entry->header_document, "crit") == NULL, ERR_UNPROCESSABLE,
           "'crit' names what is not known here");
    TRY(base64url_decode(bytes_str(names.fingerprint), &fingerprint));
    TRY(base64url_decode(bytes_str(names.kid), &key_id));
    return manifest_signers_find(handover->options.signers, buf_view(&fingerprint), buf_view(&key_id), spki);
}

static err_t read_payload(struct entry *entry)
{
    static const struct json_field fields[] = {
        {"version", JSON_KIND_INTEGER, true, offsetof(struct entry, version), 1, 1000, JSON_NO_HAS},
        TEXT_FIELD(entry, "uniqueId", unique_id, true, UNIQUE_ID_MAX),
        TEXT_FIELD(entry, "partNumber", part_number, false, 0),
        {"publicKeySet", JSON_KIND_OBJECT, false, offsetof(struct entry, key_set), 0, 0, JSON_NO_HAS},
    };
    TRY(decode_json(entry->payload, &entry->payload_document));
    TRY(json_read(entry->payload_document, fields, sizeof fields / sizeof fields[0], false, entry));
    ENSURE(strcmp(entry->unique_id, entry->outer_id) == 0, ERR_UNPROCESSABLE,
           "'uniqueId' of the header is not the one that is signed");
    return OK;
}

/* Signature first: of a manifest that is not genuine nothing else is worth a word. */
static err_t verify(const struct handover *handover, struct entry *entry)
{
    struct bytes signer = BYTES_NONE;
    TRY(read_flattened(entry));
    TRY(find_signer(handover, entry, &signer));
    err_t error = jws_verify_es256(signer, bytes_str(entry->protected_text), bytes_str(entry->payload),
                                   bytes_str(entry->signature));
    ENSURE(error.code != ERR_POP_FAILED, ERR_UNPROCESSABLE, "the signature does not hold");
    TRY(error);
    return read_payload(entry);
}

/* Some writers drop leading zero bytes of a coordinate. */
static err_t append_coordinate(const char *text, struct buf *out)
{
    static const uint8_t zeros[COORDINATE_SIZE] = {0};
    AUTO_VAL(buf) value = {0};
    TRY(base64url_decode(bytes_str(text), &value));
    ENSURE(value.n >= 1 && value.n <= COORDINATE_SIZE, ERR_UNPROCESSABLE,
           "a coordinate of P-256 has 32 bytes, not %zu", value.n);
    TRY(buf_append(out, zeros, COORDINATE_SIZE - value.n));
    return buf_append_bytes(out, buf_view(&value));
}

struct public_key {
    const char *kid, *kty, *crv, *x, *y;
};

static err_t read_key(const json_t *value, struct buf *spki)
{
    struct public_key key = {NULL, NULL, NULL, NULL, NULL};
    static const struct json_field fields[] = {
        TEXT_FIELD(public_key, "kty", kty, true, 8),
        TEXT_FIELD(public_key, "crv", crv, false, 16),
        TEXT_FIELD(public_key, "x", x, false, 64),
        TEXT_FIELD(public_key, "y", y, false, 64),
    };
    TRY(json_read(value, fields, sizeof fields / sizeof fields[0], false, &key));
    bool is_p256 = strcmp(key.kty, "EC") == 0 && key.crv != NULL && strcmp(key.crv, "P-256") == 0;
    ENSURE(is_p256 && key.x != NULL && key.y != NULL, ERR_UNPROCESSABLE,
           "the key is not of P-256: only such are taken from manifests");
    TRY(buf_append(spki, p256_head, sizeof p256_head));
    TRY(append_coordinate(key.x, spki));
    return append_coordinate(key.y, spki);
}

static bool has_private_key(const json_t *keys)
{
    for (size_t i = 0; i < json_array_size(keys); i++) {
        if (json_object_get(json_array_get(keys, i), "d") != NULL) {
            return true;
        }
    }
    return false;
}

static const json_t *find_key(const json_t *keys, const char *slot)
{
    for (size_t i = 0; slot != NULL && i < json_array_size(keys); i++) {
        const char *kid = json_string_value(json_object_get(json_array_get(keys, i), "kid"));
        if (kid != NULL && strcmp(kid, slot) == 0) {
            return json_array_get(keys, i);
        }
    }
    return slot == NULL ? json_array_get(keys, 0) : NULL;
}

/* What a genuine entry says of its chip; version 2 ("Lite") has no keys at all. */
static err_t choose_key(const struct handover *handover, struct entry *entry)
{
    static const struct json_field fields[] = {
        {"keys", JSON_KIND_ARRAY, true, offsetof(struct entry, keys), 0, 0, JSON_NO_HAS}};
    ENSURE(entry->version <= 3, ERR_UNPROCESSABLE, "version %lld is not known (1, 2 and 3 are)",
           (long long)entry->version);
    ENSURE(entry->version != 2, ERR_UNPROCESSABLE,
           "version 2 of the manifest holds no key, so the device's id cannot be known");
    ENSURE(entry->key_set != NULL, ERR_UNPROCESSABLE, "the entry has no publicKeySet");
    TRY(json_read(entry->key_set, fields, 1, false, entry));
    const json_t *key = find_key(entry->keys, handover->options.slot);
    ENSURE(key != NULL, ERR_UNPROCESSABLE, "the entry has no key in that slot");
    ENSURE(json_is_object(key), ERR_UNPROCESSABLE, "a key is an object");
    return read_key(key, &entry->spki);
}

static err_t judge(const struct handover *handover, struct entry *entry, struct handover_item *item)
{
    err_t error = verify(handover, entry);
    item->is_fatal = error.code != ERR_OK;
    if (entry->outer_id != NULL) {
        item->device.serial = bytes_str(entry->outer_id);
    }
    TRY(error);
    item->is_signed = true;
    if (entry->part_number != NULL) {
        item->device.model = bytes_str(entry->part_number);
    }
    error = choose_key(handover, entry);
    item->device.spki = buf_view(&entry->spki);
    return error;
}

static err_t on_text(struct handover *handover, uint64_t number, struct bytes text)
{
    AUTO_VAL(entry) entry = {.list = NULL};
    struct handover_item item = {.line = number};
    TRY(json_element_parse(text, number, &entry.list));
    err_t error = judge(handover, &entry, &item);
    ENSURE(!has_private_key(entry.keys), ERR_UNPROCESSABLE,
           "entry %llu holds a private key: nothing of it was kept; treat that key as disclosed",
           (unsigned long long)number);
    return handover_give(handover, &item, error);
}

const struct handover_kind handover_microchip = {
    .name = "microchip", .cut = CUT_JSON, .before = "[", .behind = "", .on_text = on_text};
