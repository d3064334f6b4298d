/* Writes release manifests and statements of keys for the tests, by a CBOR writer of its own, well or with
 * one thing wrong; signs them with keys of small numbers. */
#ifndef WHORL_TESTS_UNIT_DEVICE_SUIT_FIXTURE_H
#define WHORL_TESTS_UNIT_DEVICE_SUIT_FIXTURE_H

#include "device/core/firmware_anchors.h"
#include "device/core/kdf.h"
#include "device/core/text.h"
#include "tests/unit/device/device_fixture.h"
#include "tests/unit/device/suit_twists.h"

enum { PAPER_ROOM = 8192, SIGNER_KEY = 101, SAFE_KEY = 102, NEXT_KEY = 103, NEXT_SAFE_KEY = 104 };

struct paper_component {
    uint8_t vendor[WHORL_UUID_BYTES], class_id[WHORL_UUID_BYTES];
    uint8_t digest[WHORL_HASH_BYTES];
    uint64_t size;
    const char *version, *format, *part;
    bool has_counter;
    uint64_t counter;
    uint64_t least; /* 0: absent */
};

struct paper {
    uint64_t sequence;
    struct paper_component component[WHORL_COMPONENTS_MAX + 1];
    size_t count;
    uint8_t key; /* number of the one that signs */
    enum twist twist;
    uint8_t bytes[PAPER_ROOM]; /* what was written */
    size_t size;
};

static inline void cbor_head(struct whorl_text *out, unsigned major, uint64_t value)
{
    uint8_t bytes[9] = {(uint8_t)(major << 5 | (value < 24 ? value : 0))};
    size_t size = value < 24 ? 0 : value < 256 ? 1 : value < 65536 ? 2 : value < 4294967296 ? 4 : 8;
    bytes[0] = (uint8_t)(bytes[0] | (size == 1 ? 24 : size == 2 ? 25 : size == 4 ? 26 : size == 8 ? 27 : 0));
    for (size_t i = 0; i < size; i++) {
        bytes[size - i] = (uint8_t)(value >> (8 * i));
    }
    struct whorl_bytes view = {bytes, 1 + size};
    whorl_text_bytes(out, view);
}

static inline void cbor_int(struct whorl_text *out, int64_t value)
{
    cbor_head(out, value < 0 ? 1 : 0, value < 0 ? (uint64_t)(-1 - value) : (uint64_t)value);
}

static inline void cbor_string(struct whorl_text *out, unsigned major, const void *data, size_t size)
{
    struct whorl_bytes view = {data, size};
    cbor_head(out, major, size);
    whorl_text_bytes(out, view);
}

static inline void cbor_words(struct whorl_text *out, const char *words)
{
    cbor_string(out, 3, words, strlen(words));
}

static inline void raw_byte(struct whorl_text *out, uint8_t byte)
{
    struct whorl_bytes view = {&byte, 1};
    whorl_text_bytes(out, view);
}

static inline void point_of_number(uint8_t number, uint8_t out[WHORL_POINT_BYTES])
{
    struct whorl_key key = key_of(number);
    assert_true(host_crypto.p256_public(host_crypto.context, key, out));
    host_crypto.p256_destroy(host_crypto.context, key);
}

