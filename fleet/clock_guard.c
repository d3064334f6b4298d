/* Watches the wall clock against the monotonic one. The judgement is made in memory, at every question, so
 * that nothing is issued in the second before the job comes; the job writes it down with its event. What is
 * written outlives a restart: only a confirmation, or a clock that is right again, ends it. */
#include "fleet/clock_guard.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "fleet/alarms.h"
#include "fleet/event.h"
#include "fleet/internal.h"

enum {
    MINUTE_MS = 60 * 1000,
    DRIFT_PER_MILLION = 1000, /* twice what a clock may be slewed */
    RETRY_AFTER_S = 60,
};
static const int64_t AHEAD_MAX_MS = (int64_t)CLOCK_AHEAD_MAX_DAYS * 24 * 60 * MINUTE_MS;

struct clock_guard {
    pthread_mutex_t writing; /* from the judgement to its row; taken first */
    pthread_mutex_t mutex;   /* guards all of it */
    int64_t limit_ms;
    int64_t ahead_ms;     /* wall minus monotonic, as it is trusted */
    int64_t looked_at_ms; /* monotonic: when it was adjusted */
    bool is_held;
    bool has_reference;    /* of what is held: `ahead_ms` is from before the step */
    struct clock_row held; /* of what is held */
    struct clock_row stored;
    bool is_stored; /* `stored` is in the inventory */
};

struct reading {
    int64_t wall_ms, monotonic_ms;
};

static struct reading read_clocks(const struct fleet *fleet)
{
    return (struct reading){clock_now_ms(fleet->clock), clock_monotonic_ms(fleet->clock)};
}

err_t clock_guard_new(const struct fleet_options *options, struct clock_guard **out)
{
    *out = calloc(1, sizeof **out);
    ENSURE(*out != NULL, ERR_NO_MEMORY, "the guard of the clock");
    (void)pthread_mutex_init(&(*out)->writing, NULL);
    (void)pthread_mutex_init(&(*out)->mutex, NULL);
    (*out)->limit_ms = options->clock_step_limit_ms;
    (*out)->looked_at_ms = clock_monotonic_ms(options->clock);
    (*out)->ahead_ms = clock_now_ms(options->clock) - (*out)->looked_at_ms;
    return OK;
}

void clock_guard_free(struct clock_guard *guard)
{
    if (guard != NULL) {
        (void)pthread_mutex_destroy(&guard->mutex);
        (void)pthread_mutex_destroy(&guard->writing);
        free(guard);
    }
}

/* --- the judgement, under the mutex ----------------------------------------------------------------- */

static int64_t clamp(int64_t value, int64_t most)
{
    return value > most ? most : value < -most ? -most : value;
}

static bool is_far(const struct clock_guard *guard, int64_t distance_ms)
{
    return distance_ms > guard->limit_ms || distance_ms < -guard->limit_ms;
}

static void trust(struct clock_guard *guard, struct reading now)
{
    guard->ahead_ms = now.wall_ms - now.monotonic_ms;
    guard->looked_at_ms = now.monotonic_ms;
    guard->is_held = false;
}

/* Where the node left it: a little behind is what a clock may be set back; ahead is the time it was off. */
static bool fits_start(const struct clock_guard *guard, int64_t seen_ms, int64_t wall_ms)
{
    return wall_ms >= seen_ms - guard->limit_ms && wall_ms <= seen_ms + AHEAD_MAX_MS;
}

static void hold(struct clock_guard *guard, enum clock_reason reason, struct reading now, int64_t step_ms)
{
    guard->is_held = true;
    guard->held = (struct clock_row){
        .seen_at = guard->stored.seen_at, .held_since = now.wall_ms, .reason = reason, .step_ms = step_ms};
}

/* A clock that is right again needs nobody. */
static void look_held(struct clock_guard *guard, struct reading now, int64_t step_ms)
{
    bool is_back = guard->held.reason == CLOCK_STEPPED ? guard->has_reference && !is_far(guard, step_ms)
                                                       : fits_start(guard, guard->held.seen_at, now.wall_ms);
    if (is_back) {
        trust(guard, now);
    } else if (guard->has_reference && guard->held.reason == CLOCK_STEPPED) {
        guard->held.step_ms = step_ms;
    }
}

