/* What the tests of events share: things that happen, and readers that keep what they saw. */
#ifndef WHORL_TESTS_EVENT_SCENE_H
#define WHORL_TESTS_EVENT_SCENE_H

#include "tests/unit/fleet/fleet_fixture.h"

#include "fleet/event.h"
#include "fleet/event_hub.h"
#include "fleet/events.h"

struct happening {
    struct event event;
    const char *body; /* NULL: nothing is in it */
    bool fails;
};

static inline err_t happen_in(struct db_tx *tx, void *arg)
{
    const struct happening *run = arg;
    TRY(event_append(tx, &run->event, "%s", run->body != NULL ? run->body : "{}"));
    return run->fails ? ERR(ERR_CONFLICT, "undone") : OK;
}

static inline err_t happen(struct fleet_fixture *f, const char *kind, const char *result,
                           const struct uuid *tenant)
{
    struct happening run = {
        .event = {.kind = kind, .result = result, .actor = "test", .request_id = "", .tenant = tenant}};
    return db_write(f->db, happen_in, &run);
}

static inline void happen_to(struct fleet_fixture *f, const char *kind, const struct device_id *device)
{
    struct happening run = {.event = {.kind = kind,
                                      .result = "ok",
                                      .actor = "test",
                                      .request_id = "",
                                      .tenant = &f->tenant.id,
                                      .device = device}};
    assert_ok(db_write(f->db, happen_in, &run));
}

enum { SEEN_MAX = 64 };
struct seen {
    size_t count;
    int64_t numbers[SEEN_MAX];
    char kinds[SEEN_MAX][EVENT_PATTERN_SIZE];
};

static inline err_t see(const struct feed_row *event, void *arg)
{
    struct seen *seen = arg;
    assert_true(seen->count < SEEN_MAX);
    seen->numbers[seen->count] = event->number;
    (void)snprintf(seen->kinds[seen->count], EVENT_PATTERN_SIZE, "%.*s", (int)event->record.kind.n,
                   (const char *)event->record.kind.p);
    seen->count++;
    return OK;
}

static const struct event_filter everything = {.type_count = 0};

static inline struct event_reading reading_of(struct fleet_fixture *f, int64_t after, struct seen *seen)
{
    return (struct event_reading){.tenant = f->tenant.id,
                                  .filter = &everything,
                                  .after = after,
                                  .limit = SEEN_MAX,
                                  .fn = see,
                                  .arg = seen};
}

/* The founding has happenings of its own. */
static inline int64_t head(struct fleet_fixture *f)
{
    int64_t number = 0;
    char id[EVENT_ID_SIZE];
    assert_ok(event_latest(f->fleet, f->tenant.id, &number, id));
    return number;
}

#endif
