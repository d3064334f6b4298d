/* Judges, lists and ends sessions. They begin in fleet/logins.c. */
#include "fleet/sessions.h"

#include <string.h>

#include "db/person_rows.h"
#include "db/role_rows.h"
#include "fleet/event.h"
#include "fleet/internal.h"
#include "fleet/secrets.h"
#include "fleet/yield.h"

enum { MINUTE_MS = 60 * 1000, SWEEP_STEP = 1000, SWEEP_STEPS_MAX = 20 };

err_t session_make(struct fleet *fleet, char text[TOKEN_TEXT_SIZE], struct session_row *row)
{
    int64_t now_ms = clock_now_ms(fleet->clock);
    *row = (struct session_row){
        .created_at = now_ms, .expires_at = now_ms + fleet->options.session_ms, .last_used_at = now_ms};
    return secret_generate(fleet, SESSION_PREFIX, text, row->id, row->secret_sha256);
}

/* --- checked ---------------------------------------------------------------------------------------- */

struct check {
    const uint8_t *id;
    struct session_caller *out;
};

static err_t find_in(struct db_tx *tx, void *arg)
{
    const struct check *run = arg;
    TRY(session_rows_find(tx, run->id, &run->out->session));
    TRY(person_rows_find(tx, run->out->session.person, &run->out->person));
    return role_rows_of_person(tx, run->out->session.person, NULL, &run->out->scopes);
}

struct use {
    const uint8_t *id;
    int64_t at_ms;
};

static err_t note_in(struct db_tx *tx, void *arg)
{
    const struct use *run = arg;
    return session_rows_note_use(tx, run->id, run->at_ms);
}

/* Once a minute at most, so that a person costs less than a write per request. */
static void note_use(struct fleet *fleet, const struct session_row *session, int64_t now_ms)
{
    struct use use = {.id = session->id, .at_ms = now_ms};
    if (now_ms - session->last_used_at < MINUTE_MS) {
        return;
    }
    err_t error = db_write(fleet->db, note_in, &use);
    if (error.code != ERR_OK) {
        log_error(fleet->log, "session_use_not_noted", "", error); /* the request itself may be fine */
    }
}

err_t session_check(struct fleet *fleet, struct bytes text, struct session_caller *out)
{
    uint8_t id[TOKEN_ID_SIZE];
    uint8_t sha256[SHA256_SIZE];
    TRY(secret_read(SESSION_PREFIX, "session", text, id, sha256));
    struct check run = {.id = id, .out = out};
    err_t error = db_read(fleet->db, find_in, &run);
    ENSURE(error.code != ERR_NOT_FOUND, ERR_UNAUTHORIZED, "the session is not valid");
    TRY(error);
    int64_t now_ms = clock_now_ms(fleet->clock);
    bool is_same = bytes_equal_ct(BYTES_OF(out->session.secret_sha256), BYTES_OF(sha256));
    ENSURE(is_same && out->person.state == PERSON_ACTIVE, ERR_UNAUTHORIZED, "the session is not valid");
    bool is_idle = now_ms - out->session.last_used_at >= fleet->options.session_idle_ms;
    ENSURE(now_ms < out->session.expires_at && !is_idle, ERR_TOKEN_EXPIRED,
           "the session has expired: log in again");
    note_use(fleet, &out->session, now_ms);
    return OK;
}

/* --- listed ----------------------------------------------------------------------------------------- */

struct list {
    struct session_view view;
    const struct row_window *window;
    session_row_fn fn;
    void *arg;
};

static err_t list_in(struct db_tx *tx, void *arg)
{
    const struct list *run = arg;
    return session_rows_list(tx, &run->view, run->window, run->fn, run->arg);
}

err_t session_list(struct fleet *fleet, struct uuid tenant, const struct uuid *person,
                   const struct row_window *window, session_row_fn fn, void *arg)
{
    int64_t now_ms = clock_now_ms(fleet->clock);
    struct list run = {.window = window, .fn = fn, .arg = arg};
    run.view = (struct session_view){.tenant = tenant,
                                     .person = person,
                                     .now_ms = now_ms,
                                     .used_after_ms = now_ms - fleet->options.session_idle_ms};
    return db_read(fleet->db, list_in, &run);
}

/* --- ended ------------------------------------------------------------------------------------------ */

struct end {
    const struct actor *actor;
    const struct session_ending *ending;
};

static err_t end_in(struct db_tx *tx, void *arg)
{
    const struct end *run = arg;
    const struct session_ending *ending = run->ending;
    struct session_row row;
    char id[TOKEN_ID_TEXT_SIZE], person[UUID_TEXT_SIZE];
    bool was_there = false;
    TRY(session_rows_find(tx, ending->id, &row));
    bool is_meant = uuid_equal(row.tenant, ending->tenant) &&
                    (ending->person == NULL || uuid_equal(row.person, *ending->person));
    ENSURE(is_meant, ERR_NOT_FOUND, "no such session");
    TRY(session_rows_delete(tx, ending->id, &was_there));
    token_id_format(row.id, id);
    uuid_format(row.person, person);
    struct event event = {.kind = ending->kind,
                          .result = "ok",
                          .actor = run->actor->name,
                          .request_id = run->actor->request_id,
                          .tenant = &row.tenant};
    return event_append(tx, &event, "{\"session\":\"%s\",\"user\":\"%s\"}", id, person);
}

err_t session_end(struct fleet *fleet, const struct actor *actor, const struct session_ending *ending)
{
    struct end run = {.actor = actor, .ending = ending};
    return db_write(fleet->db, end_in, &run);
}

struct sweep {
    int64_t before_ms, deleted;
};

static err_t sweep_in(struct db_tx *tx, void *arg)
{
    struct sweep *run = arg;
    return session_rows_sweep(tx, run->before_ms, SWEEP_STEP, &run->deleted);
}

err_t session_sweep(struct fleet *fleet, int64_t now_ms)
{
    /* an hour later: until then whoever comes with one is told that it expired */
    struct sweep run = {.before_ms = now_ms - 60 * MINUTE_MS};
    for (int i = 0; i < SWEEP_STEPS_MAX; i++) {
        TRY(db_write(fleet->db, sweep_in, &run));
        if (run.deleted < SWEEP_STEP) {
            break;
        }
        yield_pause(fleet, YIELD_STEP);
    }
    return OK;
}
