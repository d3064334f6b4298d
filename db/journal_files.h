/* The files of one node's journal: found, read through, made, appended to. Knows bytes and chains, no row.
 * For db/journal*.c and their tests. */
#ifndef WHORL_DB_JOURNAL_FILES_H
#define WHORL_DB_JOURNAL_FILES_H

#include "db/journal.h"

struct journal_segment {
    int64_t first; /* as its name says */
    char name[JOURNAL_NODE_SIZE + 40];
};
/* The segments of a node, in order. */
struct journal_list {
    struct journal_segment *segments;
    size_t count;
};
void journal_list_clear(struct journal_list *list);
DEFINE_AUTO_VAL(journal_list, journal_list_clear);
/** A folder that is not there has none. @errors ERR_IO @thread any, like all functions here */
err_t journal_list_read(const char *folder, const char *node, struct journal_list *out);

/* Whose journal it must be, and where the inventory stands in it. */
struct journal_place {
    const char *folder, *node;
    struct sha256 installation;
    bool any_installation; /* `verify` without an inventory */
    int64_t seq;           /* the inventory's last entry, 0: none */
    struct sha256 hash;    /* of that entry */
    size_t segment_size;   /* a file of this size is followed by the next one; 0: JOURNAL_SEGMENT_SIZE */
};
enum { JOURNAL_SEGMENT_SIZE = 16 << 20 };

/** One process at a time appends to the journal of a node: flock() on <node>.lock, which the kernel drops
 * with the process. @errors ERR_CONFLICT, ERR_IO */
err_t journal_lock(const char *folder, const char *node, int *out_fd);

/* How far the files could be followed. */
struct journal_end {
    int64_t seq; /* the last good entry */
    struct sha256 hash;
    size_t segment; /* in the list */
    size_t size;    /* of that segment up to there */
    size_t rest;    /* bytes behind it that are no whole entry */
    bool is_torn;   /* they look like a write that was cut off; otherwise something was changed */
};
typedef err_t (*journal_record_fn)(const struct journal_record *record, void *arg);
/** Follows the chain from segment `from` to its end or to what is broken; `fn` gets each record. What is
 * broken is no error but the end.
 *  @errors ERR_DB another installation's, a segment is missing, or entry place->seq is another one than the
 *  inventory's; of fn */
err_t journal_follow(const struct journal_place *place, const struct journal_list *list, size_t from,
                     journal_record_fn fn, void *arg, struct journal_end *out);

struct journal_file;
/** Opens a segment for appending behind `end`, where it is cut durably. @param place borrowed for the file's
 * life @errors ERR_IO */
err_t journal_file_open(const struct journal_place *place, const char *name, const struct journal_end *end,
                        struct journal_file **out);
/** Makes the segment that follows entry `seq`, durably. @errors ERR_IO, ERR_DISK_FULL */
err_t journal_file_make(const struct journal_place *place, int64_t seq, const struct sha256 *hash,
                        struct journal_file **out);
void journal_file_free(struct journal_file *file);
DEFINE_AUTO_PTR(journal_file, journal_file_free);
/** Room for `n` more bytes, and a new segment when this one is long enough; before the COMMIT, so that a full
 * disk refuses what could not be kept afterwards. @errors ERR_DISK_FULL, ERR_IO */
err_t journal_file_reserve(struct journal_file *file, size_t n);
/** Appends and syncs. @param seq of the last of them @param hash of it too
 *  @errors any: what is durable is then unknown, the process must end */
err_t journal_file_append(struct journal_file *file, struct bytes records, int64_t seq,
                          const struct sha256 *hash);
/** Sets files aside that cannot be gone on with: to <name>.aside-<number>. @errors ERR_IO */
err_t journal_list_set_aside(const char *folder, const struct journal_list *list);

#endif
