/* The rules of products. Each change and its audit record, which holds the whole policy as it is then, are
 * one transaction. */
#include "fleet/products.h"

#include <string.h>

#include "db/firmware_anchors_rows.h"
#include "db/firmware_line_rows.h"
#include "db/hub_rows.h"
#include "db/product_rows.h"
#include "fleet/device_terms.h"
#include "fleet/event.h"
#include "fleet/internal.h"
#include "fleet/names.h"
#include "fleet/policy_words.h"
#include "fleet/product_profile.h"
#include "fleet/registry.h"

enum {
    TTL_MIN_S = 60,
    TTL_MAX_S = 3650 * 86400,
    PERCENT_MAX = 99,
    SPREAD_MAX = 49,
    QUARANTINE_DAYS_MAX = 365,
    WEEK_S = 7 * 86400
};
static const char OP_KIND[] = "product.add";

/* The policy of a product that nobody has touched: a year, renewed when two thirds have passed; the identity
 * key helps only where no valid certificate is left; a device that is due for a week is reported; one whose
 * key two hold is stopped; everything unusual is off. */
static const struct product_row default_product = {
    .name = "default",
    .certificate_ttl_s = INT64_C(365) * 24 * 3600,
    .renew_percent = 66,
    .renew_spread_percent = 10,
    .overdue_alert_after_s = WEEK_S,
    .recovery = RECOVERY_EXPIRED,
    .clone_response = CLONE_QUARANTINE,
    .key_algorithms = KEY_ALGORITHMS_ALL,
    .ver = 1,
};

struct product_run {
    struct fleet *fleet;
    const struct terms *terms;
    const struct product_change *change;
    struct uuid id;
    struct product_row *out;
};

/* --- checked ---------------------------------------------------------------------------------------- */

static void check_range(bool has, int64_t value, int64_t most, const char *pointer, struct faults *faults)
{
    if (has && (value < 0 || value > most)) {
        faults_add(faults, pointer, "from 0 to %lld", (long long)most);
    }
}

static void check_schedule(const struct product_change *change, struct faults *faults)
{
    if (change->has_renew_percent && (change->renew_percent < 1 || change->renew_percent > PERCENT_MAX)) {
        faults_add(faults, "/renew_percent", "from 1 to %d", PERCENT_MAX);
    }
    bool is_never = change->rekey_period_s == 0;
    if (change->has_rekey_period_s && !is_never &&
        (change->rekey_period_s < TTL_MIN_S || change->rekey_period_s > TTL_MAX_S)) {
        faults_add(faults, "/rekey_period_s", "a key lives %d to %d seconds, or without end (0)", TTL_MIN_S,
                   TTL_MAX_S);
    }
    check_range(change->has_renew_spread_percent, change->renew_spread_percent, SPREAD_MAX,
                "/renew_spread_percent", faults);
    check_range(change->has_overdue_alert_after_s, change->overdue_alert_after_s, TTL_MAX_S,
                "/overdue_alert_after_s", faults);
    check_range(change->has_overdue_quarantine_days, change->overdue_quarantine_days, QUARANTINE_DAYS_MAX,
                "/overdue_quarantine_days", faults);
}

static err_t check(const struct product_change *change, struct faults *faults)
{
    if (change->name.p != NULL) {
        TRY(faults_note(faults, "/name", name_check(change->name, "product name")));
    }
    if (change->has_certificate_ttl_s &&
        (change->certificate_ttl_s < TTL_MIN_S || change->certificate_ttl_s > TTL_MAX_S)) {
        faults_add(faults, "/certificate_ttl_s", "a certificate lives %d to %d seconds", TTL_MIN_S,
                   TTL_MAX_S);
    }
    check_schedule(change, faults);
    if (change->has_key_algorithms && change->key_algorithms == 0) {
        faults_add(faults, "/key_algorithms", "at least one is needed");
    }
    return faults_error(faults);
}

static err_t apply_hub(struct db_tx *tx, const struct product_run *run, struct product_row *row)
{
    const struct product_change *change = run->change;
    if (!change->has_hub) {
        return OK;
    }
    row->has_hub = change->hub.n > 0;
    row->hub_name[0] = '\0';
    if (!row->has_hub) {
        return OK;
    }
    struct hub_row hub;
    err_t error = hub_rows_find(tx, run->terms->tenant, change->hub, &hub);
    if (error.code == ERR_NOT_FOUND) {
        faults_add(run->terms->faults, "/hub", "no hub has this name");
        return faults_error(run->terms->faults);
    }
    TRY(error);
    row->hub = hub.id;
    name_copy(bytes_str(hub.name), row->hub_name);
    return OK;
}

/* What one field asks of another holds for the product as it will be. */
static err_t check_whole(const struct product_row *row, struct faults *faults)
{
    if (row->rekey_required && row->rekey_period_s == 0) {
        faults_add(faults, "/rekey_required",
                   "there must be a rekey_period_s: without one, no key is too old");
    }
    return faults_error(faults);
}

