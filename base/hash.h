/* SHA-256, HMAC and HKDF over OpenSSL, other digests for what asks for them, and random bytes. With
 * base/random.c the only OpenSSL in base/. */
#ifndef WHORL_BASE_HASH_H
#define WHORL_BASE_HASH_H

#include "base/encoding.h"

enum { SHA256_SIZE = 32 };

struct sha256 {
    uint8_t b[SHA256_SIZE];
};

/** @errors ERR_CRYPTO @thread any */
err_t sha256_of(struct bytes in, struct sha256 *out);
/** Over several slices, one after the other. */
err_t sha256_of_parts(const struct bytes *parts, size_t count, struct sha256 *out);
/* Piece by piece, for what is too long for memory. */
struct sha256_stream;
err_t sha256_stream_new(struct sha256_stream **out);
err_t sha256_stream_add(struct sha256_stream *stream, struct bytes piece);
/** Over all pieces; nothing may be added afterwards. */
err_t sha256_stream_finish(struct sha256_stream *stream, struct sha256 *out);
void sha256_stream_free(struct sha256_stream *stream);
DEFINE_AUTO_PTR(sha256_stream, sha256_stream_free);

/* Digests by choice: those that clients of firmware ask for (SHA-1 and MD5 are trusted nowhere), and those
 * that makers of images choose. */
enum digest_kind { DIGEST_SHA256, DIGEST_SHA384, DIGEST_SHA512, DIGEST_SHA1, DIGEST_MD5 };
enum { SHA1_SIZE = 20, MD5_SIZE = 16, DIGEST_SIZE_MAX = 64 };
size_t digest_size(enum digest_kind kind);
/** @param[out] out digest_size() bytes */
err_t digest_bytes(enum digest_kind kind, struct bytes in, uint8_t *out);
struct digest_stream;
err_t digest_stream_new(enum digest_kind kind, struct digest_stream **out);
err_t digest_stream_add(struct digest_stream *stream, struct bytes piece);
/** Over all pieces so far; more may be added afterwards. @param size that of the kind's digest */
err_t digest_stream_value(const struct digest_stream *stream, uint8_t *out, size_t size);
void digest_stream_free(struct digest_stream *stream);
DEFINE_AUTO_PTR(digest_stream, digest_stream_free);

err_t hmac_sha256(struct bytes key, struct bytes in, struct sha256 *out);
/** RFC 5869, extract and expand, SHA-256; 1 … 8160 bytes. */
err_t hkdf_sha256(struct bytes salt, struct bytes secret, struct bytes info, uint8_t *out, size_t n);
/** The version 5 UUID of a name (RFC 9562 §5.5: SHA-1, which is good enough for a name and proves nothing):
 *  everybody who knows space and name makes the same one. @errors ERR_CRYPTO @thread any */
err_t uuid_of_name(struct uuid space, struct bytes name, struct uuid *out);
/** CRC-32 (IEEE 802.3), for typing errors in tokens, never for security. */
uint32_t crc32_of(struct bytes in);

#endif
