/* The rules of users. Each change and its audit record are one transaction; what a change needs of randomness
 * is made before it. */
#include "fleet/users.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/role_rows.h"
#include "db/session_rows.h"
#include "fleet/event.h"
#include "fleet/internal.h"
#include "fleet/names.h"
#include "fleet/roles.h"
#include "fleet/secrets.h"

#define INVITATION_MS (INT64_C(7) * 24 * 3600 * 1000)
static const char OP_CREATE[] = "user.create";
static const char OP_RESET[] = "user.reset";

struct user_run {
    const struct user_order *order;
    const struct user_wish *wish;
    struct person_row fresh; /* made before the transaction: id and hash of the invitation */
    struct user_view *out;
};

/* --- words ------------------------------------------------------------------------------------------ */

static const char *const STATES[PERSON_STATES] = {
    [PERSON_INVITED] = "invited", [PERSON_ACTIVE] = "active", [PERSON_DISABLED] = "disabled"};

const char *person_state_name(enum person_state state)
{
    return STATES[state];
}

err_t person_state_parse(struct bytes text, enum person_state *out)
{
    for (int i = 0; i < PERSON_STATES; i++) {
        if (bytes_is(text, STATES[i])) {
            *out = (enum person_state)i;
            return OK;
        }
    }
    return ERR(ERR_UNPROCESSABLE, "a user's state is invited, active or disabled");
}

err_t user_name_check(struct bytes name)
{
    static const char others[] = "0123456789._@+-";
    ENSURE(name.n >= 1 && name.n < NAME_SIZE, ERR_UNPROCESSABLE, "a user name has 1 to %d characters",
           NAME_SIZE - 1);
    for (size_t i = 0; i < name.n; i++) {
        bool is_good = (name.p[i] >= 'a' && name.p[i] <= 'z') ||
                       (name.p[i] != '\0' && strchr(others, name.p[i]) != NULL);
        ENSURE(is_good, ERR_UNPROCESSABLE, "a user name is made of a-z 0-9 . _ @ + -");
    }
    return OK;
}

static err_t check(const struct user_wish *wish, struct faults *faults)
{
    char display[PERSON_DISPLAY_SIZE];
    if (wish->name.p != NULL) {
        TRY(faults_note(faults, "/name", user_name_check(wish->name)));
    }
    if (wish->display_name.p != NULL) {
        TRY(faults_note(faults, "/display_name",
                        text_copy(wish->display_name, "the display name", display, sizeof display)));
    }
    return faults_error(faults);
}

/* --- inside of the transaction ---------------------------------------------------------------------- */

static err_t record(struct db_tx *tx, const struct user_run *run, const char *kind)
{
    const struct person_row *person = &run->out->person;
    char id[UUID_TEXT_SIZE];
    AUTO(json_t) *body = json_object();
    AUTO(json_t) *roles = json_array();
    uuid_format(person->id, id);
    for (size_t i = 0; i < run->out->roles.count; i++) {
        ENSURE(json_array_append_new(roles, json_string(run->out->roles.names[i])) == 0, ERR_NO_MEMORY,
               "a list of roles");
    }
    TRY(json_set_text(body, "user", id));
    TRY(json_set_text(body, "name", person->name));
    TRY(json_set_text(body, "state", STATES[person->state]));
    TRY(json_take(body, "roles", TAKE(roles)));
    TRY(json_set_int(body, "ver", person->ver));
    struct event event = {.kind = kind,
                          .result = "ok",
                          .actor = run->order->terms->actor.name,
                          .request_id = run->order->terms->actor.request_id,
                          .tenant = &person->tenant};
    return event_append_value(tx, &event, body);
}

static err_t refuse_repeat(struct db_tx *tx, const struct user_run *run, const char *kind)
{
    struct op_row op;
    bool is_repeat = false;
    TRY(idempotency_find(tx, &run->order->terms->idempotency, kind, &op, &is_repeat));
    ENSURE(!is_repeat, ERR_CONFLICT,
           "done before for user %s: the invitation was shown once and is not stored; reset the user",
           op.result);
    return OK;
}

