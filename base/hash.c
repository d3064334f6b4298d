/* SHA-256 and HMAC by OpenSSL, HKDF (RFC 5869) written over them. The wall for OpenSSL's hashes: nobody else
 * in base/ sees it. */
#include "base/hash.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

DEFINE_AUTO(EVP_MD_CTX, EVP_MD_CTX_free);

err_t sha256_of(struct bytes in, struct sha256 *out)
{
    unsigned size = 0;
    ENSURE(EVP_Digest(in.p, in.n, out->b, &size, EVP_sha256(), NULL) == 1 && size == SHA256_SIZE, ERR_CRYPTO,
           "SHA-256");
    return OK;
}

err_t sha256_of_parts(const struct bytes *parts, size_t count, struct sha256 *out)
{
    AUTO(EVP_MD_CTX) *context = EVP_MD_CTX_new();
    ENSURE(context != NULL, ERR_NO_MEMORY, "SHA-256");
    ENSURE(EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1, ERR_CRYPTO, "SHA-256");
    for (size_t i = 0; i < count; i++) {
        ENSURE(EVP_DigestUpdate(context, parts[i].p, parts[i].n) == 1, ERR_CRYPTO, "SHA-256");
    }
    ENSURE(EVP_DigestFinal_ex(context, out->b, NULL) == 1, ERR_CRYPTO, "SHA-256");
    return OK;
}

struct sha256_stream {
    EVP_MD_CTX *context;
};

void sha256_stream_free(struct sha256_stream *stream)
{
    if (stream != NULL) {
        EVP_MD_CTX_free(stream->context);
        free(stream);
    }
}

err_t sha256_stream_new(struct sha256_stream **out)
{
    *out = NULL;
    AUTO_PTR(sha256_stream) *stream = calloc(1, sizeof *stream);
    ENSURE(stream != NULL, ERR_NO_MEMORY, "SHA-256");
    stream->context = EVP_MD_CTX_new();
    ENSURE(stream->context != NULL, ERR_NO_MEMORY, "SHA-256");
    ENSURE(EVP_DigestInit_ex(stream->context, EVP_sha256(), NULL) == 1, ERR_CRYPTO, "SHA-256");
    *out = TAKE(stream);
    return OK;
}

err_t sha256_stream_add(struct sha256_stream *stream, struct bytes piece)
{
    ENSURE(EVP_DigestUpdate(stream->context, piece.p, piece.n) == 1, ERR_CRYPTO, "SHA-256");
    return OK;
}

err_t sha256_stream_finish(struct sha256_stream *stream, struct sha256 *out)
{
    ENSURE(EVP_DigestFinal_ex(stream->context, out->b, NULL) == 1, ERR_CRYPTO, "SHA-256");
    return OK;
}

struct digest_stream {
    EVP_MD_CTX *context;
};

static const EVP_MD *method_of(enum digest_kind kind)
{
    switch (kind) {
    case DIGEST_SHA384:
        return EVP_sha384();
    case DIGEST_SHA512:
        return EVP_sha512();
    case DIGEST_SHA1:
        return EVP_sha1();
    case DIGEST_MD5:
        return EVP_md5();
    case DIGEST_SHA256:
        break;
    }
    return EVP_sha256();
}

size_t digest_size(enum digest_kind kind)
{
    return (size_t)EVP_MD_get_size(method_of(kind));
}

err_t digest_bytes(enum digest_kind kind, struct bytes in, uint8_t *out)
{
    ENSURE(EVP_Digest(in.p, in.n, out, NULL, method_of(kind), NULL) == 1, ERR_CRYPTO, "a digest");
    return OK;
}

void digest_stream_free(struct digest_stream *stream)
{
    if (stream != NULL) {
        EVP_MD_CTX_free(stream->context);
        free(stream);
    }
}

err_t digest_stream_new(enum digest_kind kind, struct digest_stream **out)
{
    *out = NULL;
    AUTO_PTR(digest_stream) *stream = calloc(1, sizeof *stream);
    ENSURE(stream != NULL, ERR_NO_MEMORY, "a digest");
    stream->context = EVP_MD_CTX_new();
    ENSURE(stream->context != NULL, ERR_NO_MEMORY, "a digest");
    ENSURE(EVP_DigestInit_ex(stream->context, method_of(kind), NULL) == 1, ERR_CRYPTO, "a digest");
    *out = TAKE(stream);
    return OK;
}

