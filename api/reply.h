/* What the handlers of several features share: JSON in and out, entity tags, parameters that are ids. */
#ifndef WHORL_API_REPLY_H
#define WHORL_API_REPLY_H

#include "api/authn.h"
#include "base/json.h"

/** The JSON body. @errors ERR_MEDIA_TYPE, ERR_BAD_JSON, ERR_TOO_LARGE */
err_t request_json(const struct request *request, json_t **out);
/** Refuses query parameters that are not in `known` (NULL-terminated), and repeated ones. @errors
 * ERR_BAD_REQUEST */
err_t request_check_query(const struct request *request, const char *const *known);
/** The text as a device id. @errors ERR_BAD_REQUEST */
err_t request_device_id(const char *text, struct device_id *out);

/** The text as the UUID of a `what` ("product"). @errors ERR_BAD_REQUEST */
err_t request_uuid(const char *text, const char *what, struct uuid *out);

/** `Location: <path>/<id>` of something new. */
err_t reply_location(struct response *response, const char *path, struct uuid id);
/** Renders `value` as the response's body. */
err_t reply_json(struct response *response, int status, const json_t *value);
/** As above, with `ETag: "<ver>"`; a GET whose If-None-Match names it becomes 304. */
err_t reply_resource(const struct request *request, struct response *response, int status,
                     const json_t *value, int64_t ver);
/** With `ETag: "<ver>"` for If-Match, and never 304: what is counted in it changes without a new version. */
err_t reply_counted(struct response *response, int status, const json_t *value, int64_t ver);
/** Does a list of entity tags (If-Match, If-None-Match; RFC 9110 §13.1) hold `etag` (quoted)? Weak ones
 * compare equal when `is_weak_equal`. */
bool etag_list_has(const char *list, const char *etag, bool is_weak_equal);
/** @errors ERR_PRECONDITION when the request says If-Match and not this version */
err_t request_check_match(const struct request *request, int64_t ver);

#endif
