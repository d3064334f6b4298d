/* Tenants: who owns devices. A tenant always has a product "default", so that a batch can be handed over
 * without another step, and the built-in roles, so that its first person can be invited. */
#include "fleet/tenants.h"

#include <string.h>

#include "db/tenant_rows.h"
#include "fleet/event.h"
#include "fleet/internal.h"
#include "fleet/names.h"
#include "fleet/products.h"
#include "fleet/registry.h"
#include "fleet/roles.h"

err_t tenant_insert(struct db_tx *tx, const struct actor *actor, struct bytes name, struct tenant_row *out)
{
    int64_t now_ms = db_tx_now_ms(tx);
    *out = (struct tenant_row){.created_at = now_ms, .updated_at = now_ms, .ver = 1};
    name_copy(name, out->name);
    TRY(db_tx_uuid(tx, &out->id));
    TRY(tenant_rows_insert(tx, out));
    struct event event = {.kind = "tenant.added",
                          .result = "ok",
                          .actor = actor->name,
                          .request_id = actor->request_id,
                          .tenant = &out->id};
    TRY(event_append(tx, &event, "{\"name\":\"%s\"}", out->name));
    TRY(roles_insert_builtin(tx, out->id));
    return product_insert_default(tx, actor, out);
}

struct add {
    const struct actor *actor;
    struct bytes name;
    struct tenant_row *out;
};

static err_t add_in(struct db_tx *tx, void *arg)
{
    const struct add *run = arg;
    return tenant_insert(tx, run->actor, run->name, run->out);
}

err_t tenant_add(struct fleet *fleet, const struct actor *actor, const char *name, struct tenant_row *out)
{
    TRY(tenant_name_check(bytes_str(name)));
    struct add run = {.actor = actor, .name = bytes_str(name), .out = out};
    return db_write(fleet->db, add_in, &run);
}

struct find {
    struct bytes name;
    struct tenant_row *tenant;
};

static err_t find_tenant(struct db_tx *tx, void *arg)
{
    const struct find *run = arg;
    return tenant_rows_find(tx, run->name, run->tenant);
}

err_t tenant_find(struct fleet *fleet, const char *name, struct tenant_row *out)
{
    struct find run = {.name = bytes_str(name), .tenant = out};
    return db_read(fleet->db, find_tenant, &run);
}

struct find_by_id {
    struct uuid id;
    struct tenant_row *tenant;
};

static err_t find_tenant_by_id(struct db_tx *tx, void *arg)
{
    const struct find_by_id *run = arg;
    return tenant_rows_find_by_id(tx, run->id, run->tenant);
}

err_t tenant_by_id(struct fleet *fleet, struct uuid id, struct tenant_row *out)
{
    struct find_by_id run = {.id = id, .tenant = out};
    return db_read(fleet->db, find_tenant_by_id, &run);
}

struct list {
    tenant_row_fn fn;
    void *arg;
};

static err_t list_in(struct db_tx *tx, void *arg)
{
    const struct list *run = arg;
    return tenant_rows_each(tx, run->fn, run->arg);
}

err_t tenant_list(struct fleet *fleet, err_t (*fn)(const struct tenant_row *row, void *arg), void *arg)
{
    struct list run = {.fn = fn, .arg = arg};
    return db_read(fleet->db, list_in, &run);
}

/* --- for those who run the installation --------------------------------------------------------------- */

static const char OP_KIND[] = "tenant.create";

struct tenant_run {
    const struct terms *terms;
    const struct tenant_wish *wish;
    struct uuid id;
    struct tenant_row *out;
};

static err_t check_display_name(const struct terms *terms, const struct tenant_wish *wish)
{
    char display[TENANT_DISPLAY_SIZE];
    if (wish->display_name.p == NULL) {
        return OK;
    }
    return faults_note(terms->faults, "/display_name",
                       text_copy(wish->display_name, "the display name", display, sizeof display));
}

/* Stores what people call it, with its record; nothing when it is called so already. */
static err_t set_display_name(struct db_tx *tx, const struct tenant_run *run)
{
    struct tenant_row *row = run->out;
    char display[TENANT_DISPLAY_SIZE];
    if (run->wish->display_name.p == NULL) {
        return OK;
    }
    TRY(text_copy(run->wish->display_name, "the display name", display, sizeof display));
    if (strcmp(display, row->display_name) == 0) {
        return OK;
    }
    memcpy(row->display_name, display, sizeof row->display_name);
    row->updated_at = db_tx_now_ms(tx);
    row->ver++;
    TRY(tenant_rows_update(tx, row));
    struct event event = {.kind = "tenant.changed",
                          .result = "ok",
                          .actor = run->terms->actor.name,
                          .request_id = run->terms->actor.request_id,
                          .tenant = &row->id};
    AUTO(json_t) *body = json_object();
    TRY(json_set_text(body, "name", row->name));
    TRY(json_set_text(body, "display_name", row->display_name));
    TRY(json_set_int(body, "ver", row->ver));
    return event_append_value(tx, &event, body);
}

static err_t create_in(struct db_tx *tx, void *arg)
{
    const struct tenant_run *run = arg;
    const struct idempotency *idempotency = &run->terms->idempotency;
    struct uuid id;
    bool is_repeat = false;
    char text[UUID_TEXT_SIZE];
    TRY(idempotency_find_id(tx, idempotency, OP_KIND, &id, &is_repeat));
    if (is_repeat) {
        return tenant_rows_find_by_id(tx, id, run->out);
    }
    TRY(tenant_insert(tx, &run->terms->actor, run->wish->name, run->out));
    TRY(set_display_name(tx, run));
    uuid_format(run->out->id, text);
    return idempotency_keep(tx, idempotency, OP_KIND, text);
}

err_t tenant_create(struct fleet *fleet, const struct terms *terms, const struct tenant_wish *wish,
                    struct tenant_row *out)
{
    TRY(faults_note(terms->faults, "/name", tenant_name_check(wish->name)));
    TRY(check_display_name(terms, wish));
    TRY(faults_error(terms->faults));
    struct tenant_run run = {.terms = terms, .wish = wish, .out = out};
    return db_write(fleet->db, create_in, &run);
}

static err_t change_in(struct db_tx *tx, void *arg)
{
    const struct tenant_run *run = arg;
    TRY(tenant_rows_find_by_id(tx, run->id, run->out));
    TRY(terms_check_version(run->terms, run->out->ver));
    return set_display_name(tx, run);
}

err_t tenant_change(struct fleet *fleet, const struct terms *terms, struct uuid id,
                    const struct tenant_wish *wish, struct tenant_row *out)
{
    TRY(check_display_name(terms, wish));
    TRY(faults_error(terms->faults));
    struct tenant_run run = {.terms = terms, .wish = wish, .id = id, .out = out};
    return db_write(fleet->db, change_in, &run);
}

struct page {
    const struct row_window *window;
    tenant_row_fn fn;
    void *arg;
};

static err_t page_in(struct db_tx *tx, void *arg)
{
    const struct page *run = arg;
    return tenant_rows_list(tx, run->window, run->fn, run->arg);
}

err_t tenant_page(struct fleet *fleet, const struct row_window *window,
                  err_t (*fn)(const struct tenant_row *row, void *arg), void *arg)
{
    struct page run = {.window = window, .fn = fn, .arg = arg};
    return db_read(fleet->db, page_in, &run);
}
