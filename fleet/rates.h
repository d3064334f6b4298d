/* How many requests one address, one device and one tenant may make: the one place that counts them. Each
 * process counts what comes to it, in memory of fixed size, and forgets it at its end. What a single kind of
 * work costs beyond that is limited where it is done (source_rates.h), wrong secrets in source_limits.h. */
#ifndef WHORL_FLEET_RATES_H
#define WHORL_FLEET_RATES_H

#include "fleet/rate_table.h"

struct fleet;
struct rates;

/* In the order in which they are asked: the cheapest first. */
enum rate_scope { RATE_ADDRESS, RATE_DEVICE, RATE_TENANT, RATE_SCOPES };

/* per_second 0: no limit, and nothing is counted. */
struct rate_limits {
    struct rate of[RATE_SCOPES];
};

/* What a request took of a scope, for the fields of its answer; all zero: it was not counted there. */
struct rate_mark {
    int64_t quota, window_s; /* the bucket, and how long it takes to fill */
    int64_t left;
    int64_t reset_s; /* until it is full; of one that is refused: when to come again */
    bool is_refused;
};
struct rate_marks {
    struct rate_mark of[RATE_SCOPES];
};

/** Without limits, until rates_set(). @errors ERR_NO_MEMORY, ERR_CRYPTO @thread init */
err_t rates_new(const struct random *random, struct rates **out);
void rates_free(struct rates *rates);
DEFINE_AUTO_PTR(rates, rates_free);

/** "address", "device", "tenant". @thread any */
const char *rate_scope_name(enum rate_scope scope);

/** @errors ERR_UNPROCESSABLE a number out of range: nothing is changed @thread any */
err_t rates_set(struct fleet *fleet, const struct rate_limits *limits);

/** Takes one request of an address. @param address text; an IPv4 address counts alone, IPv6 ones by /64
 *  @param[out] mark @errors ERR_TOO_MANY with retry_after_s, spread over those who wait @thread any */
err_t rates_take_address(struct fleet *fleet, const char *address, struct rate_mark *mark);
/** … of a device, by the hash of the key that it proved, before it is looked up. @errors as above */
err_t rates_take_device(struct fleet *fleet, struct bytes key, struct rate_mark *mark);
/** … of a tenant's back ends and people together; the installation itself counts like a tenant.
 * @errors as above */
err_t rates_take_tenant(struct fleet *fleet, struct uuid tenant, struct rate_mark *mark);

/** The figure of those that were refused. @thread any */
err_t rates_write_metrics(const struct rates *rates, struct buf *out);

#endif
