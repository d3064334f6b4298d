/* Stores what a plan says, step by step, each with its record. */
#include "fleet/authority_import_apply.h"

#include <stdio.h>
#include <string.h>

#include "db/authority_certificate_rows.h"
#include "fleet/authority_rules.h"
#include "fleet/event.h"

void import_run_clear(struct import_run *run)
{
    import_world_clear(&run->world);
}

static struct bytes item_of(const struct import_run *run, const struct import_step *step)
{
    return buf_view(&run->bundle->items[step->item].der);
}

/* --- records ------------------------------------------------------------------------------------------ */

static err_t record(struct db_tx *tx, const struct import_run *run, const struct import_step *step,
                    const char *what)
{
    AUTO(json_t) *body = json_object();
    struct sha256 hash;
    const struct import_authority *owner = import_world_find(&run->world, step->authority);
    bool has_tenant = owner != NULL && owner->row.has_tenant;
    const struct event event = {.kind = step->kind == IMPORT_CRL ? "crl.imported" : "authority.imported",
                                .result = "ok",
                                .actor = run->actor->name,
                                .request_id = run->actor->request_id,
                                .tenant = has_tenant ? &owner->row.tenant : NULL};
    TRY(sha256_of(item_of(run, step), &hash));
    TRY(json_set_text(body, "authority", step->authority));
    TRY(json_set_text(body, "what", what));
    if (step->kind == IMPORT_CRL) {
        TRY(json_set_int(body, "number", step->number));
        TRY(json_set_int(body, "entries", (int64_t)step->entries));
    } else {
        TRY(json_set_text(body, "issuer", step->issuer));
        TRY(json_set_hex(body, "serial", (struct bytes){step->serial, step->serial_size}));
    }
    TRY(json_set_hex(body, "sha256", BYTES_OF(hash.b)));
    return event_append_value(tx, &event, body);
}

/* --- steps -------------------------------------------------------------------------------------------- */

static err_t store_external(struct db_tx *tx, const struct import_run *run, const struct import_step *step)
{
    struct authority_row row = {
        .role = "root", .state = AUTHORITY_ACTIVE, .certificate = item_of(run, step), .is_external = true};
    memcpy(row.id, step->authority, sizeof row.id);
    memcpy(row.issuer, step->issuer, sizeof row.issuer);
    TRY(authority_rows_insert(tx, &row));
    return record(tx, run, step, "external");
}

static err_t store_issued(struct db_tx *tx, const struct import_run *run, const struct import_step *step)
{
    const struct import_authority *owner = import_world_find(&run->world, step->authority);
    ENSURE(owner != NULL, ERR_INTERNAL, "authority %s vanished", step->authority);
    struct authority_row row = owner->row;
    row.state = AUTHORITY_STANDBY;
    row.certificate = item_of(run, step);
    row.request = BYTES_NONE;
    memcpy(row.issuer, step->issuer, sizeof row.issuer);
    TRY(authority_rows_update(tx, &row));
    return record(tx, run, step, "certificate");
}

static err_t store_cross(struct db_tx *tx, const struct import_run *run, const struct import_step *step)
{
    bool is_new_with_old = step->kind == IMPORT_NEW_WITH_OLD;
    struct authority_certificate_row row = {.serial_size = step->serial_size,
                                            .kind = is_new_with_old ? AUTHORITY_NEW_WITH_OLD
                                                                    : AUTHORITY_OLD_WITH_NEW,
                                            .certificate = item_of(run, step),
                                            .not_before = step->from_ms,
                                            .not_after = step->to_ms};
    memcpy(row.issuer, step->issuer, sizeof row.issuer);
    memcpy(row.subject, step->authority, sizeof row.subject);
    memcpy(row.serial, step->serial, step->serial_size);
    TRY(authority_certificate_rows_insert(tx, &row));
    return record(tx, run, step, is_new_with_old ? "new_with_old" : "old_with_new");
}

/* --- CRLs --------------------------------------------------------------------------------------------- */

struct missing {
    struct crl_facts crl;
    size_t count;
};

