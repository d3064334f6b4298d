/* The rules of tokens after and around their making: who may make which, the two secrets of a rotation, the
 * end. Each change and its audit record are one transaction. Secrets are made before it; an answer that was
 * lost cannot be given again, since only a hash is kept. */
#include "fleet/token_admin.h"

#include <string.h>

#include "db/tenant_rows.h"
#include "db/token_rows.h"
#include "fleet/event.h"
#include "fleet/internal.h"
#include "fleet/names.h"
#include "fleet/tokens.h"

static const char OP_CREATE[] = "token.create";
static const char OP_ROTATE[] = "token.rotate";

struct token_run {
    const struct terms *terms;
    const struct token_wish *wish;
    const uint8_t *id;
    uint32_t caller_scopes;
    struct token_row fresh; /* made before the transaction: id, hash */
    struct token_row *out;
};

static err_t record(struct db_tx *tx, const struct token_run *run, const char *kind)
{
    char id[TOKEN_ID_TEXT_SIZE];
    token_id_format(run->out->id, id);
    struct event event = {.kind = kind,
                          .result = "ok",
                          .actor = run->terms->actor.name,
                          .request_id = run->terms->actor.request_id,
                          .tenant = &run->out->tenant};
    return event_append(tx, &event, "{\"token\":\"%s\",\"name\":\"%s\",\"sources\":\"%s\"}", id,
                        run->out->name, run->out->sources);
}

/* A secret cannot be shown twice: whoever lost the answer rotates the token, or revokes it. */
static err_t refuse_repeat(struct db_tx *tx, const struct token_run *run, const char *kind)
{
    struct op_row op;
    bool is_repeat = false;
    TRY(idempotency_find(tx, &run->terms->idempotency, kind, &op, &is_repeat));
    ENSURE(!is_repeat, ERR_CONFLICT, "done before for token %s: its secret was shown once and is not stored",
           op.result);
    return OK;
}

static err_t keep(struct db_tx *tx, const struct token_run *run, const char *kind)
{
    char id[TOKEN_ID_TEXT_SIZE];
    token_id_format(run->out->id, id);
    return idempotency_keep(tx, &run->terms->idempotency, kind, id);
}

/* --- made ------------------------------------------------------------------------------------------- */

static err_t check(const struct token_wish *wish, struct faults *faults)
{
    if (wish->name.p != NULL) {
        TRY(faults_note(faults, "/name", name_check(wish->name, "token name")));
    }
    return faults_error(faults);
}

static err_t refuse_tenant(struct faults *faults, const char *why)
{
    faults_add(faults, "/tenant_id", "%s", why);
    return faults_error(faults);
}

/* In another tenant nobody holds anything: whoever runs the installation gives it its first tokens. */
static void check_rights(const struct terms *terms, const struct token_wish *wish, struct faults *faults)
{
    bool is_elsewhere = wish->has_tenant && !uuid_equal(wish->tenant, terms->tenant);
    bool runs_installation = (wish->caller_scopes & (uint32_t)SCOPE_INSTALLATION) != 0;
    if (is_elsewhere && !runs_installation) {
        faults_add(faults, "/tenant_id", "a token for another tenant needs the scope installation");
    }
    if (!is_elsewhere && !scopes_cover(wish->caller_scopes, wish->scopes)) {
        faults_add(faults, "/scopes", "nobody can give a scope that they do not have");
    }
}

static err_t create_in(struct db_tx *tx, void *arg)
{
    struct token_run *run = arg;
    TRY(refuse_repeat(tx, run, OP_CREATE));
    *run->out = run->fresh;
    struct tenant_row tenant;
    err_t error = tenant_rows_find_by_id(tx, run->fresh.tenant, &tenant);
    TRY(error.code == ERR_NOT_FOUND ? refuse_tenant(run->terms->faults, "no such tenant") : error);
    TRY(token_insert(tx, &run->terms->actor, run->out));
    return keep(tx, run, OP_CREATE);
}

err_t token_create(struct fleet *fleet, const struct terms *terms, const struct token_wish *wish,
                   char text[TOKEN_TEXT_SIZE], struct token_row *out)
{
    struct faults *faults = terms->faults;
    int64_t now_ms = clock_now_ms(fleet->clock);
    TRY(faults_note(faults, "/scopes", token_check_scopes(wish->scopes)));
    check_rights(terms, wish, faults);
    TRY(faults_note(faults, "/expires_at", token_check_expiry(wish->expires_at, now_ms)));
    TRY(check(wish, faults));
    struct token_run run = {.terms = terms, .wish = wish, .out = out};
    run.fresh = (struct token_row){.tenant = wish->has_tenant ? wish->tenant : terms->tenant,
                                   .scopes = wish->scopes,
                                   .expires_at = wish->expires_at};
    name_copy(wish->name, run.fresh.name);
    memcpy(run.fresh.sources, wish->sources, sizeof run.fresh.sources);
    TRY(token_generate(fleet, text, &run.fresh));
    err_t error = db_write(fleet->db, create_in, &run);
    if (error.code != ERR_OK) {
        bytes_wipe(text, TOKEN_TEXT_SIZE);
    }
    return error;
}

/* --- found, to be changed --------------------------------------------------------------------------- */

static err_t find_own(struct db_tx *tx, const struct token_run *run)
{
    TRY(token_rows_find(tx, run->id, run->out));
    ENSURE(uuid_equal(run->out->tenant, run->terms->tenant), ERR_NOT_FOUND, "no such token");
    return terms_check_version(run->terms, run->out->ver);
}

/* Who can change where a token is good, or get its next secret, has what it has. */
static err_t find_covered(struct db_tx *tx, const struct token_run *run)
{
    TRY(find_own(tx, run));
    ENSURE(scopes_cover(run->caller_scopes, run->out->scopes), ERR_FORBIDDEN,
           "the token may do more than its caller");
    return OK;
}

