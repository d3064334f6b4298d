/* What follows what in an update. The order that survives a power cut anywhere:
 *   1. the manifest is good                 -> record LOADING, nothing in the slots yet
 *   2. a step of bytes is on the medium     -> record LOADING, so many bytes
 *   3. the slots hold what was signed       -> record LOADED
 *   4. the boot loader is told              -> record INSTALLED: so INSTALLED always means that it was told
 *   5. the new firmware runs and reaches its server: the boot loader is told that it is good
 *                                           -> record `installed`, then record SUCCEEDED
 *   6. the server has heard of it           -> no record
 * Between telling the boot loader and the record (4, 5) the power may fail: what runs is then seen in the
 * slots themselves. */
#include "device/core/update_internal.h"

/* One call. */
struct visit {
    struct whorl_update update;
    struct whorl_offer offer;
    struct whorl_update_news *news;
};

static enum whorl_result save(struct whorl_device *device, struct visit *visit, enum whorl_update_step step)
{
    visit->update.step = step;
    return whorl_update_save(device->settings.ports->storage, &visit->update);
}

static enum whorl_result forget(struct whorl_device *device, struct visit *visit)
{
    const struct whorl_storage *storage = device->settings.ports->storage;
    whorl_zero(&visit->update, sizeof visit->update);
    return storage->erase(storage->context, WHORL_RECORD_UPDATE);
}

/* The former firmware runs: the new one failed, or the power did before it was confirmed. As long as the
 * spare slots still hold it, it gets another try. */
static enum whorl_result try_again(struct whorl_device *device, struct visit *visit)
{
    bool is_there = false;
    if (visit->update.tries < WHORL_UPDATE_TRIES) {
        WHORL_TRY(whorl_update_matches(device, &visit->update, WHORL_SLOT_SPARE, &is_there));
    }
    if (is_there) {
        return save(device, visit, WHORL_UPDATE_LOADED);
    }
    visit->update.fault = WHORL_FAULT_BOOT;
    return save(device, visit, WHORL_UPDATE_FAILED);
}

/* What the boot loader made of it, seen in the slots. */
static enum whorl_result look_at_boot(struct whorl_device *device, struct visit *visit)
{
    const struct whorl_flash *flash = device->settings.ports->flash;
    struct whorl_update *update = &visit->update;
    bool runs = false;
    if (update->step != WHORL_UPDATE_LOADED && update->step != WHORL_UPDATE_INSTALLED) {
        return WHORL_OK;
    }
    if (flash->boot(flash->context) == WHORL_BOOT_PENDING) {
        return update->step == WHORL_UPDATE_LOADED ? save(device, visit, WHORL_UPDATE_INSTALLED) : WHORL_OK;
    }
    WHORL_TRY(whorl_update_matches(device, update, WHORL_SLOT_ACTIVE, &runs));
    if (update->step == WHORL_UPDATE_LOADED) {
        return runs ? save(device, visit, WHORL_UPDATE_INSTALLED) : WHORL_OK;
    }
    return runs ? WHORL_OK : try_again(device, visit);
}

/* The server was reached: new firmware is good. */
static enum whorl_result settle(struct whorl_device *device, struct visit *visit)
{
    const struct whorl_ports *ports = device->settings.ports;
    const struct whorl_flash *flash = ports->flash;
    if (visit->update.step != WHORL_UPDATE_INSTALLED) {
        return WHORL_OK;
    }
    enum whorl_boot boot = flash->boot(flash->context);
    if (boot == WHORL_BOOT_PENDING) {
        visit->news->is_restart_wanted = true;
        return WHORL_OK;
    }
    if (boot == WHORL_BOOT_TRIAL && !flash->confirm(flash->context)) {
        return WHORL_ERROR_STORAGE;
    }
    WHORL_TRY(whorl_installed_save(ports->storage, &visit->update.target));
    return save(device, visit, WHORL_UPDATE_SUCCEEDED);
}

static const char *words_of(enum whorl_update_fault fault)
{
    switch (fault) {
    case WHORL_FAULT_NONE:
        break;
    case WHORL_FAULT_DIGEST:
        return "the slot does not hold what the manifest says";
    case WHORL_FAULT_SIZE:
        return "the image has another size than the manifest says";
    case WHORL_FAULT_FLASH:
        return "the flash cannot be erased";
    case WHORL_FAULT_BOOT:
        return "the new firmware did not confirm itself: the former one runs again";
    }
    return NULL;
}

/* The server closed the action, or never knew it: nothing more is to be said of it. */
static bool is_closed(const struct whorl_device *device, enum whorl_result result)
{
    unsigned status = device->problem.status;
    return result == WHORL_ERROR_REFUSED &&
           (status == 404 || status == 409 || status == 410 || status == 422);
}

