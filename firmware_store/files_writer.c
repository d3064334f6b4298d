/* Writes what becomes a blob: a file under the writer's name, which is renamed to the hash of its bytes when
 * they are all there and durable. Hashes what is added while it passes by; what was there before is read and
 * hashed once, when the digests are asked for, so that an upload in many small pieces costs no more. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "firmware_store/internal.h"

enum { FILE_MODE = 0600, FOLDER_MODE = 0700, PIECE_SIZE = 256 * 1024, KINDS = DIGEST_MD5 + 1 };

struct file_blob_writer {
    struct blob_writer base;
    struct file_store *store;
    struct buf path;
    int fd;
    int64_t size;   /* bytes in the file */
    int64_t hashed; /* of those, from the start */
    struct digest_stream *streams[KINDS];
    struct blob_reader *reader;
    bool is_done; /* it is a blob */
};

static void clear_streams(struct file_blob_writer *writer)
{
    for (int i = 0; i < KINDS; i++) {
        digest_stream_free(writer->streams[i]);
        writer->streams[i] = NULL;
    }
    writer->hashed = 0;
}

static err_t begin_streams(struct file_blob_writer *writer)
{
    clear_streams(writer);
    for (int i = 0; i < KINDS; i++) {
        TRY(digest_stream_new((enum digest_kind)i, &writer->streams[i]));
    }
    return OK;
}

static err_t hash(struct file_blob_writer *writer, struct bytes piece)
{
    for (int i = 0; i < KINDS; i++) {
        TRY(digest_stream_add(writer->streams[i], piece));
    }
    writer->hashed += (int64_t)piece.n;
    return OK;
}

static err_t hash_the_rest(struct file_blob_writer *writer)
{
    AUTO_VAL(buf) piece = {0};
    struct blob_reader *reader = NULL;
    if (writer->hashed == writer->size) {
        return OK;
    }
    TRY(file_writer_blob_reader(&writer->base, &reader));
    TRY(buf_reserve(&piece, PIECE_SIZE));
    while (writer->hashed < writer->size) {
        int64_t left = writer->size - writer->hashed;
        size_t n = left < PIECE_SIZE ? (size_t)left : PIECE_SIZE;
        TRY(file_reader_read(reader, writer->hashed, piece.p, n));
        TRY(hash(writer, (struct bytes){piece.p, n}));
    }
    return OK;
}

void file_writer_blob_free(struct blob_writer *base)
{
    struct file_blob_writer *writer = (struct file_blob_writer *)base;
    clear_streams(writer);
    blob_reader_free(writer->reader);
    if (writer->fd >= 0) {
        (void)close(writer->fd); /* what had to be durable was synced before */
    }
    buf_clear(&writer->path);
    free(writer);
}

static err_t open_file(struct file_blob_writer *writer)
{
    struct stat st;
    const char *path = buf_str(&writer->path);
    writer->fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (writer->fd < 0 && errno == ENOENT) {
        writer->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
        if (writer->fd >= 0) {
            TRY(folder_sync(writer->store->uploads)); /* or what is synced in it had no name after a cut */
        }
    }
    if (writer->fd < 0 || fstat(writer->fd, &st) != 0) {
        return file_store_failed("open", path);
    }
    writer->size = (int64_t)st.st_size;
    return OK;
}

static err_t upload_path(const struct file_store *store, struct uuid name, struct buf *out)
{
    char id[UUID_TEXT_SIZE];
    uuid_format(name, id);
    return buf_printf(out, "%s/%s", store->uploads, id);
}

err_t file_writer_blob_open(struct blob_store *store, struct uuid name, int64_t *at, struct blob_writer **out)
{
    *out = NULL;
    *at = 0;
    AUTO_PTR(blob_writer) *base = calloc(1, sizeof(struct file_blob_writer));
    ENSURE(base != NULL, ERR_NO_MEMORY, "a writer");
    base->driver = store->driver;
    struct file_blob_writer *writer = (struct file_blob_writer *)base;
    writer->fd = -1;
    writer->store = (struct file_store *)store;
    TRY(upload_path(writer->store, name, &writer->path));
    TRY(begin_streams(writer));
    TRY(open_file(writer));
    *at = writer->size;
    *out = TAKE(base);
    return OK;
}

static void forget_reader(struct file_blob_writer *writer)
{
    blob_reader_free(writer->reader);
    writer->reader = NULL;
}

err_t file_writer_blob_truncate(struct blob_writer *base, int64_t at)
{
    struct file_blob_writer *writer = (struct file_blob_writer *)base;
    ENSURE(at >= 0 && at <= writer->size, ERR_UNPROCESSABLE, "%lld bytes are there", (long long)writer->size);
    if (at == writer->size) {
        return OK;
    }
    if (ftruncate(writer->fd, (off_t)at) != 0) {
        return file_store_failed("shorten", buf_str(&writer->path));
    }
    forget_reader(writer);
    writer->size = at;
    return writer->hashed <= at ? OK : begin_streams(writer);
}

