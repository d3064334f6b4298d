/* The life of webhooks: made, changed, rotated, removed. A secret is made and sealed before the transaction;
 * an answer that was lost cannot be given again. */
#include "fleet/webhooks.h"

#include <stdio.h>
#include <string.h>

#include "db/feed_rows.h"
#include "fleet/names.h"
#include "fleet/webhook_schedule.h"
#include "fleet/webhooks_internal.h"

static const char OP_ADD[] = "webhook.add";
static const char OP_ROTATE[] = "webhook.rotate";
static const char ALL[] = "*";

/* --- checked ---------------------------------------------------------------------------------------- */

static err_t check_url(const struct fleet *fleet, struct bytes url)
{
    char text[WEBHOOK_URL_SIZE];
    ENSURE(url.n >= 1 && url.n < sizeof text, ERR_UNPROCESSABLE, "a URL has 1 to %d characters",
           WEBHOOK_URL_SIZE - 1);
    memcpy(text, url.p, url.n);
    text[url.n] = '\0';
    ENSURE(fleet->options.outbound != NULL, ERR_UNPROCESSABLE, "this server calls nobody");
    return outbound_check_url(fleet->options.outbound, text);
}

static err_t check(const struct webhook_run *run)
{
    struct faults *faults = run->terms->faults;
    if (run->change->name.p != NULL) {
        TRY(faults_note(faults, "/name", name_check(run->change->name, "webhook name")));
    }
    if (run->change->url.p != NULL) {
        TRY(faults_note(faults, "/url", check_url(run->fleet, run->change->url)));
    }
    return faults_error(faults);
}

static err_t write_types(const struct event_filter *types, char out[WEBHOOK_TYPES_SIZE])
{
    size_t n = 0;
    (void)snprintf(out, WEBHOOK_TYPES_SIZE, "%s", ALL);
    for (size_t i = 0; i < types->type_count; i++) {
        int more = snprintf(out + n, WEBHOOK_TYPES_SIZE - n, "%s%s", i == 0 ? "" : ",", types->types[i]);
        ENSURE(more > 0 && (size_t)more < WEBHOOK_TYPES_SIZE - n, ERR_INTERNAL, "the types of a webhook");
        n += (size_t)more;
    }
    return OK;
}

err_t webhook_types(const struct webhook_row *row, struct event_filter *out)
{
    *out = (struct event_filter){.type_count = 0};
    for (const char *at = row->types; *at != '\0'; at += *at == ',' ? 1 : 0) {
        size_t n = strcspn(at, ",");
        ENSURE(out->type_count < EVENT_TYPES_MAX && n < EVENT_PATTERN_SIZE, ERR_INTERNAL,
               "the types of a webhook");
        memcpy(out->types[out->type_count], at, n);
        out->types[out->type_count++][n] = '\0';
        at += n;
    }
    return OK;
}

static err_t apply(const struct webhook_run *run, int64_t now_ms)
{
    const struct webhook_change *change = run->change;
    struct webhook_row *row = run->out;
    if (change->name.p != NULL) {
        name_copy(change->name, row->name);
    }
    if (change->url.p != NULL) {
        memcpy(row->url, change->url.p, change->url.n);
        row->url[change->url.n] = '\0';
    }
    if (change->has_types) {
        TRY(write_types(&change->types, row->types));
    }
    if (change->has_enabled && !change->is_enabled && row->state == WEBHOOK_ENABLED) {
        webhook_disable(row, "disabled by an operator");
    }
    if (change->has_enabled && change->is_enabled && row->state == WEBHOOK_DISABLED) {
        webhook_enable(row, now_ms);
    }
    return OK;
}

/* --- stored ----------------------------------------------------------------------------------------- */

/* A path may hold what only its receiver should know: scheme, host and port are enough. */
static int origin_size(const char *url)
{
    const char *host = strstr(url, "://");
    size_t start = host != NULL ? (size_t)(host - url) + 3 : 0;
    return (int)(start + strcspn(url + start, "/?#"));
}

