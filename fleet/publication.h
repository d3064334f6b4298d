/* What is published ready-made: CRLs and CA certificates, kept in memory as counted bytes and replaced by a
 * job. */
#ifndef WHORL_FLEET_PUBLICATION_H
#define WHORL_FLEET_PUBLICATION_H

#include "base/shared.h"
#include "fleet/fleet.h"

struct published {
    struct shared *bytes;                   /* a counted reference for the caller */
    int64_t this_update_ms, next_update_ms; /* CRLs only */
    char etag[68];                          /* quoted */
};

/** @param authority "root", "device", "infrastructure" @errors ERR_NOT_FOUND @thread any, on the loop too:
 * reads memory only */
err_t publication_crl(struct fleet *fleet, struct bytes authority, struct published *out);
/** One shard of an authority that has them. @param shard its number, "0" …; as above */
err_t publication_shard(struct fleet *fleet, struct bytes authority, struct bytes shard,
                        struct published *out);
/** Of the authority's lists, the one that ends first. @errors ERR_NOT_FOUND one is not there yet @thread any
 */
err_t publication_span(struct fleet *fleet, struct bytes authority, int64_t *from_ms, int64_t *to_ms);
/** The number of the complete list that is shown. @errors ERR_NOT_FOUND as above @thread any */
err_t publication_number(struct fleet *fleet, struct bytes authority, int64_t *out);
/** Whether every list that is made here was there at once, at some time since the start: an authority that
 * has none yet is a new one then. @thread any */
bool publication_has_begun(const struct fleet *fleet);
err_t publication_ca(struct fleet *fleet, struct bytes authority, struct published *out);
/** Shows every CRL that was stored and is still good, and makes only those that are not there, have ended or
 * are from the future: before the first request, when a long list of a large fleet would be waited for. What
 * else is to be done the job does. @thread worker */
err_t publication_start(struct fleet *fleet, int64_t now_ms);
/** Makes every CRL that is stale, missing or past half of its life; called by a job each second.
 * @thread worker */
err_t publication_refresh(struct fleet *fleet, int64_t now_ms);

/** OpenMetrics text of the fleet's own figures (enrolments by result, refusals, CRL age, alarms), appended.
 * @thread worker */
err_t fleet_write_metrics(struct fleet *fleet, struct buf *out);

#endif
