/* The same judgement as at the poll, and what keeps a device that may have it from asking. */
#include "fleet/rollout_why.h"

#include "db/device_rows.h"
#include "fleet/clock_guard.h"
#include "fleet/firmware_actions.h"
#include "fleet/firmware_notes.h"
#include "fleet/internal.h"

/* --- the device --------------------------------------------------------------------------------------- */

struct ask {
    struct fleet *fleet;
    struct firmware_owner owner;
    const struct uuid *rollout;
    int64_t polled_at; /* as memory has it */
    bool is_held;
    struct rollout_device_view *view;
    rollout_why_fn fn;
    firmware_history_fn history_fn;
    void *arg;
    struct db_tx *tx;
};

static struct ask ask_of(struct fleet *fleet, struct uuid tenant, const struct device_id *device,
                         struct rollout_device_view *view)
{
    const struct firmware_owner owner = {.device = *device, .tenant = tenant};
    return (struct ask){.fleet = fleet,
                        .owner = owner,
                        .polled_at = firmware_notes_polled_of(fleet->firmware_notes, &owner),
                        .is_held = clock_guard_check(fleet).code != ERR_OK,
                        .view = view};
}

static err_t read_view(struct db_tx *tx, struct ask *ask)
{
    struct rollout_device_view *view = ask->view;
    ask->tx = tx;
    TRY(device_rows_find(tx, ask->owner.tenant, &ask->owner.device, &view->device));
    TRY(device_firmware_rows_read(tx, &ask->owner, &view->firmware));
    int64_t stored = view->firmware.polled_at;
    view->firmware.polled_at = ask->polled_at > stored ? ask->polled_at : stored;
    return OK;
}

/* --- why ---------------------------------------------------------------------------------------------- */

/* It may have it now: then it has not asked, or nobody is offered anything. */
static void refine(const struct ask *ask, struct rollout_offer *why)
{
    const struct rollout_row *row = &why->row;
    const int64_t polled_at = ask->view->firmware.polled_at;
    const int64_t since = row->wave_at > row->updated_at ? row->wave_at : row->updated_at;
    if (why->verdict != ROLLOUT_MEANS_IT) {
        return;
    }
    if (ask->is_held) {
        why->verdict = ROLLOUT_HELD;
    } else if (polled_at == 0) {
        why->verdict = ROLLOUT_NEVER_POLLED;
    } else if (polled_at < since) {
        why->verdict = ROLLOUT_NO_CONTACT;
    }
}

static err_t tell(struct ask *ask, struct uuid rollout)
{
    struct rollout_offer why = {.owner = ask->owner, .rollout = rollout};
    TRY(rollout_offer_judge(ask->tx, &why));
    refine(ask, &why);
    return ask->fn(&why, ask->arg);
}

static err_t on_running(const struct rollout_row *row, void *arg)
{
    struct ask *ask = arg;
    bool is_of_product = uuid_equal(row->product, ask->view->device.product);
    return is_of_product ? tell(ask, row->id) : OK;
}

/* Of a rollout that does not run any more, or not now. */
static err_t tell_open(struct db_tx *tx, struct ask *ask)
{
    struct firmware_case it;
    if (ask->view->firmware.open_action == 0) {
        return OK;
    }
    TRY(firmware_case_read(tx, &ask->owner, ask->view->firmware.open_action, &it));
    return it.rollout.state == ROLLOUT_RUNNING ? OK : tell(ask, it.rollout.id);
}

static err_t whys_in(struct db_tx *tx, void *arg)
{
    static const enum rollout_state running = ROLLOUT_RUNNING;
    static const uint8_t first[1] = {0};
    struct ask *ask = arg;
    const struct row_window window = {.after = {first, sizeof first}, .limit = ROLLOUT_WHYS_MAX};
    TRY(read_view(tx, ask));
    if (ask->rollout != NULL) {
        return tell(ask, *ask->rollout);
    }
    TRY(rollout_rows_list(tx, ask->owner.tenant, &running, &window, on_running, ask));
    return tell_open(tx, ask);
}

err_t rollout_whys(struct fleet *fleet, const struct rollout_whys *question, struct rollout_device_view *view,
                   rollout_why_fn fn, void *arg)
{
    struct ask ask = ask_of(fleet, question->tenant, &question->device, view);
    ask.rollout = question->rollout;
    ask.fn = fn;
    ask.arg = arg;
    return db_read(fleet->db, whys_in, &ask);
}

/* --- what it was told and said -------------------------------------------------------------------------- */

static err_t take_report(const struct firmware_report_row *row, void *arg)
{
    struct firmware_history_entry *entry = arg;
    entry->reports[entry->report_count++] = *row; /* the list's limit is the array's */
    return OK;
}

static err_t on_action(const struct firmware_action_row *row, void *arg)
{
    const struct ask *ask = arg;
    struct firmware_history_entry entry = {.action = *row};
    struct firmware_case it;
    TRY(firmware_case_read(ask->tx, &row->owner, row->id, &it));
    entry.release = it.release;
    entry.state = firmware_case_state(&it);
    TRY(firmware_report_rows_list(ask->tx, &row->owner, row->id, take_report, &entry));
    return ask->history_fn(&entry, ask->arg);
}

static err_t history_in(struct db_tx *tx, void *arg)
{
    struct ask *ask = arg;
    TRY(read_view(tx, ask));
    return firmware_action_rows_of_device(tx, &ask->owner, FIRMWARE_HISTORY_MAX, on_action, ask);
}

err_t firmware_history(struct fleet *fleet, struct uuid tenant, const struct device_id *device,
                       struct rollout_device_view *view, firmware_history_fn fn, void *arg)
{
    struct ask ask = ask_of(fleet, tenant, device, view);
    ask.history_fn = fn;
    ask.arg = arg;
    return db_read(fleet->db, history_in, &ask);
}
