/* The journal: a hash-chained append-only log beside the inventory, of everything that no restored copy may
 * undo: certificates issued, confirmed, superseded and revoked, what became of devices, CRL numbers,
 * what authorities are and have signed for each other, epochs.
 *
 * Each node (the server, the commands beside it) has a journal of its own, as it has an audit chain of its
 * own: files <node>-<number of the first entry>.journal in one folder, appended by one process at a time
 * under <node>.lock. So no two processes ever agree on an order, on SQLite or elsewhere.
 *
 * Entries are appended by the functions that change the rows (db/certificate_rows.c, device_rows.c,
 * crl_rows.c, authority*_rows.c, node.c), not by their callers, so that no caller forgets one. An entry gets
 * its number and its hash in the transaction; the row of the node in journal_head keeps the last number and
 * hash and the bytes of the last group (`pending`). After the COMMIT and before anybody is answered the
 * writer appends those bytes to the file and syncs it, once for the group. So:
 *
 *   the inventory is ahead of the file by `pending` at most (the power went in between): written at open;
 *   the file is ahead of the inventory: this is an older copy. Open refuses, replays or accepts it;
 *   what is broken in the file before `pending` was acknowledged: open refuses, and says which byte. */
#ifndef WHORL_DB_JOURNAL_H
#define WHORL_DB_JOURNAL_H

#include "db/db.h"
#include "db/journal_format.h"

/** Appends an entry in the transaction that it is about; nothing where no journal is kept. @thread of tx */
err_t journal_append(struct db_tx *tx, struct journal_entry *entry);

/* What is in a journal, or what of it an inventory lacks. */
struct journal_report {
    int64_t first, last; /* entries; last < first: none */
    int64_t kinds[JOURNAL_KINDS];
    int64_t unknown; /* of kinds that this program does not know */
    int64_t segments;
    int64_t last_at_ms; /* when the last of them was written */
    int64_t torn_bytes; /* at the very end, of an entry that was never acknowledged */
    bool is_replaced;   /* accepted: the files could not be gone on with, or were lost */
};
/** "3 issue, 1 revoke, …" cut at `size`. */
void journal_report_text(const struct journal_report *report, char *out, size_t size);

typedef err_t (*journal_entry_fn)(const struct journal_entry *entry, void *arg);
/** Reads the journal of a node from its first file to its end and checks every hash. `fn` may be NULL. Reads
 * only; a server may append meanwhile (what is unfinished at the end counts as torn).
 *  @errors ERR_NOT_FOUND no journal of this node; ERR_DB with file and byte; of fn @thread any */
err_t journal_verify(const char *folder, const char *node, struct journal_report *out);

/** Whether the folder has any file of this node's journal. @errors ERR_IO */
err_t journal_exists(const char *folder, const char *node, bool *out);

/* How far the inventory's journal of a node has come. */
struct journal_position {
    char node[JOURNAL_NODE_SIZE];
    int64_t seq;
    struct sha256 hash;
};
/** Of every node that keeps one, in order of name. @thread of tx */
err_t journal_positions(struct db_tx *tx, err_t (*fn)(const struct journal_position *position, void *arg),
                        void *arg);

struct journal_state {
    bool has_row; /* this inventory has begun a journal of the node */
    int64_t seq;  /* the inventory's last entry */
    bool has_files;
    struct journal_report missing; /* what the inventory lacks */
    err_t verdict;                 /* what opening it would say; OK: it would open */
};
/** How inventory and journal stand to each other, for `check`, without changing anything. The inventory is
 * read after the journal, so that a running server is no mistake. @errors ERR_DB, ERR_IO */
err_t journal_compare(struct db *db, const char *folder, const char *node, struct journal_state *out);

#endif
