/* The feed as its tenant may read it, and the form of an event in JSON. Changes nothing. */
#include "fleet/events.h"

#include <string.h>

#include "fleet/internal.h"

enum { PIECE_LEAST = 200, NUMBERS = 3, DIGITS_MAX = 18 };

/* --- filters ----------------------------------------------------------------------------------------- */

err_t event_filter_add(struct event_filter *filter, struct bytes pattern)
{
    ENSURE(filter->type_count < EVENT_TYPES_MAX, ERR_UNPROCESSABLE, "at most %d types", EVENT_TYPES_MAX);
    TRY(event_pattern_check(pattern));
    char *type = filter->types[filter->type_count++];
    memcpy(type, pattern.p, pattern.n);
    type[pattern.n] = '\0';
    return OK;
}

bool event_filter_fits(const struct event_filter *filter, const struct feed_row *event)
{
    const struct audit_row *record = &event->record;
    if (filter->has_device && !bytes_equal(record->device, BYTES_OF(filter->device.b))) {
        return false;
    }
    for (size_t i = 0; i < filter->type_count; i++) {
        if (event_pattern_fits(filter->types[i], record->kind)) {
            return true;
        }
    }
    return filter->type_count == 0;
}

/* --- reading ------------------------------------------------------------------------------------------ */

struct pass {
    struct event_reading *reading;
    struct audit_place last;
    int64_t found, seen, seen_in_piece;
};

static err_t on_event(const struct feed_row *event, void *arg)
{
    struct pass *pass = arg;
    struct event_reading *reading = pass->reading;
    pass->seen_in_piece++;
    if (reading->has_more) {
        return OK;
    }
    if (pass->found == reading->limit || pass->seen == EVENTS_SCAN_MAX) {
        reading->has_more = true;
        return OK;
    }
    pass->seen++;
    reading->position = event->number;
    pass->last = event->record.place;
    if (!event_filter_fits(reading->filter, event)) {
        return OK;
    }
    pass->found++;
    return reading->fn(event, reading->arg);
}

/* In pieces, so that a page of ten reads about ten, and a rare type not one record at a time. */
static err_t read_in(struct db_tx *tx, void *arg)
{
    struct pass *pass = arg;
    struct event_reading *reading = pass->reading;
    bool is_filtered = reading->filter->has_device || reading->filter->type_count > 0;
    int64_t piece = 0;
    do {
        piece = reading->limit - pass->found + 1;
        piece = is_filtered && piece < PIECE_LEAST ? PIECE_LEAST : piece;
        pass->seen_in_piece = 0;
        TRY(feed_rows_list(tx, reading->tenant, reading->position, piece, on_event, pass));
    } while (!reading->has_more && pass->seen_in_piece == piece);
    return OK;
}

err_t events_read(struct fleet *fleet, struct event_reading *reading)
{
    struct pass pass = {.reading = reading};
    ENSURE(reading->limit >= 1 && reading->limit <= EVENTS_PAGE_MAX, ERR_INTERNAL, "a page of %lld events",
           (long long)reading->limit);
    reading->position = reading->after;
    reading->position_id[0] = '\0';
    reading->has_more = false;
    TRY(db_read(fleet->db, read_in, &pass));
    if (pass.seen > 0) {
        audit_event_id(&pass.last, reading->position_id);
    }
    return OK;
}

/* --- ids ---------------------------------------------------------------------------------------------- */

/* Digits without a leading zero, up to a dot or the end. */
static bool take_number(struct bytes *text, int64_t *out)
{
    size_t n = 0;
    *out = 0;
    while (n < text->n && n < DIGITS_MAX && text->p[n] >= '0' && text->p[n] <= '9') {
        *out = 10 * *out + (text->p[n] - '0');
        n++;
    }
    bool is_good = n >= 1 && (n == 1 || text->p[0] != '0');
    *text = (struct bytes){text->p + n, text->n - n};
    return is_good;
}