static err_t change_in(struct db_tx *tx, void *arg)
{
    struct token_run *run = arg;
    TRY(find_covered(tx, run));
    if (run->wish->name.p != NULL) {
        name_copy(run->wish->name, run->out->name);
    }
    if (run->wish->has_sources) {
        memcpy(run->out->sources, run->wish->sources, sizeof run->out->sources);
    }
    run->out->ver++;
    TRY(token_rows_update(tx, run->out));
    return record(tx, run, "token.changed");
}

err_t token_change(struct fleet *fleet, const struct terms *terms, const uint8_t id[TOKEN_ID_SIZE],
                   const struct token_wish *wish, struct token_row *out)
{
    TRY(check(wish, terms->faults));
    struct token_run run = {
        .terms = terms, .wish = wish, .id = id, .caller_scopes = wish->caller_scopes, .out = out};
    return db_write(fleet->db, change_in, &run);
}

/* --- rotated ---------------------------------------------------------------------------------------- */

static err_t rotate_in(struct db_tx *tx, void *arg)
{
    struct token_run *run = arg;
    struct token_row *row = run->out;
    TRY(refuse_repeat(tx, run, OP_ROTATE));
    TRY(find_covered(tx, run));
    ENSURE(row->revoked_at == 0, ERR_WRONG_STATE, "the token is revoked: make a new one");
    ENSURE(db_tx_now_ms(tx) < row->expires_at, ERR_WRONG_STATE, "the token has expired: make a new one");
    ENSURE(!row->has_old, ERR_WRONG_STATE, "two secrets are live: drop the old one first");
    row->has_old = true;
    memcpy(row->old_sha256, row->secret_sha256, sizeof row->old_sha256);
    memcpy(row->secret_sha256, run->fresh.secret_sha256, sizeof row->secret_sha256);
    row->rotated_at = db_tx_now_ms(tx);
    row->ver++;
    TRY(token_rows_update(tx, row));
    TRY(keep(tx, run, OP_ROTATE));
    return record(tx, run, "token.rotated");
}

err_t token_rotate(struct fleet *fleet, const struct terms *terms, const struct token_rotation *rotation,
                   char text[TOKEN_TEXT_SIZE], struct token_row *out)
{
    struct token_run run = {
        .terms = terms, .id = rotation->id, .caller_scopes = rotation->caller_scopes, .out = out};
    memcpy(run.fresh.id, rotation->id, sizeof run.fresh.id);
    TRY(token_generate_secret(fleet, text, &run.fresh));
    err_t error = db_write(fleet->db, rotate_in, &run);
    if (error.code != ERR_OK) {
        bytes_wipe(text, TOKEN_TEXT_SIZE);
    }
    return error;
}

static err_t drop_old_in(struct db_tx *tx, void *arg)
{
    struct token_run *run = arg;
    TRY(find_covered(tx, run));
    if (!run->out->has_old) {
        return OK;
    }
    run->out->has_old = false;
    run->out->ver++;
    TRY(token_rows_update(tx, run->out));
    return record(tx, run, "token.old_secret_dropped");
}

err_t token_drop_old(struct fleet *fleet, const struct terms *terms, const struct token_rotation *rotation,
                     struct token_row *out)
{
    struct token_run run = {
        .terms = terms, .id = rotation->id, .caller_scopes = rotation->caller_scopes, .out = out};
    return db_write(fleet->db, drop_old_in, &run);
}

/* --- ended ------------------------------------------------------------------------------------------ */

static err_t end_in(struct db_tx *tx, void *arg)
{
    struct token_run *run = arg;
    bool is_changed = false;
    TRY(find_own(tx, run));
    TRY(token_rows_revoke(tx, run->terms->tenant, run->id, &is_changed));
    if (!is_changed) {
        return OK;
    }
    TRY(token_rows_find(tx, run->id, run->out));
    return record(tx, run, "token.revoked");
}

err_t token_end(struct fleet *fleet, const struct terms *terms, const uint8_t id[TOKEN_ID_SIZE],
                struct token_row *out)
{
    struct token_run run = {.terms = terms, .id = id, .out = out};
    return db_write(fleet->db, end_in, &run);
}

err_t token_revoke(struct fleet *fleet, const struct actor *actor, struct uuid tenant,
                   const uint8_t id[TOKEN_ID_SIZE])
{
    struct token_row row;
    const struct terms terms = {.tenant = tenant, .actor = *actor};
    return token_end(fleet, &terms, id, &row);
}

/* --- read ------------------------------------------------------------------------------------------- */

static err_t get_in(struct db_tx *tx, void *arg)
{
    return find_own(tx, arg);
}

err_t token_get(struct fleet *fleet, struct uuid tenant, const uint8_t id[TOKEN_ID_SIZE],
                struct token_row *out)
{
    const struct terms terms = {.tenant = tenant};
    struct token_run run = {.terms = &terms, .id = id, .out = out};
    return db_read(fleet->db, get_in, &run);
}

struct list {
    struct uuid tenant;
    const struct row_window *window;
    token_row_fn fn;
    void *arg;
};

static err_t list_in(struct db_tx *tx, void *arg)
{
    const struct list *run = arg;
    return token_rows_list(tx, run->tenant, run->window, run->fn, run->arg);
}

err_t token_list(struct fleet *fleet, struct uuid tenant, const struct row_window *window,
                 err_t (*fn)(const struct token_row *row, void *arg), void *arg)
{
    struct list run = {.tenant = tenant, .window = window, .fn = fn, .arg = arg};
    return db_read(fleet->db, list_in, &run);
}
