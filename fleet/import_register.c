/* The second half of an import: the kept lines go into the inventory. A transaction may be run again, so each
 * begins by going back to where it began, in the lines and in the report. What must not stay (a dry run, a
 * list with a refused line in atomic mode) runs in full, for its report, and is rolled back by an error of
 * its own. */
#include <stdio.h>
#include <string.h>

#include "db/batch_rows.h"
#include "db/device_count_rows.h"
#include "fleet/event.h"
#include "fleet/import_internal.h"

#include "fleet/names.h"
#include "fleet/registration.h"

/* Lines in one transaction when good lines are kept: the writer serves others in between. */
enum { LINES_PER_TRANSACTION = 5000 };

/* How far the import is; a transaction works on a copy. */
struct progress {
    uint64_t lines;    /* done */
    int64_t report_at; /* and how many are in the report */
    uint64_t reports;
    int64_t accepted; /* registered */
    bool has_batch;
    struct batch_row batch;
};

struct pass {
    struct import *import;
    struct progress before, after;
    uint64_t most_lines;
    bool is_trial; /* nothing may stay */
    bool is_rolled_back;
    int64_t accepted;    /* in this transaction */
    struct sha256 chain; /* over the ids registered in this transaction */
};

static err_t count_accepted(struct pass *pass, const struct device_id *id)
{
    const struct bytes parts[] = {BYTES_OF(pass->chain.b), BYTES_OF(id->b)};
    struct sha256 next;
    TRY(sha256_of_parts(parts, 2, &next));
    pass->chain = next;
    pass->accepted++;
    return OK;
}

static err_t make_row(const struct pass *pass, const struct import_line *line,
                      const struct import_texts *texts, struct device_row *row)
{
    const struct batch_row *batch = &pass->after.batch;
    *row = (struct device_row){.tenant = batch->tenant,
                               .batch = batch->id,
                               .product = batch->product,
                               .state = DEVICE_REGISTERED,
                               .key_origin = KEY_ORIGIN_BATCH,
                               .claim = (enum device_claim)line->claim,
                               .registered_at = batch->updated_at,
                               .updated_at = batch->updated_at,
                               .ver = 1};
    memcpy(row->id.b, line->id, sizeof row->id.b);
    TRY(text_copy(texts->serial, "serial", row->serial, sizeof row->serial));
    TRY(text_copy(texts->model, "model", row->model, sizeof row->model));
    return text_copy(texts->attributes.n > 0 ? texts->attributes : bytes_str("{}"), "attributes",
                     row->attributes, sizeof row->attributes);
}

static err_t refuse_known(struct pass *pass, const struct import_line *line, const struct device_row *row,
                          err_t error)
{
    struct import_refusal refusal = {
        .line = import_number(line->line), .code = error.code, .has_id = true, .id = row->id};
    memcpy(refusal.reason, error.detail, sizeof refusal.reason);
    memcpy(refusal.serial, row->serial, sizeof refusal.serial);
    return import_refuse(pass->import, &refusal);
}

static err_t register_line(struct db_tx *tx, struct pass *pass, const struct import_line *line,
                           struct import_texts *texts)
{
    struct device_row row;
    TRY(import_read_texts(pass->import, line, texts));
    TRY(make_row(pass, line, texts, &row));
    err_t error = registration_insert(tx, &row, texts->spki);
    if (error.code == ERR_CONFLICT) {
        return refuse_known(pass, line, &row, error);
    }
    TRY(error);
    return count_accepted(pass, &row.id);
}

static err_t register_lines(struct db_tx *tx, struct pass *pass)
{
    struct import *import = pass->import;
    AUTO_VAL(import_texts) texts = {.memory = {0}};
    struct import_line line;
    uint64_t end = import->line_count;
    if (end - pass->before.lines > pass->most_lines) {
        end = pass->before.lines + pass->most_lines;
    }
    TRY(spool_go(import->lines, (int64_t)(pass->before.lines * sizeof line)));
    while (pass->after.lines < end) {
        TRY(spool_read(import->lines, &line, sizeof line));
        TRY(register_line(tx, pass, &line, &texts));
        pass->after.lines++;
    }
    pass->after.report_at = spool_at(import->report);
    pass->after.reports = import->report_count;
    return OK;
}

static err_t ensure_batch(struct db_tx *tx, struct pass *pass)
{
    struct batch_row *batch = &pass->after.batch;
    int64_t now_ms = db_tx_now_ms(tx);
    if (pass->after.has_batch) {
        batch->updated_at = now_ms;
        return OK;
    }
    *batch = (struct batch_row){.tenant = pass->import->order.tenant,
                                .product = pass->import->product.id,
                                .created_at = now_ms,
                                .updated_at = now_ms};
    memcpy(batch->name, pass->import->name, sizeof batch->name);
    TRY(db_tx_uuid(tx, &batch->id));
    pass->after.has_batch = true;
    return batch_rows_insert(tx, batch);
}

