/* What lists and streams of events share: the query. */
#ifndef WHORL_API_EVENT_QUERY_H
#define WHORL_API_EVENT_QUERY_H

#include "api/reply.h"
#include "fleet/events.h"

/** `type` (patterns, comma-separated) and `device`. @errors ERR_BAD_REQUEST @thread any */
err_t event_query_filter(const struct request *request, struct event_filter *out);
/** The number behind which to begin. @param text an id, "latest", or NULL: from the beginning
 *  @param[out] id of that event, or "" @errors ERR_BAD_REQUEST, ERR_NOT_FOUND no event of the tenant @thread
 * worker */
err_t event_query_place(struct api *api, const struct request *request, const char *text, int64_t *number,
                        char id[EVENT_ID_SIZE]);

/** The answer to `Accept: text/event-stream` (api/event_stream.c). @thread worker */
err_t reply_event_stream(struct api *api, const struct request *request, struct response *response);

#endif