static void look(struct clock_guard *guard, struct reading now)
{
    int64_t step_ms = now.wall_ms - now.monotonic_ms - guard->ahead_ms;
    if (guard->limit_ms == 0) {
        trust(guard, now);
    } else if (guard->is_held) {
        look_held(guard, now, step_ms);
    } else if (is_far(guard, step_ms)) {
        guard->has_reference = true;
        hold(guard, CLOCK_STEPPED, now, step_ms);
    } else {
        int64_t slewed_ms = (now.monotonic_ms - guard->looked_at_ms) * DRIFT_PER_MILLION / 1000000;
        if (slewed_ms > 0) {
            guard->ahead_ms += clamp(step_ms, slewed_ms);
            guard->looked_at_ms = now.monotonic_ms;
        }
    }
}

/* --- questions -------------------------------------------------------------------------------------- */

const char *clock_reason_name(enum clock_reason reason)
{
    switch (reason) {
    case CLOCK_STEPPED:
        return "stepped";
    case CLOCK_BEHIND:
        return "behind";
    case CLOCK_AHEAD:
        return "ahead";
    }
    return "stepped";
}

void clock_guard_view(struct fleet *fleet, struct clock_view *out)
{
    struct clock_guard *guard = fleet->clock_guard;
    struct reading now = read_clocks(fleet);
    (void)pthread_mutex_lock(&guard->mutex);
    look(guard, now);
    *out = (struct clock_view){.now_ms = now.wall_ms, .limit_ms = guard->limit_ms, .is_held = guard->is_held};
    if (guard->is_held) {
        out->since_ms = guard->held.held_since;
        out->step_ms = guard->held.step_ms;
        out->reason = guard->held.reason;
    }
    (void)pthread_mutex_unlock(&guard->mutex);
}

err_t clock_guard_check(struct fleet *fleet)
{
    struct clock_view view;
    clock_guard_view(fleet, &view);
    if (!view.is_held) {
        return OK;
    }
    err_t held = ERR(ERR_CLOCK_HELD, "the clock is held (%s by %lld s): GET /api/v1/clock",
                     clock_reason_name(view.reason), (long long)(view.step_ms / 1000));
    held.retry_after_s = RETRY_AFTER_S;
    return held;
}

int64_t clock_guard_now_ms(struct fleet *fleet)
{
    struct clock_guard *guard = fleet->clock_guard;
    struct reading now = read_clocks(fleet);
    (void)pthread_mutex_lock(&guard->mutex);
    look(guard, now);
    bool is_known = guard->is_held && guard->has_reference && guard->held.reason == CLOCK_STEPPED;
    int64_t at_ms = is_known ? now.monotonic_ms + guard->ahead_ms : now.wall_ms;
    (void)pthread_mutex_unlock(&guard->mutex);
    return at_ms;
}

/* --- what is written -------------------------------------------------------------------------------- */

struct write {
    struct fleet *fleet;
    struct clock_row row;
    const char *kind; /* of the event, or NULL: only the time is noted */
    const struct actor *actor;
};

static err_t alarm(struct db_tx *tx, const struct write *write)
{
    char detail[120];
    const struct alarm alarm = {.kind = "clock.held",
                                .subject = db_node_name(write->fleet->db),
                                .severity = ALARM_CRITICAL,
                                .detail = detail};
    (void)snprintf(detail, sizeof detail, "%s by %lld s: nothing is issued",
                   clock_reason_name(write->row.reason), (long long)(write->row.step_ms / 1000));
    return write->row.held_since != 0 ? alarm_raise(tx, &alarm) : alarm_clear(tx, &alarm);
}

static err_t write_in(struct db_tx *tx, void *arg)
{
    const struct write *write = arg;
    TRY(clock_rows_put(tx, db_node_name(write->fleet->db), &write->row));
    if (write->kind == NULL) {
        return OK;
    }
    TRY(alarm(tx, write));
    struct event event = {.kind = write->kind,
                          .result = "ok",
                          .actor = write->actor != NULL ? write->actor->name : "whorld",
                          .request_id = write->actor != NULL ? write->actor->request_id : ""};
    return event_append(tx, &event, "{\"node\":\"%s\",\"reason\":\"%s\",\"step_s\":%lld}",
                        db_node_name(write->fleet->db), clock_reason_name(write->row.reason),
                        (long long)(write->row.step_ms / 1000));
}

