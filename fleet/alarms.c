/* Alarms stand, change their severity and end; each of the three is a record in the same transaction. Finds
 * nothing wrong itself (fleet/expiries.c and others do). */
#include "fleet/alarms.h"

#include <stdio.h>
#include <string.h>

#include "fleet/alarm_kinds.h"
#include "fleet/event.h"
#include "fleet/internal.h"

static const struct uuid INSTALLATION = {{0}}; /* sixteen zeros: no tenant's id */

const char *alarm_severity_name(enum alarm_severity severity)
{
    return severity == ALARM_CRITICAL ? "critical" : "warning";
}

bool alarm_is_of_installation(const struct alarm_row *row)
{
    return bytes_equal(BYTES_OF(row->owner.b), BYTES_OF(INSTALLATION.b));
}

/* --- raised and cleared ----------------------------------------------------------------------------- */

static err_t name_of(const struct alarm *alarm, struct alarm_row *out)
{
    ENSURE(alarm_kind_find(bytes_str(alarm->kind)) != NULL, ERR_INTERNAL,
           "the kind %s stands in no row of fleet/alarm_kinds.c", alarm->kind);
    *out = (struct alarm_row){.owner = alarm->tenant != NULL ? *alarm->tenant : INSTALLATION};
    int kind = snprintf(out->kind, sizeof out->kind, "%s", alarm->kind);
    int subject = snprintf(out->subject, sizeof out->subject, "%s", alarm->subject);
    ENSURE(kind > 0 && (size_t)kind < sizeof out->kind && subject > 0 &&
               (size_t)subject < sizeof out->subject,
           ERR_INTERNAL, "the name of an alarm %s does not fit", alarm->kind);
    return OK;
}

/* A cut in the middle of a character would be no text. */
static void copy_detail(const char *detail, char out[ALARM_DETAIL_SIZE])
{
    size_t n = strlen(detail);
    n = n < ALARM_DETAIL_SIZE ? n : ALARM_DETAIL_SIZE - 1;
    while (detail[n] != '\0' && n > 0 && ((unsigned char)detail[n] & 0xc0U) == 0x80U) {
        n--;
    }
    memcpy(out, detail, n);
    out[n] = '\0';
}

static err_t find(struct db_tx *tx, struct alarm_row *row, bool *stands)
{
    err_t found = alarm_rows_find(tx, row, row);
    *stands = found.code == ERR_OK;
    return found.code == ERR_NOT_FOUND ? OK : found;
}

static err_t record(struct db_tx *tx, const struct alarm_row *row, const char *kind)
{
    struct event event = {.kind = kind,
                          .result = "ok",
                          .actor = "whorld",
                          .tenant = alarm_is_of_installation(row) ? NULL : &row->owner};
    AUTO(json_t) *body = json_object();
    TRY(json_set_text(body, "alarm", row->kind));
    TRY(json_set_text(body, "subject", row->subject));
    TRY(json_set_text(body, "severity", alarm_severity_name(row->severity)));
    TRY(json_set_time(body, "since", row->since));
    TRY(json_set_text(body, "detail", row->detail));
    return event_append_value(tx, &event, body);
}

err_t alarm_raise(struct db_tx *tx, const struct alarm *alarm)
{
    struct alarm_row row;
    bool stands = false;
    TRY(name_of(alarm, &row));
    TRY(find(tx, &row, &stands));
    enum alarm_severity before = row.severity;
    if (stands && before == alarm->severity) {
        return OK;
    }
    row.severity = alarm->severity;
    row.updated_at = db_tx_now_ms(tx);
    copy_detail(alarm->detail, row.detail);
    if (stands) {
        TRY(alarm_rows_update(tx, &row, before));
    } else {
        row.since = row.updated_at;
        TRY(db_tx_uuid(tx, &row.id));
        TRY(alarm_rows_insert(tx, &row));
    }
    return record(tx, &row, "alarm.raised");
}

err_t alarm_clear(struct db_tx *tx, const struct alarm *alarm)
{
    struct alarm_row row;
    bool stands = false;
    TRY(name_of(alarm, &row));
    TRY(find(tx, &row, &stands));
    if (!stands) {
        return OK;
    }
    TRY(alarm_rows_delete(tx, &row));
    return record(tx, &row, "alarm.cleared");
}

