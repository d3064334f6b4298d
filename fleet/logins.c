/* Judges logins. What can be guessed is judged before the transaction, what can be used once inside of it. */
#include "fleet/logins.h"

#include <string.h>

#include "db/person_rows.h"
#include "db/role_rows.h"
#include "db/tenant_rows.h"
#include "fleet/attempts.h"
#include "fleet/event.h"
#include "fleet/internal.h"
#include "fleet/passwords.h"
#include "fleet/second_factor.h"

struct login_run {
    const struct login_order *order;
    bool is_known;
    struct person_row person;
    int64_t step; /* of the code; 0: a recovery code */
    uint8_t recovery[SHA256_SIZE];
    const char *cause; /* of a failure, for the record */
    struct login *out;
};

static err_t refusal(struct login_run *run, const char *cause)
{
    run->cause = cause;
    return ERR(ERR_UNAUTHORIZED, "the name, the password or the code is wrong");
}

/* --- looked up -------------------------------------------------------------------------------------- */

/* Not found is no error here: the same time must pass. */
static err_t look_in(struct db_tx *tx, void *arg)
{
    struct login_run *run = arg;
    struct tenant_row tenant;
    run->is_known = false;
    err_t error = tenant_rows_find(tx, run->order->tenant, &tenant);
    if (error.code == ERR_OK) {
        error = person_rows_find_by_name(tx, tenant.id, run->order->name, &run->person);
    }
    run->is_known = error.code == ERR_OK;
    return error.code == ERR_NOT_FOUND ? OK : error;
}

static err_t judge_password(struct fleet *fleet, struct login_run *run)
{
    bool is_same = false;
    bool may_log_in = run->is_known && run->person.state == PERSON_ACTIVE;
    TRY(password_check(fleet, run->order->password, may_log_in ? run->person.password : "", &is_same));
    if (!run->is_known) {
        return refusal(run, "unknown name");
    }
    if (!may_log_in) {
        return refusal(run, person_state_name(run->person.state));
    }
    return is_same ? OK : refusal(run, "password");
}

static err_t judge_code(struct fleet *fleet, struct login_run *run)
{
    err_t error = run->order->totp.p != NULL
                      ? second_factor_check(fleet, &run->person, run->order->totp, &run->step)
                      : recovery_code_hash(run->person.id, run->order->recovery_code, run->recovery);
    return error.code == ERR_UNAUTHORIZED ? refusal(run, "code") : error;
}

/* --- opened ----------------------------------------------------------------------------------------- */

static bool is_as_judged(const struct person_row *now, const struct person_row *judged)
{
    return now->state == PERSON_ACTIVE && strcmp(now->password, judged->password) == 0 &&
           now->totp_size == judged->totp_size &&
           memcmp(now->totp_sealed, judged->totp_sealed, now->totp_size) == 0;
}

/* A step of time and a recovery code are good once: of two that come with the same one, one is refused. */
static err_t use_code(struct db_tx *tx, struct login_run *run, struct person_row *row)
{
    bool is_good = run->step > row->totp_step;
    if (run->step == 0) {
        TRY(recovery_code_rows_use(tx, row->id, run->recovery, &is_good));
        return is_good ? OK : refusal(run, "recovery code");
    }
    row->totp_step = is_good ? run->step : row->totp_step;
    return is_good ? OK : refusal(run, "code used before");
}

static err_t record(struct db_tx *tx, const struct login_run *run)
{
    char actor[ACTOR_SIZE] = "user:";
    char id[TOKEN_ID_TEXT_SIZE];
    token_id_format(run->out->session.id, id);
    uuid_format(run->person.id, actor + strlen(actor));
    struct event event = {.kind = "login.ok",
                          .result = "ok",
                          .actor = actor,
                          .request_id = run->order->request_id,
                          .tenant = &run->person.tenant};
    return event_append(tx, &event, "{\"session\":\"%s\",\"name\":\"%s\",\"by\":\"%s\",\"address\":\"%s\"}",
                        id, run->person.name, run->step != 0 ? "totp" : "recovery code",
                        run->out->session.address);
}

static err_t open_in(struct db_tx *tx, void *arg)
{
    struct login_run *run = arg;
    struct user_view *view = &run->out->user;
    TRY(person_rows_find(tx, run->person.id, &view->person));
    if (!is_as_judged(&view->person, &run->person)) {
        return refusal(run, "changed meanwhile");
    }
    TRY(use_code(tx, run, &view->person));
    view->person.last_login_at = db_tx_now_ms(tx);
    TRY(person_rows_update(tx, &view->person));
    TRY(role_rows_of_person(tx, view->person.id, &view->roles, &view->scopes));
    TRY(session_rows_insert(tx, &run->out->session));
    return record(tx, run);
}

struct rehash {
    const struct person_row *person;
    char fresh[PASSWORD_PHC_SIZE];
};

static err_t rehash_in(struct db_tx *tx, void *arg)
{
    const struct rehash *run = arg;
    return person_rows_rehash(tx, run->person->id, run->person->password, run->fresh);
}

/* The parameters rose since the hash was made. The login is good whether this works or not. */
static void rehash(struct fleet *fleet, const struct login_run *run)
{
    struct rehash wanted = {.person = &run->person};
    if (!password_hash_is_weak(run->person.password)) {
        return;
    }
    err_t error = password_make(fleet, run->order->password, wanted.fresh);
    if (error.code == ERR_OK) {
        error = db_write(fleet->db, rehash_in, &wanted);
    }
    if (error.code != ERR_OK) {
        log_error(fleet->log, "password_not_rehashed", run->order->request_id, error);
    }
}

static err_t open_session(struct fleet *fleet, struct login_run *run)
{
    TRY(judge_password(fleet, run));
    TRY(judge_code(fleet, run));
    struct session_row *session = &run->out->session;
    TRY(session_make(fleet, run->out->text, session));
    session->tenant = run->person.tenant;
    session->person = run->person.id;
    (void)strncpy(session->address, run->order->address, sizeof session->address - 1);
    return db_write(fleet->db, open_in, run);
}

err_t login_open(struct fleet *fleet, const struct login_order *order, struct login *out)
{
    struct login_run run = {.order = order, .cause = "", .out = out};
    struct attempt attempt;
    TRY(attempt_begin(fleet, order->address, order->request_id, &attempt));
    attempt.kind = "login.failed";
    TRY(db_read(fleet->db, look_in, &run));
    err_t error = open_session(fleet, &run);
    if (error.code != ERR_OK) {
        bytes_wipe(out->text, sizeof out->text);
    }
    if (error.code == ERR_UNAUTHORIZED) {
        return attempt_failed(&attempt, run.is_known ? &run.person : NULL, run.cause, error);
    }
    TRY(error);
    rehash(fleet, &run);
    return OK;
}
