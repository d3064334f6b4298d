/* The signed ends of the audit log over REST, as JSON for programs and as the bare CMS structure for
 * `openssl cms -verify`. */
#include "fleet/audit_checkpoint.h"
#include "api/accept.h"
#include "api/reply.h"
#include "api/tables.h"
#include "base/json.h"

static const char *const no_query[] = {NULL};

static err_t reply_checkpoint(const struct audit_checkpoint *checkpoint, struct response *response)
{
    AUTO(json_t) *answer = json_object();
    AUTO(json_t) *content = NULL;
    TRY(json_parse(buf_view(&checkpoint->content), checkpoint->content.n, &content));
    TRY(json_take(answer, "checkpoint", TAKE(content)));
    TRY(json_set_base64(answer, "cms", buf_view(&checkpoint->cms)));
    return reply_json(response, 200, answer);
}

static err_t get_checkpoint(struct api *api, const struct request *request, struct response *response)
{
    static const char *const offers[] = {"application/json", "application/pkcs7-mime"};
    AUTO_VAL(audit_checkpoint) checkpoint = {.content = {0}};
    TRY(request_check_query(request, no_query));
    TRY(audit_checkpoint_make(api->options.fleet, NULL, &checkpoint));
    size_t chosen = accept_choose(http_header(request, "Accept"), offers, 2);
    TRY(response_header(response, "Vary", "Accept"));
    if (chosen == 0) {
        return reply_checkpoint(&checkpoint, response);
    }
    response->status = 200;
    response->content_type = offers[chosen];
    return buf_append_bytes(&response->body, buf_view(&checkpoint.cms));
}

const struct route audit_checkpoint_routes[] = {
    {.method = HTTP_GET,
     .path = "/api/v1/audit/checkpoint",
     .listeners = LISTENER_MANAGEMENT,
     .access = ACCESS_CALLER,
     .scopes = SCOPE_AUDIT_READ,
     .handler = get_checkpoint},
};
