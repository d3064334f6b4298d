/* Beginnings of backups: written whole, read with every length checked before it is believed. */
#include "pki/container.h"

#include <string.h>

#include "base/hash.h"

enum { MAGIC_SIZE = 8, HEAD_SIZE = MAGIC_SIZE + 4 };
static const uint8_t MAGIC[MAGIC_SIZE] = {'W', 'H', 'O', 'R', 'L', 'B', 0, 1};

static err_t stream_key(struct bytes beginning, struct bytes root, uint8_t out[STREAM_KEY])
{
    struct sha256 salt;
    TRY(sha256_of(beginning, &salt));
    return hkdf_sha256(BYTES_OF(salt.b), root, bytes_str("whorl/backup/stream"), out, STREAM_KEY);
}

/* --- writing */

static err_t write_beginning(const struct recipients *recipients, struct bytes root,
                             const struct stream_sink *sink, uint8_t key[STREAM_KEY])
{
    AUTO_VAL(buf) envelope = {0};
    AUTO_VAL(buf) beginning = {0};
    TRY(envelope_seal(root, recipients, &envelope));
    ENSURE(envelope.n <= CONTAINER_ENVELOPE_MAX, ERR_UNPROCESSABLE, "an envelope of %zu bytes", envelope.n);
    const uint8_t size[4] = {(uint8_t)(envelope.n >> 24), (uint8_t)(envelope.n >> 16),
                             (uint8_t)(envelope.n >> 8), (uint8_t)envelope.n};
    TRY(buf_append_bytes(&beginning, BYTES_OF(MAGIC)));
    TRY(buf_append_bytes(&beginning, BYTES_OF(size)));
    TRY(buf_append_bytes(&beginning, buf_view(&envelope)));
    TRY(stream_key(buf_view(&beginning), root, key));
    return sink->write(sink->context, buf_view(&beginning));
}

err_t container_write(const struct recipients *recipients, const struct random *random,
                      const struct stream_sink *sink, struct sealed_writer **out)
{
    uint8_t root[STREAM_KEY];
    uint8_t key[STREAM_KEY];
    *out = NULL;
    TRY(random_fill(random, root, sizeof root));
    err_t error = write_beginning(recipients, BYTES_OF(root), sink, key);
    if (error.code == ERR_OK) {
        error = sealed_writer_new(key, sink, out);
    }
    bytes_wipe(root, sizeof root);
    bytes_wipe(key, sizeof key);
    return error;
}

/* --- reading */

static err_t read_exactly(const struct stream_source *source, uint8_t *out, size_t n)
{
    size_t got = 0;
    TRY(source->read(source->context, out, n, &got));
    ENSURE(got == n, ERR_BAD_ENCODING, "the backup is cut in its beginning");
    return OK;
}

static err_t read_beginning(const struct stream_source *source, struct buf *out)
{
    uint8_t head[HEAD_SIZE];
    size_t got = 0;
    TRY(source->read(source->context, head, sizeof head, &got));
    ENSURE(got >= MAGIC_SIZE && memcmp(head, MAGIC, MAGIC_SIZE - 1) == 0, ERR_BAD_ENCODING,
           "this is no backup of whorld");
    ENSURE(head[MAGIC_SIZE - 1] == MAGIC[MAGIC_SIZE - 1], ERR_BAD_ENCODING,
           "the backup has format %d; this program knows %d", head[MAGIC_SIZE - 1], MAGIC[MAGIC_SIZE - 1]);
    ENSURE(got == sizeof head, ERR_BAD_ENCODING, "the backup is cut in its beginning");
    size_t size = (size_t)head[8] << 24 | (size_t)head[9] << 16 | (size_t)head[10] << 8 | head[11];
    ENSURE(size >= 1 && size <= CONTAINER_ENVELOPE_MAX, ERR_BAD_ENCODING,
           "the backup's beginning is damaged");
    TRY(buf_append_bytes(out, BYTES_OF(head)));
    TRY(buf_reserve(out, size));
    TRY(read_exactly(source, out->p + out->n, size));
    out->n += size;
    return OK;
}

err_t container_read(const struct operator_key *operator_key, const struct stream_source *source,
                     struct sealed_reader **out)
{
    AUTO_VAL(buf) beginning = {0};
    AUTO_VAL(secret) root = {.bytes = {0}};
    uint8_t key[STREAM_KEY];
    *out = NULL;
    TRY(read_beginning(source, &beginning));
    const struct bytes envelope = {beginning.p + HEAD_SIZE, beginning.n - HEAD_SIZE};
    TRY(envelope_open(envelope, operator_key, &root));
    ENSURE(root.bytes.n == STREAM_KEY, ERR_BAD_ENCODING, "the backup's envelope holds %zu bytes",
           root.bytes.n);
    TRY(stream_key(buf_view(&beginning), buf_view(&root.bytes), key));
    err_t error = sealed_reader_new(key, source, out);
    bytes_wipe(key, sizeof key);
    return error;
}