static err_t keep(struct db_tx *tx, const struct user_run *run, const char *kind)
{
    char id[UUID_TEXT_SIZE];
    uuid_format(run->out->person.id, id);
    return idempotency_keep(tx, &run->order->terms->idempotency, kind, id);
}

static err_t find_own(struct db_tx *tx, const struct user_run *run)
{
    struct user_view *view = run->out;
    TRY(person_rows_find(tx, run->order->id, &view->person));
    ENSURE(uuid_equal(view->person.tenant, run->order->terms->tenant), ERR_NOT_FOUND, "no such user");
    TRY(terms_check_version(run->order->terms, view->person.ver));
    return role_rows_of_person(tx, view->person.id, &view->roles, &view->scopes);
}

/* Who can invite somebody anew can become them; who can disable somebody rules over them. */
static err_t find_covered(struct db_tx *tx, const struct user_run *run)
{
    TRY(find_own(tx, run));
    ENSURE(scopes_cover(run->order->caller_scopes, run->out->scopes), ERR_FORBIDDEN,
           "the user may do more than the caller");
    return OK;
}

static err_t assign(struct db_tx *tx, const struct user_run *run)
{
    struct user_view *view = run->out;
    TRY(roles_check(tx, view->person.tenant, &run->wish->roles, run->order->caller_scopes,
                    run->order->terms->faults));
    TRY(role_rows_assign(tx, view->person.tenant, view->person.id, &run->wish->roles));
    return role_rows_of_person(tx, view->person.id, &view->roles, &view->scopes);
}

static err_t store(struct db_tx *tx, const struct user_run *run, const char *kind)
{
    run->out->person.updated_at = db_tx_now_ms(tx);
    run->out->person.ver++;
    TRY(person_rows_update(tx, &run->out->person));
    return record(tx, run, kind);
}

static void set_invitation(const struct user_run *run, struct person_row *row)
{
    row->state = PERSON_INVITED;
    row->has_invitation = true;
    row->activated_at = 0;
    memcpy(row->invitation_id, run->fresh.invitation_id, sizeof row->invitation_id);
    memcpy(row->invitation_sha256, run->fresh.invitation_sha256, sizeof row->invitation_sha256);
    row->invitation_expires_at = run->fresh.invitation_expires_at;
}

/* --- made ------------------------------------------------------------------------------------------- */

static err_t prepare(struct fleet *fleet, struct user_run *run, struct invitation *invitation)
{
    invitation->expires_at = clock_now_ms(fleet->clock) + INVITATION_MS;
    run->fresh.invitation_expires_at = invitation->expires_at;
    return secret_generate(fleet, INVITATION_PREFIX, invitation->text, run->fresh.invitation_id,
                           run->fresh.invitation_sha256);
}

static err_t finish(err_t error, struct invitation *invitation)
{
    if (error.code != ERR_OK) {
        bytes_wipe(invitation->text, sizeof invitation->text);
    }
    return error;
}

static err_t create_in(struct db_tx *tx, void *arg)
{
    struct user_run *run = arg;
    int64_t now_ms = db_tx_now_ms(tx);
    TRY(refuse_repeat(tx, run, OP_CREATE));
    *run->out = (struct user_view){.scopes = 0};
    struct person_row *row = &run->out->person;
    *row = (struct person_row){
        .tenant = run->order->terms->tenant, .created_at = now_ms, .updated_at = now_ms, .ver = 1};
    name_copy(run->wish->name, row->name);
    TRY(text_copy(run->wish->display_name, "the display name", row->display_name, sizeof row->display_name));
    set_invitation(run, row);
    TRY(db_tx_uuid(tx, &row->id));
    TRY(person_rows_insert(tx, row));
    TRY(assign(tx, run));
    TRY(keep(tx, run, OP_CREATE));
    return record(tx, run, "user.invited");
}

