/* The rules of roles. Each change and its audit record are one transaction. */
#include "fleet/roles.h"

#include <stdio.h>
#include <string.h>

#include "db/role_rows.h"
#include "fleet/event.h"
#include "fleet/internal.h"
#include "fleet/names.h"

static const char OP_KIND[] = "role.add";

#define READS                                                                                                \
    ((uint32_t)SCOPE_DEVICES_READ | (uint32_t)SCOPE_CERTIFICATES_READ | (uint32_t)SCOPE_METRICS_READ |       \
     (uint32_t)SCOPE_PRODUCTS_READ | (uint32_t)SCOPE_CODES_READ | (uint32_t)SCOPE_EVENTS_READ |              \
     (uint32_t)SCOPE_AUDIT_READ | (uint32_t)SCOPE_WEBHOOKS_READ | (uint32_t)SCOPE_APPROVALS_READ |           \
     (uint32_t)SCOPE_FIRMWARE_READ)

/* 0016_people.sql gives the same to tenants that stood before: a test compares the two. */
static const struct {
    const char *name, *description;
    uint32_t scopes;
} BUILTIN[] = {
    {ROLE_ADMIN, "Everything in this tenant", SCOPE_ADMIN},
    {"operator", "The daily work with devices",
     READS | (uint32_t)SCOPE_DEVICES_WRITE | (uint32_t)SCOPE_DEVICES_REGISTER |
         (uint32_t)SCOPE_CERTIFICATES_REVOKE | (uint32_t)SCOPE_CODES_WRITE |
         (uint32_t)SCOPE_APPROVALS_DECIDE},
    {"factory", "Registers devices, and nothing else", SCOPE_DEVICES_REGISTER},
    {"firmware", "Uploads and releases firmware",
     (uint32_t)SCOPE_FIRMWARE_READ | (uint32_t)SCOPE_FIRMWARE_WRITE | (uint32_t)SCOPE_FIRMWARE_RELEASE},
    {"auditor", "Reads everything, changes nothing",
     READS | (uint32_t)SCOPE_TOKENS_READ | (uint32_t)SCOPE_USERS_READ},
};

struct role_run {
    const struct terms *terms;
    const struct role_wish *wish;
    struct bytes name;
    struct role_row *out;
};

/* --- checked ---------------------------------------------------------------------------------------- */

static err_t check(const struct role_wish *wish, struct faults *faults)
{
    char description[ROLE_DESCRIPTION_SIZE];
    if (wish->name.p != NULL) {
        TRY(faults_note(faults, "/name", name_check(wish->name, "role name")));
    }
    if (wish->description.p != NULL) {
        TRY(faults_note(faults, "/description",
                        text_copy(wish->description, "the description", description, sizeof description)));
    }
    if (wish->has_scopes && wish->scopes == 0) {
        faults_add(faults, "/scopes", "a role has one scope at least");
    }
    return faults_error(faults);
}

static err_t apply(const struct role_run *run, struct role_row *row)
{
    const struct role_wish *wish = run->wish;
    if (wish->description.p != NULL) {
        TRY(text_copy(wish->description, "the description", row->description, sizeof row->description));
    }
    if (!wish->has_scopes) {
        return OK;
    }
    if (!scopes_cover(wish->caller_scopes, wish->scopes & ~row->scopes)) {
        faults_add(run->terms->faults, "/scopes", "nobody can give a scope that they do not have");
        return faults_error(run->terms->faults);
    }
    row->scopes = wish->scopes;
    return OK;
}

/* --- stored ----------------------------------------------------------------------------------------- */

static err_t record(struct db_tx *tx, const struct role_run *run, const char *kind)
{
    char scopes[SCOPES_TEXT_SIZE];
    scopes_format(run->out->scopes, scopes);
    struct event event = {.kind = kind,
                          .result = "ok",
                          .actor = run->terms->actor.name,
                          .request_id = run->terms->actor.request_id,
                          .tenant = &run->out->tenant};
    return event_append(tx, &event, "{\"role\":\"%s\",\"scopes\":\"%s\",\"ver\":%lld}", run->out->name,
                        scopes, (long long)run->out->ver);
}

err_t roles_insert_builtin(struct db_tx *tx, struct uuid tenant)
{
    int64_t now_ms = db_tx_now_ms(tx);
    for (size_t i = 0; i < sizeof BUILTIN / sizeof BUILTIN[0]; i++) {
        struct role_row row = {.tenant = tenant,
                               .scopes = BUILTIN[i].scopes,
                               .is_builtin = true,
                               .created_at = now_ms,
                               .updated_at = now_ms,
                               .ver = 1};
        name_copy(bytes_str(BUILTIN[i].name), row.name);
        (void)snprintf(row.description, sizeof row.description, "%s", BUILTIN[i].description);
        TRY(role_rows_insert(tx, &row));
    }
    return OK;
}

