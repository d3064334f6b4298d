/* Which actions wait for a second person: read, changed, and the change that waits itself. Whether one action
 * waits is asked by dual_control_asks() (approvals.c). */
#include "fleet/dual_control.h"

#include <stdio.h>

#include "db/product_rows.h"
#include "fleet/approvals.h"
#include "fleet/event.h"
#include "fleet/internal.h"

struct setting_run {
    const struct terms *terms;
    struct dual_control_change change;
    struct dual_control_row *out;
};

/* --- read -------------------------------------------------------------------------------------------- */

static err_t check_product(struct db_tx *tx, struct uuid tenant, struct uuid product)
{
    struct product_row row;
    TRY(product_rows_find_by_id(tx, product, &row));
    ENSURE(uuid_equal(row.tenant, tenant), ERR_NOT_FOUND, "no such product");
    return OK;
}

static err_t read_setting(struct db_tx *tx, struct uuid tenant, const struct uuid *product,
                          struct dual_control_row *out)
{
    struct uuid owner = product != NULL ? *product : tenant;
    if (product != NULL) {
        TRY(check_product(tx, tenant, *product));
    }
    err_t error = dual_control_rows_find(tx, owner, out);
    if (error.code == ERR_NOT_FOUND) {
        *out = (struct dual_control_row){.owner = owner, .approval_ttl_s = APPROVAL_TTL_DEFAULT_S};
        return OK;
    }
    return error;
}

struct get {
    struct uuid tenant;
    const struct uuid *product;
    struct dual_control_row *out;
};

static err_t get_in(struct db_tx *tx, void *arg)
{
    const struct get *run = arg;
    return read_setting(tx, run->tenant, run->product, run->out);
}

err_t dual_control_get(struct fleet *fleet, struct uuid tenant, const struct uuid *product,
                       struct dual_control_row *out)
{
    struct get run = {.tenant = tenant, .product = product, .out = out};
    return db_read(fleet->db, get_in, &run);
}

err_t dual_control_ttl(struct db_tx *tx, struct uuid tenant, int64_t *out_s)
{
    struct dual_control_row row;
    TRY(read_setting(tx, tenant, NULL, &row));
    *out_s = row.approval_ttl_s;
    return OK;
}

/* --- changed ----------------------------------------------------------------------------------------- */

/* The names of `bits` as a list. */
static err_t set_kinds(json_t *object, uint32_t bits)
{
    AUTO(json_t) *list = json_array();
    for (size_t i = 0; approval_kind_at(i) != NULL; i++) {
        const struct approval_kind *kind = approval_kind_at(i);
        if ((bits & (uint32_t)kind->bit) != 0) {
            ENSURE(json_array_append_new(list, json_string(kind->name)) == 0, ERR_NO_MEMORY, "a list");
        }
    }
    return json_take(object, "kinds", TAKE(list));
}

static err_t set_owner(json_t *object, const struct dual_control_change *change)
{
    char product[UUID_TEXT_SIZE];
    if (!change->is_product) {
        return OK;
    }
    uuid_format(change->product, product);
    return json_set_text(object, "product", product);
}

static err_t record(struct db_tx *tx, const struct setting_run *run)
{
    AUTO(json_t) *body = json_object();
    TRY(set_owner(body, &run->change));
    TRY(set_kinds(body, run->out->kinds));
    TRY(json_set_int(body, "approval_ttl_s", run->out->approval_ttl_s));
    TRY(json_set_int(body, "ver", run->out->ver));
    struct event event = {.kind = "dual_control.changed",
                          .result = "ok",
                          .actor = run->terms->actor.name,
                          .request_id = run->terms->actor.request_id,
                          .tenant = &run->terms->tenant};
    return event_append_value(tx, &event, body);
}

static err_t ask_second(struct db_tx *tx, const struct setting_run *run)
{
    const struct dual_control_change *change = &run->change;
    AUTO(json_t) *request = json_object();
    TRY(set_owner(request, change));
    TRY(set_kinds(request, change->kinds));
    if (change->has_ttl) {
        TRY(json_set_int(request, "approval_ttl_s", change->ttl_s));
    }
    const struct approval_wish wish = {.bit = APPROVAL_DUAL_CONTROL, .request = request};
    return approval_request(tx, run->terms, &wish);
}

