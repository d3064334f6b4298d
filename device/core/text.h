/* Bounded text and its encodings: a writer that never runs over, hexadecimal and base64 (RFC 4648 §4). Knows
 * no JSON, no HTTP. */
#ifndef WHORL_DEVICE_CORE_TEXT_H
#define WHORL_DEVICE_CORE_TEXT_H

#include "device/core/types.h"

enum { WHORL_ID_BYTES = 32, WHORL_ID_HEX = 2 * WHORL_ID_BYTES };

/* Writes into room of the caller. Once something did not fit, is_full stays true and nothing more is written.
 */
struct whorl_text {
    struct whorl_space room;
    size_t size;
    bool is_full;
};

void whorl_text_begin(struct whorl_text *text, struct whorl_space room);
void whorl_text_bytes(struct whorl_text *text, struct whorl_bytes bytes);
void whorl_text_put(struct whorl_text *text, const char *words);
void whorl_text_number(struct whorl_text *text, uint64_t value);
void whorl_text_hex(struct whorl_text *text, struct whorl_bytes bytes);
void whorl_text_base64(struct whorl_text *text, struct whorl_bytes bytes);

/** What was written; valid as long as the room. */
struct whorl_bytes whorl_text_view(const struct whorl_text *text);

/** Lower-case hex of exactly `size` bytes. False for anything else. */
bool whorl_hex_decode(struct whorl_bytes hex, uint8_t *out, size_t size);

/** Strict base64 with padding, no white space. Decoding in place (out.data == in.data) is allowed. */
bool whorl_base64_decode(struct whorl_bytes in, struct whorl_space out, size_t *size);

/** Is `bytes` exactly these words? */
bool whorl_is(struct whorl_bytes bytes, const char *words);

/** RFC 3339 in UTC ("2026-01-02T03:04:05Z", a fraction is ignored) as Unix seconds. */
bool whorl_time_parse(struct whorl_bytes text, int64_t *out);

#endif