/* What is revoked here must stand on the list: a request for the next one asks for it. */
static err_t look_for(const struct authority_certificate_row *row, void *arg)
{
    struct missing *missing = arg;
    struct crl_line line;
    bool is_there = false;
    TRY(crl_find(&missing->crl, (struct bytes){row->serial, row->serial_size}, &line, &is_there));
    missing->count += is_there ? 0 : 1;
    return OK;
}

static err_t store_list(struct db_tx *tx, const struct import_run *run, const struct import_step *step)
{
    struct crl_row state = {.number = 0};
    AUTO_VAL(crl_row) row = {.list = CRL_COMPLETE};
    err_t found = crl_rows_find_state(tx, step->authority, CRL_COMPLETE, &state);
    ENSURE(found.code == ERR_OK || found.code == ERR_NOT_FOUND, found.code, "%s", found.detail);
    ENSURE(state.number < step->number, ERR_BUSY, "the CRL of %s has changed meanwhile", step->authority);
    memcpy(row.authority, step->authority, sizeof row.authority);
    row.number = step->number;
    row.this_update = step->from_ms;
    row.next_update = step->to_ms;
    row.ver = state.ver;
    TRY(buf_append_bytes(&row.der, item_of(run, step)));
    return found.code == ERR_NOT_FOUND ? crl_rows_insert(tx, &row) : crl_rows_replace(tx, &row, state.number);
}

static err_t store_crl(struct db_tx *tx, const struct import_run *run, struct import_step *step)
{
    struct missing missing = {.count = 0};
    TRY(store_list(tx, run, step));
    TRY(crl_read(item_of(run, step), &missing.crl));
    TRY(authority_certificate_rows_each_revoked(tx, step->authority, db_tx_now_ms(tx), look_for, &missing));
    step->note[0] = '\0';
    if (missing.count > 0) {
        (void)snprintf(step->note, sizeof step->note,
                       "it lacks %zu certificate%s revoked here: `whorld ca request` asks for the next one",
                       missing.count, missing.count == 1 ? "" : "s");
        TRY(crl_rows_mark_list_stale(tx, step->authority, CRL_COMPLETE));
    }
    TRY(import_strike_revoked(tx, run, &missing.crl, step));
    return record(tx, run, step, "crl");
}

/* --- the whole ---------------------------------------------------------------------------------------- */

static err_t apply_step(struct db_tx *tx, const struct import_run *run, struct import_step *step)
{
    switch (step->kind) {
    case IMPORT_KNOWN:
        return OK;
    case IMPORT_EXTERNAL:
        return store_external(tx, run, step);
    case IMPORT_ISSUED:
        return store_issued(tx, run, step);
    case IMPORT_NEW_WITH_OLD:
    case IMPORT_OLD_WITH_NEW:
        return store_cross(tx, run, step);
    case IMPORT_CRL:
        return store_crl(tx, run, step);
    }
    return ERR(ERR_INTERNAL, "a step of no kind");
}

/* Devices take so many certificates of authorities and no more (authority_set.h). A pending one is counted
 * from when it was ordered. */
static err_t check_room(struct db_tx *tx, const struct import_plan *plan)
{
    AUTO_VAL(authority_view) view = {.count = 0};
    size_t more = 0;
    for (size_t i = 0; i < plan->count; i++) {
        enum import_kind kind = plan->steps[i].kind;
        more += kind == IMPORT_EXTERNAL || kind == IMPORT_NEW_WITH_OLD || kind == IMPORT_OLD_WITH_NEW ? 1 : 0;
    }
    if (more == 0) {
        return OK;
    }
    TRY(authority_view_read(tx, &view));
    return authority_rules_check_room(&view, NULL, more);
}

err_t import_apply(struct db_tx *tx, struct import_run *run)
{
    int64_t change = 0;
    TRY(authority_rows_read_change(tx, &change));
    ENSURE(change == run->world.change, ERR_BUSY, "the authorities have changed meanwhile");
    TRY(check_room(tx, run->plan));
    for (size_t i = 0; i < run->plan->count; i++) {
        TRY(apply_step(tx, run, &run->plan->steps[i]));
    }
    return OK;
}

bool import_changes_anything(const struct import_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        if (plan->steps[i].kind != IMPORT_KNOWN) {
            return true;
        }
    }
    return false;
}
