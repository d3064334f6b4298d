/* Approving, publishing, withdrawing: the steps of a release that somebody takes. Each judges the rules in
 * its transaction; bytes are read before it. */
#include "fleet/release_steps.h"

#include <stdio.h>
#include <string.h>

#include "db/firmware_line_rows.h"
#include "db/rollout_rows.h"
#include "fleet/approvals.h"
#include "fleet/blobs.h"
#include "fleet/images.h"
#include "fleet/internal.h"
#include "fleet/names.h"
#include "fleet/release_publish.h"
#include "fleet/release_rules.h"

static const char APPROVE[] = "firmware_release.approve";

struct step {
    const struct terms *terms;
    struct uuid id;
    struct release *out;
    struct bytes reason;
};

/* --- approving --------------------------------------------------------------------------------------------
 */

static err_t find(struct db_tx *tx, const struct step *step, enum firmware_release_state needed,
                  const char *needed_words)
{
    struct firmware_release_row *row = &step->out->row;
    TRY(release_load(tx, step->terms->tenant, step->id, step->out));
    TRY(terms_check_version(step->terms, row->ver));
    ENSURE(row->state == needed, ERR_WRONG_STATE, "the release is %s; %s", release_state_name(row->state),
           needed_words);
    return OK;
}

static err_t approve(struct db_tx *tx, const struct step *step)
{
    struct firmware_release_row *row = &step->out->row;
    row->state = RELEASE_SIGNING;
    row->approved_at = db_tx_now_ms(tx);
    row->reason[0] = '\0';
    (void)snprintf(row->approved_by, sizeof row->approved_by, "%s", step->terms->actor.name);
    TRY(firmware_release_rows_update(tx, row));
    return release_record(tx, row, &step->terms->actor, "firmware_release.approved");
}

static err_t approve_checked(struct db_tx *tx, const struct step *step)
{
    struct sha256 subject;
    TRY(find(tx, step, RELEASE_DRAFT, "approving needs a draft"));
    TRY(release_check(tx, step->out));
    TRY(release_subject(tx, step->out, &subject));
    ENSURE(memcmp(subject.b, step->out->row.subject_sha256.b, sizeof subject.b) == 0, ERR_WRONG_STATE,
           "the manifest is not the one that the draft was made with: change the draft");
    return OK;
}

static err_t ask_second(struct db_tx *tx, const struct step *step, bool *is_waiting)
{
    AUTO(json_t) *request = json_object();
    TRY(dual_control_asks(tx, step->terms, &step->out->row.product, APPROVAL_FIRMWARE, is_waiting));
    if (!*is_waiting) {
        return OK;
    }
    TRY(json_set_uuid(request, "release", step->id));
    const struct approval_wish wish = {.bit = APPROVAL_FIRMWARE, .request = request, .op_kind = APPROVE};
    return approval_request(tx, step->terms, &wish);
}

static err_t find_repeat(struct db_tx *tx, const struct step *step, const char *kind, bool *is_repeat)
{
    struct op_row op;
    bool is_waiting = false;
    TRY(idempotency_find(tx, &step->terms->idempotency, kind, &op, is_repeat));
    if (!*is_repeat) {
        return OK;
    }
    TRY(approval_take_repeat(step->terms, &op, &is_waiting));
    return release_load(tx, step->terms->tenant, step->id, step->out);
}

static err_t approve_in(struct db_tx *tx, void *arg)
{
    const struct step *step = arg;
    bool is_done = false;
    TRY(find_repeat(tx, step, APPROVE, &is_done));
    if (is_done) {
        return OK;
    }
    TRY(approve_checked(tx, step));
    TRY(ask_second(tx, step, &is_done));
    if (is_done) {
        return OK;
    }
    TRY(approve(tx, step));
    return idempotency_keep(tx, &step->terms->idempotency, APPROVE, "");
}

err_t release_approve(struct fleet *fleet, const struct terms *terms, struct uuid id, struct release *out)
{
    struct step step = {.terms = terms, .id = id, .out = out};
    return db_write(fleet->db, approve_in, &step);
}

/* --- the same, once a second person agreed -----------------------------------------------------------------
 */

static err_t read_request(const struct approval_case *this, struct uuid *out)
{
    static const struct json_field fields[] = {{"release", JSON_KIND_UUID, true, 0, 0, 0, JSON_NO_HAS}};
    err_t error = json_read(this->request, fields, 1, true, out);
    ENSURE(error.code == ERR_OK, ERR_DB, "a stored request is not readable: %s", error.detail);
    return OK;
}

