/* The rules of firmware policies. Each change and its audit record, which holds the whole policy as it is
 * then, are one transaction; the rollouts' version rises with it, so that every process notices. */
#include "fleet/firmware_policy.h"

#include "db/product_rows.h"
#include "fleet/event.h"
#include "fleet/internal.h"

static const char *const overdues[] = {
    [FIRMWARE_OVERDUE_ALLOW] = "allow",
    [FIRMWARE_OVERDUE_WARN] = "warn",
    [FIRMWARE_OVERDUE_EXCLUDE] = "exclude",
};
enum { OVERDUE_COUNT = sizeof overdues / sizeof overdues[0] };

const char *firmware_overdue_name(enum firmware_overdue overdue)
{
    return (size_t)overdue < OVERDUE_COUNT ? overdues[overdue] : "";
}

err_t firmware_overdue_parse(struct bytes word, enum firmware_overdue *out)
{
    for (int i = 0; i < OVERDUE_COUNT; i++) {
        if (bytes_is(word, overdues[i])) {
            *out = (enum firmware_overdue)i;
            return OK;
        }
    }
    return ERR(ERR_UNPROCESSABLE, "a device that is late with its key: allow, warn or exclude");
}

/* --- read -------------------------------------------------------------------------------------------- */

static void set_defaults(struct firmware_policy_row *row)
{
    row->poll_s = FIRMWARE_POLL_DEFAULT_S;
    row->signed_urls = false;
    row->target_tokens = false;
    row->first_use_alias = true;
    row->overdue = FIRMWARE_OVERDUE_WARN;
}

err_t firmware_policy_of(struct db_tx *tx, struct uuid tenant, struct uuid product,
                         struct firmware_policy_row *out)
{
    err_t found = firmware_policy_rows_find(tx, product, out);
    if (found.code != ERR_NOT_FOUND) {
        return found;
    }
    *out = (struct firmware_policy_row){.product = product, .tenant = tenant};
    set_defaults(out);
    return OK;
}

/* An id where the text can be one. @errors ERR_NOT_FOUND also for another tenant's */
static err_t find_product(struct db_tx *tx, struct uuid tenant, struct bytes text, struct product_row *out)
{
    struct uuid id;
    bool is_id = uuid_parse(text, &id).code == ERR_OK;
    TRY(is_id ? product_rows_find_by_id(tx, id, out) : product_rows_find(tx, tenant, text, out));
    ENSURE(uuid_equal(out->tenant, tenant), ERR_NOT_FOUND, "no such product");
    return OK;
}

struct policy_run {
    struct uuid tenant;
    struct bytes product;
    const struct terms *terms;
    const struct firmware_policy_change *change;
    struct firmware_policy_row *out;
};

static err_t get_in(struct db_tx *tx, void *arg)
{
    const struct policy_run *run = arg;
    struct product_row product;
    TRY(find_product(tx, run->tenant, run->product, &product));
    return firmware_policy_of(tx, run->tenant, product.id, run->out);
}

err_t firmware_policy_get(struct fleet *fleet, struct uuid tenant, struct bytes product,
                          struct firmware_policy_row *out)
{
    struct policy_run run = {.tenant = tenant, .product = product, .out = out};
    return db_read(fleet->db, get_in, &run);
}

/* --- changed ----------------------------------------------------------------------------------------- */

static err_t check(const struct firmware_policy_change *change, struct faults *faults)
{
    if (change->has_poll_s &&
        (change->poll_s < FIRMWARE_POLL_MIN_S || change->poll_s > FIRMWARE_POLL_MAX_S)) {
        faults_add(faults, "/poll_s", "from %d to %d seconds", FIRMWARE_POLL_MIN_S, FIRMWARE_POLL_MAX_S);
    }
    return faults_error(faults);
}

static void apply(const struct firmware_policy_change *change, struct firmware_policy_row *row)
{
    if (change->is_whole) {
        set_defaults(row);
    }
#define APPLY(field) row->field = change->has_##field ? change->field : row->field
    APPLY(poll_s);
    APPLY(signed_urls);
    APPLY(target_tokens);
    APPLY(first_use_alias);
    APPLY(overdue);
#undef APPLY
}

static err_t record(struct db_tx *tx, const struct policy_run *run, const struct product_row *product)
{
    const struct firmware_policy_row *row = run->out;
    char id[UUID_TEXT_SIZE];
    uuid_format(row->product, id);
    struct event event = {.kind = "firmware.policy_changed",
                          .result = "ok",
                          .actor = run->terms->actor.name,
                          .request_id = run->terms->actor.request_id,
                          .tenant = &row->tenant};
    return event_append(
        tx, &event,
        "{\"product\":\"%s\",\"name\":\"%s\",\"poll_s\":%lld,\"signed_urls\":%s,\"target_tokens\":%s,"
        "\"first_use_alias\":%s,\"overdue\":\"%s\",\"ver\":%lld}",
        id, product->name, (long long)row->poll_s, row->signed_urls ? "true" : "false",
        row->target_tokens ? "true" : "false", row->first_use_alias ? "true" : "false",
        firmware_overdue_name(row->overdue), (long long)row->ver);
}

static err_t change_in(struct db_tx *tx, void *arg)
{
    struct policy_run *run = arg;
    struct product_row product;
    TRY(find_product(tx, run->tenant, run->product, &product));
    TRY(firmware_policy_of(tx, run->tenant, product.id, run->out));
    TRY(terms_check_version(run->terms, run->out->ver));
    apply(run->change, run->out);
    run->out->updated_at = db_tx_now_ms(tx);
    run->out->ver++;
    TRY(firmware_policy_rows_store(tx, run->out));
    return record(tx, run, &product);
}

err_t firmware_policy_change(struct fleet *fleet, const struct terms *terms, struct bytes product,
                             const struct firmware_policy_change *change, struct firmware_policy_row *out)
{
    TRY(check(change, terms->faults));
    struct policy_run run = {
        .tenant = terms->tenant, .product = product, .terms = terms, .change = change, .out = out};
    return db_write(fleet->db, change_in, &run);
}