static err_t apply(struct db_tx *tx, const struct product_run *run, struct product_row *row)
{
    const struct product_change *change = run->change;
    if (change->name.p != NULL) {
        name_copy(change->name, row->name);
    }
#define APPLY(field) row->field = change->has_##field ? change->field : row->field
    APPLY(certificate_ttl_s);
    APPLY(renew_percent);
    APPLY(renew_spread_percent);
    APPLY(rekey_period_s);
    APPLY(rekey_required);
    APPLY(overdue_alert_after_s);
    APPLY(overdue_quarantine_days);
    APPLY(recovery);
    APPLY(key_algorithms);
    APPLY(identity_key_certificates);
    APPLY(allow_rsa_2048);
    APPLY(require_channel_binding);
    APPLY(allow_unbound_challenge);
    APPLY(admission);
    APPLY(must_be_listed);
    APPLY(clone_response);
#undef APPLY
    TRY(check_whole(row, run->terms->faults));
    TRY(product_profile_apply(tx, run->fleet, run->terms, change, row));
    return apply_hub(tx, run, row);
}

/* --- stored ----------------------------------------------------------------------------------------- */

static err_t record(struct db_tx *tx, const struct actor *actor, const struct product_row *row,
                    const char *kind)
{
    char id[UUID_TEXT_SIZE], algorithms[KEY_ALGORITHMS_TEXT_SIZE];
    uuid_format(row->id, id);
    key_algorithms_format(row->key_algorithms, algorithms);
    struct event event = {.kind = kind,
                          .result = "ok",
                          .actor = actor->name,
                          .request_id = actor->request_id,
                          .tenant = &row->tenant};
    return event_append(
        tx, &event,
        "{\"product\":\"%s\",\"name\":\"%s\",\"certificate_ttl_s\":%lld,\"renew_percent\":%lld,"
        "\"renew_spread_percent\":%lld,\"rekey_period_s\":%lld,\"rekey_required\":%s,"
        "\"overdue_alert_after_s\":%lld,\"overdue_quarantine_days\":%lld,"
        "\"recovery\":\"%s\",\"identity_key_certificates\":%s,\"allow_rsa_2048\":%s,"
        "\"require_channel_binding\":%s,\"allow_unbound_challenge\":%s,\"key_algorithms\":\"%s\","
        "\"admission\":\"%s\",\"must_be_listed\":%s,\"clone_response\":\"%s\",\"hub\":\"%s\",\"authority\":"
        "\"%s\",\"profile\":\"%s\",\"profile_version\":%lld,\"ver\":%lld}",
        id, row->name, (long long)row->certificate_ttl_s, (long long)row->renew_percent,
        (long long)row->renew_spread_percent, (long long)row->rekey_period_s,
        row->rekey_required ? "true" : "false", (long long)row->overdue_alert_after_s,
        (long long)row->overdue_quarantine_days, recovery_name(row->recovery),
        row->identity_key_certificates ? "true" : "false", row->allow_rsa_2048 ? "true" : "false",
        row->require_channel_binding ? "true" : "false", row->allow_unbound_challenge ? "true" : "false",
        algorithms, admission_name(row->admission), row->must_be_listed ? "true" : "false",
        clone_response_name(row->clone_response), row->hub_name, row->authority, row->profile,
        (long long)row->profile_version, (long long)row->ver);
}

static err_t insert(struct db_tx *tx, const struct actor *actor, struct product_row *row)
{
    TRY(db_tx_uuid(tx, &row->id));
    row->created_at = row->updated_at = db_tx_now_ms(tx);
    TRY(product_rows_insert(tx, row));
    return record(tx, actor, row, "product.added");
}

err_t product_insert_default(struct db_tx *tx, const struct actor *actor, const struct tenant_row *tenant)
{
    struct product_row product = default_product;
    product.tenant = tenant->id;
    return insert(tx, actor, &product);
}

/* @errors ERR_NOT_FOUND also for another tenant's */
static err_t find_own(struct db_tx *tx, struct uuid tenant, struct uuid id, struct product_row *out)
{
    TRY(product_rows_find_by_id(tx, id, out));
    ENSURE(uuid_equal(out->tenant, tenant), ERR_NOT_FOUND, "no such product");
    return OK;
}

static err_t find_repeat(struct db_tx *tx, const struct product_run *run, bool *is_repeat)
{
    struct uuid id;
    TRY(idempotency_find_id(tx, &run->terms->idempotency, OP_KIND, &id, is_repeat));
    return *is_repeat ? find_own(tx, run->terms->tenant, id, run->out) : OK;
}