static err_t record(struct db_tx *tx, const struct pass *pass)
{
    const struct import *import = pass->import;
    const struct batch_row *batch = &pass->after.batch;
    char id[UUID_TEXT_SIZE], chain[2 * SHA256_SIZE + 1];
    uuid_format(batch->id, id);
    hex_encode(BYTES_OF(pass->chain.b), chain);
    struct event event = {.kind = "batch.imported",
                          .result = "ok",
                          .actor = import->actor.name,
                          .request_id = import->actor.request_id,
                          .tenant = &batch->tenant};
    return event_append(tx, &event,
                        "{\"batch\":\"%s\",\"name\":\"%s\",\"product\":\"%s\",\"count\":%lld,"
                        "\"ids_sha256_chain\":\"%s\"}",
                        id, batch->name, import->product.name, (long long)pass->accepted, chain);
}

/* With the last lines, so that a key stands for what was done whole. */
static err_t remember(struct db_tx *tx, const struct pass *pass)
{
    const struct import *import = pass->import;
    char result[OP_RESULT_SIZE], id[UUID_TEXT_SIZE];
    if (pass->after.lines < import->line_count) {
        return OK;
    }
    uuid_format(pass->after.batch.id, id);
    (void)snprintf(result, sizeof result, "%s %lld %lld", id, (long long)pass->after.accepted,
                   (long long)import->report_count);
    return idempotency_keep(tx, &import->idempotency, IMPORT_OP_KIND, result);
}

static err_t register_in(struct db_tx *tx, void *arg)
{
    struct pass *pass = arg;
    struct import *import = pass->import;
    pass->after = pass->before;
    pass->accepted = 0;
    pass->is_rolled_back = false;
    pass->chain = (struct sha256){.b = {0}};
    import->report_count = pass->before.reports;
    TRY(spool_go(import->report, pass->before.report_at));
    TRY(ensure_batch(tx, pass));
    TRY(register_lines(tx, pass));
    bool is_all_or_nothing = !import->order.by_line && import->report_count > 0;
    pass->is_rolled_back = pass->is_trial || is_all_or_nothing || pass->accepted == 0;
    ENSURE(!pass->is_rolled_back, ERR_PRECONDITION, "nothing of this may stay");
    pass->after.accepted = pass->before.accepted + pass->accepted;
    TRY(remember(tx, pass));
    TRY(batch_rows_add_devices(tx, &pass->after.batch, pass->accepted));
    TRY(device_count_rows_add(tx, &pass->after.batch, DEVICE_REGISTERED, pass->accepted));
    return record(tx, pass);
}

/* One transaction; what was rolled back on purpose counts as done, without its batch. */
static err_t run(struct pass *pass)
{
    err_t error = db_write(pass->import->fleet->db, register_in, pass);
    if (!pass->is_rolled_back || error.code != ERR_PRECONDITION) {
        TRY(error);
    }
    if (pass->is_rolled_back) {
        pass->after.has_batch = pass->before.has_batch;
        pass->after.batch = pass->before.batch;
    }
    pass->before = pass->after;
    return OK;
}

static err_t refusal_of(const struct import *import, uint64_t count)
{
    if (import->fatal.code != ERR_OK) {
        return import->fatal;
    }
    return ERR(import->has_fault ? ERR_UNPROCESSABLE : ERR_CONFLICT,
               "%llu of %llu lines refused, none registered: see 'lines'",
               (unsigned long long)import->report_count, (unsigned long long)count);
}

static err_t remember_in(struct db_tx *tx, void *arg)
{
    return remember(tx, arg);
}

err_t import_register(struct import *import, struct import_result *out)
{
    const struct import_order *order = &import->order;
    bool is_trial = order->is_dry_run || import->fatal.code != ERR_OK;
    uint64_t count = import->line_count + import->report_count;
    int64_t accepted = 0;
    struct pass pass = {
        .import = import,
        .is_trial = is_trial,
        .most_lines = order->by_line && !is_trial ? LINES_PER_TRANSACTION : UINT64_MAX,
        .before = {.report_at = spool_at(import->report), .reports = import->report_count},
    };
    while (pass.before.lines < import->line_count) {
        TRY(run(&pass));
        accepted += pass.accepted;
        atomic_fetch_add(&import->fleet->counters.registered,
                         pass.is_rolled_back ? 0 : (long long)pass.accepted);
    }
    if (pass.is_rolled_back && accepted > 0 && !is_trial && order->by_line) {
        TRY(db_write(import->fleet->db, remember_in, &pass)); /* the last lines were all refused */
    }
    bool is_refused =
        import->fatal.code != ERR_OK || accepted == 0 || (!order->by_line && import->report_count > 0);
    *out = (struct import_result){.batch = pass.before.batch,
                                  .is_registered = pass.before.has_batch,
                                  .accepted = is_refused ? 0 : accepted,
                                  .refused = (int64_t)import->report_count,
                                  .refusal = is_refused ? refusal_of(import, count) : OK};
    return OK;
}
