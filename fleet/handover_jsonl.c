/* JSON Lines: one device a line, an id or an object. */
#include "fleet/device_object.h"
#include "fleet/handover_internal.h"

static err_t on_text(struct handover *handover, uint64_t number, struct bytes text)
{
    AUTO(json_t) *list = NULL;
    AUTO_VAL(device_object) object = {.entry = {.has_id = false}};
    if (text.n == 0) {
        return OK; /* a blank line, as editors leave them at the end */
    }
    struct handover_item item = {.line = number};
    err_t error = json_element_parse(text, number, &list);
    if (error.code == ERR_OK) {
        error = device_object_read(json_array_get(list, 0), &object);
    }
    item.device = object.entry;
    return handover_give(handover, &item, error);
}

const struct handover_kind handover_jsonl = {.name = "jsonl", .cut = CUT_LINES, .on_text = on_text};
