/* The folder driver: one file for each blob, FOLDER/blobs/<2 hex>/<64 hex>, unfinished ones in
 * FOLDER/uploads/<uuid>. Makes, finds, lists and removes files; their bytes are written by files_writer.c and
 * read by files_reader.c. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "firmware_store/internal.h"

enum { SHARD_HEX = 2, FOLDER_MODE = 0700 };

static void folder_close(DIR *folder)
{
    (void)closedir(folder); /* it was only read */
}
DEFINE_AUTO(DIR, folder_close);

err_t file_store_failed(const char *verb, const char *path)
{
    int number = errno;
    bool is_full = number == ENOSPC || number == EDQUOT || number == EFBIG;
    char reason[64] = "";
    const char *text = strerror_r(number, reason, sizeof reason);
    return ERR(is_full            ? ERR_DISK_FULL
               : number == ENOENT ? ERR_NOT_FOUND
                                  : ERR_IO,
               "cannot %s %.90s: %s", verb, path, text);
}

err_t file_store_blob_path(const struct file_store *store, const struct sha256 *name, struct buf *out)
{
    char hex[2 * SHA256_SIZE + 1];
    hex_encode(BYTES_OF(name->b), hex);
    return buf_printf(out, "%s/%.*s/%s", store->blobs, SHARD_HEX, hex, hex);
}

static void store_free(struct blob_store *base)
{
    struct file_store *store = (struct file_store *)base;
    free(store->blobs);
    free(store->uploads);
    free(store);
}

static err_t find_path(struct blob_store *base, const struct sha256 *name, struct buf *path)
{
    TRY(file_store_blob_path((struct file_store *)base, name, path));
    ENSURE(file_exists(buf_str(path)), ERR_NOT_FOUND, "the store does not have these bytes");
    return OK;
}

static err_t remove_blob(struct blob_store *base, const struct sha256 *name)
{
    AUTO_VAL(buf) path = {0};
    TRY(file_store_blob_path((struct file_store *)base, name, &path));
    if (unlink(buf_str(&path)) != 0) {
        return errno == ENOENT ? OK : file_store_failed("remove", buf_str(&path));
    }
    path.n -= 2 * SHA256_SIZE + 1; /* its folder */
    path.p[path.n] = '\0';
    return folder_sync(buf_str(&path));
}

static err_t room(struct blob_store *base, int64_t *out)
{
    return folder_room(((struct file_store *)base)->blobs, out);
}

/* --- what is there ---------------------------------------------------------------------------------- */

typedef err_t (*entry_fn)(const char *name, const struct stat *st, void *arg);

/* @param fn of each file; what goes meanwhile is left out */
static err_t each_file(const char *path, entry_fn fn, void *arg)
{
    AUTO(DIR) *folder = opendir(path);
    if (folder == NULL) {
        return errno == ENOENT ? OK : file_store_failed("list", path);
    }
    for (;;) {
        struct stat st;
        errno = 0;
        const struct dirent *entry = readdir(folder); /* a stream of our own: no other thread has it */
        if (entry == NULL) {
            return errno == 0 ? OK : file_store_failed("list", path);
        }
        if (fstatat(dirfd(folder), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode)) {
            TRY(fn(entry->d_name, &st, arg));
        }
    }
}

static int64_t changed_at(const struct stat *st)
{
    return (int64_t)st->st_mtim.tv_sec * 1000;
}

struct listing {
    blob_name_fn blob;
    blob_writer_name_fn writer;
    void *arg;
};

static err_t on_blob(const char *name, const struct stat *st, void *arg)
{
    const struct listing *listing = arg;
    struct sha256 hash;
    if (hex_decode(bytes_str(name), hash.b, sizeof hash.b).code != ERR_OK) {
        return OK; /* not ours */
    }
    return listing->blob(&hash, (int64_t)st->st_size, changed_at(st), listing->arg);
}

static err_t list(struct blob_store *base, int shard, blob_name_fn fn, void *arg)
{
    AUTO_VAL(buf) path = {0};
    struct listing listing = {.blob = fn, .arg = arg};
    ENSURE(shard >= 0 && shard < BLOB_SHARDS, ERR_INTERNAL, "no shard %d", shard);
    TRY(buf_printf(&path, "%s/%02x", ((struct file_store *)base)->blobs, (unsigned)shard));
    return each_file(buf_str(&path), on_blob, &listing);
}

static err_t on_writer(const char *name, const struct stat *st, void *arg)
{
    const struct listing *listing = arg;
    struct uuid id;
    if (uuid_parse(bytes_str(name), &id).code != ERR_OK) {
        return OK; /* not ours */
    }
    return listing->writer(id, changed_at(st), listing->arg);
}

static err_t list_writers(struct blob_store *base, blob_writer_name_fn fn, void *arg)
{
    struct listing listing = {.writer = fn, .arg = arg};
    return each_file(((struct file_store *)base)->uploads, on_writer, &listing);
}

/* --- opened ------------------------------------------------------------------------------------------ */

static const struct blob_driver driver = {
    .free = store_free,
    .writer_open = file_writer_blob_open,
    .writer_truncate = file_writer_blob_truncate,
    .writer_add = file_writer_blob_add,
    .writer_sync = file_writer_blob_sync,
    .writer_digests = file_writer_blob_digests,
    .writer_reader = file_writer_blob_reader,
    .writer_commit = file_writer_blob_commit,
    .writer_free = file_writer_blob_free,
    .writer_forget = file_writer_blob_forget,
    .open = file_reader_open,
    .size = file_reader_size,
    .read = file_reader_read,
    .let_go = file_reader_let_go,
    .reader_free = file_reader_free,
    .path = find_path,
    .remove = remove_blob,
    .room = room,
    .list = list,
    .list_writers = list_writers,
};

static err_t make_if_missing(const char *path)
{
    err_t error = folder_make(path, FOLDER_MODE);
    return error.code == ERR_CONFLICT ? OK : error;
}

err_t blob_store_open_folder(const char *folder, struct blob_store **out)
{
    *out = NULL;
    AUTO_PTR(blob_store) *base = calloc(1, sizeof(struct file_store));
    ENSURE(base != NULL, ERR_NO_MEMORY, "the store of firmware");
    base->driver = &driver;
    struct file_store *store = (struct file_store *)base;
    TRY(path_join(folder, "blobs", &store->blobs));
    TRY(path_join(folder, "uploads", &store->uploads));
    TRY(make_if_missing(folder));
    TRY(make_if_missing(store->blobs));
    TRY(make_if_missing(store->uploads));
    *out = TAKE(base);
    return OK;
}
