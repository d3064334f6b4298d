/* A device's connection: open as someone, exchange messages, close. Refusals become device->problem. */
#include "device/core/device_internal.h"

enum whorl_result whorl_link_open(struct whorl_device *device, const struct whorl_identity *identity)
{
    static const struct whorl_identity nobody = {{0}, {{NULL, 0}}, 0};
    const struct whorl_transport *transport = device->settings.ports->transport;
    whorl_link_close(device);
    device->is_connected =
        transport->open(transport->context, &device->settings.server, identity == NULL ? &nobody : identity);
    return device->is_connected ? WHORL_OK : WHORL_ERROR_COMMUNICATION;
}

void whorl_link_close(struct whorl_device *device)
{
    const struct whorl_transport *transport = device->settings.ports->transport;
    if (device->is_connected) {
        transport->close(transport->context);
        device->is_connected = false;
    }
}

/* An answer without an order takes none back: not every answer knows what the device holds. */
static void note_hints(struct whorl_device *device, const struct whorl_http_hints *hints)
{
    const struct whorl_clock *clock = device->settings.ports->clock;
    device->retry_after_s = hints->retry_after_s;
    if (hints->has_rekey_after) {
        device->order.is_given = true;
        device->order.after = hints->rekey_after;
        device->order.noted_ms = clock->monotonic_ms(clock->context);
    }
}

enum whorl_result whorl_link_call(struct whorl_device *device, const struct whorl_http_request *request,
                                  struct whorl_bytes *body)
{
    const struct whorl_ports *ports = device->settings.ports;
    const struct whorl_http http = {ports->transport, ports->clock, &device->settings.server};
    struct whorl_http_answer answer;
    if (!device->is_connected) {
        return WHORL_ERROR_COMMUNICATION;
    }
    enum whorl_result result = whorl_http_exchange(&http, request, device->settings.work, &answer);
    if (result != WHORL_OK) {
        whorl_link_close(device);
        return result;
    }
    if (!answer.is_kept) {
        whorl_link_close(device);
    }
    note_hints(device, &answer.hints);
    *body = answer.body;
    if (answer.status != 200 && answer.status != 204) {
        whorl_message_read_problem(answer.status, answer.body, &device->problem);
        return WHORL_ERROR_REFUSED;
    }
    return WHORL_OK;
}

enum whorl_result whorl_link_fetch(struct whorl_device *device, const struct whorl_http_part *part)
{
    const struct whorl_ports *ports = device->settings.ports;
    const struct whorl_http http = {ports->transport, ports->clock, &device->settings.server};
    struct whorl_http_answer answer;
    if (!device->is_connected) {
        return WHORL_ERROR_COMMUNICATION;
    }
    enum whorl_result result = whorl_http_fetch(&http, part, device->settings.work, &answer);
    if (result != WHORL_OK) {
        whorl_link_close(device); /* in the middle of an answer */
        return result;
    }
    if (!answer.is_kept) {
        whorl_link_close(device);
    }
    note_hints(device, &answer.hints);
    if (answer.status != 200 && answer.status != 206) {
        whorl_message_read_problem(answer.status, answer.body, &device->problem);
        return WHORL_ERROR_REFUSED;
    }
    return WHORL_OK;
}

enum whorl_result whorl_link_status(struct whorl_device *device, struct whorl_bytes code,
                                    struct whorl_status *out)
{
    struct whorl_http_request request = {"GET", "/device/v1/status", {NULL, 0}};
    struct whorl_bytes body;
    struct whorl_text text;
    if (code.size != 0) {
        whorl_text_begin(&text, device->settings.work);
        whorl_message_put_status(&text, NULL, code);
        if (text.is_full) {
            return WHORL_ERROR_SPACE;
        }
        request.method = "POST";
        request.body = whorl_text_view(&text);
    }
    WHORL_TRY(whorl_link_call(device, &request, &body));
    return whorl_message_read_status(body, out) ? WHORL_OK : WHORL_ERROR_ANSWER;
}

bool whorl_device_may_try_next(const struct whorl_device *device, enum whorl_result result)
{
    return result == WHORL_ERROR_REFUSED && (device->problem.status == 409 || device->problem.status == 422);
}
