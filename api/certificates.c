/* Certificates over REST: by serial, with PEM, and their revocation. */
#include "api/render.h"
#include "api/reply.h"
#include "api/tables.h"
#include "fleet/registry.h"
#include "fleet/revocation.h"
#include "pki/certificate.h"

enum { REVOKE_BODY_LIMIT = 4096 };
static const char *const no_query[] = {NULL};

static err_t reply_certificate(const struct request *request, const struct certificate_row *row,
                               struct response *response)
{
    AUTO(json_t) *certificate = NULL;
    AUTO_VAL(buf) pem = {0};
    TRY(render_certificate(row, &certificate));
    TRY(certificate_to_pem(buf_view(&row->der), &pem));
    TRY(json_set_text(certificate, "pem", buf_str(&pem)));
    return reply_resource(request, response, 200, certificate, row->ver);
}

static err_t find_certificate(struct api *api, const struct request *request, struct certificate_row *out)
{
    uint8_t serial[CERTIFICATE_SERIAL_SIZE];
    TRY(request_check_query(request, no_query));
    err_t error = hex_decode(bytes_str(request->params[0]), serial, sizeof serial);
    ENSURE(error.code == ERR_OK, ERR_BAD_REQUEST, "a serial is 32 lower-case hexadecimal characters");
    return certificate_find(api->options.fleet, request->principal->tenant, serial, out);
}

static err_t get_certificate(struct api *api, const struct request *request, struct response *response)
{
    AUTO_VAL(certificate_row) row = {.ver = 0};
    TRY(find_certificate(api, request, &row));
    return reply_certificate(request, &row, response);
}

static err_t read_reason(const struct request *request, int *out)
{
    struct raw {
        const char *reason;
    } raw = {NULL};
    static const struct json_field fields[] = {
        {"reason", JSON_KIND_TEXT, true, offsetof(struct raw, reason), 1, 64, JSON_NO_HAS},
    };
    AUTO(json_t) *document = NULL;
    TRY(request_json(request, &document));
    TRY(json_read(document, fields, 1, true, &raw));
    return revocation_reason_parse(bytes_str(raw.reason), out);
}

static err_t post_revoke(struct api *api, const struct request *request, struct response *response)
{
    AUTO_VAL(certificate_row) before = {.ver = 0};
    AUTO_VAL(certificate_row) revoked = {.ver = 0};
    AUTO_VAL(certificate_row) row = {.ver = 0};
    int reason = 0;
    TRY(read_reason(request, &reason));
    TRY(find_certificate(api, request, &before));
    TRY(request_check_match(request, before.ver));
    const struct revocation_order order = {
        .tenant = request->principal->tenant, .serial = before.serial, .reason = reason};
    TRY(certificate_revoke(api->options.fleet, &request->principal->actor, &order, &revoked));
    TRY(find_certificate(api, request, &row)); /* as it is now, with DER */
    return reply_certificate(request, &row, response);
}

const struct route certificate_routes[] = {
    {.method = HTTP_GET,
     .path = "/api/v1/certificates/{serial}",
     .listeners = LISTENER_MANAGEMENT,
     .access = ACCESS_CALLER,
     .scopes = SCOPE_CERTIFICATES_READ,
     .handler = get_certificate},
    {.method = HTTP_POST,
     .path = "/api/v1/certificates/{serial}/revoke",
     .listeners = LISTENER_MANAGEMENT,
     .access = ACCESS_CALLER,
     .scopes = SCOPE_CERTIFICATES_REVOKE,
     .body_limit = REVOKE_BODY_LIMIT,
     .handler = post_revoke},
};