err_t alarm_stands(struct db_tx *tx, const struct alarm *alarm, bool *out, enum alarm_severity *severity)
{
    struct alarm_row row;
    TRY(name_of(alarm, &row));
    TRY(find(tx, &row, out));
    *severity = row.severity;
    return OK;
}

/* --- listed ----------------------------------------------------------------------------------------- */

void alarm_key(const struct alarm_row *row, uint8_t out[ALARM_KEY_SIZE])
{
    memcpy(out, row->owner.b, sizeof row->owner.b);
    memcpy(out + sizeof row->owner.b, row->id.b, sizeof row->id.b);
}

struct list {
    const struct alarm_view *view;
    const struct row_window *window;
    alarm_row_fn fn;
    void *arg;
    int64_t left;
};

static err_t on_row(const struct alarm_row *row, void *arg)
{
    struct list *list = arg;
    list->left--;
    return list->fn(row, list->arg);
}

/* The rows of one owner behind the key: all of them when the key is of an owner before this one. */
static err_t list_owner(struct db_tx *tx, struct list *list, struct uuid owner)
{
    struct bytes after = list->window->after;
    struct row_window window = {.after = BYTES_NONE, .limit = list->left};
    int order = after.n == 0 ? 1 : memcmp(owner.b, after.p, sizeof owner.b);
    if (order == 0) {
        window.after = (struct bytes){after.p + sizeof owner.b, sizeof owner.b};
    }
    return order < 0 || list->left <= 0 ? OK : alarm_rows_list(tx, owner, &window, on_row, list);
}

static err_t list_in(struct db_tx *tx, void *arg)
{
    struct list *list = arg;
    if (list->view->of_installation) {
        TRY(list_owner(tx, list, INSTALLATION));
    }
    return list->view->of_tenant ? list_owner(tx, list, list->view->tenant) : OK;
}

err_t alarm_list(struct fleet *fleet, const struct alarm_view *view, const struct row_window *window,
                 alarm_row_fn fn, void *arg)
{
    struct list list = {.view = view, .window = window, .fn = fn, .arg = arg, .left = window->limit};
    ENSURE(window->after.n == 0 || window->after.n == ALARM_KEY_SIZE, ERR_BAD_REQUEST,
           "the cursor is not one of this list");
    return db_read(fleet->db, list_in, &list);
}

/* --- counted ---------------------------------------------------------------------------------------- */

enum { KINDS_MAX = 64 };
struct tally {
    int64_t standing[KINDS_MAX][ALARM_SEVERITIES]; /* in the order of alarm_kinds() */
};

/* A kind that an older version raised and this one does not know is left out. */
static err_t take_count(const struct alarm_count *count, void *arg)
{
    struct tally *tally = arg;
    size_t kinds = 0;
    const struct alarm_kind *first = alarm_kinds(&kinds);
    const struct alarm_kind *kind = alarm_kind_find(bytes_str(count->kind));
    if (kind != NULL && kind - first < KINDS_MAX) {
        tally->standing[kind - first][count->severity] = count->standing;
    }
    return OK;
}

static err_t read_counts(struct db_tx *tx, void *arg)
{
    return alarm_rows_counts(tx, take_count, arg);
}

/* Every kind, those of which none stands too: an alert rule needs the zero. */
err_t alarms_write_metrics(struct fleet *fleet, struct buf *out)
{
    struct tally tally = {.standing = {{0}}};
    size_t count = 0;
    const struct alarm_kind *kinds = alarm_kinds(&count);
    ENSURE(count <= KINDS_MAX, ERR_INTERNAL, "more than %d kinds of alarms", KINDS_MAX);
    TRY(db_read(fleet->db, read_counts, &tally));
    TRY(buf_append_str(out, "# TYPE whorl_alarms gauge\n# HELP whorl_alarms Alarms that stand now\n"));
    for (size_t i = 0; i < count; i++) {
        for (int severity = 0; severity < ALARM_SEVERITIES; severity++) {
            TRY(buf_printf(out, "whorl_alarms{kind=\"%s\",severity=\"%s\"} %lld\n", kinds[i].kind,
                           alarm_severity_name((enum alarm_severity)severity),
                           (long long)tally.standing[i][severity]));
        }
    }
    return OK;
}