static bool take_dot(struct bytes *text)
{
    if (text->n == 0 || text->p[0] != '.') {
        return false;
    }
    *text = (struct bytes){text->p + 1, text->n - 1};
    return true;
}

err_t event_id_parse(struct bytes text, struct audit_place *out)
{
    enum { NODE = UUID_TEXT_SIZE - 1 };
    *out = (struct audit_place){.at = 0};
    int64_t *const numbers[NUMBERS] = {&out->epoch, &out->lane, &out->seq};
    bool is_good = text.n > NODE && uuid_parse((struct bytes){text.p, NODE}, &out->node).code == ERR_OK;
    struct bytes rest = is_good ? (struct bytes){text.p + NODE, text.n - NODE} : BYTES_NONE;
    for (size_t i = 0; i < NUMBERS; i++) {
        is_good = is_good && take_dot(&rest) && take_number(&rest, numbers[i]);
    }
    ENSURE(is_good && rest.n == 0, ERR_BAD_REQUEST, "that is no id of an event");
    return OK;
}

struct locate {
    struct uuid tenant;
    struct audit_place place;
    int64_t number;
};

static err_t locate_in(struct db_tx *tx, void *arg)
{
    struct locate *run = arg;
    return feed_rows_find(tx, run->tenant, &run->place, &run->number);
}

err_t event_locate(struct fleet *fleet, struct uuid tenant, struct bytes id, int64_t *out)
{
    struct locate run = {.tenant = tenant};
    TRY(event_id_parse(id, &run.place));
    TRY(db_read(fleet->db, locate_in, &run));
    *out = run.number;
    return OK;
}

static err_t keep_place(const struct feed_row *event, void *arg)
{
    *(struct audit_place *)arg = event->record.place;
    return OK;
}

static err_t latest_in(struct db_tx *tx, void *arg)
{
    struct locate *run = arg;
    TRY(feed_rows_head(tx, run->tenant, &run->number));
    return run->number > 0 ? feed_rows_get(tx, run->tenant, run->number, keep_place, &run->place) : OK;
}

err_t event_latest(struct fleet *fleet, struct uuid tenant, int64_t *number, char id[EVENT_ID_SIZE])
{
    struct locate run = {.tenant = tenant};
    TRY(db_read(fleet->db, latest_in, &run));
    *number = run.number;
    id[0] = '\0';
    if (run.number > 0) {
        audit_event_id(&run.place, id);
    }
    return OK;
}

/* --- shown -------------------------------------------------------------------------------------------- */

static err_t set_bytes(json_t *object, const char *name, struct bytes text)
{
    json_t *value = json_stringn((const char *)text.p, text.n);
    ENSURE(value != NULL, ERR_INTERNAL, "the %s of an event is no text", name);
    return json_take(object, name, value);
}

err_t event_render(struct uuid tenant, const struct feed_row *event, json_t **out)
{
    const struct audit_row *record = &event->record;
    char id[EVENT_ID_SIZE], tenant_id[UUID_TEXT_SIZE];
    *out = NULL;
    audit_event_id(&record->place, id);
    uuid_format(tenant, tenant_id);
    json_t *data = json_loadb((const char *)record->body.p, record->body.n, 0, NULL);
    ENSURE(data != NULL, ERR_INTERNAL, "the body of an event is no JSON");
    AUTO(json_t) *object = json_object();
    TRY(json_take(object, "data", data));
    TRY(json_set_text(object, "id", id));
    TRY(set_bytes(object, "type", record->kind));
    TRY(json_set_time(object, "timestamp", record->place.at));
    TRY(json_set_int(object, "sequence", event->number));
    TRY(json_set_text(object, "tenant_id", tenant_id));
    if (record->device.n > 0) {
        TRY(json_set_hex(object, "device_id", record->device));
    }
    TRY(set_bytes(object, "actor", record->actor));
    if (record->request_id.n > 0) {
        TRY(set_bytes(object, "request_id", record->request_id));
    }
    *out = TAKE(object);
    return OK;
}