static err_t change_in(struct db_tx *tx, void *arg)
{
    struct setting_run *run = arg;
    const struct dual_control_change *change = &run->change;
    struct dual_control_row *row = run->out;
    TRY(read_setting(tx, run->terms->tenant, change->is_product ? &change->product : NULL, row));
    TRY(terms_check_version(run->terms, row->ver));
    bool is_less = change->has_kinds && (row->kinds & ~change->kinds) != 0;
    if (is_less && !run->terms->is_approved) {
        return ask_second(tx, run);
    }
    row->kinds = change->has_kinds ? change->kinds : row->kinds;
    row->approval_ttl_s = change->has_ttl ? change->ttl_s : row->approval_ttl_s;
    row->updated_at = db_tx_now_ms(tx);
    row->ver++;
    TRY(dual_control_rows_store(tx, row));
    return record(tx, run);
}

static err_t check(const struct dual_control_change *change, struct faults *faults)
{
    if (change->has_ttl && change->is_product) {
        faults_add(faults, "/approval_ttl_s", "this is a setting of the tenant");
    }
    if (change->has_ttl && (change->ttl_s < APPROVAL_TTL_MIN_S || change->ttl_s > APPROVAL_TTL_MAX_S)) {
        faults_add(faults, "/approval_ttl_s", "from %d to %d seconds", APPROVAL_TTL_MIN_S,
                   APPROVAL_TTL_MAX_S);
    }
    return faults_error(faults);
}

err_t dual_control_change(struct fleet *fleet, const struct terms *terms,
                          const struct dual_control_change *change, struct dual_control_row *out)
{
    TRY(check(change, terms->faults));
    struct setting_run run = {.terms = terms, .change = *change, .out = out};
    return db_write(fleet->db, change_in, &run);
}

/* --- the change that waits --------------------------------------------------------------------------- */

static err_t read_request(const json_t *request, struct dual_control_change *out)
{
    struct raw {
        json_t *kinds;
        struct dual_control_change change;
    } raw = {.kinds = NULL};
    static const struct json_field fields[] = {
        {"product", JSON_KIND_UUID, false, offsetof(struct raw, change.product), 0, 0,
         offsetof(struct raw, change.is_product)},
        {"kinds", JSON_KIND_ARRAY, true, offsetof(struct raw, kinds), 0, 0, JSON_NO_HAS},
        {"approval_ttl_s", JSON_KIND_INTEGER, false, offsetof(struct raw, change.ttl_s), APPROVAL_TTL_MIN_S,
         APPROVAL_TTL_MAX_S, offsetof(struct raw, change.has_ttl)},
    };
    err_t error = json_read(request, fields, sizeof fields / sizeof fields[0], true, &raw);
    ENSURE(error.code == ERR_OK, ERR_DB, "a stored request is not readable: %s", error.detail);
    *out = raw.change;
    out->has_kinds = true;
    for (size_t i = 0; i < json_array_size(raw.kinds); i++) {
        const char *name = json_string_value(json_array_get(raw.kinds, i));
        uint32_t bit = 0;
        TRY(approval_kind_parse(bytes_str(name == NULL ? "" : name), &bit));
        out->kinds |= bit;
    }
    return OK;
}

err_t dual_control_subject(struct db_tx *tx, const struct approval_case *this, json_t *out)
{
    struct dual_control_change change;
    struct dual_control_row row;
    TRY(read_request(this->request, &change));
    TRY(read_setting(tx, this->terms->tenant, change.is_product ? &change.product : NULL, &row));
    TRY(set_owner(out, &change));
    TRY(set_kinds(out, row.kinds));
    return json_set_int(out, "ver", row.ver);
}

err_t dual_control_execute(struct db_tx *tx, const struct approval_case *this, struct approval_outcome *out)
{
    struct dual_control_row row;
    struct setting_run run = {.terms = this->terms, .out = &row};
    TRY(read_request(this->request, &run.change));
    TRY(change_in(tx, &run));
    (void)snprintf(out->result, sizeof out->result, "version %lld", (long long)row.ver);
    return OK;
}
