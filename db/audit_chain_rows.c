/* Statements over the audit log along its primary key, and over the table audit_anchor. No rules here. */
#include "db/audit_chain_rows.h"

#include "db/internal.h"
#include "db/row_values.h"

static const char SQL_NODES[] = "SELECT id, epoch FROM node ORDER BY id";
static const char SQL_END[] = "SELECT seq, hash FROM audit WHERE node = $1 AND epoch = $2 AND lane = $3 "
                              "ORDER BY seq DESC LIMIT 1";
static const char SQL_HASH[] =
    "SELECT hash FROM audit WHERE node = $1 AND epoch = $2 AND lane = $3 AND seq = $4";
static const char SQL_SEGMENTS[] =
    "SELECT node, epoch, lane, MIN(seq), MAX(seq) FROM audit WHERE tenant = $1 AND at >= $2 AND at < $3 "
    "GROUP BY node, epoch, lane ORDER BY node, epoch, lane";
static const char SQL_LIST_SEGMENT[] =
    "SELECT node, epoch, lane, seq, at, tenant, device, actor, request_id, kind, result, body, prev, hash "
    "FROM audit WHERE node = $1 AND epoch = $2 AND lane = $3 AND seq >= $4 AND seq <= $5 ORDER BY seq LIMIT "
    "$6";
static const char SQL_ANCHOR_INSERT[] =
    "INSERT INTO audit_anchor (n, at, content, root, signature) VALUES ($1, $2, $3, $4, $5)";
#define ANCHOR "SELECT n, at, content, root, signature FROM audit_anchor ORDER BY n"
static const char SQL_ANCHOR_LAST[] = ANCHOR " DESC LIMIT 1";
static const char SQL_ANCHOR_EACH[] = ANCHOR;

/* --- ends ------------------------------------------------------------------------------------------- */

struct ends {
    struct db_tx *tx;
    audit_end_fn fn;
    void *arg;
    struct audit_end end;
    bool is_found;
};

static err_t on_end(const struct db_row *row, void *arg)
{
    struct ends *ends = arg;
    ends->end.seq = db_row_int(row, 0);
    ends->is_found = true;
    return db_row_copy(row, 1, ends->end.hash.b, sizeof ends->end.hash.b);
}

static err_t on_node(const struct db_row *row, void *arg)
{
    struct ends *ends = arg;
    ends->end = (struct audit_end){.epoch = db_row_int(row, 1), .lane = AUDIT_LANE};
    ends->is_found = false;
    TRY(db_row_copy(row, 0, ends->end.node.b, sizeof ends->end.node.b));
    TRY(db_run(ends->tx, SQL_END,
               DB_VALUES(db_uuid(&ends->end.node), DB_I(ends->end.epoch), DB_I(ends->end.lane)), on_end,
               ends));
    return ends->is_found ? ends->fn(&ends->end, ends->arg) : OK;
}

err_t audit_ends_list(struct db_tx *tx, audit_end_fn fn, void *arg)
{
    struct ends ends = {.tx = tx, .fn = fn, .arg = arg};
    return db_run(tx, SQL_NODES, NULL, 0, on_node, &ends);
}

static err_t on_hash(const struct db_row *row, void *arg)
{
    struct sha256 *hash = arg;
    return db_row_copy(row, 0, hash->b, sizeof hash->b);
}

err_t audit_hash_find(struct db_tx *tx, const struct audit_end *place, struct sha256 *out)
{
    return db_find(tx, SQL_HASH,
                   DB_VALUES(db_uuid(&place->node), DB_I(place->epoch), DB_I(place->lane), DB_I(place->seq)),
                   on_hash, out, "record");
}

/* --- stretches -------------------------------------------------------------------------------------- */

struct segments {
    audit_segment_fn fn;
    void *arg;
};

