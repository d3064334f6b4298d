/* Appends to this node's audit chain, in the transaction that the record describes, and says how a record is
 * hashed. The end of the chain is in memory (db_tx.head); the writer restores it when a closure is undone.
 * Reading is in audit_verify.c. */
#include "db/internal.h"

static void put_u32(uint8_t out[4], uint32_t value)
{
    for (size_t i = 0; i < 4; i++) {
        out[i] = (uint8_t)(value >> (24 - 8 * i));
    }
}

static void put_u64(uint8_t out[8], int64_t value)
{
    for (size_t i = 0; i < 8; i++) {
        out[i] = (uint8_t)((uint64_t)value >> (56 - 8 * i));
    }
}

/* SHA-256("whorl-audit-v1" || prev || node || epoch || lane || seq || at || fields): numbers are 8 bytes,
 * big-endian; each field is its length in 4 bytes (all ones for NULL) and its bytes, so that no two records
 * encode alike. */
err_t audit_hash(const struct audit_record *record, struct sha256 *out)
{
    const int64_t numbers[] = {record->epoch, record->lane, record->seq, record->at_ms};
    const struct bytes fields[] = {record->tenant, record->device, record->actor, record->request_id,
                                   record->kind,   record->result, record->body};
    enum { NUMBERS = sizeof numbers / sizeof numbers[0], FIELDS = sizeof fields / sizeof fields[0] };
    uint8_t encoded[NUMBERS][8];
    uint8_t lengths[FIELDS][4];
    struct bytes parts[4 + 2 * FIELDS] = {bytes_str("whorl-audit-v1"),
                                          BYTES_OF(record->prev.b),
                                          BYTES_OF(record->node.b),
                                          {encoded[0], sizeof encoded}};
    for (size_t i = 0; i < NUMBERS; i++) {
        put_u64(encoded[i], numbers[i]);
    }
    for (size_t i = 0; i < FIELDS; i++) {
        ENSURE(fields[i].n < UINT32_MAX, ERR_TOO_LARGE, "an audit field of %zu bytes", fields[i].n);
        put_u32(lengths[i], fields[i].p == NULL ? UINT32_MAX : (uint32_t)fields[i].n);
        parts[4 + 2 * i] = BYTES_OF(lengths[i]);
        parts[5 + 2 * i] = fields[i];
    }
    return sha256_of_parts(parts, sizeof parts / sizeof parts[0], out);
}

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
        DB_VALUES(DB_B(r->node.b, sizeof r->node.b), DB_I(r->epoch), DB_I(r->lane), DB_I(r->seq),
                  DB_I(r->at_ms), value_or_null(r->tenant), value_or_null(r->device), value_text(r->actor),
                  value_text(r->request_id), value_text(r->kind), value_text(r->result), value_text(r->body),
                  DB_BYTES(BYTES_OF(r->prev.b)), DB_BYTES(BYTES_OF(hash->b)), feed > 0 ? DB_I(feed) : DB_N),
        NULL);
    /* the primary key is the fence of the chain: no caller's conflict, but another process under this node's
     * name */
    ENSURE(result.code != ERR_CONFLICT, ERR_DB, "the audit chain has a record %lld of epoch %lld already",
           (long long)r->seq, (long long)r->epoch);
    return result;
}

err_t audit_append(struct db_tx *tx, const struct audit_entry *entry)
{
    ENSURE(tx->head != NULL, ERR_INTERNAL, "an audit record in a read");
    struct audit_record record = {
        .node = tx->head->node,
        .epoch = tx->head->epoch,
        .lane = AUDIT_LANE,
        .seq = tx->head->seq + 1,
        .at_ms = tx->now_ms,
        .tenant = entry->tenant != NULL ? BYTES_OF(entry->tenant->b) : BYTES_NONE,
        .device = entry->device_id != NULL ? (struct bytes){entry->device_id, SHA256_SIZE} : BYTES_NONE,
        .actor = field_text(entry->actor),
        .request_id = field_text(entry->request_id),
        .kind = field_text(entry->kind),
        .result = field_text(entry->result),
        .body = field_text(entry->body),
        .prev = tx->head->hash,
    };
    struct sha256 hash;
    TRY(audit_hash(&record, &hash));
    TRY(record_insert(tx, &record, &hash, entry->feed));
    tx->head->seq = record.seq;
    tx->head->hash = hash;
    return OK;
}