static err_t add_in(struct db_tx *tx, void *arg)
{
    struct product_run *run = arg;
    bool is_repeat = false;
    char id[UUID_TEXT_SIZE];
    TRY(find_repeat(tx, run, &is_repeat));
    if (is_repeat) {
        return OK;
    }
    *run->out = default_product;
    run->out->tenant = run->terms->tenant;
    TRY(apply(tx, run, run->out));
    TRY(insert(tx, &run->terms->actor, run->out));
    uuid_format(run->out->id, id);
    return idempotency_keep(tx, &run->terms->idempotency, OP_KIND, id);
}

err_t product_add(struct fleet *fleet, const struct terms *terms, const struct product_change *change,
                  struct product_row *out)
{
    TRY(check(change, terms->faults));
    struct product_run run = {.fleet = fleet, .terms = terms, .change = change, .out = out};
    return db_write(fleet->db, add_in, &run);
}

/* As far as the terms of devices go. */
static bool is_same_schedule(const struct product_row *a, const struct product_row *b)
{
    return a->renew_percent == b->renew_percent && a->renew_spread_percent == b->renew_spread_percent &&
           a->rekey_period_s == b->rekey_period_s && a->overdue_alert_after_s == b->overdue_alert_after_s;
}

static err_t on_line(const struct firmware_line_row *row, void *arg)
{
    (void)row;
    *(bool *)arg = true;
    return OK;
}

/* Its devices know the product by its name: it is in the class that manifests and statements of keys are for
 * (docs/suit-profile.md), and they would refuse all that comes under another. */
static err_t check_name_is_free(struct db_tx *tx, const struct product_row *before, const char *name)
{
    struct firmware_anchors_row anchors;
    bool has_lines = false;
    if (strcmp(before->name, name) == 0) {
        return OK;
    }
    TRY(firmware_line_rows_of_product(tx, before->id, on_line, &has_lines));
    err_t found = firmware_anchors_rows_find(tx, before->id, &anchors);
    ENSURE(!has_lines && found.code != ERR_OK, ERR_WRONG_STATE,
           "the product has firmware, which names it: its devices would refuse what another name has signed");
    return found.code == ERR_NOT_FOUND ? OK : found;
}

static err_t change_in(struct db_tx *tx, void *arg)
{
    struct product_run *run = arg;
    TRY(find_own(tx, run->terms->tenant, run->id, run->out));
    TRY(terms_check_version(run->terms, run->out->ver));
    const struct product_row before = *run->out;
    TRY(apply(tx, run, run->out));
    TRY(check_name_is_free(tx, &before, run->out->name));
    run->out->updated_at = db_tx_now_ms(tx);
    run->out->ver++;
    TRY(product_rows_update(tx, run->out));
    TRY(is_same_schedule(&before, run->out) ? OK : device_terms_renew(tx, run->out->id));
    return record(tx, &run->terms->actor, run->out, "product.changed");
}

err_t product_change(struct fleet *fleet, const struct terms *terms, struct uuid id,
                     const struct product_change *change, struct product_row *out)
{
    TRY(check(change, terms->faults));
    struct product_run run = {.fleet = fleet, .terms = terms, .change = change, .id = id, .out = out};
    return db_write(fleet->db, change_in, &run);
}

/* --- read ------------------------------------------------------------------------------------------- */

struct find {
    bool is_by_name;
    struct uuid tenant, id;
    struct bytes name;
    struct product_row *out;
};

static err_t find_in(struct db_tx *tx, void *arg)
{
    const struct find *run = arg;
    return run->is_by_name ? product_rows_find(tx, run->tenant, run->name, run->out)
                           : product_rows_find_by_id(tx, run->id, run->out);
}

err_t product_find(struct fleet *fleet, struct uuid tenant, struct bytes name, struct product_row *out)
{
    struct find run = {.is_by_name = true, .tenant = tenant, .name = name, .out = out};
    return db_read(fleet->db, find_in, &run);
}

err_t product_by_id(struct fleet *fleet, struct uuid id, struct product_row *out)
{
    struct find run = {.id = id, .out = out};
    return db_read(fleet->db, find_in, &run);
}

err_t product_get(struct fleet *fleet, struct uuid tenant, struct uuid id, struct product_row *out)
{
    TRY(product_by_id(fleet, id, out));
    ENSURE(uuid_equal(out->tenant, tenant), ERR_NOT_FOUND, "no such product");
    return OK;
}

struct list {
    struct uuid tenant;
    const struct row_window *window;
    product_row_fn fn;
    void *arg;
};

static err_t list_in(struct db_tx *tx, void *arg)
{
    const struct list *run = arg;
    return product_rows_list(tx, run->tenant, run->window, run->fn, run->arg);
}

err_t product_list(struct fleet *fleet, struct uuid tenant, const struct row_window *window,
                   err_t (*fn)(const struct product_row *row, void *arg), void *arg)
{
    struct list run = {.tenant = tenant, .window = window, .fn = fn, .arg = arg};
    return db_read(fleet->db, list_in, &run);
}
