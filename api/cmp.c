/* CMP over HTTP (RFC 9811): one message in, one out. The paths name an operation or a profile (RFC 9483
 * §6.1); what the message asks is what it says itself, so an operation in the path that fits no body is
 * refused by nobody but the sender's own tools. */
#include "fleet/cmp.h"

#include <string.h>

#include "api/authn.h"
#include "api/tables.h"
#include "fleet/registry.h"

enum { CMP_BODY_LIMIT = 64 * 1024 };
static const char CMP_TYPE[] = "application/pkixcmp";

/* RFC 9483 §6.1; "nested" is for registration authorities, and not here. */
static bool is_operation(const char *word)
{
    static const char *const words[] = {"initialization", "certification",     "keyupdate",
                                        "pkcs10",         "revocation",        "getcacerts",
                                        "getrootupdate",  "getcertreqtemplate"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(words[i], word) == 0) {
            return true;
        }
    }
    return false;
}

static err_t answer(struct api *api, const struct request *request, const char *label,
                    struct response *response)
{
    struct tenant_row tenant;
    const struct cmp_question question = {.message = request->body,
                                          .peer = request->peer->kind == PEER_NONE ? NULL : request->peer,
                                          .label = label,
                                          .address = request->address,
                                          .request_id = request->request_id};
    ENSURE(http_content_type_is(request, CMP_TYPE), ERR_MEDIA_TYPE, "send %s", CMP_TYPE);
    if (label[0] != '\0') {
        TRY(tenant_find(api->options.fleet, label, &tenant));
    }
    TRY(cmp_answer(api->options.fleet, &question, &response->body));
    response->status = 200;
    response->content_type = CMP_TYPE;
    return response_header(response, "Cache-Control", "no-store");
}

static err_t post_any(struct api *api, const struct request *request, struct response *response)
{
    return answer(api, request, "", response);
}

static err_t post_operation(struct api *api, const struct request *request, struct response *response)
{
    ENSURE(is_operation(request->params[0]), ERR_NOT_FOUND, "no such operation of CMP");
    return answer(api, request, "", response);
}

static err_t post_label(struct api *api, const struct request *request, struct response *response)
{
    ENSURE(request->params[1] == NULL || request->params[1][0] == '\0' || is_operation(request->params[1]),
           ERR_NOT_FOUND, "no such operation of CMP");
    return answer(api, request, request->params[0], response);
}

#define ROW(path_, handler_)                                                                                 \
    {                                                                                                        \
        .method = HTTP_POST, .path = (path_), .listeners = LISTENER_DEVICE, .access = ACCESS_ANYONE,         \
        .body_limit = CMP_BODY_LIMIT, .errors = ERRORS_TEXT, .handler = (handler_)                           \
    }
const struct route cmp_routes[] = {
    ROW("/.well-known/cmp", post_any),
    ROW("/.well-known/cmp/{operation}", post_operation),
    ROW("/.well-known/cmp/p/{label}", post_label),
    ROW("/.well-known/cmp/p/{label}/{operation}", post_label),
};
#undef ROW
