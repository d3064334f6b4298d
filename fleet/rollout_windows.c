/* Maintenance windows: weekly, by the clock of a fixed offset from UTC. The 1st of January 1970 was a
 * Thursday; weeks here begin on Monday. */
#include <stdio.h>
#include <string.h>

#include "fleet/rekey_spec_internal.h"
#include "fleet/rollout_spec.h"

enum { MINUTE_MS = 60000, DAY_MINUTES = 24 * 60, THURSDAY = 3, DAYS = 7 };

static const char *const days[DAYS] = {"monday", "tuesday",  "wednesday", "thursday",
                                       "friday", "saturday", "sunday"};

struct raw {
    const char *day, *start;
    int64_t minutes;
};
static const struct json_field fields[] = {
    {"day", JSON_KIND_TEXT, true, offsetof(struct raw, day), 1, 9, JSON_NO_HAS},
    {"start", JSON_KIND_TEXT, true, offsetof(struct raw, start), 5, 5, JSON_NO_HAS},
    {"minutes", JSON_KIND_INTEGER, true, offsetof(struct raw, minutes), 1, WEEK_MINUTES, JSON_NO_HAS},
};

static int64_t day_of(const char *word)
{
    for (int64_t i = 0; i < DAYS; i++) {
        if (strcmp(days[i], word) == 0) {
            return i;
        }
    }
    return -1;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* @return minutes of the day, or -1 */
static int64_t minutes_of(const char *text)
{
    bool has_form = strlen(text) == 5 && is_digit(text[0]) && is_digit(text[1]) && text[2] == ':' &&
                    is_digit(text[3]) && is_digit(text[4]);
    if (!has_form) {
        return -1;
    }
    int64_t hours = (text[0] - '0') * 10 + (text[1] - '0');
    int64_t minutes = (text[3] - '0') * 10 + (text[4] - '0');
    return hours < 24 && minutes < 60 ? hours * 60 + minutes : -1;
}

static err_t read_window(const json_t *value, const char *place, struct faults *faults,
                         struct rollout_window *out)
{
    struct raw raw = {.day = NULL};
    size_t before = faults->count;
    TRY(rekey_read_nested(value, place, &(struct rekey_nested){fields, 3, &raw}, faults));
    if (faults->count > before) {
        return OK;
    }
    int64_t day = day_of(raw.day), minutes = minutes_of(raw.start);
    if (day < 0) {
        faults_add(faults, place, "'day' is monday, tuesday, … or sunday");
    }
    if (minutes < 0) {
        faults_add(faults, place, "'start' is a time of the day: 02:30");
    }
    *out = (struct rollout_window){day * DAY_MINUTES + minutes, raw.minutes};
    return OK;
}

err_t rollout_windows_read(const json_t *list, struct faults *faults, struct rollout_spec *out)
{
    out->window_count = json_array_size(list);
    for (size_t i = 0; i < out->window_count; i++) {
        char place[FAULT_POINTER_SIZE];
        (void)snprintf(place, sizeof place, "/maintenance_windows/%zu", i);
        TRY(read_window(json_array_get(list, i), place, faults, &out->windows[i]));
    }
    return OK;
}

err_t rollout_windows_write(const struct rollout_spec *spec, json_t *out)
{
    AUTO(json_t) *list = json_array();
    for (size_t i = 0; i < spec->window_count; i++) {
        const struct rollout_window *window = &spec->windows[i];
        char start[32];
        AUTO(json_t) *object = json_object();
        (void)snprintf(start, sizeof start, "%02d:%02d", (int)(window->from % DAY_MINUTES / 60),
                       (int)(window->from % 60));
        TRY(json_set_text(object, "day", days[window->from / DAY_MINUTES]));
        TRY(json_set_text(object, "start", start));
        TRY(json_set_int(object, "minutes", window->length));
        ENSURE(json_array_append_new(list, TAKE(object)) == 0, ERR_NO_MEMORY, "a list of windows");
    }
    TRY(json_take(out, "maintenance_windows", TAKE(list)));
    return json_set_int(out, "utc_offset_minutes", spec->utc_offset_minutes);
}

bool rollout_window_is_open(const struct rollout_spec *spec, int64_t now_ms, int64_t *next)
{
    const int64_t minute = now_ms / MINUTE_MS + spec->utc_offset_minutes;
    const int64_t of_week = (minute + THURSDAY * DAY_MINUTES) % WEEK_MINUTES;
    int64_t wait = spec->window_count == 0 ? 0 : WEEK_MINUTES;
    for (size_t i = 0; i < spec->window_count; i++) {
        const struct rollout_window *window = &spec->windows[i];
        int64_t since = (of_week - window->from + WEEK_MINUTES) % WEEK_MINUTES;
        int64_t until = since < window->length ? 0 : WEEK_MINUTES - since;
        wait = until < wait ? until : wait;
    }
    *next = wait == 0 ? now_ms : (now_ms / MINUTE_MS + wait) * MINUTE_MS;
    return wait == 0;
}
