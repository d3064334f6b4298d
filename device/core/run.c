/* The decision of one contact. The certificate in use is only ever replaced by one that was used
 * (lifecycle.c), so whatever is decided here, a wrong decision costs a request and not the device. */
#include "device/core/run.h"

#include "device/core/device_internal.h"

/* What the server's answer asks of a device with a good certificate. */
struct order_view {
    bool is_known; /* when the next one is due */
    bool is_new_key;
    int64_t due_in_s; /* 0: now */
};

static int64_t not_negative(int64_t value)
{
    return value < 0 ? 0 : value;
}

/* The header speaks of this very moment, so it goes before the dates of the body; a rekey that either of them
 * orders is one. Without both, the date that came with the certificate, by the device's own clock. */
static struct order_view read_order(struct whorl_device *device, const struct whorl_status *status)
{
    const struct whorl_clock *clock = device->settings.ports->clock;
    struct order_view view = {false, status->is_rekey, 0};
    if (device->order.is_given) {
        uint32_t passed_s = (clock->monotonic_ms(clock->context) - device->order.noted_ms) / 1000;
        view.is_known = true;
        view.is_new_key = view.is_new_key || device->order.after.is_new_key;
        view.due_in_s = not_negative(device->order.after.delay_s - (int64_t)passed_s);
    } else if (status->renew_after_s != 0 && status->server_time_s != 0) {
        view.is_known = true;
        view.due_in_s = not_negative(status->renew_after_s - status->server_time_s);
    } else {
        view.is_known = whorl_device_renewal_is_due(device);
    }
    return view;
}

static bool holds_record(struct whorl_device *device)
{
    struct whorl_credential credential;
    return whorl_credential_load(device->settings.ports->storage, WHORL_RECORD_CREDENTIAL,
                                 device->settings.credential, &credential) != WHORL_ERROR_NOT_AVAILABLE;
}

/* The identity key asked: what the server said of it. A valid certificate that the device does not hold (10)
 * is asked for as well: the server's policy says yes or no, and its no says why. */
static enum whorl_deed choose_by_identity(struct whorl_device *device, const struct whorl_status *status)
{
    bool is_hopeless = status->code == WHORL_CODE_REVOKED || status->code == WHORL_CODE_DOES_NOT_EXIST ||
                       status->code == WHORL_CODE_DEVICE_REVOKED;
    if (is_hopeless) {
        return WHORL_DEED_NONE;
    }
    return holds_record(device) ? WHORL_DEED_RECOVER : WHORL_DEED_ENROL;
}

static enum whorl_result do_it(struct whorl_device *device, enum whorl_deed deed)
{
    switch (deed) {
    case WHORL_DEED_ENROL:
    case WHORL_DEED_RECOVER:
        return whorl_device_recover(device);
    case WHORL_DEED_RENEW:
        return whorl_device_renew(device);
    case WHORL_DEED_REKEY:
        return whorl_device_rekey(device);
    case WHORL_DEED_NONE:
        break;
    }
    return WHORL_OK;
}

/* Without a random number the device id spreads a fleet as well, only always in the same order. */
uint32_t whorl_device_spread(const struct whorl_device *device, uint32_t whole_s)
{
    const struct whorl_random *random = device->settings.ports->random;
    uint8_t draw[4];
    struct whorl_space room = {draw, sizeof draw};
    if (!random->get(random->context, room)) {
        whorl_copy(draw, device->id, sizeof draw);
    }
    return whole_s - whorl_get_u32(draw) % (whole_s / 2 + 1);
}

/* @param longest_s what the server's order leaves; 0: nothing was ordered */
static uint32_t wait_after_success(struct whorl_device *device, int64_t longest_s)
{
    uint32_t wait_s = whorl_device_spread(device, WHORL_RUN_LONGEST_WAIT_S);
    device->failures = 0;
    return longest_s > 0 && longest_s < (int64_t)wait_s ? (uint32_t)longest_s : wait_s;
}

static uint32_t wait_after_failure(struct whorl_device *device)
{
    uint32_t whole_s = WHORL_RUN_FIRST_WAIT_S;
    for (unsigned i = 0; i < device->failures && whole_s < WHORL_RUN_LONGEST_WAIT_S; i++) {
        whole_s *= 2;
    }
    whole_s = whole_s < WHORL_RUN_LONGEST_WAIT_S ? whole_s : WHORL_RUN_LONGEST_WAIT_S;
    device->failures += device->failures < 32 ? 1U : 0U;
    uint32_t wait_s = whorl_device_spread(device, whole_s);
    uint32_t asked_s =
        device->retry_after_s < WHORL_RUN_LONGEST_WAIT_S ? device->retry_after_s : WHORL_RUN_LONGEST_WAIT_S;
    return asked_s == 0 ? wait_s
                        : asked_s + wait_s / 2; /* those who were told the same second spread again */
}

static enum whorl_result act(struct whorl_device *device, const struct whorl_status *status,
                             struct whorl_run *out)
{
    if (status->is_by_identity) {
        out->deed = choose_by_identity(device, status);
        WHORL_TRY(do_it(device, out->deed));
        out->wait_s =
            out->deed == WHORL_DEED_NONE ? wait_after_failure(device) : wait_after_success(device, 0);
        return WHORL_OK;
    }
    const struct order_view order = read_order(device, status);
    if (order.is_known && order.due_in_s == 0) {
        out->deed = order.is_new_key ? WHORL_DEED_REKEY : WHORL_DEED_RENEW;
        WHORL_TRY(do_it(device, out->deed));
    }
    out->wait_s = wait_after_success(device, order.due_in_s);
    return WHORL_OK;
}

enum whorl_result whorl_device_run(struct whorl_device *device, struct whorl_run *out)
{
    struct whorl_status status;
    whorl_zero(out, sizeof *out);
    device->order.is_given = false; /* the answer that comes now knows better */
    device->retry_after_s = 0;
    enum whorl_result result = whorl_device_status(device, &status);
    if (result == WHORL_OK) {
        out->code = status.code;
        out->is_by_identity = status.is_by_identity;
        if (status.has_anchors) {
            whorl_device_update_anchors(device, status.anchors_sha256, &out->anchors);
        }
        result = act(device, &status, out);
    }
    out->generation = whorl_device_generation_in_use(device);
    if (result != WHORL_OK) {
        out->wait_s = wait_after_failure(device);
    }
    return result;
}
