/* What every request means: the value that handlers share, the list of their routes, and the three
 * functions that the server calls for a request. Knows no socket, no HTTP library and no SQL. Built and wired
 * by cmd/. */
#ifndef WHORL_API_API_H
#define WHORL_API_API_H

#include "api/http.h"
#include "api/running.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/ports.h"
#include "fleet/fleet.h"

enum { API_METRICS_SOURCES_MAX = 4 };

/* Somebody else's figures for /metrics: appends OpenMetrics text without the closing "# EOF". @thread worker
 */
struct metrics_source {
    err_t (*write)(void *context, struct buf *out);
    void *context;
};

struct api_options {
    struct fleet *fleet; /* all borrowed for the life of the api */
    struct log *log;
    const struct random *random;
    const char *version;                                    /* static text, shown in /metrics */
    struct metrics_source metrics[API_METRICS_SOURCES_MAX]; /* written in order, behind the fleet's own */
    size_t metrics_count;
    /* OK (with a detail: what it cannot do meanwhile), or why this node should get no traffic: the detail is
     * shown at /readyz, so it names no internals; NULL: always ready. @thread worker */
    err_t (*ready)(void *context);
    void *ready_context;
};

struct api {
    struct api_options options;
    struct running running;
};

/** @errors ERR_NO_MEMORY, ERR_INTERNAL too many sources @thread init */
err_t api_new(const struct api_options *options, struct api **out);
void api_free(struct api *api);
DEFINE_AUTO_PTR(api, api_free);

/** Every route of this server, one table per feature file; immutable and static. @thread any */
const struct route_table *api_routes(size_t *count);

/** Counts a request before anything is asked. @errors ERR_TOO_MANY @thread loop */
err_t api_arrive(struct api *api, struct request *request);

/** Judges the caller by the request's route, before the body is read; sets request->principal (arena memory).
 *  @errors ERR_UNAUTHORIZED, ERR_TOKEN_EXPIRED, ERR_FORBIDDEN, ERR_FULL_HANDSHAKE, ERR_NOT_FOUND an unknown
 * EST label, ERR_BAD_REQUEST two credentials, or one in the query string, ERR_TOO_MANY @thread worker; loop
 * for ROUTE_ON_LOOP */
err_t api_admit(struct api *api, struct request *request);

/** Calls the handler of an admitted request. @errors those of the handler; ERR_CONFLICT when another request
 * of the tenant is at work under the same Idempotency-Key @thread worker; loop for ROUTE_ON_LOOP */
err_t api_run(struct api *api, const struct request *request, struct response *response);

/** Turns an error into a response in the route's style (route NULL: problem+json). What is ours (5xx) is
 * logged with the request's id and not shown. Never fails: without memory there is a status and no body.
 * @thread any */
void api_refuse(struct api *api, const struct request *request, err_t error, struct response *response);

/** Adds what every answer tells, good or bad: how many requests are left. @errors ERR_INTERNAL too many
 * headers @thread loop */
err_t api_finish(struct api *api, const struct request *request, struct response *response);

#endif
