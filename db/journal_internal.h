/* What the files of the open journal share: db/journal*.c only. */
#ifndef WHORL_DB_JOURNAL_INTERNAL_H
#define WHORL_DB_JOURNAL_INTERNAL_H

#include "db/figures.h"
#include "db/journal_engine.h"
#include "db/journal_files.h"

/* The row of a node, as stored. */
struct journal_head {
    bool has_row;
    int64_t seq;
    struct sha256 hash;
    int64_t first; /* of pending */
    struct buf pending;
};
void journal_head_clear(struct journal_head *head);
DEFINE_AUTO_VAL(journal_head, journal_head_clear);

/** @errors ERR_DB @thread of the connection */
err_t journal_head_read(struct connection *connection, const char *node, struct journal_head *out);
err_t journal_head_write(struct connection *connection, const char *node, const struct journal_head *head);
/** SHA-256 of the first root's certificate: all copies of an inventory have it. Zeros before it is there. */
err_t journal_installation(struct connection *connection, struct sha256 *out);

/* What opening finds in the files. */
struct journal_found {
    int64_t inventory_seq; /* where the inventory stands */
    struct journal_report *missing;
    /* of what is missing */
    bool has_node;
    struct uuid node;
    int64_t epoch, crl_number;
};
/** A journal_record_fn: counts records behind inventory_seq. @param arg a journal_found */
err_t journal_count(const struct journal_record *record, void *arg);

/* Whether the files and the row can go on together. */
struct journal_meeting {
    const struct journal_list *list;
    const struct journal_head *head;
    struct journal_found found;
    struct journal_end end;
    size_t from; /* the segment in which the inventory's last entry stands */
};
/** Follows the files from the inventory's last entry on. @errors ERR_DB broken, cut off, of another server:
 * with file and byte */
err_t journal_meet(const struct journal_place *place, struct journal_meeting *meeting);
/** The entries of `head->pending` behind entry `seq`, whose hash is `hash`; they must end where the head
 * does.
 *  @errors ERR_DB */
err_t journal_pending_after(const struct journal_head *head, int64_t seq, const struct sha256 *hash,
                            struct bytes *out);

/** What an inventory is told that lacks `count` entries. */
err_t journal_older(int64_t count, const struct journal_report *missing);

/* An open one. */
struct journal {
    const struct db_options *options;
    struct connection *connection; /* while it is opened */
    struct journal_place place;
    char *folder, *node; /* that it borrows */
    int lock_fd;
    struct journal_file *file;
    int64_t seq; /* the last entry, in the file or in `pending` */
    struct sha256 hash;
    struct buf pending; /* not in the file yet: one write */
    int64_t first;      /* the first entry of it, where it has some */
    int64_t last_at_ms; /* of the last */
    struct journal_figures figures;
    /* of an older copy that is opened all the same */
    bool is_behind;
    bool is_replaced; /* the files could not be gone on with */
    struct journal_list list;
    size_t from;
    struct journal_found found;
    struct journal_report missing;
};

#endif
