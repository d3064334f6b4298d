/* What waits for an operator's word. A request counts only when the identity key was proved and nothing but
 * the policy stood against it, so nobody without the key can put a device into the list. */
#include "fleet/recovery.h"

#include "fleet/enrol_internal.h"
#include "fleet/event.h"
#include "fleet/nonce.h"
#include "fleet/policy_words.h"
#include "fleet/refusals.h"

enum { NOTED_EVERY_MS = 3600 * 1000 };

/* --- read ------------------------------------------------------------------------------------------- */

struct reading {
    const struct device_row *device;
    struct recovery_row *out;
};

static err_t read_in(struct db_tx *tx, void *arg)
{
    const struct reading *run = arg;
    err_t found = recovery_rows_find(tx, run->device->tenant, &run->device->id, run->out);
    if (found.code == ERR_OK && run->out->allowed_until <= db_tx_now_ms(tx)) {
        run->out->allowed_until = 0;
    }
    return found.code == ERR_NOT_FOUND ? OK : found;
}

err_t recovery_read(struct fleet *fleet, const struct device_row *device, struct recovery_row *out)
{
    struct reading run = {.device = device, .out = out};
    return db_read(fleet->db, read_in, &run);
}

/* --- noted ------------------------------------------------------------------------------------------ */

/* A clock that went back does not silence a device. */
static bool was_noted_lately(const struct recovery_row *row, int64_t now_ms)
{
    return row->requested_at != 0 && row->requested_at <= now_ms &&
           now_ms - row->requested_at < NOTED_EVERY_MS;
}

static err_t record(struct db_tx *tx, const struct enrol_run *run)
{
    const struct device_row *device = &run->view.device;
    char network[NETWORK_TEXT_SIZE];
    refusals_network(run->order->facts->address, network);
    struct event event = {.kind = "device.recovery_requested",
                          .result = "refused",
                          .actor = run->order->actor.name,
                          .request_id = run->order->actor.request_id,
                          .tenant = &device->tenant,
                          .device = &device->id};
    return event_append(tx, &event, "{\"policy\":\"%s\",\"network\":\"%s\"}",
                        recovery_name(run->view.product.recovery), network);
}

static err_t note_in(struct db_tx *tx, void *arg)
{
    struct enrol_run *run = arg;
    if (run->order->proof != NULL) {
        TRY(nonce_use(tx, run->order->proof->nonce));
    }
    TRY(enrol_view_read(tx, run->order, &run->view));
    err_t decided = enrol_decide(run->order, &run->view, &run->decision);
    bool is_refused = decided.code == ERR_DEVICE_REFUSED && run->decision.is_recovery_refused;
    if (!is_refused || was_noted_lately(&run->view.recovery, run->view.now_ms)) {
        return OK;
    }
    struct recovery_row row = {
        .device = run->view.device.id, .tenant = run->view.device.tenant, .requested_at = run->view.now_ms};
    TRY(recovery_rows_put(tx, &row)); /* an allowance that had ended goes */
    return record(tx, run);
}

void recovery_note_request(struct enrol_run *run)
{
    if (was_noted_lately(&run->view.recovery, run->view.now_ms)) {
        return;
    }
    err_t noted = db_write(run->fleet->db, note_in, run);
    if (noted.code != ERR_OK) {
        log_error(run->fleet->log, "recovery_not_noted", run->order->actor.request_id, noted);
    }
}