/* A tagged COSE_Sign1 over `payload`. */
static inline void put_sign1(struct whorl_text *out, uint8_t number, const struct whorl_text *payload,
                             bool is_detached, enum twist twist)
{
    uint8_t room[PAPER_ROOM], header_room[64], kid[32], hash[32], signature[64], point[WHORL_POINT_BYTES];
    uint8_t spki[WHORL_SPKI_BYTES];
    struct whorl_text structure, header;
    struct whorl_space space = {room, sizeof room}, header_space = {header_room, sizeof header_room};
    struct whorl_bytes spki_view = {spki, sizeof spki};
    struct whorl_key key = key_of(number);
    assert_int_equal(whorl_spki_of(&host_crypto, key, spki), WHORL_OK);
    assert_int_equal(whorl_sha256(&host_crypto, spki_view, kid), WHORL_OK);
    whorl_text_begin(&header, header_space);
    cbor_head(&header, 5, 2);
    cbor_int(&header, 1);
    cbor_int(&header, twist == TWIST_ALG ? -7 : -9);
    cbor_int(&header, 4);
    cbor_string(&header, 2, kid, sizeof kid);
    whorl_text_begin(&structure, space);
    cbor_head(&structure, 4, 4);
    cbor_words(&structure, "Signature1");
    cbor_string(&structure, 2, header_room, header.size);
    cbor_string(&structure, 2, NULL, 0);
    cbor_string(&structure, 2, payload->room.data, payload->size);
    assert_int_equal(whorl_sha256(&host_crypto, whorl_text_view(&structure), hash), WHORL_OK);
    assert_true(host_crypto.p256_sign(host_crypto.context, key, hash, signature));
    host_crypto.p256_destroy(host_crypto.context, key);
    point_of_number(number, point);
    cbor_head(out, 6, 18);
    cbor_head(out, 4, 4);
    cbor_string(out, 2, header_room, header.size);
    cbor_head(out, 5, twist == TWIST_UNPROTECTED ? 1 : 0);
    if (twist == TWIST_UNPROTECTED) {
        cbor_int(out, 4);
        cbor_string(out, 2, kid, sizeof kid);
    }
    if (is_detached && twist != TWIST_INLINE_PAYLOAD) {
        raw_byte(out, 0xf6);
    } else {
        cbor_string(out, 2, payload->room.data, payload->size);
    }
    cbor_string(out, 2, signature, sizeof signature);
}

static inline void put_digest(struct whorl_text *out, const uint8_t hash[32], enum twist twist)
{
    cbor_head(out, 4, 2);
    cbor_int(out, twist == TWIST_DIGEST_ALG ? -43 : -16);
    cbor_string(out, 2, hash, 32);
}

static inline void put_parameters(struct whorl_text *out, const struct paper_component *c, enum twist twist)
{
    uint8_t room[64], text_room[128];
    struct whorl_space space = {room, sizeof room}, text_space = {text_room, sizeof text_room};
    struct whorl_bytes hash = {c->digest, 32};
    struct whorl_text digest, uri;
    size_t count = 8U + (c->has_counter ? 1U : 0U) + (c->least != 0 ? 1U : 0U);
    count += twist == TWIST_EXTRA_PARAMETER ? 1U : 0U;
    count -= twist == TWIST_NO_SIZE ? 1U : 0U;
    whorl_text_begin(&digest, space);
    put_digest(&digest, c->digest, TWIST_NONE);
    whorl_text_begin(&uri, text_space);
    whorl_text_put(&uri, "firmware/images/");
    whorl_text_hex(&uri, hash);
    text_room[20] = (uint8_t)(text_room[20] ^ (twist == TWIST_URI ? 1 : 0));
    cbor_head(out, 5, count);
    if (twist == TWIST_PARAMETER_ORDER) {
        cbor_int(out, 2);
        cbor_string(out, 2, c->class_id, 16);
    }
    cbor_int(out, 1);
    cbor_string(out, 2, c->vendor, 16);
    if (twist != TWIST_PARAMETER_ORDER) {
        cbor_int(out, 2);
        cbor_string(out, 2, c->class_id, 16);
    }
    cbor_int(out, 3);
    cbor_string(out, 2, room, digest.size);
    if (twist != TWIST_NO_SIZE) {
        cbor_int(out, 14);
        cbor_head(out, 0, c->size);
    }
    cbor_int(out, 21);
    cbor_string(out, 3, text_room, uri.size);
    cbor_int(out, -257);
    cbor_words(out, twist == TWIST_CONTROL_TEXT ? "1\n2"
                    : twist == TWIST_BAD_UTF8   ? "1\xc0\x80"
                                                : c->version);
    if (c->has_counter) {
        cbor_int(out, -258);
        cbor_head(out, 0, c->counter);
    }
    cbor_int(out, -259);
    cbor_words(out, c->format);
    if (c->least != 0) {
        cbor_int(out, -260);
        cbor_head(out, 0, c->least);
    }
    cbor_int(out, -261);
    cbor_words(out, c->part);
    if (twist == TWIST_EXTRA_PARAMETER) {
        cbor_int(out, -262);
        cbor_int(out, 0);
    }
}

static inline void put_pair(struct whorl_text *out, int64_t command, int64_t argument)
{
    cbor_int(out, command);
    cbor_int(out, argument);
}

