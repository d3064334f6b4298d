/* The terms of devices. They change by what happens to a device (device_term_refresh) and by the mere passing
 * of time: a job walks the index of the next changes, in steps that leave the writer to others in between. A
 * changed renewal of a product concerns all of its devices: a second walk goes through them. */
#include "fleet/device_terms.h"

#include <stdlib.h>

#include "db/certificate_rows.h"
#include "db/device_key_rows.h"
#include "db/device_rows.h"
#include "db/device_term_rows.h"
#include "db/product_rows.h"
#include "fleet/event.h"
#include "fleet/internal.h"
#include "fleet/overdue.h"
#include "fleet/renewal.h"
#include "fleet/yield.h"

enum { STEP = 500, STEPS_MAX = 20 };

/* --- what it is ----------------------------------------------------------------------------------------- */

/* Becoming overdue is left to the job (move), which reports it; who is not overdue any more is so at once. */
static void place(struct device_term_row *row, int64_t now_ms)
{
    row->term = now_ms >= row->expires_at ? TERM_EXPIRED : now_ms >= row->renew_at ? TERM_DUE : TERM_CURRENT;
    row->next_at = row->term == TERM_EXPIRED ? 0 : row->term == TERM_DUE ? row->expires_at : row->renew_at;
    row->is_overdue = row->is_overdue && row->overdue_at != 0 && now_ms >= row->overdue_at;
    if (!row->is_overdue && row->overdue_at != 0 && (row->next_at == 0 || row->overdue_at < row->next_at)) {
        row->next_at = row->overdue_at;
    }
}

struct newest {
    struct certificate_row row;
    bool is_found;
};

static err_t take_confirmed(const struct certificate_row *row, void *arg)
{
    struct newest *newest = arg;
    if (row->state == CERTIFICATE_CONFIRMED && !newest->is_found) { /* they come newest first */
        newest->row = *row;
        newest->is_found = true;
    }
    return OK;
}

/* A key of before keys were kept counts from its certificate on. */
static err_t find_key_since(struct db_tx *tx, const struct certificate_row *certificate, int64_t *out)
{
    struct device_key_row key;
    *out = certificate->issued_at;
    err_t found = device_key_rows_find(tx, certificate->spki_sha256, &key);
    if (found.code != ERR_NOT_FOUND) {
        TRY(found);
        *out = key.first_seen_at;
    }
    return OK;
}

err_t device_renewal_find(struct db_tx *tx, const struct product_row *product,
                          const struct device_row *device, const struct certificate_row *certificate,
                          struct renewal *out)
{
    int64_t key_since = certificate->issued_at;
    struct authority_loss loss;
    TRY(product->rekey_period_s == 0 ? OK : find_key_since(tx, certificate, &key_since));
    TRY(authority_rows_find_loss(tx, certificate->authority, &loss));
    *out = renewal_with_loss(renewal_of(product, device, certificate, key_since), &loss, &device->id);
    return OK;
}

/* @param[out] has false: the device has no term */
static err_t find_term(struct db_tx *tx, const struct device_row *device, struct device_term_row *out,
                       bool *has)
{
    struct renewal renewal;
    struct newest newest = {.is_found = false};
    struct product_row product;
    *has = false;
    if (device->state != DEVICE_ENROLLED) {
        return OK;
    }
    TRY(certificate_rows_list_live(tx, device->tenant, &device->id, take_confirmed, &newest));
    if (!newest.is_found) {
        return OK;
    }
    TRY(product_rows_find_by_id(tx, device->product, &product));
    TRY(device_renewal_find(tx, &product, device, &newest.row, &renewal));
    *out = (struct device_term_row){.device = device->id,
                                    .tenant = device->tenant,
                                    .renew_at = renewal.due_at,
                                    .expires_at = newest.row.not_after,
                                    .new_key_at = renewal.new_key_at,
                                    .overdue_at = renewal_overdue_at(&product, renewal.due_at)};
    *has = true;
    return OK;
}

static bool is_same(const struct device_term_row *a, const struct device_term_row *b)
{
    return a->renew_at == b->renew_at && a->expires_at == b->expires_at && a->term == b->term &&
           a->next_at == b->next_at && a->new_key_at == b->new_key_at && a->overdue_at == b->overdue_at &&
           a->is_overdue == b->is_overdue && a->alerted_at == b->alerted_at;
}

