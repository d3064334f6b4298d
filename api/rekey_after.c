/* When a device should come, as a header. Holds no rule of the schedule; those are in fleet/renewal. */
#include "api/rekey_after.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fleet/clock_guard.h"

static const char NAME[] = "Whorl-Rekey-After";

/* Where nobody was asked for (a route that takes anybody), or was refused before that, the certificate is
 * looked at here, and confirms nothing by it. */
static bool find(struct api *api, const struct request *request, struct renewal *out)
{
    if (request->principal != NULL) {
        return contact_renewal(&request->principal->contact, out);
    }
    struct contact contact;
    return request->peer->kind == PEER_ISSUED &&
           contact_peek(api->options.fleet, request->peer, &contact).code == ERR_OK &&
           contact_renewal(&contact, out);
}

void rekey_after_look(struct api *api, struct request *request)
{
    struct renewal renewal;
    void *memory = NULL;
    request->renewal = NULL;
    bool is_asked = request->listener == LISTENER_DEVICE && (request->route->flags & ROUTE_ON_LOOP) == 0;
    if (!is_asked || !find(api, request, &renewal) ||
        arena_alloc(request->arena, sizeof renewal, &memory).code != ERR_OK) {
        return;
    }
    struct renewal *kept = memory;
    *kept = renewal;
    request->renewal = kept;
}

static bool is_told(const struct response *response)
{
    for (size_t i = 0; i < response->header_count; i++) {
        if (strcmp(response->headers[i].name, NAME) == 0) {
            return true;
        }
    }
    return false;
}

/* By the time that issuing goes by: a clock that stepped must not send a whole fleet here at once. */
err_t rekey_after_tell(struct api *api, int64_t at_ms, bool needs_new_key, struct response *response)
{
    char value[48];
    int64_t left_ms = at_ms - clock_guard_now_ms(api->options.fleet);
    int64_t seconds = left_ms <= 0 ? 0 : (left_ms + 999) / 1000; /* who comes exactly then is not too early */
    (void)snprintf(value, sizeof value, "%" PRId64 "%s", seconds, needs_new_key ? ";key=new" : "");
    return response_header(response, NAME, value);
}

err_t rekey_after_add(struct api *api, const struct request *request, struct response *response)
{
    const struct renewal *renewal = request->renewal;
    if (renewal == NULL || is_told(response)) {
        return OK;
    }
    bool needs_new_key = renewal_needs_new_key(renewal, clock_guard_now_ms(api->options.fleet));
    return rekey_after_tell(api, renewal->due_at, needs_new_key, response);
}