static err_t write_down(struct write *write)
{
    TRY(db_write(write->fleet->db, write_in, write));
    struct clock_guard *guard = write->fleet->clock_guard;
    (void)pthread_mutex_lock(&guard->mutex);
    guard->stored = write->row;
    guard->is_stored = true;
    (void)pthread_mutex_unlock(&guard->mutex);
    return OK;
}

static err_t watch(struct fleet *fleet)
{
    struct clock_guard *guard = fleet->clock_guard;
    struct reading now = read_clocks(fleet);
    struct write write = {.fleet = fleet};
    (void)pthread_mutex_lock(&guard->mutex);
    look(guard, now);
    bool is_held = guard->is_held;
    bool was_held = guard->is_stored && guard->stored.held_since != 0;
    bool is_late = !guard->is_stored || now.wall_ms >= guard->stored.seen_at + MINUTE_MS ||
                   now.wall_ms < guard->stored.seen_at;
    write.row = is_held ? guard->held : (struct clock_row){.seen_at = now.wall_ms};
    if (was_held && !is_held) { /* it came back */
        write.row.reason = guard->stored.reason;
    }
    (void)pthread_mutex_unlock(&guard->mutex);
    if (guard->limit_ms == 0 || (is_held == was_held && (is_held || !is_late))) {
        return OK;
    }
    if (is_held != was_held) {
        write.kind = is_held ? "clock.held" : "clock.returned";
    }
    return write_down(&write);
}

err_t clock_guard_watch(struct fleet *fleet, int64_t now_ms)
{
    (void)now_ms; /* it looks for itself */
    (void)pthread_mutex_lock(&fleet->clock_guard->writing);
    err_t result = watch(fleet);
    (void)pthread_mutex_unlock(&fleet->clock_guard->writing);
    return result;
}

static err_t find_in(struct db_tx *tx, void *arg)
{
    struct write *write = arg;
    err_t found = clock_rows_find(tx, db_node_name(write->fleet->db), &write->row);
    return found.code == ERR_NOT_FOUND ? OK : found;
}

err_t clock_guard_start(struct fleet *fleet)
{
    struct clock_guard *guard = fleet->clock_guard;
    struct write write = {.fleet = fleet};
    TRY(db_read(fleet->db, find_in, &write));
    struct reading now = read_clocks(fleet);
    (void)pthread_mutex_lock(&guard->mutex);
    guard->stored = write.row;
    guard->is_stored = write.row.seen_at != 0;
    if (guard->limit_ms > 0 && write.row.held_since != 0) {
        guard->held = write.row; /* nobody has confirmed it yet */
        guard->is_held = true;
    } else if (guard->limit_ms > 0 && guard->is_stored &&
               !fits_start(guard, write.row.seen_at, now.wall_ms)) {
        int64_t step_ms = now.wall_ms - write.row.seen_at;
        hold(guard, step_ms < 0 ? CLOCK_BEHIND : CLOCK_AHEAD, now, step_ms);
    }
    (void)pthread_mutex_unlock(&guard->mutex);
    return clock_guard_watch(fleet, now.wall_ms);
}

static err_t confirm(struct fleet *fleet, const struct actor *actor, int64_t time_ms, struct clock_view *out)
{
    struct clock_guard *guard = fleet->clock_guard;
    struct reading now = read_clocks(fleet);
    clock_guard_view(fleet, out);
    ENSURE(out->is_held, ERR_WRONG_STATE, "the clock is not held");
    ENSURE(!is_far(guard, time_ms - now.wall_ms), ERR_UNPROCESSABLE,
           "'time' is %lld s away from this server's clock: set the clock right first",
           (long long)((now.wall_ms - time_ms) / 1000));
    struct write write = {
        .fleet = fleet, .kind = "clock.confirmed", .actor = actor, .row = {.seen_at = now.wall_ms}};
    write.row.reason = out->reason;
    write.row.step_ms = out->step_ms;
    TRY(write_down(&write));
    (void)pthread_mutex_lock(&guard->mutex);
    trust(guard, now);
    (void)pthread_mutex_unlock(&guard->mutex);
    clock_guard_view(fleet, out);
    return OK;
}

err_t clock_guard_confirm(struct fleet *fleet, const struct actor *actor, int64_t time_ms,
                          struct clock_view *out)
{
    (void)pthread_mutex_lock(&fleet->clock_guard->writing);
    err_t result = confirm(fleet, actor, time_ms, out);
    (void)pthread_mutex_unlock(&fleet->clock_guard->writing);
    return result;
}