/* It goes on being overdue, and is reported once as long as what it did not come for is the same: a renewal
 * that keeps a key whose time has passed ends nothing. */
static void go_on(struct device_term_row *after, const struct device_term_row *before)
{
    bool is_same_due = before->renew_at == after->renew_at || before->expires_at == after->expires_at;
    after->is_overdue = before->is_overdue;
    after->alerted_at = is_same_due ? before->alerted_at : 0;
}

static err_t count_change(struct db_tx *tx, const struct device_owners *owners,
                          const struct device_term_row *before, const struct device_term_row *after)
{
    bool is_moved = before == NULL || after == NULL || before->term != after->term;
    int64_t overdue =
        (after != NULL && after->is_overdue ? 1 : 0) - (before != NULL && before->is_overdue ? 1 : 0);
    TRY(is_moved && before != NULL ? device_term_rows_count(tx, owners, before->term, -1) : OK);
    TRY(is_moved && after != NULL ? device_term_rows_count(tx, owners, after->term, 1) : OK);
    if (overdue == 0) {
        return OK;
    }
    TRY(device_term_rows_count_overdue(tx, owners, overdue));
    return overdue_alarm(tx, before == NULL ? after->tenant : before->tenant, owners->product);
}

/* --- what happens to a device --------------------------------------------------------------------------- */

err_t device_term_refresh(struct db_tx *tx, const struct device_row *device)
{
    const struct device_owners owners = {.product = device->product, .batch = device->batch};
    struct device_term_row before, after;
    bool has_after = false;
    TRY(find_term(tx, device, &after, &has_after));
    err_t found = device_term_rows_find(tx, device, &before);
    bool had_before = found.code == ERR_OK;
    if (!had_before && found.code != ERR_NOT_FOUND) {
        return found;
    }
    if (has_after && had_before) {
        go_on(&after, &before);
    }
    if (has_after) {
        place(&after, db_tx_now_ms(tx));
    }
    if (had_before == has_after && (!has_after || is_same(&before, &after))) {
        return OK;
    }
    TRY(has_after ? device_term_rows_put(tx, &after) : device_term_rows_delete(tx, device));
    return count_change(tx, &owners, had_before ? &before : NULL, has_after ? &after : NULL);
}

/* --- time ----------------------------------------------------------------------------------------------- */

struct passed {
    struct device_term_row row;
    struct device_owners owners;
};

struct pass {
    struct passed rows[STEP];
    size_t count;
};
DEFINE_AUTO_PTR(pass, free);

static err_t take_passed(const struct device_term_row *row, const struct device_owners *owners, void *arg)
{
    struct pass *pass = arg;
    pass->rows[pass->count++] = (struct passed){*row, *owners}; /* the statement's limit is the array's */
    return OK;
}

static err_t report_overdue(struct db_tx *tx, struct device_term_row *row)
{
    const struct renewal renewal = {.due_at = row->renew_at, .new_key_at = row->new_key_at};
    int64_t now_ms = db_tx_now_ms(tx);
    AUTO(json_t) *body = json_object();
    TRY(json_set_time(body, "due_at", row->renew_at));
    TRY(json_set_time(body, "not_after", row->expires_at));
    TRY(json_set_bool(body, "new_key", renewal_needs_new_key(&renewal, now_ms)));
    row->alerted_at = now_ms;
    struct event event = {.kind = "device.overdue",
                          .result = "ok",
                          .actor = "whorld",
                          .request_id = "",
                          .tenant = &row->tenant,
                          .device = &row->device};
    return event_append_value(tx, &event, body);
}

static err_t move(struct db_tx *tx, const struct passed *passed)
{
    struct device_term_row row = passed->row;
    row.is_overdue = row.overdue_at != 0 && db_tx_now_ms(tx) >= row.overdue_at;
    TRY(row.is_overdue && row.alerted_at == 0 ? report_overdue(tx, &row) : OK);
    place(&row, db_tx_now_ms(tx));
    TRY(device_term_rows_put(tx, &row));
    return count_change(tx, &passed->owners, &passed->row, &row);
}