static err_t write_all(struct file_blob_writer *writer, struct bytes piece)
{
    int64_t at = writer->size;
    while (piece.n > 0) {
        ssize_t n = pwrite(writer->fd, piece.p, piece.n, (off_t)at);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return file_store_failed("write", buf_str(&writer->path));
        }
        piece.p += n;
        piece.n -= (size_t)n;
        at += n;
    }
    return OK;
}

err_t file_writer_blob_add(struct blob_writer *base, struct bytes piece)
{
    struct file_blob_writer *writer = (struct file_blob_writer *)base;
    forget_reader(writer);
    err_t error = write_all(writer, piece);
    if (error.code != ERR_OK) { /* what stays behind `size` is written over, or dropped by the next writer */
        int dropped = ftruncate(writer->fd, (off_t)writer->size);
        (void)dropped;
        return error;
    }
    bool is_hashed = writer->hashed == writer->size;
    writer->size += (int64_t)piece.n;
    return is_hashed ? hash(writer, piece) : OK;
}

err_t file_writer_blob_sync(struct blob_writer *base)
{
    struct file_blob_writer *writer = (struct file_blob_writer *)base;
    descriptor_sync(writer->fd, buf_str(&writer->path));
    return OK;
}

err_t file_writer_blob_digests(struct blob_writer *base, struct blob_digests *out)
{
    struct file_blob_writer *writer = (struct file_blob_writer *)base;
    TRY(hash_the_rest(writer));
    TRY(digest_stream_value(writer->streams[DIGEST_SHA256], out->sha256.b, sizeof out->sha256.b));
    TRY(digest_stream_value(writer->streams[DIGEST_SHA1], out->sha1, sizeof out->sha1));
    TRY(digest_stream_value(writer->streams[DIGEST_MD5], out->md5, sizeof out->md5));
    out->size = writer->size;
    return OK;
}

err_t file_writer_blob_reader(struct blob_writer *base, struct blob_reader **out)
{
    struct file_blob_writer *writer = (struct file_blob_writer *)base;
    if (writer->reader == NULL) {
        struct file_reader *reader = calloc(1, sizeof *reader);
        *out = NULL;
        ENSURE(reader != NULL, ERR_NO_MEMORY, "a reader");
        *reader = (struct file_reader){.base = {base->driver}, .fd = writer->fd, .is_borrowed = true};
        reader->size = writer->size;
        writer->reader = &reader->base;
    }
    *out = writer->reader;
    return OK;
}

/* The folder of a blob, there and durable: another writer may have made it a moment ago. */
static err_t make_shard(const struct file_store *store, const char *shard)
{
    err_t error = folder_make(shard, FOLDER_MODE);
    return error.code == ERR_CONFLICT ? folder_sync(store->blobs) : error;
}

/* Are bytes of this size there already under the name? */
static bool is_there(const char *path, int64_t size)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && (int64_t)st.st_size == size;
}

/* Gives the file its name, or drops it for one that is there: that one may be of a writer whose own sync is
 * still under way. */
static err_t place(struct file_blob_writer *writer, const char *shard, const char *path)
{
    TRY(make_shard(writer->store, shard));
    if (!is_there(path, writer->size)) {
        return file_move_durable(buf_str(&writer->path), path);
    }
    if (unlink(buf_str(&writer->path)) != 0) {
        return file_store_failed("remove", buf_str(&writer->path));
    }
    return folder_sync(shard);
}

err_t file_writer_blob_commit(struct blob_writer *base, struct blob_digests *out)
{
    struct file_blob_writer *writer = (struct file_blob_writer *)base;
    AUTO_VAL(buf) path = {0};
    AUTO_VAL(buf) shard = {0};
    TRY(file_writer_blob_digests(base, out));
    if (writer->is_done) {
        return OK;
    }
    TRY(file_store_blob_path(writer->store, &out->sha256, &path));
    TRY(buf_printf(&shard, "%s/%02x", writer->store->blobs, (unsigned)out->sha256.b[0]));
    TRY(place(writer, buf_str(&shard), buf_str(&path)));
    writer->is_done = true;
    return folder_sync(writer->store->uploads);
}

err_t file_writer_blob_forget(struct blob_store *base, struct uuid name)
{
    const struct file_store *store = (struct file_store *)base;
    AUTO_VAL(buf) path = {0};
    TRY(upload_path(store, name, &path));
    if (unlink(buf_str(&path)) != 0) {
        return errno == ENOENT ? OK : file_store_failed("remove", buf_str(&path));
    }
    return folder_sync(store->uploads);
}
