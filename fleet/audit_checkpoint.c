/* Makes checkpoints, and keeps one whenever there is something new (a job): in the inventory, in the audit
 * log itself and as a line of the server's log, which goes where the operator's logs go. Signing comes before
 * the transaction, which may run twice. */
#include "fleet/audit_checkpoint.h"

#include "db/audit_chain_rows.h"
#include "fleet/audit_signer.h"
#include "fleet/authority_set.h"
#include "fleet/event.h"
#include "fleet/internal.h"

void audit_checkpoint_clear(struct audit_checkpoint *checkpoint)
{
    buf_clear(&checkpoint->content);
    buf_clear(&checkpoint->cms);
}

void audit_installation(const struct fleet *fleet, char out[2 * SHA256_SIZE + 1])
{
    AUTO_PTR(authority_set) *set = authority_set_take(fleet);
    hex_encode(BYTES_OF(authority_spki_sha256(authority_set_root(set)->authority)->b), out);
}

/* --- the ends --------------------------------------------------------------------------------------- */

struct ends {
    json_t *list; /* owned */
    struct sha256 root;
    int64_t records; /* the sum of the ends' numbers: it rises with every record */
};
static void ends_clear(struct ends *ends)
{
    json_decref(ends->list);
}
DEFINE_AUTO_VAL(ends, ends_clear);

static err_t add_end(const struct audit_end *end, void *arg)
{
    struct ends *ends = arg;
    char node[UUID_TEXT_SIZE];
    AUTO(json_t) *item = json_object();
    struct sha256 next;
    uuid_format(end->node, node);
    TRY(json_set_text(item, "node", node));
    TRY(json_set_int(item, "epoch", end->epoch));
    TRY(json_set_int(item, "lane", end->lane));
    TRY(json_set_int(item, "seq", end->seq));
    TRY(json_set_hex(item, "hash", BYTES_OF(end->hash.b)));
    const struct audit_link place = {
        .node = end->node, .epoch = end->epoch, .lane = end->lane, .seq = end->seq, .prev = ends->root};
    TRY(audit_link_hash(&place, &end->hash, &next));
    ends->root = next;
    ends->records += end->seq;
    ENSURE(json_array_append_new(ends->list, TAKE(item)) == 0, ERR_NO_MEMORY, "ends of chains");
    return OK;
}

static err_t read_ends(struct db_tx *tx, void *arg)
{
    struct ends *ends = arg;
    json_decref(ends->list);
    *ends = (struct ends){.list = json_array()};
    ENSURE(ends->list != NULL, ERR_NO_MEMORY, "ends of chains");
    return audit_ends_list(tx, add_end, ends);
}

/* --- the statement ---------------------------------------------------------------------------------- */

static err_t write_content(const struct fleet *fleet, const struct ends *ends, const struct audit_seal *seal,
                           int64_t now_ms, struct buf *out)
{
    char installation[2 * SHA256_SIZE + 1];
    AUTO(json_t) *content = json_object();
    AUTO(json_t) *sealed = NULL;
    audit_installation(fleet, installation);
    TRY(json_set_text(content, "whorl", "audit-checkpoint"));
    TRY(json_set_int(content, "version", 1));
    TRY(json_set_text(content, "installation", installation));
    TRY(json_set_time(content, "ts", now_ms));
    TRY(json_take(content, "heads", json_incref(ends->list)));
    TRY(json_set_hex(content, "root", BYTES_OF(ends->root.b)));
    if (seal != NULL) {
        TRY(audit_seal_write(seal, &sealed));
        TRY(json_take(content, "export", TAKE(sealed)));
    }
    return json_append(out, content);
}

static err_t make(struct fleet *fleet, const struct audit_seal *seal, struct ends *ends,
                  struct audit_checkpoint *out)
{
    const struct signer *signer = NULL;
    TRY(audit_signer_get(fleet, &signer));
    int64_t now_ms = clock_now_ms(fleet->clock);
    TRY(db_read(fleet->db, read_ends, ends));
    out->root = ends->root;
    TRY(write_content(fleet, ends, seal, now_ms, &out->content));
    return signer_sign(signer, buf_view(&out->content), now_ms, &out->cms);
}

err_t audit_checkpoint_make(struct fleet *fleet, const struct audit_seal *seal, struct audit_checkpoint *out)
{
    AUTO_VAL(ends) ends = {.list = NULL};
    return make(fleet, seal, &ends, out);
}

/* --- anchors ---------------------------------------------------------------------------------------- */

struct anchor {
    const struct audit_checkpoint *checkpoint;
    int64_t records, n;
};

static err_t keep_in(struct db_tx *tx, void *arg)
{
    struct anchor *run = arg;
    char root[2 * SHA256_SIZE + 1];
    struct audit_anchor_row row = {.at = db_tx_now_ms(tx),
                                   .content = buf_view(&run->checkpoint->content),
                                   .signature = buf_view(&run->checkpoint->cms),
                                   .root = run->checkpoint->root};
    hex_encode(BYTES_OF(row.root.b), root);
    TRY(audit_anchor_insert(tx, &row));
    run->n = row.n;
    const struct event event = {.kind = "audit.anchored", .result = "ok", .actor = "whorld"};
    return event_append(tx, &event, "{\"anchor\":%lld,\"root\":\"%s\"}", (long long)row.n, root);
}

static int64_t records_of(const json_t *content)
{
    int64_t records = 0;
    size_t i = 0;
    const json_t *head = NULL;
    json_array_foreach(json_object_get(content, "heads"), i, head)
    {
        records += json_integer_value(json_object_get(head, "seq"));
    }
    return records;
}

/* @param arg the sum of the numbers in the newest anchor */
static err_t take_records(const struct audit_anchor_row *row, void *arg)
{
    AUTO(json_t) *content = NULL;
    TRY(json_parse(row->content, row->content.n, &content));
    *(int64_t *)arg = records_of(content);
    return OK;
}

static err_t read_last(struct db_tx *tx, void *arg)
{
    err_t error = audit_anchor_last(tx, take_records, arg);
    return error.code == ERR_NOT_FOUND ? OK : error;
}

/* The record of the anchor itself is nothing new: else a silent installation would anchor for ever. A
 * restart, which begins a chain anew, makes another sum. */
err_t audit_anchor(struct fleet *fleet, int64_t now_ms)
{
    AUTO_VAL(ends) ends = {.list = NULL};
    AUTO_VAL(audit_checkpoint) checkpoint = {.content = {0}};
    struct anchor run = {.checkpoint = &checkpoint};
    int64_t last = -1;
    (void)now_ms;
    const struct signer *signer = NULL;
    err_t error = audit_signer_get(fleet, &signer);
    if (error.code == ERR_UNAVAILABLE) {
        return OK;
    }
    TRY(error);
    TRY(db_read(fleet->db, read_last, &last));
    TRY(make(fleet, NULL, &ends, &checkpoint));
    if (ends.records == last + 1) {
        return OK;
    }
    TRY(db_write(fleet->db, keep_in, &run));
    char root[2 * SHA256_SIZE + 1];
    hex_encode(BYTES_OF(checkpoint.root.b), root);
    LOG(fleet->log, LOG_INFO, "audit_anchored", LOG_INT("anchor", run.n), LOG_STR("root", root));
    return OK;
}