err_t digest_stream_add(struct digest_stream *stream, struct bytes piece)
{
    ENSURE(EVP_DigestUpdate(stream->context, piece.p, piece.n) == 1, ERR_CRYPTO, "a digest");
    return OK;
}

err_t digest_stream_value(const struct digest_stream *stream, uint8_t *out, size_t size)
{
    AUTO(EVP_MD_CTX) *copy = EVP_MD_CTX_new();
    ENSURE(copy != NULL, ERR_NO_MEMORY, "a digest");
    ENSURE(EVP_MD_CTX_copy_ex(copy, stream->context) == 1, ERR_CRYPTO, "a digest");
    ENSURE((size_t)EVP_MD_CTX_get_size(copy) == size, ERR_INTERNAL, "no digest has %zu bytes here", size);
    ENSURE(EVP_DigestFinal_ex(copy, out, NULL) == 1, ERR_CRYPTO, "a digest");
    return OK;
}

err_t hmac_sha256(struct bytes key, struct bytes in, struct sha256 *out)
{
    static const uint8_t none[1] = {0}; /* a NULL key would mean the key of the call before */
    ENSURE(key.n <= INT32_MAX, ERR_CRYPTO, "an HMAC key of %zu bytes", key.n);
    unsigned size = 0;
    const uint8_t *mac = HMAC(EVP_sha256(), key.n == 0 ? none : key.p, (int)key.n, in.n == 0 ? none : in.p,
                              in.n, out->b, &size);
    ENSURE(mac != NULL && size == SHA256_SIZE, ERR_CRYPTO, "HMAC-SHA-256");
    return OK;
}

/* RFC 5869 §2.3: T(i) = HMAC(key, T(i-1) | info | i), the Ts one after the other. */
static err_t hkdf_expand(struct bytes key, struct bytes info, uint8_t *out, size_t n)
{
    AUTO_VAL(secret) input = {0};
    struct sha256 block = {0};
    size_t previous = 0;
    TRY(buf_reserve(&input.bytes, SHA256_SIZE + info.n + 1));
    for (unsigned i = 1; n > 0; i++) {
        uint8_t counter = (uint8_t)i;
        input.bytes.n = 0;
        TRY(buf_append(&input.bytes, block.b, previous));
        TRY(buf_append_bytes(&input.bytes, info));
        TRY(buf_append(&input.bytes, &counter, 1));
        TRY(hmac_sha256(key, buf_view(&input.bytes), &block));
        previous = SHA256_SIZE;
        size_t part = n < SHA256_SIZE ? n : SHA256_SIZE;
        memcpy(out, block.b, part);
        out += part;
        n -= part;
    }
    bytes_wipe(&block, sizeof block);
    return OK;
}

err_t hkdf_sha256(struct bytes salt, struct bytes secret, struct bytes info, uint8_t *out, size_t n)
{
    ENSURE(n >= 1 && n <= (size_t)255 * SHA256_SIZE, ERR_CRYPTO, "HKDF gives 1 … 8160 bytes, not %zu", n);
    struct sha256 key;
    /* §2.2: no salt means 32 zero bytes, which is the same HMAC key as an empty one */
    TRY(hmac_sha256(salt, secret, &key));
    err_t error = hkdf_expand(BYTES_OF(key.b), info, out, n);
    bytes_wipe(&key, sizeof key);
    return error;
}

err_t uuid_of_name(struct uuid space, struct bytes name, struct uuid *out)
{
    uint8_t hash[20];
    struct uuid id;
    AUTO(EVP_MD_CTX) *context = EVP_MD_CTX_new();
    ENSURE(context != NULL, ERR_NO_MEMORY, "SHA-1");
    ENSURE(EVP_DigestInit_ex(context, EVP_sha1(), NULL) == 1 &&
               EVP_DigestUpdate(context, space.b, sizeof space.b) == 1 &&
               EVP_DigestUpdate(context, name.p, name.n) == 1 && EVP_DigestFinal_ex(context, hash, NULL) == 1,
           ERR_CRYPTO, "SHA-1");
    memcpy(id.b, hash, sizeof id.b);
    id.b[6] = (uint8_t)(0x50 | (id.b[6] & 0x0f)); /* version 5 */
    id.b[8] = (uint8_t)(0x80 | (id.b[8] & 0x3f)); /* variant of RFC 9562 */
    *out = id;
    return OK;
}
