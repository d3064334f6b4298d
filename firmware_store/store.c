/* Hands each call to the driver of its store. Decides nothing, except that a blob is good when its bytes have
 * the hash that it is named by. */
#include <stdlib.h>

#include "firmware_store/internal.h"

enum { CHECK_PIECE = 256 * 1024 };

void blob_store_free(struct blob_store *store)
{
    if (store != NULL) {
        store->driver->free(store);
    }
}

err_t blob_writer_open(struct blob_store *store, struct uuid name, int64_t *at, struct blob_writer **out)
{
    return store->driver->writer_open(store, name, at, out);
}

err_t blob_writer_truncate(struct blob_writer *writer, int64_t at)
{
    return writer->driver->writer_truncate(writer, at);
}

err_t blob_writer_add(struct blob_writer *writer, struct bytes piece)
{
    return writer->driver->writer_add(writer, piece);
}

err_t blob_writer_sync(struct blob_writer *writer)
{
    return writer->driver->writer_sync(writer);
}

err_t blob_writer_digests(struct blob_writer *writer, struct blob_digests *out)
{
    return writer->driver->writer_digests(writer, out);
}

err_t blob_writer_reader(struct blob_writer *writer, struct blob_reader **out)
{
    return writer->driver->writer_reader(writer, out);
}

err_t blob_writer_commit(struct blob_writer *writer, struct blob_digests *out)
{
    return writer->driver->writer_commit(writer, out);
}

void blob_writer_free(struct blob_writer *writer)
{
    if (writer != NULL) {
        writer->driver->writer_free(writer);
    }
}

err_t blob_writer_forget(struct blob_store *store, struct uuid name)
{
    return store->driver->writer_forget(store, name);
}

err_t blob_open(struct blob_store *store, const struct sha256 *name, struct blob_reader **out)
{
    return store->driver->open(store, name, out);
}

int64_t blob_size(const struct blob_reader *reader)
{
    return reader->driver->size(reader);
}

err_t blob_read(struct blob_reader *reader, int64_t at, uint8_t *out, size_t n)
{
    return reader->driver->read(reader, at, out, n);
}

void blob_reader_free(struct blob_reader *reader)
{
    if (reader != NULL) {
        reader->driver->reader_free(reader);
    }
}

err_t blob_path(struct blob_store *store, const struct sha256 *name, struct buf *path)
{
    return store->driver->path(store, name, path);
}

static err_t hash_all(struct blob_reader *reader, const struct blob_pace *pace, struct sha256 *out)
{
    AUTO_PTR(digest_stream) *stream = NULL;
    AUTO_VAL(buf) piece = {0};
    int64_t size = blob_size(reader);
    TRY(digest_stream_new(DIGEST_SHA256, &stream));
    TRY(buf_reserve(&piece, CHECK_PIECE));
    for (int64_t at = 0; at < size; at += CHECK_PIECE) {
        size_t n = size - at < CHECK_PIECE ? (size_t)(size - at) : CHECK_PIECE;
        TRY(blob_read(reader, at, piece.p, n));
        TRY(digest_stream_add(stream, (struct bytes){piece.p, n}));
        if (pace != NULL) {
            reader->driver->let_go(reader, at, n);
            TRY(pace->between(pace->context, n));
        }
    }
    return digest_stream_value(stream, out->b, sizeof out->b);
}

err_t blob_check(struct blob_store *store, const struct sha256 *name, const struct blob_pace *pace,
                 bool *is_same)
{
    AUTO_PTR(blob_reader) *reader = NULL;
    struct sha256 found;
    *is_same = false;
    TRY(blob_open(store, name, &reader));
    TRY(hash_all(reader, pace, &found));
    *is_same = bytes_equal(BYTES_OF(found.b), BYTES_OF(name->b));
    return OK;
}

err_t blob_remove(struct blob_store *store, const struct sha256 *name)
{
    return store->driver->remove(store, name);
}

err_t blob_store_room(struct blob_store *store, int64_t *out)
{
    return store->driver->room(store, out);
}

err_t blob_store_list(struct blob_store *store, int shard, blob_name_fn fn, void *arg)
{
    return store->driver->list(store, shard, fn, arg);
}

err_t blob_store_list_writers(struct blob_store *store, blob_writer_name_fn fn, void *arg)
{
    return store->driver->list_writers(store, fn, arg);
}