static inline void put_shared(struct whorl_text *out, const struct paper *paper)
{
    cbor_head(out, 4, 4 * paper->count + (paper->twist == TWIST_NO_CLASS_CHECK ? 2 : 4));
    for (size_t i = 0; i < paper->count; i++) {
        put_pair(out, 12, (int64_t)i);
        cbor_int(out, 20);
        put_parameters(out, &paper->component[i], paper->twist);
    }
    put_pair(out, 1, paper->twist == TWIST_REPORT ? 0 : 15);
    if (paper->twist != TWIST_NO_CLASS_CHECK) {
        put_pair(out, 2, 15);
    }
    if (paper->twist == TWIST_BEHIND_SHARED) {
        cbor_int(out, 0);
    }
}

static inline void put_common(struct whorl_text *out, const struct paper *paper)
{
    uint8_t room[PAPER_ROOM];
    struct whorl_space space = {room, sizeof room};
    struct whorl_text shared;
    cbor_head(out, 5, 2);
    cbor_int(out, 2);
    cbor_head(out, 4, paper->count);
    for (size_t i = 0; i < paper->count; i++) {
        uint8_t name = (uint8_t)('0' + i + (paper->twist == TWIST_COMPONENT_NAME ? 1 : 0));
        cbor_head(out, 4, 1);
        cbor_string(out, 2, &name, 1);
    }
    cbor_int(out, 4);
    whorl_text_begin(&shared, space);
    put_shared(&shared, paper);
    cbor_string(out, 2, room, shared.size);
    if (paper->twist == TWIST_BEHIND_COMMON) {
        cbor_int(out, 0);
    }
}

static inline void put_sequence(struct whorl_text *out, const struct paper *paper, bool is_install)
{
    uint8_t room[512];
    struct whorl_space space = {room, sizeof room};
    struct whorl_text sequence;
    bool is_short = is_install && paper->twist == TWIST_INSTALL_FIRST_OF;
    bool is_unchecked = paper->twist == TWIST_NO_IMAGE_MATCH;
    size_t count = paper->count - (is_short ? 1 : 0);
    whorl_text_begin(&sequence, space);
    cbor_head(&sequence, 4, count * ((is_install ? 6 : 4) - (is_unchecked ? 2U : 0U)));
    for (size_t i = 0; i < count; i++) {
        put_pair(&sequence, 12, (int64_t)i);
        if (is_install) {
            put_pair(&sequence, 21, 15);
        }
        if (!is_unchecked) {
            put_pair(&sequence, 3, 15);
        }
    }
    cbor_int(out, is_install ? 20 : 7);
    cbor_string(out, 2, room, sequence.size);
}

static inline void put_manifest(struct whorl_text *out, const struct paper *paper)
{
    uint8_t room[PAPER_ROOM];
    struct whorl_space space = {room, sizeof room};
    struct whorl_text common;
    cbor_head(out, 5, paper->twist == TWIST_NO_VALIDATE ? 4 : 5);
    put_pair(out, 1, paper->twist == TWIST_MANIFEST_VERSION ? 2 : 1);
    cbor_int(out, 2);
    cbor_head(out, 0, paper->sequence);
    cbor_int(out, 3);
    whorl_text_begin(&common, space);
    put_common(&common, paper);
    cbor_string(out, 2, room, common.size);
    if (paper->twist == TWIST_KEY_ORDER) {
        put_sequence(out, paper, true);
    }
    if (paper->twist != TWIST_NO_VALIDATE) {
        put_sequence(out, paper, false);
    }
    if (paper->twist != TWIST_KEY_ORDER) {
        put_sequence(out, paper, true);
    }
    if (paper->twist == TWIST_BEHIND_MANIFEST) {
        cbor_int(out, 0);
    }
}

