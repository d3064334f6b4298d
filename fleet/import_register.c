/* The second half of an import: the kept lines go into the inventory. A transaction may be run again, so each
 * begins by going back to where it began, in the lines and in the report. What must not stay (a dry run, a
 * list with a refused line in atomic mode) runs in full, for its report, and is rolled back by an error of
 * its own. */
#include <string.h>

#include "db/batch_rows.h"
#include "fleet/event.h"
#include "fleet/import_internal.h"
#include "fleet/names.h"
#include "fleet/registration.h"

/* Lines in one transaction when good lines are kept: the writer serves others in between. */
enum { LINES_PER_TRANSACTION = 5000 };

/* How far the import is; a transaction works on a copy. */
struct progress {
    int64_t lines_at, report_at;
    uint64_t lines, reports;
    int64_t accepted, refused;
    bool has_other_fault; /* a line was refused for more than being there already */
    bool has_batch;
    struct batch_row batch;
};

struct pass {
    struct import *import;
    struct progress before, after;
    uint64_t most_lines;
    bool is_trial; /* nothing may stay */
    bool is_rolled_back;
    uint64_t first_line, last_line;
    int64_t accepted;    /* in this transaction */
    struct sha256 chain; /* over the ids registered in this transaction */
};

static err_t report(struct pass *pass, const struct import_refusal *about)
{
    pass->after.refused++;
    pass->after.reports++;
    pass->after.has_other_fault = pass->after.has_other_fault || about->code != ERR_CONFLICT;
    return spool_write(pass->import->report, about, sizeof *about);
}

static err_t count_accepted(struct pass *pass, const struct device_id *id)
{
    const struct bytes parts[] = {BYTES_OF(pass->chain.b), BYTES_OF(id->b)};
    struct sha256 next;
    TRY(sha256_of_parts(parts, 2, &next));
    pass->chain = next;
    pass->accepted++;
    return OK;
}

static err_t make_row(const struct pass *pass, const struct import_line *line, struct device_row *row)
{
    const struct batch_row *batch = &pass->after.batch;
    int64_t now_ms = batch->updated_at;
    struct bytes attributes = line->texts[IMPORT_ATTRIBUTES];
    *row = (struct device_row){.id = line->about.id,
                               .tenant = batch->tenant,
                               .batch = batch->id,
                               .product = batch->product,
                               .state = DEVICE_REGISTERED,
                               .claim = line->claim,
                               .registered_at = now_ms,
                               .updated_at = now_ms,
                               .ver = 1};
    TRY(text_copy(line->texts[IMPORT_SERIAL], "serial", row->serial, sizeof row->serial));
    TRY(text_copy(line->texts[IMPORT_MODEL], "model", row->model, sizeof row->model));
    return text_copy(attributes.n > 0 ? attributes : bytes_str("{}"), "attributes", row->attributes,
                     sizeof row->attributes);
}

static err_t register_line(struct db_tx *tx, struct pass *pass, struct import_line *line)
{
    struct device_row row;
    if (line->about.code != ERR_OK) {
        return report(pass, &line->about);
    }
    TRY(make_row(pass, line, &row));
    err_t error = registration_insert(tx, &row, line->texts[IMPORT_SPKI]);
    if (error.code == ERR_CONFLICT) {
        line->about.code = error.code;
        memcpy(line->about.reason, error.detail, sizeof line->about.reason);
        return report(pass, &line->about);
    }
    TRY(error);
    return count_accepted(pass, &line->about.id);
}

static err_t register_lines(struct db_tx *tx, struct pass *pass)
{
    struct import *import = pass->import;
    AUTO_VAL(buf) texts = {0};
    struct import_line line;
    uint64_t end = import->line_count;
    if (end - pass->before.lines > pass->most_lines) {
        end = pass->before.lines + pass->most_lines;
    }
    while (pass->after.lines < end) {
        TRY(import_line_read(import->lines, &line, &texts));
        pass->first_line = pass->after.lines == pass->before.lines ? line.about.line : pass->first_line;
        pass->last_line = line.about.line;
        pass->after.lines++;
        TRY(register_line(tx, pass, &line));
    }
    pass->after.lines_at = spool_at(import->lines);
    pass->after.report_at = spool_at(import->report);
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
    return event_append(
        tx, &event,
        "{\"batch\":\"%s\",\"name\":\"%s\",\"product\":\"%s\",\"count\":%lld,\"first_line\":%llu,"
        "\"last_line\":%llu,\"ids_sha256_chain\":\"%s\"}",
        id, batch->name, import->product.name, (long long)pass->accepted,
        (unsigned long long)pass->first_line, (unsigned long long)pass->last_line, chain);
}

static err_t register_in(struct db_tx *tx, void *arg)
{
    struct pass *pass = arg;
    pass->after = pass->before;
    pass->accepted = 0;
    pass->is_rolled_back = false;
    pass->chain = (struct sha256){.b = {0}};
    TRY(spool_go(pass->import->lines, pass->before.lines_at));
    TRY(spool_go(pass->import->report, pass->before.report_at));
    TRY(ensure_batch(tx, pass));
    TRY(register_lines(tx, pass));
    bool is_all_or_nothing = !pass->import->order.by_line && pass->after.refused > 0;
    pass->is_rolled_back = pass->is_trial || is_all_or_nothing || pass->accepted == 0;
    ENSURE(!pass->is_rolled_back, ERR_PRECONDITION, "nothing of this may stay");
    pass->after.accepted += pass->accepted;
    TRY(batch_rows_add_devices(tx, &pass->after.batch, pass->accepted));
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

static err_t refusal_of(const struct import *import, const struct progress *done)
{
    if (import->fatal.code != ERR_OK) {
        return import->fatal;
    }
    return ERR(done->has_other_fault ? ERR_UNPROCESSABLE : ERR_CONFLICT,
               "%lld of %llu lines refused, none registered: see 'lines'", (long long)done->refused,
               (unsigned long long)import->line_count);
}

err_t import_register(struct import *import, struct import_result *out)
{
    const struct import_order *order = &import->order;
    bool is_trial = order->is_dry_run || import->fatal.code != ERR_OK;
    struct pass pass = {.import = import,
                        .is_trial = is_trial,
                        .most_lines = order->by_line && !is_trial ? LINES_PER_TRANSACTION : UINT64_MAX};
    int64_t would_accept = 0;
    while (pass.before.lines < import->line_count) {
        TRY(run(&pass));
        would_accept += pass.accepted;
        atomic_fetch_add(&import->fleet->counters.registered,
                         pass.is_rolled_back ? 0 : (long long)pass.accepted);
    }
    const struct progress *done = &pass.before;
    import->report_count = done->reports;
    bool is_refused =
        import->fatal.code != ERR_OK || would_accept == 0 || (!order->by_line && done->refused > 0);
    *out = (struct import_result){.batch = done->batch,
                                  .is_registered = done->has_batch,
                                  .accepted = is_refused ? 0 : would_accept,
                                  .refused = done->refused,
                                  .refusal = is_refused ? refusal_of(import, done) : OK};
    return OK;
}
