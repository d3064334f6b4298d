/* Text encodings: hex, base64 (RFC 4648 §4), times (RFC 3339, UTC), UUIDs. Strict unless a name says
 * otherwise. */
#ifndef WHORL_BASE_ENCODING_H
#define WHORL_BASE_ENCODING_H

#include <stdint.h>

#include "base/bytes.h"

/** Lower-case hex; `out` has 2·n + 1 bytes. @thread any */
void hex_encode(struct bytes in, char *out);
err_t hex_append(struct buf *out, struct bytes in);
/** Exactly `size` bytes from exactly 2·size LOWER-case hex characters. @errors ERR_BAD_ENCODING */
err_t hex_decode(struct bytes text, uint8_t *out, size_t size);

/** Standard alphabet with padding, on one line. */
err_t base64_append(struct buf *out, struct bytes in);
/** Tolerates CR, LF, space and tab anywhere (RFC 8951 §3), refuses every other byte, bad padding and non-zero
 * spare bits.
 *  @errors ERR_BAD_ENCODING with the offset in the detail */
err_t base64_decode_lenient(struct bytes text, struct buf *out);
/** No white space at all. */
err_t base64_decode(struct bytes text, struct buf *out);
/** URL-safe alphabet, no padding, nothing else (RFC 7515 §2). @errors ERR_BAD_ENCODING */
err_t base64url_decode(struct bytes text, struct buf *out);

/** "2026-11-22T17:40:39Z"; `out` has 32 bytes. @param at_ms Unix milliseconds */
void time_format(int64_t at_ms, char out[32]);
/** RFC 3339 with `Z` or an offset; fractions are allowed. @errors ERR_BAD_ENCODING */
err_t time_parse(struct bytes text, int64_t *out_ms);
/** IMF-fixdate for HTTP headers (RFC 9110 §5.6.7); `out` has 32 bytes. */
void time_format_http(int64_t at_ms, char out[32]);

/* RFC 9562 UUID, version 7 when made here: 48 bits of Unix milliseconds, then random. */
struct uuid {
    uint8_t b[16];
};
enum { UUID_TEXT_SIZE = 37 };
void uuid_format(struct uuid id, char out[UUID_TEXT_SIZE]);
err_t uuid_parse(struct bytes text, struct uuid *out);
bool uuid_equal(struct uuid a, struct uuid b);

#endif