static void total(const struct whorl_update *update, uint64_t *done, uint64_t *of)
{
    *done = 0;
    *of = 0;
    for (size_t i = 0; i < update->load_count; i++) {
        uint64_t size = update->target.part[update->load[i]].size;
        *of += size;
        *done += i < update->component ? size : i == update->component ? update->offset : 0;
    }
}

/* @param[out] is_over the server wants to hear no more of this action; then the record is gone, but for what
 * the boot loader was told already: that runs its course */
static enum whorl_result tell(struct whorl_device *device, struct visit *visit, const char *state,
                              bool *is_over)
{
    const struct whorl_update *update = &visit->update;
    struct whorl_update_report report = {
        .action = update->action, .state = state, .message = words_of(update->fault)};
    total(update, &report.done, &report.of);
    if (update->step >= WHORL_UPDATE_LOADED && update->step <= WHORL_UPDATE_SUCCEEDED) {
        report.digest = update->target.part[update->load[0]].digest;
    }
    enum whorl_result result = whorl_update_tell(device, &report);
    *is_over = is_closed(device, result);
    if (*is_over) {
        return update->step == WHORL_UPDATE_INSTALLED ? WHORL_OK : forget(device, visit);
    }
    return result;
}

/* An end that the server has not heard of. */
static enum whorl_result report_end(struct whorl_device *device, struct visit *visit)
{
    bool is_over = false;
    enum whorl_update_step step = visit->update.step;
    if (step != WHORL_UPDATE_SUCCEEDED && step != WHORL_UPDATE_FAILED) {
        return WHORL_OK;
    }
    visit->news->step = step;
    visit->news->fault = visit->update.fault;
    visit->news->action = visit->update.action;
    WHORL_TRY(tell(device, visit, step == WHORL_UPDATE_SUCCEEDED ? "success" : "failure", &is_over));
    if (visit->offer.action == visit->update.action) {
        visit->offer.action = 0; /* the offer is as old as the poll */
    }
    return is_over ? WHORL_OK : forget(device, visit);
}

static enum whorl_result fail(struct whorl_device *device, struct visit *visit, enum whorl_update_fault fault)
{
    visit->update.fault = fault;
    WHORL_TRY(save(device, visit, WHORL_UPDATE_FAILED));
    if (!device->is_connected) { /* in the middle of an answer that is not wanted any more */
        visit->news->wait_s = 1;
        return WHORL_OK;
    }
    return report_end(device, visit);
}

/* Another action than the one on its way, or none: that one ends. What the boot loader was told stays told.
 */
static enum whorl_result reconcile(struct whorl_device *device, struct visit *visit)
{
    const struct whorl_update *update = &visit->update;
    bool is_same = visit->offer.action == update->action && !visit->offer.is_cancelling &&
                   whorl_equal(visit->offer.manifest_sha256, update->manifest, sizeof update->manifest);
    if (update->step == WHORL_UPDATE_NONE || update->step == WHORL_UPDATE_INSTALLED || is_same) {
        return WHORL_OK;
    }
    return forget(device, visit);
}

static enum whorl_result cancel(struct whorl_device *device, struct visit *visit)
{
    const struct whorl_update_report report = {.action = visit->offer.action, .state = "cancelled"};
    enum whorl_result result = whorl_update_tell(device, &report);
    visit->news->is_cancelled = true;
    return is_closed(device, result) ? WHORL_OK : result;
}

/* A new offer: its manifest decides. */
static enum whorl_result begin(struct whorl_device *device, struct visit *visit)
{
    enum whorl_verdict verdict = WHORL_VERDICT_GOOD;
    WHORL_TRY(whorl_update_look(device, &visit->offer, &visit->update, &verdict));
    visit->news->verdict = verdict;
    if (verdict == WHORL_VERDICT_GOOD) {
        return save(device, visit, WHORL_UPDATE_LOADING);
    }
    const struct whorl_update_report report = {
        .action = visit->offer.action, .state = "rejected", .message = whorl_verdict_words(verdict)};
    whorl_zero(&visit->update, sizeof visit->update);
    enum whorl_result result = whorl_update_tell(device, &report);
    return is_closed(device, result) ? WHORL_OK : result;
}

static enum whorl_result load(struct whorl_device *device, struct visit *visit)
{
    bool is_over = false;
    bool is_good = false;
    WHORL_TRY(tell(device, visit, "downloading", &is_over));
    if (is_over) {
        return WHORL_OK;
    }
    WHORL_TRY(whorl_update_fetch(device, &visit->update));
    if (visit->update.fault != WHORL_FAULT_NONE) {
        return fail(device, visit, visit->update.fault);
    }
    WHORL_TRY(whorl_update_matches(device, &visit->update, WHORL_SLOT_SPARE, &is_good));
    if (!is_good) {
        return fail(device, visit, WHORL_FAULT_DIGEST);
    }
    WHORL_TRY(save(device, visit, WHORL_UPDATE_LOADED));
    return tell(device, visit, "downloaded", &is_over);
}