err_t webhook_record(struct db_tx *tx, const struct actor *actor, const struct webhook_row *row,
                     const char *kind, const char *detail)
{
    char id[UUID_TEXT_SIZE], origin[WEBHOOK_URL_SIZE];
    uuid_format(row->id, id);
    (void)snprintf(origin, sizeof origin, "%.*s", origin_size(row->url), row->url);
    AUTO(json_t) *body = json_object();
    TRY(json_set_text(body, "webhook", id));
    TRY(json_set_text(body, "name", row->name));
    TRY(json_set_text(body, "origin", origin));
    TRY(json_set_text(body, "types", row->types));
    TRY(json_set_bool(body, "enabled", row->state == WEBHOOK_ENABLED));
    TRY(detail == NULL ? OK : json_set_text(body, "detail", detail));
    struct event event = {.kind = kind,
                          .result = "ok",
                          .actor = actor->name,
                          .request_id = actor->request_id,
                          .tenant = &row->tenant};
    return event_append_value(tx, &event, body);
}

err_t webhook_run_find(struct db_tx *tx, const struct webhook_run *run)
{
    TRY(webhook_rows_find(tx, run->terms->tenant, run->id, run->out));
    return terms_check_version(run->terms, run->out->ver);
}

static err_t store(struct db_tx *tx, const struct webhook_run *run, const char *kind)
{
    run->out->updated_at = db_tx_now_ms(tx);
    run->out->ver++;
    TRY(webhook_rows_update(tx, run->out));
    return webhook_record(tx, &run->terms->actor, run->out, kind, NULL);
}

/* A secret cannot be shown twice: whoever lost the answer rotates it. */
static err_t refuse_repeat(struct db_tx *tx, const struct webhook_run *run, const char *op_kind)
{
    struct op_row op;
    bool is_repeat = false;
    TRY(idempotency_find(tx, &run->terms->idempotency, op_kind, &op, &is_repeat));
    ENSURE(!is_repeat, ERR_CONFLICT, "done before for webhook %s: its secret was shown once", op.result);
    return OK;
}

static err_t keep_op(struct db_tx *tx, const struct webhook_run *run, const char *op_kind)
{
    char id[UUID_TEXT_SIZE];
    uuid_format(run->out->id, id);
    return idempotency_keep(tx, &run->terms->idempotency, op_kind, id);
}

static err_t count_one(const struct webhook_row *row, void *arg)
{
    (void)row;
    ++*(int *)arg;
    return OK;
}

static err_t check_count(struct db_tx *tx, struct uuid tenant)
{
    int count = 0;
    const struct row_window all = {.limit = WEBHOOKS_MAX};
    TRY(webhook_rows_list(tx, tenant, &all, count_one, &count));
    ENSURE(count < WEBHOOKS_MAX, ERR_CONFLICT, "a tenant has %d webhooks at most", WEBHOOKS_MAX);
    return OK;
}

static err_t add_in(struct db_tx *tx, void *arg)
{
    struct webhook_run *run = arg;
    struct webhook_row *row = run->out;
    TRY(refuse_repeat(tx, run, OP_ADD));
    TRY(check_count(tx, run->terms->tenant));
    *row = *run->fresh;
    row->created_at = row->updated_at = db_tx_now_ms(tx);
    row->ver = 1;
    row->due_at = -1;
    (void)snprintf(row->types, sizeof row->types, "%s", ALL);
    TRY(apply(run, row->created_at));
    /* its own making is not told to it: it begins behind */
    TRY(webhook_record(tx, &run->terms->actor, row, "webhook.added", NULL));
    TRY(feed_rows_head(tx, row->tenant, &row->position));
    TRY(webhook_rows_insert(tx, row));
    TRY(feed_rows_count_webhook(tx, row->tenant, 1));
    return keep_op(tx, run, OP_ADD);
}

/* Id and secret of a webhook that is to be. */
static err_t make_fresh(struct fleet *fleet, struct uuid tenant, const struct uuid *id,
                        char text[WEBHOOK_SECRET_TEXT_SIZE], struct webhook_row *out)
{
    *out = (struct webhook_row){.tenant = tenant};
    if (id != NULL) {
        out->id = *id;
    } else {
        TRY(uuid_new(fleet->clock, fleet->random, &out->id));
    }
    return webhook_secret_make(fleet, out, text);
}

static err_t write_secret(struct webhook_run *run, db_fn fn, char text[WEBHOOK_SECRET_TEXT_SIZE])
{
    err_t error = db_write(run->fleet->db, fn, run);
    if (error.code != ERR_OK) {
        bytes_wipe(text, WEBHOOK_SECRET_TEXT_SIZE);
    }
    return error;
}

