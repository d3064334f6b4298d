/* QuarkLink's list of device ids: {"devices":["<64 hex>", …]} and nothing else. */
#include "fleet/handover_internal.h"

static err_t read_id(struct bytes text, uint64_t number, struct device_id *out)
{
    AUTO(json_t) *list = NULL;
    bool is_plain = text.n == 2 * DEVICE_ID_SIZE + 2 && text.p[0] == '"' && text.p[text.n - 1] == '"';
    if (is_plain &&
        hex_decode((struct bytes){text.p + 1, text.n - 2}, out->b, DEVICE_ID_SIZE).code == ERR_OK) {
        return OK;
    }
    TRY(json_element_parse(text, number, &list)); /* bad JSON is the body's fault, another value the line's */
    return ERR(ERR_UNPROCESSABLE, "a device id is 64 lower-case hexadecimal characters");
}

static err_t on_text(struct handover *handover, uint64_t number, struct bytes text)
{
    struct handover_item item = {.line = number, .device = {.has_id = true}};
    err_t error = read_id(text, number, &item.device.id);
    if (error.code == ERR_BAD_JSON) {
        return error;
    }
    item.device.has_id = error.code == ERR_OK;
    return handover_give(handover, &item, error);
}

const struct handover_kind handover_quarklink = {
    .name = "quarklink", .cut = CUT_JSON, .before = "{\"devices\":[", .behind = "}", .on_text = on_text};