/* The slots are looked at once more: the power may have been off since they were filled. */
static enum whorl_result install(struct whorl_device *device, struct visit *visit)
{
    const struct whorl_flash *flash = device->settings.ports->flash;
    const struct whorl_update *update = &visit->update;
    struct whorl_bytes parts[WHORL_COMPONENTS_MAX];
    bool is_good = false;
    bool is_over = false;
    if (!visit->offer.is_in_window) {
        visit->news->is_window_awaited = true;
        return WHORL_OK;
    }
    WHORL_TRY(whorl_update_matches(device, update, WHORL_SLOT_SPARE, &is_good));
    if (!is_good) {
        return fail(device, visit, WHORL_FAULT_DIGEST);
    }
    for (size_t i = 0; i < update->load_count; i++) {
        parts[i] = whorl_part_name(&update->target.part[update->load[i]]);
    }
    if (!flash->arm(flash->context, parts, update->load_count)) {
        return WHORL_ERROR_STORAGE;
    }
    visit->update.tries++;
    WHORL_TRY(save(device, visit, WHORL_UPDATE_INSTALLED));
    visit->news->is_restart_wanted = true;
    visit->news->step = WHORL_UPDATE_INSTALLED;
    return tell(device, visit, "installed", &is_over);
}

static enum whorl_result go_on(struct whorl_device *device, struct visit *visit)
{
    if (visit->offer.action == 0) {
        return WHORL_OK;
    }
    visit->news->action = visit->offer.action;
    if (visit->offer.is_cancelling && visit->update.step != WHORL_UPDATE_INSTALLED) {
        return cancel(device, visit);
    }
    if (visit->update.step == WHORL_UPDATE_NONE) {
        WHORL_TRY(begin(device, visit));
    }
    if (visit->update.step == WHORL_UPDATE_LOADING) {
        WHORL_TRY(load(device, visit));
    }
    return visit->update.step == WHORL_UPDATE_LOADED ? install(device, visit) : WHORL_OK;
}

/* The pair of keys first: a release may be signed by the next one. */
static enum whorl_result follow_keys(struct whorl_device *device, struct visit *visit)
{
    const struct whorl_settings *settings = &device->settings;
    struct whorl_firmware_keys keys;
    enum whorl_result loaded = whorl_manifest_keys_load(settings->ports->storage, settings->firmware_class,
                                                        settings->firmware_keys, &keys);
    if (visit->offer.anchors_sequence <= keys.sequence) {
        return loaded;
    }
    enum whorl_result result = whorl_update_move_keys(device, &visit->news->statement);
    visit->news->are_keys_moved = result == WHORL_OK && visit->news->statement == WHORL_VERDICT_GOOD;
    if (visit->news->are_keys_moved) { /* what the former pair vouched for is looked at again */
        bool is_open =
            visit->update.step == WHORL_UPDATE_LOADING || visit->update.step == WHORL_UPDATE_LOADED;
        return is_open ? forget(device, visit) : WHORL_OK;
    }
    return result == WHORL_OK || is_closed(device, result) ? loaded : result;
}

static enum whorl_result talk(struct whorl_device *device, void *context)
{
    struct visit *visit = (struct visit *)context;
    WHORL_TRY(whorl_update_poll(device, &visit->offer));
    visit->news->wait_s = whorl_device_spread(device, visit->offer.poll_s);
    WHORL_TRY(settle(device, visit));
    WHORL_TRY(report_end(device, visit));
    if (visit->news->is_restart_wanted) {
        return WHORL_OK;
    }
    if (visit->offer.wants_attributes) {
        WHORL_TRY(whorl_update_introduce(device));
    }
    WHORL_TRY(reconcile(device, visit));
    WHORL_TRY(follow_keys(device, visit));
    return go_on(device, visit);
}

enum whorl_result whorl_device_update(struct whorl_device *device, struct whorl_update_news *out)
{
    struct visit visit;
    whorl_zero(&visit, sizeof visit);
    whorl_zero(out, sizeof *out);
    out->wait_s = WHORL_UPDATE_POLL_S;
    if (device->settings.ports->flash == NULL) {
        out->wait_s = WHORL_UPDATE_LONGEST_POLL_S;
        return WHORL_OK;
    }
    visit.news = out;
    WHORL_TRY(whorl_update_load(device->settings.ports->storage, &visit.update));
    WHORL_TRY(look_at_boot(device, &visit));
    enum whorl_result result = whorl_device_talk(device, talk, &visit);
    if (visit.update.step != WHORL_UPDATE_NONE) {
        out->step = visit.update.step;
        out->action = visit.update.action;
        out->fault = visit.update.fault;
    }
    total(&visit.update, &out->loaded, &out->whole);
    return result;
}
