/* The statement about a product's manifest keys over REST. The rules are in fleet/firmware_anchors.c. */
#include "fleet/firmware_anchors.h"

#include "api/reply.h"
#include "api/tables.h"
#include "api/terms.h"
#include "fleet/access.h"
#include "pki/code_certificate.h"

enum { BODY_LIMIT = 4096 };
static const char *const no_query[] = {NULL};

static err_t set_key(json_t *anchors, const char *name, struct bytes spki)
{
    struct sha256 id;
    AUTO_VAL(buf) pem = {0};
    AUTO(json_t) *key = json_object();
    TRY(sha256_of(spki, &id));
    TRY(public_key_to_pem(spki, &pem));
    TRY(json_set_hex(key, "spki_sha256", BYTES_OF(id.b)));
    TRY(json_set_text(key, "public_key", buf_str(&pem)));
    return json_take(anchors, name, TAKE(key));
}

static err_t reply(const struct request *request, const struct firmware_anchors_row *row,
                   struct response *response)
{
    AUTO(json_t) *anchors = json_object();
    TRY(json_set_int(anchors, "sequence", row->sequence));
    TRY(set_key(anchors, "signing_key", BYTES_OF(row->signing_spki)));
    TRY(set_key(anchors, "recovery_key", BYTES_OF(row->recovery_spki)));
    TRY(json_set_base64(anchors, "statement", (struct bytes){row->statement, row->statement_size}));
    TRY(json_set_time(anchors, "updated_at", row->updated_at));
    return reply_resource(request, response, 200, anchors, row->ver);
}

static err_t get_anchors(struct api *api, const struct request *request, struct response *response)
{
    struct firmware_anchors_row row;
    TRY(request_check_query(request, no_query));
    TRY(firmware_anchors_get(api->options.fleet, request->principal->tenant, bytes_str(request->params[0]),
                             &row));
    return reply(request, &row, response);
}

static err_t store(struct api *api, const struct request *request, struct faults *faults,
                   struct firmware_anchors_row *out)
{
    static const struct json_field field = {"statement", JSON_KIND_BASE64,        false,      0,
                                            1,           FIRMWARE_STATEMENT_SIZE, JSON_NO_HAS};
    struct terms terms;
    AUTO_VAL(buf) statement = {0};
    AUTO(json_t) *document = NULL;
    TRY(request_terms(request, faults, &terms));
    TRY(request_body(request, false, &document));
    TRY(json_read_all(document, &field, 1, faults, &statement));
    request_need(document, "statement", faults);
    TRY(faults_error(faults));
    return firmware_anchors_put(api->options.fleet, &terms, bytes_str(request->params[0]),
                                buf_view(&statement), out);
}

static err_t put_anchors(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    struct firmware_anchors_row row = {.ver = 0};
    err_t error = store(api, request, &faults, &row);
    return error.code == ERR_OK ? reply(request, &row, response)
                                : reply_faults(request, error, &faults, response);
}

#define ROW(method_, scopes_, limit_, handler_)                                                              \
    {                                                                                                        \
        .method = (method_), .path = "/api/v1/products/{name}/firmware-anchors",                             \
        .listeners = LISTENER_MANAGEMENT, .access = ACCESS_CALLER, .scopes = (scopes_),                      \
        .body_limit = (limit_), .handler = (handler_)                                                        \
    }
const struct route firmware_anchors_routes[] = {
    ROW(HTTP_GET, SCOPE_FIRMWARE_READ, 0, get_anchors),
    ROW(HTTP_PUT, SCOPE_FIRMWARE_RELEASE, BODY_LIMIT, put_anchors),
};
#undef ROW
