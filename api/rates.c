/* The counting of requests, and the fields RateLimit and RateLimit-Policy
 * (draft-ietf-httpapi-ratelimit-headers, as structured fields): on every answer to a back end or a person, on
 * one to a device only when little is left, since its answers are small and it can do nothing with the
 * numbers before. No partition key is shown: the caller knows who it is. */
#include "api/rates.h"

#include <inttypes.h>
#include <stdio.h>

enum { NEAR = 4, FIELD_SIZE = 256 }; /* a quarter of the bucket is near its end */

static struct rate_mark *mark_of(const struct request *request, enum rate_scope scope)
{
    return request->rates == NULL ? NULL : &request->rates->of[scope];
}

/* Lists, CA certificates and health: they cost less than this. */
static bool is_free(const struct request *request)
{
    return request->listener == LISTENER_PUBLIC || request->route == NULL ||
           ((request->route->flags & ROUTE_ON_LOOP) != 0 && request->route->access == ACCESS_ANYONE);
}

err_t rates_meet_address(struct api *api, const struct request *request, bool is_arrival)
{
    struct rate_mark *mark = mark_of(request, RATE_ADDRESS);
    if (mark == NULL || mark->quota > 0 || is_free(request) ||
        (is_arrival && request->route->quick != NULL)) {
        return OK;
    }
    return rates_take_address(api->options.fleet, request->address, mark);
}

/* Images come in as many pieces as a slow link likes; what a connection was allowed is not asked for again
 * (the routes with a quick handler), so pieces cost little and are no device's burst. */
err_t rates_meet_device(struct api *api, const struct request *request, struct bytes key)
{
    struct rate_mark *mark = mark_of(request, RATE_DEVICE);
    if (mark == NULL || mark->quota > 0 || (request->route != NULL && request->route->quick != NULL)) {
        return OK;
    }
    return rates_take_device(api->options.fleet, key, mark);
}

err_t rates_meet_tenant(struct api *api, const struct request *request, struct uuid tenant)
{
    struct rate_mark *mark = mark_of(request, RATE_TENANT);
    return mark == NULL || mark->quota > 0 ? OK : rates_take_tenant(api->options.fleet, tenant, mark);
}

err_t api_arrive(struct api *api, struct request *request)
{
    return rates_meet_address(api, request, true);
}

static bool is_told(const struct request *request, const struct rate_mark *mark)
{
    bool is_near = mark->is_refused || mark->left * NEAR < mark->quota;
    return mark->quota > 0 && (request->listener == LISTENER_MANAGEMENT || is_near);
}

err_t api_finish(struct api *api, const struct request *request, struct response *response)
{
    char policy[FIELD_SIZE] = "", left[FIELD_SIZE] = "";
    size_t p = 0, l = 0;
    (void)api;
    for (int scope = 0; request->rates != NULL && scope < RATE_SCOPES; scope++) {
        const struct rate_mark *mark = &request->rates->of[scope];
        if (!is_told(request, mark)) {
            continue;
        }
        const char *name = rate_scope_name((enum rate_scope)scope);
        const char *comma = p > 0 ? ", " : "";
        p += (size_t)snprintf(policy + p, sizeof policy - p, "%s\"%s\";q=%" PRId64 ";w=%" PRId64, comma, name,
                              mark->quota, mark->window_s);
        l += (size_t)snprintf(left + l, sizeof left - l, "%s\"%s\";r=%" PRId64 ";t=%" PRId64, comma, name,
                              mark->left, mark->reset_s);
    }
    if (p == 0) {
        return OK;
    }
    TRY(response_header(response, "RateLimit-Policy", policy));
    return response_header(response, "RateLimit", left);
}
