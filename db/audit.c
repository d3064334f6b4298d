/* Appends to this node's audit chain, in the transaction that the record describes. The end of the chain is
 * in memory (db_tx.head); the writer restores it when a closure is undone. How a record is hashed is in
 * audit_hash.c; reading in audit_verify.c. */
#include "db/internal.h"

/* A text as SQL stores it: never NULL. */
static struct bytes field_text(const char *text)
{
    return bytes_str(text != NULL ? text : "");
}

static struct db_value value_or_null(struct bytes bytes)
{
    return bytes.p == NULL ? DB_N : DB_BYTES(bytes);
}

static struct db_value value_text(struct bytes bytes)
{
    return (struct db_value){.kind = DB_TEXT, .bytes = bytes};
}

static err_t record_insert(struct db_tx *tx, const struct audit_record *r, const struct sha256 *hash,
                           int64_t feed)
{
    err_t result = db_change(
        tx,
        "INSERT INTO audit (node, epoch, lane, seq, at, tenant, device, actor, request_id, kind,"
        " result, body, prev, hash, feed)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
        DB_VALUES(DB_B(r->link.node.b, sizeof r->link.node.b), DB_I(r->link.epoch), DB_I(r->link.lane),
                  DB_I(r->link.seq), DB_I(r->at_ms), value_or_null(r->tenant), value_or_null(r->device),
                  value_text(r->actor), value_text(r->request_id), value_text(r->kind), value_text(r->result),
                  value_text(r->body), DB_BYTES(BYTES_OF(r->link.prev.b)), DB_BYTES(BYTES_OF(hash->b)),
                  feed > 0 ? DB_I(feed) : DB_N),
        NULL);
    /* the primary key is the fence of the chain: no caller's conflict, but another process under this node's
     * name */
    ENSURE(result.code != ERR_CONFLICT, ERR_DB, "the audit chain has a record %lld of epoch %lld already",
           (long long)r->link.seq, (long long)r->link.epoch);
    return result;
}

err_t audit_append(struct db_tx *tx, const struct audit_entry *entry)
{
    ENSURE(tx->head != NULL, ERR_INTERNAL, "an audit record in a read");
    struct audit_record record = {
        .link = {.node = tx->head->node,
                 .epoch = tx->head->epoch,
                 .lane = AUDIT_LANE,
                 .seq = tx->head->seq + 1,
                 .prev = tx->head->hash},
        .at_ms = tx->now_ms,
        .tenant = entry->tenant != NULL ? BYTES_OF(entry->tenant->b) : BYTES_NONE,
        .device = entry->device_id != NULL ? (struct bytes){entry->device_id, SHA256_SIZE} : BYTES_NONE,
        .actor = field_text(entry->actor),
        .request_id = field_text(entry->request_id),
        .kind = field_text(entry->kind),
        .result = field_text(entry->result),
        .body = field_text(entry->body),
    };
    struct sha256 hash;
    TRY(audit_hash(&record, &hash));
    TRY(record_insert(tx, &record, &hash, entry->feed));
    tx->head->seq = record.link.seq;
    tx->head->hash = hash;
    return OK;
}
