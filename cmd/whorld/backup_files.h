/* What a backup is made of: files by name, with size and digest. One list is filled by the sources when a
 * backup is made, and by the manifest when it is read. */
#ifndef WHORL_CMD_BACKUP_FILES_H
#define WHORL_CMD_BACKUP_FILES_H

#include "base/bytes.h"
#include "base/hash.h"

struct backup_file {
    char *name;     /* in the data directory: "tls/server.pem" */
    char *path;     /* where its bytes are; NULL in a list that a manifest made */
    int fd;         /* -1 while it is not open */
    bool is_held;   /* stays open: it has no name any more */
    bool is_secret; /* mode 0600 instead of 0644 */
    int64_t size;
    struct sha256 sha256;
};
struct backup_list {
    struct backup_file *files;
    size_t count, capacity;
};
void backup_list_clear(struct backup_list *list);
DEFINE_AUTO_VAL(backup_list, backup_list_clear);

/** Adds a file that is named, copied. @param path NULL: none yet @errors ERR_INTERNAL a name that no backup
 * may hold */
err_t backup_list_add(struct backup_list *list, const char *name, const char *path, bool is_secret);
/** By name, as a manifest holds them. */
void backup_list_sort(struct backup_list *list);
const struct backup_file *backup_list_find(const struct backup_list *list, const char *name);

/** Whether a name may stand in a backup: relative, of letters, digits, ".", "_" and "-", no part beginning
 * with a dot, and nothing that SQLite would take for part of the inventory (a WAL or a journal beside it
 * would destroy it). */
bool backup_name_is_safe(const char *name);

/* From what a backup is made. */
struct backup_origin {
    const char *folder;   /* the data directory */
    const char *snapshot; /* the copy of its inventory: names the files that it needs */
    bool with_keys;
};
/** Every source adds its files: the table is in backup_files.c, where a new kind of file is a row. @errors of
 * the sources @thread init */
err_t backup_list_fill(struct backup_list *list, const struct backup_origin *origin);

/** The source of firmware: before that of the inventory, whose copy loses its name. */
err_t backup_blobs_add(const struct backup_origin *origin, struct backup_list *list);
/** A file of firmware has the digest that it is named by. @errors ERR_UNPROCESSABLE */
err_t backup_blob_check(const struct backup_file *file);

/* Reads a file in pieces, always the same bytes for the same digest. */
typedef err_t (*backup_piece_fn)(struct bytes piece, void *arg);
/** Sets size and digest while `fn` (or NULL) takes the bytes. @errors ERR_IO, ERR_NOT_FOUND, of fn */
err_t backup_file_read(struct backup_file *file, backup_piece_fn fn, void *arg);

#endif
