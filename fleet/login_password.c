/* A person's own password, changed by themselves. What is wrong with it is no 401: the session is good. */
#include <string.h>

#include "db/person_rows.h"
#include "db/tenant_rows.h"
#include "fleet/attempts.h"
#include "fleet/event.h"
#include "fleet/internal.h"
#include "fleet/logins.h"
#include "fleet/passwords.h"
#include "fleet/second_factor.h"

struct password_run {
    const struct password_order *order;
    struct tenant_row tenant;
    char fresh[PASSWORD_PHC_SIZE];
    int64_t step;
};

static err_t tenant_in(struct db_tx *tx, void *arg)
{
    struct password_run *run = arg;
    return tenant_rows_find_by_id(tx, run->order->caller->person.tenant, &run->tenant);
}

static err_t refusal(void)
{
    return ERR(ERR_UNPROCESSABLE, "the old password or the code is wrong");
}

static err_t judge(struct fleet *fleet, struct password_run *run)
{
    const struct person_row *person = &run->order->caller->person;
    bool is_same = false;
    TRY(password_check(fleet, run->order->old_password, person->password, &is_same));
    err_t error = second_factor_check(fleet, person, run->order->totp, &run->step);
    return !is_same || error.code == ERR_UNAUTHORIZED ? refusal() : error;
}

static err_t store_in(struct db_tx *tx, void *arg)
{
    const struct password_run *run = arg;
    const struct session_caller *caller = run->order->caller;
    struct person_row row;
    char actor[ACTOR_SIZE] = "user:";
    int64_t ended = 0;
    TRY(person_rows_find(tx, caller->person.id, &row));
    bool is_as_judged = row.state == PERSON_ACTIVE && strcmp(row.password, caller->person.password) == 0 &&
                        run->step > row.totp_step;
    if (!is_as_judged) {
        return refusal();
    }
    memcpy(row.password, run->fresh, sizeof row.password);
    row.totp_step = run->step;
    row.updated_at = db_tx_now_ms(tx);
    row.ver++;
    TRY(person_rows_update(tx, &row));
    TRY(session_rows_delete_of(tx, row.id, caller->session.id, &ended));
    uuid_format(row.id, actor + strlen(actor));
    struct event event = {.kind = "user.password_changed",
                          .result = "ok",
                          .actor = actor,
                          .request_id = run->order->request_id,
                          .tenant = &row.tenant};
    return event_append(tx, &event, "{\"user\":\"%s\",\"name\":\"%s\",\"ended_sessions\":%lld}",
                        actor + strlen("user:"), row.name, (long long)ended);
}

err_t login_change_password(struct fleet *fleet, const struct password_order *order)
{
    struct password_run run = {.order = order};
    struct attempt attempt;
    const struct person_row *person = &order->caller->person;
    TRY(attempt_begin(fleet, order->address, order->request_id, &attempt));
    attempt.kind = "login.failed";
    TRY(db_read(fleet->db, tenant_in, &run));
    TRY(faults_note(order->faults, "/new_password",
                    password_rules(order->new_password, person->name, run.tenant.name)));
    TRY(faults_error(order->faults));
    err_t error = judge(fleet, &run);
    if (error.code == ERR_OK) {
        error = password_make(fleet, order->new_password, run.fresh);
    }
    if (error.code == ERR_OK) {
        error = db_write(fleet->db, store_in, &run);
    }
    return error.code == ERR_UNPROCESSABLE ? attempt_failed(&attempt, person, "password change", error)
                                           : error;
}