static err_t pass_in(struct db_tx *tx, void *arg)
{
    struct pass *pass = arg;
    pass->count = 0;
    TRY(device_term_rows_passed(tx, db_tx_now_ms(tx), STEP, take_passed, pass));
    for (size_t i = 0; i < pass->count; i++) {
        TRY(move(tx, &pass->rows[i]));
    }
    return OK;
}

static err_t peek_in(struct db_tx *tx, void *arg)
{
    struct pass *pass = arg;
    pass->count = 0;
    return device_term_rows_passed(tx, db_tx_now_ms(tx), 1, take_passed, pass);
}

/* Asks before it writes: mostly nothing has passed, and then no commit is made. */
err_t device_terms_pass(struct fleet *fleet, int64_t now_ms)
{
    (void)now_ms; /* the transaction's own time counts */
    AUTO_PTR(pass) *pass = calloc(1, sizeof *pass);
    ENSURE(pass != NULL, ERR_NO_MEMORY, "terms of devices");
    TRY(db_read(fleet->db, peek_in, pass));
    for (int i = 0; i < STEPS_MAX && pass->count > 0; i++) {
        TRY(db_write(fleet->db, pass_in, pass));
        if (pass->count < STEP) {
            break;
        }
        yield_pause(fleet, YIELD_STEP);
    }
    return OK;
}

/* --- a product's renewal changed ------------------------------------------------------------------------ */

err_t device_terms_renew(struct db_tx *tx, struct uuid product)
{
    return device_term_rows_walk(tx, product);
}

err_t device_terms_renew_all(struct db_tx *tx, const struct uuid *tenant)
{
    return device_term_rows_walk_products(tx, tenant);
}

struct walk {
    struct device_term_walk at;
    struct device_row rows[STEP];
    size_t count;
    bool has_walk;
};
DEFINE_AUTO_PTR(walk, free);

static err_t take_device(const struct device_row *row, void *arg)
{
    struct walk *walk = arg;
    walk->rows[walk->count++] = *row;
    return OK;
}

static err_t find_walk(struct db_tx *tx, void *arg)
{
    struct walk *walk = arg;
    err_t error = device_term_rows_walk_find(tx, &walk->at);
    walk->has_walk = error.code == ERR_OK;
    return error.code == ERR_NOT_FOUND ? OK : error;
}

/* Enrolled devices only: others have no term, and a walk meets every one that was enrolled when it began. */
static err_t list_devices(struct db_tx *tx, struct walk *walk)
{
    static const enum device_state enrolled = DEVICE_ENROLLED;
    const struct device_place after = {.id = walk->at.after};
    struct product_row product;
    TRY(product_rows_find_by_id(tx, walk->at.product, &product));
    const struct device_range range = {
        .tenant = product.tenant, .product = &product.id, .state = &enrolled, .after = &after, .limit = STEP};
    walk->count = 0;
    return device_rows_list(tx, &range, take_device, walk);
}

static err_t walk_in(struct db_tx *tx, void *arg)
{
    struct walk *walk = arg;
    TRY(find_walk(tx, walk));
    if (!walk->has_walk) {
        return OK;
    }
    TRY(list_devices(tx, walk));
    for (size_t i = 0; i < walk->count; i++) {
        TRY(device_term_refresh(tx, &walk->rows[i]));
    }
    if (walk->count < STEP) {
        return device_term_rows_walk_end(tx, walk->at.product);
    }
    walk->at.after = walk->rows[walk->count - 1].id;
    return device_term_rows_walk_go(tx, &walk->at);
}

err_t device_terms_walk(struct fleet *fleet, int64_t now_ms)
{
    (void)now_ms;
    AUTO_PTR(walk) *walk = calloc(1, sizeof *walk);
    ENSURE(walk != NULL, ERR_NO_MEMORY, "terms of devices");
    TRY(db_read(fleet->db, find_walk, walk));
    for (int i = 0; i < STEPS_MAX && walk->has_walk; i++) {
        TRY(db_write(fleet->db, walk_in, walk));
        if (walk->has_walk) {
            yield_pause(fleet, YIELD_STEP);
        }
    }
    return OK;
}
