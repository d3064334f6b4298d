/* The audit log along its chains, for those who prove it: ends of chains, stretches of them, and the anchors:
 * signed ends that were kept. Writing records is audit_append(); reading by time is audit_rows.h. */
#ifndef WHORL_DB_AUDIT_CHAIN_ROWS_H
#define WHORL_DB_AUDIT_CHAIN_ROWS_H

#include "db/audit_hash.h"
#include "db/db.h"

/* The last record of a chain. */
struct audit_end {
    struct uuid node;
    int64_t epoch, lane, seq;
    struct sha256 hash;
};
typedef err_t (*audit_end_fn)(const struct audit_end *end, void *arg);
/** The last chain of every node, in order of node: the chains before it lead to it. @thread of tx, like all
 * functions here */
err_t audit_ends_list(struct db_tx *tx, audit_end_fn fn, void *arg);
/** The hash of one record. @errors ERR_NOT_FOUND */
err_t audit_hash_find(struct db_tx *tx, const struct audit_end *place, struct sha256 *out);

/* A stretch of one chain. */
struct audit_segment {
    struct uuid node;
    int64_t epoch, lane, from, to;
};
typedef err_t (*audit_segment_fn)(const struct audit_segment *segment, void *arg);
/** From the first to the last record of the tenant in this time, of each chain that has one. */
struct audit_span {
    struct uuid tenant;
    int64_t since, until;
};
err_t audit_segments_list(struct db_tx *tx, const struct audit_span *span, audit_segment_fn fn, void *arg);

/** Records of a segment in order, whosesoever they are, `limit` at most; texts are borrowed until the
 * callback returns. */
typedef err_t (*audit_record_fn)(const struct audit_record *record, const struct sha256 *hash, void *arg);
err_t audit_segment_read(struct db_tx *tx, const struct audit_segment *segment, int64_t limit,
                         audit_record_fn fn, void *arg);

struct audit_anchor_row {
    int64_t n, at;
    struct bytes content, signature; /* borrowed: what was signed, and the CMS SignedData around it */
    struct sha256 root;
};
/** Keeps an anchor under the next number. @param row n is set */
err_t audit_anchor_insert(struct db_tx *tx, struct audit_anchor_row *row);
/** The newest, lent to `fn`. @errors ERR_NOT_FOUND there is none */
err_t audit_anchor_last(struct db_tx *tx, err_t (*fn)(const struct audit_anchor_row *row, void *arg),
                        void *arg);
/** All of them, oldest first. */
err_t audit_anchor_each(struct db_tx *tx, err_t (*fn)(const struct audit_anchor_row *row, void *arg),
                        void *arg);

#endif