/* With the version of the row: whatever changes in a draft voids what waits. */
err_t release_approve_subject(struct db_tx *tx, const struct approval_case *this, json_t *out)
{
    struct uuid id;
    struct release release;
    const struct firmware_release_row *row = &release.row;
    TRY(read_request(this, &id));
    TRY(release_load(tx, this->terms->tenant, id, &release));
    TRY(json_set_uuid(out, "release", id));
    TRY(json_set_text(out, "product", row->product_name));
    TRY(json_set_text(out, "version", row->version));
    TRY(json_set_int(out, "sequence", row->sequence));
    TRY(json_set_int(out, "counter", row->counter));
    TRY(json_set_hex(out, "manifest", BYTES_OF(row->subject_sha256.b)));
    return json_set_int(out, "ver", row->ver);
}

err_t release_approve_execute(struct db_tx *tx, const struct approval_case *this,
                              struct approval_outcome *out)
{
    struct release release;
    struct step step = {.terms = this->terms, .out = &release};
    TRY(read_request(this, &step.id));
    TRY(approve_checked(tx, &step));
    TRY(approve(tx, &step));
    uuid_format(step.id, out->result);
    return OK;
}

/* --- publishing --------------------------------------------------------------------------------------------
 */

struct publish {
    struct step step;
    struct release_parts checked; /* whose bytes were read */
    int64_t ver;
};

static err_t look_in(struct db_tx *tx, void *arg)
{
    struct publish *run = arg;
    TRY(find(tx, &run->step, RELEASE_APPROVED, "publishing needs it to be approved"));
    TRY(release_check(tx, run->step.out)); /* before anything is read: a refusal is quick */
    run->ver = run->step.out->row.ver;
    return release_parts_read(tx, run->step.out, true, &run->checked);
}

static err_t publish_in(struct db_tx *tx, void *arg)
{
    struct publish *run = arg;
    struct firmware_release_row *row = &run->step.out->row;
    TRY(find(tx, &run->step, RELEASE_APPROVED, "publishing needs it to be approved"));
    ENSURE(row->ver == run->ver, ERR_BUSY, "the release was changed meanwhile: try again");
    TRY(release_check(tx, run->step.out));
    row->state = RELEASE_PUBLISHED;
    row->published_at = db_tx_now_ms(tx);
    TRY(firmware_release_rows_update(tx, row));
    struct firmware_line_row line = {.product = row->product,
                                     .tenant = row->tenant,
                                     .release = row->id,
                                     .sequence = row->sequence,
                                     .counter = row->counter};
    memcpy(line.class, row->class, sizeof line.class);
    memcpy(line.version, row->version, sizeof line.version);
    TRY(firmware_line_rows_raise(tx, &line));
    TRY(release_hold_images(tx, run->step.out));
    TRY(rollout_rows_raise_version(tx));
    return release_record(tx, row, &run->step.terms->actor, "firmware_release.published");
}

err_t release_publish(struct fleet *fleet, const struct terms *terms, struct uuid id, struct release *out)
{
    struct publish run = {.step = {.terms = terms, .id = id, .out = out}};
    TRY(db_read(fleet->db, look_in, &run));
    for (size_t i = 0; i < run.checked.count; i++) {
        TRY(release_check_bytes(fleet, &out->row, &run.checked.list[i]));
    }
    return db_write(fleet->db, publish_in, &run);
}

/* --- withdrawing -------------------------------------------------------------------------------------------
 */

static err_t withdraw_in(struct db_tx *tx, void *arg)
{
    const struct step *step = arg;
    struct firmware_release_row *row = &step->out->row;
    TRY(release_load(tx, step->terms->tenant, step->id, step->out));
    TRY(terms_check_version(step->terms, row->ver));
    ENSURE(row->state == RELEASE_APPROVED || row->state == RELEASE_PUBLISHED, ERR_WRONG_STATE,
           "the release is %s; withdrawing needs it to be approved or published",
           release_state_name(row->state));
    row->state = RELEASE_WITHDRAWN;
    row->withdrawn_at = db_tx_now_ms(tx);
    TRY(text_copy(step->reason, "a reason", row->reason, sizeof row->reason));
    TRY(firmware_release_rows_update(tx, row));
    TRY(rollout_rows_raise_version(tx)); /* who offers it looks again, and ends its rollouts */
    return release_record(tx, row, &step->terms->actor, "firmware_release.withdrawn");
}

err_t release_withdraw(struct fleet *fleet, const struct terms *terms, struct uuid id, struct bytes reason,
                       struct release *out)
{
    struct step step = {.terms = terms, .id = id, .out = out, .reason = reason};
    char text[RELEASE_REASON_SIZE];
    TRY(faults_note(terms->faults, "/reason", text_copy(reason, "a reason", text, sizeof text)));
    TRY(faults_error(terms->faults));
    return db_write(fleet->db, withdraw_in, &step);
}
