/* What a device says of its action. The judgement is pure; a report that changes nothing is not written. */
#include <stdio.h>
#include <string.h>

#include "fleet/firmware_describe.h"
#include "fleet/firmware_notes.h"
#include "fleet/internal.h"

struct run {
    const struct firmware_report *report;
    struct firmware_owner owner;
    int64_t pending; /* bytes that it was sent and that are not written yet */
    bool is_repeat;  /* nothing is to be done */
};

/* --- judging ------------------------------------------------------------------------------------------ */

static err_t check_digest(struct db_tx *tx, const struct firmware_case *it,
                          const struct firmware_report *report)
{
    struct firmware_artifacts artifacts;
    if (!report->has_digest) {
        return OK;
    }
    TRY(firmware_artifacts_read(tx, it->release.id, &artifacts));
    for (size_t i = 0; i < artifacts.count; i++) {
        if (memcmp(artifacts.items[i].digests.sha256.b, report->digest.b, SHA256_SIZE) == 0) {
            return OK;
        }
    }
    return ERR(ERR_CONFLICT, "the digest is not of an image of this action");
}

/* `canceled` ends what was asked to be cancelled, lest its device be asked for ever; otherwise it ends
 * nothing: the device still says `closed`, as hawkBit wants it. */
static bool is_final(const struct firmware_report *report)
{
    return report->word == FIRMWARE_CLOSED || (report->word == FIRMWARE_CANCELED && report->is_cancel) ||
           (report->word == FIRMWARE_REJECTED && report->finish == FIRMWARE_FAILURE);
}

/* What the answer to a cancel makes of the action. */
static enum firmware_action_state after_cancel(const struct firmware_report *report)
{
    if (is_final(report)) {
        return ACTION_CANCELLED;
    }
    return report->word == FIRMWARE_REJECTED ? ACTION_RUNNING : ACTION_CANCELLING;
}

/* A device that is finished before it heard of the cancel says what came of it. */
static enum firmware_action_state after_final(const struct run *run, const struct firmware_case *it)
{
    const struct firmware_report *report = run->report;
    bool is_cancelling = firmware_case_state(it) == ACTION_CANCELLING;
    if (report->finish == FIRMWARE_FAILURE) {
        return ACTION_FAILED;
    }
    if (is_cancelling && report->finish == FIRMWARE_NONE) {
        return ACTION_CANCELLED;
    }
    bool has_fetched = it->action.fetched > 0 || run->pending > 0;
    return has_fetched ? ACTION_SUCCEEDED : ACTION_UNVERIFIED;
}

static enum firmware_action_state after_progress(const struct firmware_report *report,
                                                 const struct firmware_case *it)
{
    if (firmware_case_state(it) == ACTION_CANCELLING) {
        return ACTION_CANCELLING;
    }
    if (report->finish == FIRMWARE_SUCCESS) {
        return ACTION_INSTALLED;
    }
    return report->word == FIRMWARE_DOWNLOADED ? ACTION_DOWNLOADED : ACTION_RUNNING;
}

static enum firmware_action_state next_state(const struct run *run, const struct firmware_case *it)
{
    if (run->report->is_cancel) {
        return after_cancel(run->report);
    }
    return is_final(run->report) ? after_final(run, it) : after_progress(run->report, it);
}

/* Succeeded and unverified are one to the device, which says no more than that it went well. */
static bool is_same_end(enum firmware_action_state stored, enum firmware_action_state told)
{
    bool was_good = stored == ACTION_SUCCEEDED || stored == ACTION_UNVERIFIED;
    bool is_good = told == ACTION_SUCCEEDED || told == ACTION_UNVERIFIED;
    return stored == told || (was_good && is_good);
}

/* @param[out] next where the action goes; run->is_repeat: nowhere */
static err_t judge(struct db_tx *tx, struct run *run, struct firmware_case *it,
                   enum firmware_action_state *next)
{
    const struct firmware_report *report = run->report;
    run->is_repeat = false;
    TRY(firmware_case_read(tx, &run->owner, report->action, it));
    TRY(check_digest(tx, it, report));
    const enum firmware_action_state stored = (enum firmware_action_state)it->action.state;
    *next = next_state(run, it);
    bool is_end = !firmware_action_is_open(*next);
    if (!firmware_action_is_open(stored)) {
        run->is_repeat = is_end && is_same_end(stored, *next);
        bool is_late = is_end && firmware_case_is_house_end(it); /* its own word, at last */
        ENSURE(run->is_repeat || is_late, ERR_GONE, "the action is %s", firmware_action_state_name(stored));
        return OK;
    }
    ENSURE(!report->is_cancel || firmware_case_state(it) == ACTION_CANCELLING, ERR_WRONG_STATE,
           "the action is not being cancelled");
    return OK;
}

/* --- writing ------------------------------------------------------------------------------------------ */

static void set_reason(const struct run *run, enum firmware_action_state next, struct firmware_case *it)
{
    const char *reason = "";
    if (run->report->is_cancel && next == ACTION_RUNNING) {
        reason = FIRMWARE_REASON_CANCEL_REJECTED;
    } else if (next == ACTION_FAILED) {
        reason = run->report->word == FIRMWARE_REJECTED ? "rejected" : "reported";
    } else if (firmware_action_is_open(next)) {
        return; /* a refused cancel is remembered */
    }
    (void)snprintf(it->action.reason, sizeof it->action.reason, "%s", reason);
}

static err_t keep_report(struct db_tx *tx, const struct run *run, struct firmware_case *it)
{
    struct firmware_report_row row = {.owner = run->owner,
                                      .action = it->action.id,
                                      .n = it->firmware.report_n++,
                                      .at = db_tx_now_ms(tx),
                                      .state = it->action.state};
    const char *text = run->report->text != NULL ? run->report->text : "";
    size_t n = strnlen(text, sizeof row.text - 1);
    while (n > 0 && n == sizeof row.text - 1 && ((unsigned char)text[n] & 0xC0U) == 0x80U) {
        n--; /* not within a character */
    }
    memcpy(row.text, text, n);
    return firmware_report_rows_add(tx, &row);
}

static err_t look_in(struct db_tx *tx, void *arg)
{
    struct firmware_case it;
    enum firmware_action_state next = ACTION_OFFERED;
    return judge(tx, arg, &it, &next);
}

static err_t report_in(struct db_tx *tx, void *arg)
{
    struct run *run = arg;
    struct firmware_case it;
    enum firmware_action_state next = ACTION_OFFERED;
    TRY(judge(tx, run, &it, &next));
    if (run->is_repeat) {
        return OK;
    }
    set_reason(run, next, &it);
    if (run->report->has_progress) {
        it.action.done = run->report->done;
        it.action.of = run->report->of;
    }
    it.action.due_at = firmware_due_at(&it.spec, db_tx_now_ms(tx));
    TRY(keep_report(tx, run, &it));
    return firmware_case_move(tx, &it, next);
}

err_t firmware_report(struct fleet *fleet, const struct contact *contact,
                      const struct firmware_report *report)
{
    struct run run = {.report = report, .owner = firmware_owner_of(contact)};
    TRY(firmware_check_contact(contact));
    run.pending = firmware_notes_fetched_of(fleet->firmware_notes, &run.owner, report->action);
    TRY(db_read(fleet->db, look_in, &run));
    return run.is_repeat ? OK : db_write(fleet->db, report_in, &run);
}
