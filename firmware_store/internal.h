/* What the files of this folder share: a store is a table of functions, and store.c hands each call to the
 * table of the store, writer or reader that it is about. A second kind of store is a second table. */
#ifndef WHORL_FIRMWARE_STORE_INTERNAL_H
#define WHORL_FIRMWARE_STORE_INTERNAL_H

#include "firmware_store/store.h"

struct blob_driver {
    void (*free)(struct blob_store *store);
    err_t (*writer_open)(struct blob_store *store, struct uuid name, int64_t *at, struct blob_writer **out);
    err_t (*writer_truncate)(struct blob_writer *writer, int64_t at);
    err_t (*writer_add)(struct blob_writer *writer, struct bytes piece);
    err_t (*writer_sync)(struct blob_writer *writer);
    err_t (*writer_digests)(struct blob_writer *writer, struct blob_digests *out);
    err_t (*writer_reader)(struct blob_writer *writer, struct blob_reader **out);
    err_t (*writer_commit)(struct blob_writer *writer, struct blob_digests *out);
    void (*writer_free)(struct blob_writer *writer);
    err_t (*writer_forget)(struct blob_store *store, struct uuid name);
    err_t (*open)(struct blob_store *store, const struct sha256 *name, struct blob_reader **out);
    int64_t (*size)(const struct blob_reader *reader);
    err_t (*read)(struct blob_reader *reader, int64_t at, uint8_t *out, size_t n);
    void (*let_go)(struct blob_reader *reader, int64_t at, size_t n); /* nobody reads these again soon */
    void (*reader_free)(struct blob_reader *reader);
    err_t (*path)(struct blob_store *store, const struct sha256 *name, struct buf *path);
    err_t (*remove)(struct blob_store *store, const struct sha256 *name);
    err_t (*room)(struct blob_store *store, int64_t *out);
    err_t (*list)(struct blob_store *store, int shard, blob_name_fn fn, void *arg);
    err_t (*list_writers)(struct blob_store *store, blob_writer_name_fn fn, void *arg);
};

/* The first member of what a driver makes. */
struct blob_store {
    const struct blob_driver *driver;
};
struct blob_writer {
    const struct blob_driver *driver;
};
struct blob_reader {
    const struct blob_driver *driver;
};

/* --- the folder driver: files.c, files_writer.c, files_reader.c ---------------------------------------- */

struct file_store {
    struct blob_store base;
    char *blobs, *uploads; /* the two folders */
};

/** The path of a blob, appended. */
err_t file_store_blob_path(const struct file_store *store, const struct sha256 *name, struct buf *out);
/** The error for `errno` as it is now. */
err_t file_store_failed(const char *verb, const char *path);
struct file_reader {
    struct blob_reader base;
    int fd;
    int64_t size;
    bool is_borrowed; /* the descriptor is a writer's */
};

err_t file_writer_blob_open(struct blob_store *store, struct uuid name, int64_t *at,
                            struct blob_writer **out);
err_t file_writer_blob_truncate(struct blob_writer *writer, int64_t at);
err_t file_writer_blob_add(struct blob_writer *writer, struct bytes piece);
err_t file_writer_blob_sync(struct blob_writer *writer);
err_t file_writer_blob_digests(struct blob_writer *writer, struct blob_digests *out);
err_t file_writer_blob_reader(struct blob_writer *writer, struct blob_reader **out);
err_t file_writer_blob_commit(struct blob_writer *writer, struct blob_digests *out);
void file_writer_blob_free(struct blob_writer *writer);
err_t file_writer_blob_forget(struct blob_store *store, struct uuid name);

err_t file_reader_open(struct blob_store *store, const struct sha256 *name, struct blob_reader **out);
int64_t file_reader_size(const struct blob_reader *reader);
err_t file_reader_read(struct blob_reader *reader, int64_t at, uint8_t *out, size_t n);
void file_reader_let_go(struct blob_reader *reader, int64_t at, size_t n);
void file_reader_free(struct blob_reader *reader);

#endif
