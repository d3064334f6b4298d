/* Invitations: the slow steps (hashing) are done between a look and the transaction, which looks again. */
#include "fleet/invitations.h"

#include <string.h>

#include "db/person_rows.h"
#include "db/tenant_rows.h"
#include "fleet/attempts.h"
#include "fleet/event.h"
#include "fleet/internal.h"
#include "fleet/passwords.h"
#include "fleet/secrets.h"

struct invitation_run {
    const struct invitation_order *order;
    uint8_t id[TOKEN_ID_SIZE], sha256[SHA256_SIZE];
    struct person_row person; /* as found; then with what was made */
    struct tenant_row tenant;
    int64_t step;
    const struct recovery_codes *codes;
};

/* --- found ------------------------------------------------------------------------------------------ */

static err_t find(struct db_tx *tx, const struct invitation_run *run, struct person_row *out)
{
    err_t error = person_rows_find_by_invitation(tx, run->id, out);
    bool is_found = error.code != ERR_NOT_FOUND;
    TRY(is_found ? error : OK);
    bool is_good = is_found && out->state == PERSON_INVITED &&
                   bytes_equal_ct(BYTES_OF(out->invitation_sha256), BYTES_OF(run->sha256)) &&
                   db_tx_now_ms(tx) < out->invitation_expires_at;
    ENSURE(is_good, ERR_UNAUTHORIZED, "the invitation is not valid, or has expired: ask for a new one");
    return OK;
}

static err_t look_in(struct db_tx *tx, void *arg)
{
    struct invitation_run *run = arg;
    TRY(find(tx, run, &run->person));
    return tenant_rows_find_by_id(tx, run->person.tenant, &run->tenant);
}

static err_t begin(struct fleet *fleet, struct attempt *attempt, struct invitation_run *run)
{
    const struct invitation_order *order = run->order;
    TRY(attempt_begin(fleet, order->address, order->request_id, attempt));
    attempt->kind = "invitation.failed";
    err_t error = secret_read(INVITATION_PREFIX, "invitation", order->code, run->id, run->sha256);
    if (error.code == ERR_OK) {
        error = db_read(fleet->db, look_in, run);
    }
    return error.code == ERR_UNAUTHORIZED ? attempt_failed(attempt, NULL, "invitation", error) : error;
}

static err_t record(struct db_tx *tx, const struct invitation_run *run, const char *kind)
{
    char actor[ACTOR_SIZE] = "user:";
    uuid_format(run->person.id, actor + strlen(actor));
    struct event event = {.kind = kind,
                          .result = "ok",
                          .actor = actor,
                          .request_id = run->order->request_id,
                          .tenant = &run->person.tenant};
    return event_append(tx, &event, "{\"user\":\"%s\",\"name\":\"%s\"}", actor + strlen("user:"),
                        run->person.name);
}

/* --- accepted --------------------------------------------------------------------------------------- */

static err_t accept_in(struct db_tx *tx, void *arg)
{
    const struct invitation_run *run = arg;
    struct person_row row;
    TRY(find(tx, run, &row));
    memcpy(row.password, run->person.password, sizeof row.password);
    memcpy(row.totp_sealed, run->person.totp_sealed, sizeof row.totp_sealed);
    row.totp_size = run->person.totp_size;
    row.totp_step = 0;
    row.updated_at = db_tx_now_ms(tx);
    row.ver++;
    TRY(person_rows_update(tx, &row));
    return record(tx, run, "invitation.accepted");
}

_Static_assert((int)PASSWORD_HASH_SIZE == (int)PASSWORD_PHC_SIZE, "a row holds a hash");

err_t invitation_accept(struct fleet *fleet, const struct invitation_order *order, struct accepted *out)
{
    struct invitation_run run = {.order = order};
    struct attempt attempt;
    TRY(begin(fleet, &attempt, &run));
    TRY(faults_note(order->faults, "/password",
                    password_rules(order->password, run.person.name, run.tenant.name)));
    TRY(faults_error(order->faults));
    TRY(password_make(fleet, order->password, run.person.password));
    TRY(second_factor_make(fleet, &run.person, out->totp_secret));
    memcpy(out->name, run.person.name, sizeof out->name);
    memcpy(out->tenant, run.tenant.name, sizeof out->tenant);
    err_t error = db_write(fleet->db, accept_in, &run);
    if (error.code != ERR_OK) {
        bytes_wipe(out->totp_secret, sizeof out->totp_secret);
    }
    return error;
}

/* --- confirmed -------------------------------------------------------------------------------------- */

static bool is_same_secret(const struct person_row *a, const struct person_row *b)
{
    return a->totp_size == b->totp_size && memcmp(a->totp_sealed, b->totp_sealed, a->totp_size) == 0;
}

static err_t confirm_in(struct db_tx *tx, void *arg)
{
    const struct invitation_run *run = arg;
    struct person_row row;
    TRY(find(tx, run, &row));
    ENSURE(is_same_secret(&row, &run->person), ERR_UNAUTHORIZED,
           "the invitation was accepted again meanwhile: use the newer secret");
    row.state = PERSON_ACTIVE;
    row.totp_step = run->step;
    row.has_invitation = false;
    row.invitation_expires_at = 0;
    row.activated_at = db_tx_now_ms(tx);
    row.updated_at = row.activated_at;
    row.ver++;
    TRY(person_rows_update(tx, &row));
    TRY(recovery_code_rows_replace(tx, row.id, run->codes->hashes, RECOVERY_CODES));
    return record(tx, run, "user.activated");
}

err_t invitation_confirm(struct fleet *fleet, const struct invitation_order *order,
                         struct recovery_codes *out)
{
    struct invitation_run run = {.order = order, .codes = out};
    struct attempt attempt;
    TRY(begin(fleet, &attempt, &run));
    ENSURE(run.person.totp_size > 0, ERR_WRONG_STATE,
           "the invitation is not accepted yet: POST /api/v1/invitations/accept comes first");
    err_t error = second_factor_check(fleet, &run.person, order->totp, &run.step);
    if (error.code == ERR_UNAUTHORIZED) {
        return attempt_failed(&attempt, &run.person, "code", error);
    }
    TRY(error);
    TRY(recovery_codes_make(fleet, run.person.id, out));
    error = db_write(fleet->db, confirm_in, &run);
    if (error.code != ERR_OK) {
        bytes_wipe(out, sizeof *out);
    }
    return error;
}
