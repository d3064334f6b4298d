/* Signatures beside an image over REST: list, one as a file, and bringing one that another key made. The
 * rules are in fleet/firmware_signatures.c. */
#include "fleet/firmware_signatures.h"

#include "api/page.h"
#include "api/reply.h"
#include "api/tables.h"
#include "api/terms.h"
#include "fleet/access.h"

enum { BODY_LIMIT = 8192 };
#define SIGNATURES "/api/v1/firmware/images/{id}/signatures"
static const char *const no_query[] = {NULL};

static err_t render(const struct firmware_signature_row *row, json_t **out)
{
    *out = NULL;
    AUTO(json_t) *signature = json_object();
    TRY(json_set_uuid(signature, "id", row->id));
    TRY(json_set_uuid(signature, "image_id", row->image));
    TRY(json_set_text(signature, "form", firmware_signature_form_name(row->form)));
    TRY(json_set_uuid(signature, row->is_brought ? "boot_key_id" : "firmware_key_id", row->key));
    TRY(json_set_base64(signature, "signature", (struct bytes){row->bytes, row->size}));
    TRY(json_set_text(signature, "created_by", row->created_by));
    TRY(json_set_time(signature, "created_at", row->created_at));
    *out = TAKE(signature);
    return OK;
}

static err_t add_signature(const struct firmware_signature_row *row, void *arg)
{
    AUTO(json_t) *signature = NULL;
    TRY(render(row, &signature));
    return page_add(arg, BYTES_OF(row->id.b), TAKE(signature));
}

static err_t get_signatures(struct api *api, const struct request *request, struct response *response)
{
    AUTO_VAL(page) page = {.name = ""};
    struct firmware_signature_list list;
    TRY(request_uuid(request->params[0], "image", &list.image));
    TRY(page_open(request, "signatures", &page));
    list.tenant = page.tenant;
    list.window = page_window(&page);
    TRY(firmware_signature_list(api->options.fleet, &list, add_signature, &page));
    return page_reply(&page, response);
}

/* The bytes alone, as `openssl dgst -verify` and `openssl pkeyutl -verify` take them. */
static err_t get_signature(struct api *api, const struct request *request, struct response *response)
{
    struct uuid image, id;
    struct firmware_signature_row row;
    TRY(request_check_query(request, no_query));
    TRY(request_uuid(request->params[0], "image", &image));
    TRY(request_uuid(request->params[1], "signature", &id));
    TRY(firmware_signature_get(api->options.fleet, request->principal->tenant, image, id, &row));
    TRY(buf_append(&response->body, row.bytes, row.size));
    response->status = 200;
    response->content_type = "application/octet-stream";
    return OK;
}

static err_t bring(struct api *api, const struct request *request, struct faults *faults,
                   struct firmware_signature_row *out)
{
    static const struct json_field field = {"signature", JSON_KIND_BASE64,       false,      0,
                                            1,           FIRMWARE_SIGNATURE_MAX, JSON_NO_HAS};
    struct uuid image;
    struct terms terms;
    AUTO_VAL(buf) signature = {0};
    AUTO(json_t) *document = NULL;
    TRY(request_uuid(request->params[0], "image", &image));
    TRY(request_terms(request, faults, &terms));
    TRY(request_body(request, false, &document));
    TRY(json_read_all(document, &field, 1, faults, &signature));
    request_need(document, "signature", faults);
    TRY(faults_error(faults));
    return firmware_signature_bring(api->options.fleet, &terms, image, buf_view(&signature), out);
}

static err_t post_signature(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    struct firmware_signature_row row = {.size = 0};
    AUTO(json_t) *signature = NULL;
    err_t error = bring(api, request, &faults, &row);
    if (error.code != ERR_OK) {
        return reply_faults(request, error, &faults, response);
    }
    TRY(render(&row, &signature));
    TRY(reply_location(response, request->path, row.id));
    return reply_json(response, 201, signature);
}

#define ROW(method_, path_, scopes_, limit_, handler_)                                                       \
    {                                                                                                        \
        .method = (method_), .path = (path_), .listeners = LISTENER_MANAGEMENT, .access = ACCESS_CALLER,     \
        .scopes = (scopes_), .body_limit = (limit_), .handler = (handler_)                                   \
    }
const struct route firmware_signature_routes[] = {
    ROW(HTTP_GET, SIGNATURES, SCOPE_FIRMWARE_READ, 0, get_signatures),
    ROW(HTTP_POST, SIGNATURES, SCOPE_FIRMWARE_WRITE, BODY_LIMIT, post_signature),
    ROW(HTTP_GET, SIGNATURES "/{signature}", SCOPE_FIRMWARE_READ, 0, get_signature),
};
#undef ROW
