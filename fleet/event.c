/* From the words of this layer to an audit record (db/audit.c chains it). Decides one thing: whether the
 * record is told to the tenant, and then gives it its number in the tenant's
 * feed, and the tenant's webhooks something to do. */
#include "fleet/event.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "db/feed_rows.h"
#include "db/webhook_rows.h"
#include "fleet/event_kinds.h"

static err_t feed_number(struct db_tx *tx, const struct event *event, int64_t *out)
{
    const struct event_kind *kind = event_kind_find(bytes_str(event->kind));
    ENSURE(kind != NULL, ERR_INTERNAL, "the kind %s stands in no row of fleet/event_kinds.c", event->kind);
    *out = 0;
    if (kind->reach != EVENT_FED || event->tenant == NULL || strcmp(event->result, "ok") != 0) {
        return OK;
    }
    struct feed_next next;
    TRY(feed_rows_next(tx, *event->tenant, &next));
    *out = next.number;
    return next.webhooks > 0 ? webhook_rows_mark(tx, *event->tenant, db_tx_now_ms(tx)) : OK;
}

/* The body that is hashed names the trace of a request that came with one, as its last member. */
static err_t body_with_trace(const char *body, const struct trace *trace, struct buf *out)
{
    size_t n = strlen(body);
    ENSURE(n >= 2 && body[n - 1] == '}', ERR_INTERNAL, "a record's body is no object");
    TRY(buf_append(out, body, n - 1));
    return buf_printf(out, "%s\"trace_id\":\"%s\"}", n > 2 ? "," : "", trace->id);
}

static err_t append(struct db_tx *tx, const struct event *event, const char *plain_body)
{
    int64_t feed = 0;
    struct trace trace;
    AUTO_VAL(buf) traced = {0};
    const char *body = plain_body;
    if (db_tx_trace(tx, event->request_id, &trace)) {
        TRY(body_with_trace(plain_body, &trace, &traced));
        body = buf_str(&traced);
    }
    TRY(feed_number(tx, event, &feed));
    return audit_append(
        tx, &(struct audit_entry){.kind = event->kind,
                                  .result = event->result,
                                  .actor = event->actor,
                                  .request_id = event->request_id != NULL ? event->request_id : "",
                                  .tenant = event->tenant,
                                  .device_id = event->device != NULL ? event->device->b : NULL,
                                  .body = body,
                                  .feed = feed});
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