err_t webhook_add(struct fleet *fleet, const struct terms *terms, const struct webhook_change *change,
                  char text[WEBHOOK_SECRET_TEXT_SIZE], struct webhook_row *out)
{
    struct webhook_row fresh;
    struct webhook_run run = {.fleet = fleet, .terms = terms, .change = change, .fresh = &fresh, .out = out};
    TRY(check(&run));
    TRY(make_fresh(fleet, terms->tenant, NULL, text, &fresh));
    return write_secret(&run, add_in, text);
}

static err_t alter_in(struct db_tx *tx, void *arg)
{
    struct webhook_run *run = arg;
    TRY(webhook_run_find(tx, run));
    bool was_disabled = run->out->state == WEBHOOK_DISABLED;
    TRY(apply(run, db_tx_now_ms(tx)));
    if (was_disabled && run->out->state == WEBHOOK_ENABLED) {
        TRY(delivery_rows_hasten_all(tx, run->id, db_tx_now_ms(tx)));
    }
    return store(tx, run, "webhook.changed");
}

err_t webhook_alter(struct fleet *fleet, const struct terms *terms, struct uuid id,
                    const struct webhook_change *change, struct webhook_row *out)
{
    struct webhook_run run = {.fleet = fleet, .terms = terms, .id = id, .change = change, .out = out};
    TRY(check(&run));
    return db_write(fleet->db, alter_in, &run);
}

static err_t remove_in(struct db_tx *tx, void *arg)
{
    struct webhook_run *run = arg;
    TRY(webhook_run_find(tx, run));
    TRY(delivery_rows_abandon(tx, run->id, db_tx_now_ms(tx)));
    TRY(webhook_rows_delete(tx, run->id));
    TRY(feed_rows_count_webhook(tx, run->terms->tenant, -1));
    return webhook_record(tx, &run->terms->actor, run->out, "webhook.removed", NULL);
}

err_t webhook_remove(struct fleet *fleet, const struct terms *terms, struct uuid id)
{
    struct webhook_row row;
    struct webhook_run run = {.fleet = fleet, .terms = terms, .id = id, .out = &row};
    return db_write(fleet->db, remove_in, &run);
}

/* --- secrets ---------------------------------------------------------------------------------------- */

static err_t rotate_in(struct db_tx *tx, void *arg)
{
    struct webhook_run *run = arg;
    struct webhook_row *row = run->out;
    TRY(refuse_repeat(tx, run, OP_ROTATE));
    TRY(webhook_run_find(tx, run));
    ENSURE(row->old_secret_size == 0, ERR_WRONG_STATE,
           "two secrets are live: drop the older one first (drop-old-secret)");
    memcpy(row->old_secret, row->secret, row->secret_size);
    row->old_secret_size = row->secret_size;
    memcpy(row->secret, run->fresh->secret, run->fresh->secret_size);
    row->secret_size = run->fresh->secret_size;
    row->rotated_at = db_tx_now_ms(tx);
    TRY(keep_op(tx, run, OP_ROTATE));
    return store(tx, run, "webhook.rotated");
}

err_t webhook_rotate(struct fleet *fleet, const struct terms *terms, struct uuid id,
                     char text[WEBHOOK_SECRET_TEXT_SIZE], struct webhook_row *out)
{
    struct webhook_row fresh;
    struct webhook_run run = {.fleet = fleet, .terms = terms, .id = id, .fresh = &fresh, .out = out};
    TRY(make_fresh(fleet, terms->tenant, &id, text, &fresh));
    return write_secret(&run, rotate_in, text);
}

static err_t drop_in(struct db_tx *tx, void *arg)
{
    struct webhook_run *run = arg;
    TRY(webhook_run_find(tx, run));
    if (run->out->old_secret_size == 0) {
        return OK;
    }
    run->out->old_secret_size = 0;
    return store(tx, run, "webhook.old_secret_dropped");
}

err_t webhook_drop_old(struct fleet *fleet, const struct terms *terms, struct uuid id,
                       struct webhook_row *out)
{
    struct webhook_run run = {.fleet = fleet, .terms = terms, .id = id, .out = out};
    return db_write(fleet->db, drop_in, &run);
}