err_t user_create(struct fleet *fleet, const struct user_order *order, const struct user_wish *wish,
                  struct invitation *invitation, struct user_view *out)
{
    struct user_run run = {.order = order, .wish = wish, .out = out};
    TRY(check(wish, order->terms->faults));
    TRY(prepare(fleet, &run, invitation));
    return finish(db_write(fleet->db, create_in, &run), invitation);
}

/* --- changed ---------------------------------------------------------------------------------------- */

static err_t change_in(struct db_tx *tx, void *arg)
{
    struct user_run *run = arg;
    struct person_row *row = &run->out->person;
    TRY(find_covered(tx, run));
    if (run->wish->display_name.p != NULL) {
        TRY(text_copy(run->wish->display_name, "the display name", row->display_name,
                      sizeof row->display_name));
    }
    if (run->wish->has_roles) {
        TRY(assign(tx, run));
    }
    return store(tx, run, "user.changed");
}

err_t user_change(struct fleet *fleet, const struct user_order *order, const struct user_wish *wish,
                  struct user_view *out)
{
    struct user_run run = {.order = order, .wish = wish, .out = out};
    TRY(check(wish, order->terms->faults));
    return db_write(fleet->db, change_in, &run);
}

static err_t disable_in(struct db_tx *tx, void *arg)
{
    struct user_run *run = arg;
    char actor[ACTOR_SIZE] = "user:";
    TRY(find_covered(tx, run));
    uuid_format(run->order->id, actor + strlen(actor));
    ENSURE(strcmp(actor_owner(&run->order->terms->actor), actor) != 0, ERR_WRONG_STATE,
           "nobody disables themselves: ask another person");
    if (run->out->person.state == PERSON_DISABLED) {
        return OK;
    }
    run->out->person.state = PERSON_DISABLED;
    TRY(session_rows_delete_of(tx, run->order->id, NULL, NULL));
    return store(tx, run, "user.disabled");
}

err_t user_disable(struct fleet *fleet, const struct user_order *order, struct user_view *out)
{
    struct user_run run = {.order = order, .out = out};
    return db_write(fleet->db, disable_in, &run);
}

static err_t enable_in(struct db_tx *tx, void *arg)
{
    struct user_run *run = arg;
    struct person_row *row = &run->out->person;
    TRY(find_covered(tx, run));
    ENSURE(row->state == PERSON_DISABLED, ERR_WRONG_STATE, "the user is %s: only a disabled one is enabled",
           STATES[row->state]);
    row->state = row->activated_at != 0 ? PERSON_ACTIVE : PERSON_INVITED;
    return store(tx, run, "user.enabled");
}

err_t user_enable(struct fleet *fleet, const struct user_order *order, struct user_view *out)
{
    struct user_run run = {.order = order, .out = out};
    return db_write(fleet->db, enable_in, &run);
}

static err_t reset_in(struct db_tx *tx, void *arg)
{
    struct user_run *run = arg;
    struct person_row *row = &run->out->person;
    TRY(refuse_repeat(tx, run, OP_RESET));
    TRY(find_covered(tx, run));
    ENSURE(row->state != PERSON_DISABLED, ERR_WRONG_STATE, "the user is disabled: enable it first");
    set_invitation(run, row);
    row->password[0] = '\0';
    row->totp_size = 0;
    row->totp_step = 0;
    TRY(recovery_code_rows_clear(tx, row->id));
    TRY(session_rows_delete_of(tx, row->id, NULL, NULL));
    TRY(keep(tx, run, OP_RESET));
    return store(tx, run, "user.reset");
}

err_t user_reset(struct fleet *fleet, const struct user_order *order, struct invitation *invitation,
                 struct user_view *out)
{
    struct user_run run = {.order = order, .out = out};
    TRY(prepare(fleet, &run, invitation));
    return finish(db_write(fleet->db, reset_in, &run), invitation);
}
