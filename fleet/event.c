/* From the words of this layer to an audit record (db/audit.c chains it). Decides nothing. */
#include "fleet/event.h"

#include <stdarg.h>
#include <stdio.h>

static err_t append(struct db_tx *tx, const struct event *event, const char *body)
{
    return audit_append(
        tx, &(struct audit_entry){.kind = event->kind,
                                  .result = event->result,
                                  .actor = event->actor,
                                  .request_id = event->request_id != NULL ? event->request_id : "",
                                  .tenant = event->tenant,
                                  .device_id = event->device != NULL ? event->device->b : NULL,
                                  .body = body});
}

err_t event_append(struct db_tx *tx, const struct event *event, const char *format, ...)
{
    char body[1024];
    va_list values;
    va_start(values, format);
    int size = vsnprintf(body, sizeof body, format, values);
    va_end(values);
    ENSURE(size >= 0 && (size_t)size < sizeof body, ERR_INTERNAL, "the record %s is too long", event->kind);
    return append(tx, event, body);
}

err_t event_append_value(struct db_tx *tx, const struct event *event, const json_t *body)
{
    AUTO_VAL(buf) text = {0};
    TRY(json_append(&text, body));
    return append(tx, event, buf_str(&text));
}
