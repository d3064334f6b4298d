/* Reading the feed of a tenant: every event once, in the order of the commits, from any place on. The writing
 * is fleet/event.h; who is told that there is more, fleet/event_hub.h. */
#ifndef WHORL_FLEET_EVENTS_H
#define WHORL_FLEET_EVENTS_H

#include "base/json.h"
#include "db/feed_rows.h"
#include "fleet/audit_log.h"
#include "fleet/event_kinds.h"
#include "fleet/fleet.h"

enum { EVENT_TYPES_MAX = 16, EVENTS_PAGE_MAX = 1000, EVENTS_SCAN_MAX = 5000 };

/* Which events of a tenant are wanted. */
struct event_filter {
    char types[EVENT_TYPES_MAX][EVENT_PATTERN_SIZE]; /* any of these; none: all */
    size_t type_count;
    bool has_device;
    struct device_id device;
};
/** Adds a pattern. @errors ERR_UNPROCESSABLE, also when there are too many @thread any */
err_t event_filter_add(struct event_filter *filter, struct bytes pattern);
bool event_filter_fits(const struct event_filter *filter, const struct feed_row *event);

/* One reading. It looks at EVENTS_SCAN_MAX records at most, so a rare type costs no more than a frequent one;
 * what it did not look at is there for the next. */
struct event_reading {
    struct uuid tenant;
    const struct event_filter *filter;
    int64_t after; /* number in the feed; 0: from the beginning */
    int64_t limit; /* 1 … EVENTS_PAGE_MAX events */
    feed_row_fn fn;
    void *arg;
    int64_t position;                /* out: the last that was looked at, or `after` */
    char position_id[EVENT_ID_SIZE]; /* out: its id; "" when none was looked at */
    bool has_more;                   /* out: there is more behind the position */
};
/** @thread worker */
err_t events_read(struct fleet *fleet, struct event_reading *reading);

/** "<node>.<epoch>.<lane>.<number>". @errors ERR_BAD_REQUEST @thread any */
err_t event_id_parse(struct bytes text, struct audit_place *out);
/** The number of an event of the tenant. @errors ERR_BAD_REQUEST no id, ERR_NOT_FOUND also for another
 * tenant's @thread worker, like those that follow */
err_t event_locate(struct fleet *fleet, struct uuid tenant, struct bytes id, int64_t *out);
/** The last one, and its id ("" in an empty feed). */
err_t event_latest(struct fleet *fleet, struct uuid tenant, int64_t *number, char id[EVENT_ID_SIZE]);

/** How an event is shown, in lists, streams and webhooks alike. @param[out] out caller owns @thread any */
err_t event_render(struct uuid tenant, const struct feed_row *event, json_t **out);

#endif