/* The whole envelope, into the paper itself. */
static inline struct whorl_bytes write_envelope(struct paper *paper)
{
    uint8_t manifest_room[PAPER_ROOM], wrapped_room[PAPER_ROOM], digest_room[64], sign_room[512],
        auth_room[2048];
    struct whorl_space manifest_space = {manifest_room, sizeof manifest_room};
    struct whorl_space wrapped_space = {wrapped_room, sizeof wrapped_room};
    struct whorl_space digest_space = {digest_room, sizeof digest_room};
    struct whorl_space sign_space = {sign_room, sizeof sign_room};
    struct whorl_space auth_space = {auth_room, sizeof auth_room};
    struct whorl_space out_space = {paper->bytes, sizeof paper->bytes};
    struct whorl_text manifest, wrapped, digest, message, auth, out;
    uint8_t hash[32];
    whorl_text_begin(&manifest, manifest_space);
    put_manifest(&manifest, paper);
    whorl_text_begin(&wrapped, wrapped_space);
    cbor_string(&wrapped, 2, manifest_room, manifest.size);
    assert_int_equal(whorl_sha256(&host_crypto, whorl_text_view(&wrapped), hash), WHORL_OK);
    whorl_text_begin(&digest, digest_space);
    put_digest(&digest, hash, paper->twist);
    whorl_text_begin(&message, sign_space);
    put_sign1(&message, paper->key, &digest, true, paper->twist);
    if (paper->twist == TWIST_BEHIND_MESSAGE) {
        cbor_int(&message, 0);
    }
    whorl_text_begin(&auth, auth_space);
    cbor_head(&auth, 4, paper->twist == TWIST_SECOND_SIGNATURE ? 3 : 2);
    cbor_string(&auth, 2, digest_room, digest.size);
    cbor_string(&auth, 2, sign_room, message.size);
    if (paper->twist == TWIST_SECOND_SIGNATURE) {
        cbor_string(&auth, 2, sign_room, message.size);
    }
    if (paper->twist == TWIST_BEHIND_AUTH) {
        cbor_int(&auth, 0);
    }
    whorl_text_begin(&out, out_space);
    cbor_head(&out, 6, paper->twist == TWIST_TAG ? 108 : 107);
    cbor_head(&out, 5, paper->twist == TWIST_THIRD_MEMBER ? 3 : 2);
    cbor_int(&out, 2);
    if (paper->twist == TWIST_LONG_HEAD) {
        raw_byte(&out, 0x5a); /* four bytes of length where two do */
        raw_byte(&out, 0);
        raw_byte(&out, 0);
        raw_byte(&out, (uint8_t)(auth.size >> 8));
        raw_byte(&out, (uint8_t)auth.size);
        whorl_text_bytes(&out, whorl_text_view(&auth));
    } else {
        cbor_string(&out, 2, auth_room, auth.size);
    }
    cbor_int(&out, 3);
    whorl_text_bytes(&out, whorl_text_view(&wrapped));
    if (paper->twist == TWIST_THIRD_MEMBER) {
        put_pair(&out, 23, 0);
    }
    if (paper->twist == TWIST_BEHIND) {
        cbor_int(&out, 0);
    }
    assert_false(out.is_full || manifest.is_full || wrapped.is_full || auth.is_full || message.is_full);
    paper->size = out.size;
    return whorl_text_view(&out);
}

/* Vendor 0x11…, product 0x22…, hardware 0x33…. */
static inline struct whorl_firmware_class own_class(void)
{
    struct whorl_firmware_class own = {.count = 2};
    memset(own.vendor, 0x11, sizeof own.vendor);
    memset(own.id[0], 0x22, sizeof own.id[0]);
    memset(own.id[1], 0x33, sizeof own.id[1]);
    return own;
}

static inline struct whorl_firmware_keys keys_of(uint8_t signing, uint8_t recovery, uint64_t sequence)
{
    struct whorl_firmware_keys keys = {.sequence = sequence};
    point_of_number(signing, keys.point[WHORL_ANCHOR_SIGNING]);
    point_of_number(recovery, keys.point[WHORL_ANCHOR_RECOVERY]);
    return keys;
}

/* A release of so many images, for the product above. */
static inline void paper_init(struct paper *paper, uint64_t sequence, size_t count)
{
    static const char *const parts[] = {"", "radio", "c", "d", "e", "f", "g", "h", "i"};
    memset(paper, 0, sizeof *paper);
    paper->sequence = sequence;
    paper->count = count;
    paper->key = SIGNER_KEY;
    for (size_t i = 0; i < count; i++) {
        struct paper_component *c = &paper->component[i];
        memset(c->vendor, 0x11, sizeof c->vendor);
        memset(c->class_id, 0x22, sizeof c->class_id);
        memset(c->digest, (int)(0x40 + i), sizeof c->digest);
        c->size = 1000 + i;
        c->version = "1.2.3";
        c->format = "raw";
        c->part = parts[i];
    }
}

#endif