static err_t on_segment(const struct db_row *row, void *arg)
{
    const struct segments *segments = arg;
    struct audit_segment segment = {.epoch = db_row_int(row, 1),
                                    .lane = db_row_int(row, 2),
                                    .from = db_row_int(row, 3),
                                    .to = db_row_int(row, 4)};
    TRY(db_row_copy(row, 0, segment.node.b, sizeof segment.node.b));
    return segments->fn(&segment, segments->arg);
}

err_t audit_segments_list(struct db_tx *tx, const struct audit_span *span, audit_segment_fn fn, void *arg)
{
    struct segments segments = {.fn = fn, .arg = arg};
    return db_run(tx, SQL_SEGMENTS, DB_VALUES(db_uuid(&span->tenant), DB_I(span->since), DB_I(span->until)),
                  on_segment, &segments);
}

struct records {
    audit_record_fn fn;
    void *arg;
};

static err_t on_record(const struct db_row *row, void *arg)
{
    const struct records *records = arg;
    struct sha256 hash;
    struct audit_record record = {
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
    TRY(db_row_copy(row, 0, record.link.node.b, sizeof record.link.node.b));
    TRY(db_row_copy(row, 12, record.link.prev.b, sizeof record.link.prev.b));
    TRY(db_row_copy(row, 13, hash.b, sizeof hash.b));
    return records->fn(&record, &hash, records->arg);
}

err_t audit_segment_read(struct db_tx *tx, const struct audit_segment *segment, int64_t limit,
                         audit_record_fn fn, void *arg)
{
    struct records records = {.fn = fn, .arg = arg};
    return db_run(tx, SQL_LIST_SEGMENT,
                  DB_VALUES(db_uuid(&segment->node), DB_I(segment->epoch), DB_I(segment->lane),
                            DB_I(segment->from), DB_I(segment->to), DB_I(limit)),
                  on_record, &records);
}

/* --- anchors ---------------------------------------------------------------------------------------- */

struct anchors {
    err_t (*fn)(const struct audit_anchor_row *row, void *arg);
    void *arg;
};

static err_t on_anchor(const struct db_row *row, void *arg)
{
    const struct anchors *anchors = arg;
    struct audit_anchor_row anchor = {.n = db_row_int(row, 0),
                                      .at = db_row_int(row, 1),
                                      .content = db_row_bytes(row, 2),
                                      .signature = db_row_bytes(row, 4)};
    TRY(db_row_copy(row, 3, anchor.root.b, sizeof anchor.root.b));
    return anchors->fn(&anchor, anchors->arg);
}

err_t audit_anchor_last(struct db_tx *tx, err_t (*fn)(const struct audit_anchor_row *row, void *arg),
                        void *arg)
{
    struct anchors anchors = {.fn = fn, .arg = arg};
    return db_find(tx, SQL_ANCHOR_LAST, NULL, 0, on_anchor, &anchors, "anchor");
}

err_t audit_anchor_each(struct db_tx *tx, err_t (*fn)(const struct audit_anchor_row *row, void *arg),
                        void *arg)
{
    struct anchors anchors = {.fn = fn, .arg = arg};
    return db_run(tx, SQL_ANCHOR_EACH, NULL, 0, on_anchor, &anchors);
}

static err_t take_number(const struct audit_anchor_row *row, void *arg)
{
    *(int64_t *)arg = row->n;
    return OK;
}

err_t audit_anchor_insert(struct db_tx *tx, struct audit_anchor_row *row)
{
    int64_t last = 0;
    err_t error = audit_anchor_last(tx, take_number, &last);
    if (error.code != ERR_OK && error.code != ERR_NOT_FOUND) {
        return error;
    }
    row->n = last + 1;
    return db_change(tx, SQL_ANCHOR_INSERT,
                     DB_VALUES(DB_I(row->n), DB_I(row->at), db_text(row->content),
                               DB_B(row->root.b, sizeof row->root.b), DB_BYTES(row->signature)),
                     NULL);
}