static err_t add_in(struct db_tx *tx, void *arg)
{
    struct role_run *run = arg;
    struct op_row op;
    bool is_repeat = false;
    TRY(idempotency_find(tx, &run->terms->idempotency, OP_KIND, &op, &is_repeat));
    if (is_repeat) {
        return role_rows_find(tx, run->terms->tenant, bytes_str(op.result), run->out);
    }
    int64_t now_ms = db_tx_now_ms(tx);
    *run->out =
        (struct role_row){.tenant = run->terms->tenant, .created_at = now_ms, .updated_at = now_ms, .ver = 1};
    name_copy(run->wish->name, run->out->name);
    TRY(apply(run, run->out));
    TRY(role_rows_insert(tx, run->out));
    TRY(idempotency_keep(tx, &run->terms->idempotency, OP_KIND, run->out->name));
    return record(tx, run, "role.added");
}

err_t role_add(struct fleet *fleet, const struct terms *terms, const struct role_wish *wish,
               struct role_row *out)
{
    TRY(check(wish, terms->faults));
    struct role_run run = {.terms = terms, .wish = wish, .out = out};
    return db_write(fleet->db, add_in, &run);
}

static err_t find_own(struct db_tx *tx, const struct role_run *run)
{
    TRY(role_rows_find(tx, run->terms->tenant, run->name, run->out));
    return terms_check_version(run->terms, run->out->ver);
}

static err_t change_in(struct db_tx *tx, void *arg)
{
    struct role_run *run = arg;
    TRY(find_own(tx, run));
    ENSURE(strcmp(run->out->name, ROLE_ADMIN) != 0, ERR_WRONG_STATE,
           "the role admin stays as it is, so that a tenant cannot lock itself out: make another role");
    TRY(apply(run, run->out));
    run->out->updated_at = db_tx_now_ms(tx);
    run->out->ver++;
    TRY(role_rows_update(tx, run->out));
    return record(tx, run, "role.changed");
}

err_t role_change(struct fleet *fleet, const struct terms *terms, struct bytes name,
                  const struct role_wish *wish, struct role_row *out)
{
    TRY(check(wish, terms->faults));
    struct role_run run = {.terms = terms, .wish = wish, .name = name, .out = out};
    return db_write(fleet->db, change_in, &run);
}

static err_t remove_in(struct db_tx *tx, void *arg)
{
    struct role_run *run = arg;
    bool is_used = false;
    TRY(find_own(tx, run));
    ENSURE(!run->out->is_builtin, ERR_WRONG_STATE, "the role %s is built in: it can be changed, not removed",
           run->out->name);
    TRY(role_rows_in_use(tx, run->terms->tenant, run->name, &is_used));
    ENSURE(!is_used, ERR_WRONG_STATE,
           "users have the role %s: take it from them first (GET /api/v1/users?role=)", run->out->name);
    TRY(role_rows_delete(tx, run->terms->tenant, run->name));
    return record(tx, run, "role.removed");
}

err_t role_remove(struct fleet *fleet, const struct terms *terms, struct bytes name)
{
    struct role_row row;
    struct role_run run = {.terms = terms, .name = name, .out = &row};
    return db_write(fleet->db, remove_in, &run);
}

/* --- given ------------------------------------------------------------------------------------------ */

static err_t check_role(struct db_tx *tx, struct uuid tenant, struct bytes name, uint32_t caller_scopes)
{
    struct role_row role;
    err_t error = role_rows_find(tx, tenant, name, &role);
    ENSURE(error.code != ERR_NOT_FOUND, ERR_UNPROCESSABLE, "no such role");
    TRY(error);
    ENSURE(scopes_cover(caller_scopes, role.scopes), ERR_UNPROCESSABLE,
           "nobody can give a role that may do more than they");
    return OK;
}

err_t roles_check(struct db_tx *tx, struct uuid tenant, const struct role_names *roles,
                  uint32_t caller_scopes, struct faults *faults)
{
    char pointer[FAULT_POINTER_SIZE];
    for (size_t i = 0; i < roles->count; i++) {
        (void)snprintf(pointer, sizeof pointer, "/roles/%zu", i);
        TRY(faults_note(faults, pointer, check_role(tx, tenant, bytes_str(roles->names[i]), caller_scopes)));
    }
    return faults_error(faults);
}

/* --- read ------------------------------------------------------------------------------------------- */

static err_t get_in(struct db_tx *tx, void *arg)
{
    return find_own(tx, arg);
}

err_t role_get(struct fleet *fleet, struct uuid tenant, struct bytes name, struct role_row *out)
{
    const struct terms terms = {.tenant = tenant};
    struct role_run run = {.terms = &terms, .name = name, .out = out};
    return db_read(fleet->db, get_in, &run);
}

struct list {
    struct uuid tenant;
    const struct row_window *window;
    role_row_fn fn;
    void *arg;
};

static err_t list_in(struct db_tx *tx, void *arg)
{
    const struct list *run = arg;
    return role_rows_list(tx, run->tenant, run->window, run->fn, run->arg);
}

err_t role_list(struct fleet *fleet, struct uuid tenant, const struct row_window *window,
                err_t (*fn)(const struct role_row *row, void *arg), void *arg)
{
    struct list run = {.tenant = tenant, .window = window, .fn = fn, .arg = arg};
    return db_read(fleet->db, list_in, &run);
}
