/* Reads the whole audit log once, in the order of its key, and says where it does not hold: a record whose
 * hash is not that of its columns, a broken link, a gap in the numbers, an epoch that is missing or does not
 * name the end of the one before, a node whose last epoch is not there. What it cannot see without an outside
 * witness: records missing from the very end of the log. */
#include "db/internal.h"

#include <stdarg.h>
#include <stdio.h>

struct verifier {
    struct db_tx *tx;
    struct audit_report *report;
    struct audit_record last; /* only its numbers are kept beyond the row */
    struct sha256 last_hash;
    bool has_last;
};

static void bad(struct verifier *v, const struct audit_record *r, const char *what)
{
    if (v->report->first_bad[0] != '\0') {
        return;
    }
    char node[UUID_TEXT_SIZE];
    uuid_format(r->link.node, node);
    (void)snprintf(v->report->first_bad, sizeof v->report->first_bad,
                   "node %s epoch %lld lane %lld record %lld: %s", node, (long long)r->link.epoch,
                   (long long)r->link.lane, (long long)r->link.seq, what);
}

static err_t epoch_row(const struct db_row *row, void *arg)
{
    int64_t *epoch = arg;
    *epoch = db_row_int(row, 0);
    return OK;
}

/* Each start took an epoch and wrote its first record in one transaction, so the node's epoch must be the
 * last one here. */
static err_t node_end(struct verifier *v)
{
    if (!v->has_last) {
        return OK;
    }
    int64_t epoch = 0;
    TRY(db_run(v->tx, "SELECT epoch FROM node WHERE id = $1",
               DB_VALUES(DB_BYTES(BYTES_OF(v->last.link.node.b))), epoch_row, &epoch));
    if (epoch != v->last.link.epoch) {
        bad(v, &v->last, epoch == 0 ? "no such node" : "later epochs are missing");
    }
    return OK;
}

/* A record that explains the gap before its epoch: the inventory was an older copy when the node started. */
static bool explains_gap(const struct audit_record *r, int64_t epoch_before)
{
    char body[48];
    (void)snprintf(body, sizeof body, AUDIT_LOST_EPOCHS, (long long)(r->link.epoch - epoch_before - 1));
    return r->link.epoch > epoch_before + 1 && bytes_is(r->body, body);
}

/* The first record that is read of a chain. */
static err_t chain_begin(struct verifier *v, const struct audit_record *r)
{
    v->report->chains++;
    bool is_same_node = v->has_last && uuid_equal(v->last.link.node, r->link.node);
    if (!is_same_node) {
        TRY(node_end(v));
    }
    static const struct sha256 none = {{0}};
    int64_t epoch_before = is_same_node ? v->last.link.epoch : 0;
    const struct sha256 *hash_before = is_same_node ? &v->last_hash : &none;
    if (r->link.lane != AUDIT_LANE) {
        bad(v, r, "there is no such lane");
    } else if (r->link.epoch != epoch_before + 1 && !explains_gap(r, epoch_before)) {
        bad(v, r, "the epoch before is missing");
    } else if (r->link.seq != 1) {
        bad(v, r, "the first record of the epoch is missing");
    } else if (!bytes_equal(BYTES_OF(r->link.prev.b), BYTES_OF(hash_before->b))) {
        bad(v, r, "does not name the end of the epoch before");
    } else if (!bytes_is(r->kind, "node.started")) {
        bad(v, r, "an epoch does not begin with node.started");
    }
    return OK;
}

static void chain_go_on(struct verifier *v, const struct audit_record *r)
{
    if (r->link.seq != v->last.link.seq + 1) {
        bad(v, r, "the record before is missing");
    } else if (!bytes_equal(BYTES_OF(r->link.prev.b), BYTES_OF(v->last_hash.b))) {
        bad(v, r, "does not name the record before");
    }
}

static err_t record_read(const struct db_row *row, struct audit_record *out, struct sha256 *hash)
{
    *out = (struct audit_record){
        .link = {.epoch = db_row_int(row, 1), .lane = db_row_int(row, 2), .seq = db_row_int(row, 3)},
        .at_ms = db_row_int(row, 4),
        .tenant = db_row_bytes(row, 5),
        .device = db_row_bytes(row, 6),
        .actor = db_row_bytes(row, 7),
        .request_id = db_row_bytes(row, 8),
        .kind = db_row_bytes(row, 9),
        .result = db_row_bytes(row, 10),
        .body = db_row_bytes(row, 11),
    };
    TRY(db_row_copy(row, 0, out->link.node.b, sizeof out->link.node.b));
    TRY(db_row_copy(row, 12, out->link.prev.b, sizeof out->link.prev.b));
    return db_row_copy(row, 13, hash->b, sizeof hash->b);
}

static err_t record_row(const struct db_row *row, void *arg)
{
    struct verifier *v = arg;
    struct audit_record record;
    struct sha256 stored, computed;
    TRY(record_read(row, &record, &stored));
    v->report->records++;
    if (v->has_last && uuid_equal(v->last.link.node, record.link.node) &&
        v->last.link.epoch == record.link.epoch && v->last.link.lane == record.link.lane) {
        chain_go_on(v, &record);
    } else {
        TRY(chain_begin(v, &record));
    }
    TRY(audit_hash(&record, &computed));
    if (!bytes_equal(BYTES_OF(computed.b), BYTES_OF(stored.b))) {
        TRY(audit_hash_first_form(&record,
                                  &computed)); /* the two forms never hash alike, so either will do */
    }
    if (!bytes_equal(BYTES_OF(computed.b), BYTES_OF(stored.b))) {
        bad(v, &record, "is not what was hashed");
    }
    v->last = record;
    v->last_hash = stored;
    v->has_last = true;
    return OK;
}

static err_t silent_node_row(const struct db_row *row, void *arg)
{
    struct verifier *v = arg;
    struct audit_record none = {.link = {.epoch = db_row_int(row, 1)}};
    TRY(db_row_copy(row, 0, none.link.node.b, sizeof none.link.node.b));
    bad(v, &none, "the node has no record at all");
    return OK;
}

static err_t verify(struct db_tx *tx, void *arg)
{
    struct verifier v = {.tx = tx, .report = arg};
    *v.report = (struct audit_report){0};
    TRY(db_run(
        tx,
        "SELECT node, epoch, lane, seq, at, tenant, device, actor, request_id, kind, result, body, prev, hash"
        " FROM audit ORDER BY node, epoch, lane, seq",
        NULL, 0, record_row, &v));
    TRY(node_end(&v));
    return db_run(
        tx, "SELECT id, epoch FROM node WHERE NOT EXISTS (SELECT 1 FROM audit WHERE audit.node = node.id)",
        NULL, 0, silent_node_row, &v);
}

err_t audit_verify(struct db *db, struct audit_report *out)
{
    return db_read(db, verify, out);
}
