/* Where image bytes live, by the SHA-256 of their content. A table of functions: the folder driver (files.c)
 * is the first, an object store can be the second. What is here is durable before its row is written, and
 * what no row names may be removed. Knows no tenant, no product and no format. */
#ifndef WHORL_FIRMWARE_STORE_STORE_H
#define WHORL_FIRMWARE_STORE_STORE_H

#include "base/bytes.h"
#include "base/encoding.h"
#include "base/hash.h"

/* What some client or other asks for. Only the SHA-256 is trusted. */
struct blob_digests {
    struct sha256 sha256;
    uint8_t sha1[SHA1_SIZE], md5[MD5_SIZE];
    int64_t size;
};

struct blob_store; /* shared by threads */
struct blob_writer;
struct blob_reader;

/** One file for each blob, at FOLDER/blobs/<2 hex>/<64 hex>, unfinished ones in FOLDER/uploads/.
 *  @param folder made when missing @errors ERR_IO @thread init */
err_t blob_store_open_folder(const char *folder, struct blob_store **out);
void blob_store_free(struct blob_store *store);
DEFINE_AUTO_PTR(blob_store, blob_store_free);

/* --- writing: a writer has a name, so that it can be gone on with after a restart ---------------------- */

/** Goes on with what is durable under this name, or begins. @param[out] at how many bytes are there already:
 *  they are hashed again, when the digests are asked for @errors ERR_IO, ERR_DISK_FULL @thread worker, one at
 * a time, like all of a writer */
err_t blob_writer_open(struct blob_store *store, struct uuid name, int64_t *at, struct blob_writer **out);
/** Drops what is behind `at`: bytes that came and were not acknowledged. @errors ERR_UNPROCESSABLE past the
 *  end */
err_t blob_writer_truncate(struct blob_writer *writer, int64_t at);
/** @errors ERR_IO, ERR_DISK_FULL: what was durable before stays */
err_t blob_writer_add(struct blob_writer *writer, struct bytes piece);
/** All that was added is durable. A failed fsync ends the process. */
err_t blob_writer_sync(struct blob_writer *writer);
/** The digests of all that was added. */
err_t blob_writer_digests(struct blob_writer *writer, struct blob_digests *out);
/** Reads what was added, as a blob is read; borrowed from the writer. */
err_t blob_writer_reader(struct blob_writer *writer, struct blob_reader **out);
/** Makes it a blob, durably; if the same bytes are there already, theirs stay (after they were compared by
 *  size). Frees nothing. @errors ERR_IO, ERR_DISK_FULL */
err_t blob_writer_commit(struct blob_writer *writer, struct blob_digests *out);
/** What is durable under its name stays, to be gone on with. */
void blob_writer_free(struct blob_writer *writer);
DEFINE_AUTO_PTR(blob_writer, blob_writer_free);
/** Removes what a writer of this name left. @errors ERR_IO; none when there is nothing */
err_t blob_writer_forget(struct blob_store *store, struct uuid name);

/* --- reading ------------------------------------------------------------------------------------------ */

/** @errors ERR_NOT_FOUND, ERR_IO @thread worker; a reader is of one thread */
err_t blob_open(struct blob_store *store, const struct sha256 *name, struct blob_reader **out);
int64_t blob_size(const struct blob_reader *reader);
/** Exactly `n` bytes at `at`. @errors ERR_UNPROCESSABLE past the end, ERR_IO */
err_t blob_read(struct blob_reader *reader, int64_t at, uint8_t *out, size_t n);
void blob_reader_free(struct blob_reader *reader);
DEFINE_AUTO_PTR(blob_reader, blob_reader_free);
/** The path of a blob that is a file, for responses that map it. @param[out] path appended
 *  @errors ERR_NOT_FOUND, ERR_UNAVAILABLE it is not a file of this machine */
err_t blob_path(struct blob_store *store, const struct sha256 *name, struct buf *path);

/* --- keeping ------------------------------------------------------------------------------------------ */

/* How a blob is read that nobody waits for. */
struct blob_pace {
    /* after each piece of so many bytes; an error ends the reading */
    err_t (*between)(void *context, size_t bytes);
    void *context;
};

/** Reads all of it. @param pace NULL: as fast as it can be. Otherwise what was read is not kept in the page
 *  cache, where it would push out what devices download
 *  @param is_same whether the bytes are those that the name says @errors ERR_NOT_FOUND, ERR_IO, of the pace
 *  @thread background */
err_t blob_check(struct blob_store *store, const struct sha256 *name, const struct blob_pace *pace,
                 bool *is_same);
/** @errors ERR_IO; none when it is not there */
err_t blob_remove(struct blob_store *store, const struct sha256 *name);
/** How many bytes may still be written. @errors ERR_IO @thread any */
err_t blob_store_room(struct blob_store *store, int64_t *out);

/* What is in it, for those who look for what no row names. */
enum { BLOB_SHARDS = 256 }; /* by the first byte of the name */
typedef err_t (*blob_name_fn)(const struct sha256 *name, int64_t size, int64_t changed_at_ms, void *arg);
typedef err_t (*blob_writer_name_fn)(struct uuid name, int64_t changed_at_ms, void *arg);
/** The blobs of one shard, in no order; what appears or goes meanwhile may be told or not.
 *  @errors ERR_IO, of fn @thread background */
err_t blob_store_list(struct blob_store *store, int shard, blob_name_fn fn, void *arg);
/** What writers left. */
err_t blob_store_list_writers(struct blob_store *store, blob_writer_name_fn fn, void *arg);

#endif
