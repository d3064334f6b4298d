/* Keys that sign firmware over REST: list, look, make, end, certify, and what they signed. The rules are in
 * fleet/firmware_keys.c; here is their form in JSON. */
#include "fleet/firmware_keys.h"

#include "api/page.h"
#include "api/reply.h"
#include "api/tables.h"
#include "api/terms.h"
#include "fleet/access.h"
#include "pki/certificate.h"
#include "pki/code_certificate.h"

enum { BODY_LIMIT = 32768, WORD_MAX = 32 };
#define KEYS "/api/v1/firmware/keys"
static const char *const no_query[] = {NULL};
static const char *const list_filters[] = {"product", NULL};

/* --- out -------------------------------------------------------------------------------------------- */

static err_t set_pems(json_t *key, const struct firmware_key_row *row)
{
    AUTO_VAL(buf) public_key = {0};
    AUTO_VAL(buf) certificate = {0};
    TRY(public_key_to_pem((struct bytes){row->spki, row->spki_size}, &public_key));
    TRY(json_set_text(key, "public_key", buf_str(&public_key)));
    if (row->certificate_size == 0) {
        return OK;
    }
    TRY(certificate_to_pem((struct bytes){row->certificate, row->certificate_size}, &certificate));
    return json_set_text(key, "certificate", buf_str(&certificate));
}

static err_t render(const struct firmware_key_row *row, json_t **out)
{
    *out = NULL;
    AUTO(json_t) *key = json_object();
    TRY(json_set_uuid(key, "id", row->id));
    TRY(json_set_text(key, "name", row->name));
    TRY(json_set_text(key, "product", row->product_name));
    TRY(json_set_text(key, "role", firmware_key_role_name(row->role)));
    TRY(json_set_text(key, "algorithm", row->algorithm));
    TRY(json_set_text(key, "state", firmware_key_state_name(row->state)));
    TRY(json_set_hex(key, "spki_sha256", BYTES_OF(row->spki_sha256)));
    TRY(set_pems(key, row));
    TRY(json_set_int(key, "uses", row->uses));
    TRY(row->uses_max == 0 ? OK : json_set_int(key, "uses_max", row->uses_max));
    TRY(json_set_time_if(key, "last_used_at", row->last_used_at));
    TRY(json_set_time(key, "created_at", row->created_at));
    TRY(json_set_time(key, "updated_at", row->updated_at));
    *out = TAKE(key);
    return OK;
}

static err_t reply(const struct request *request, int status, const struct firmware_key_row *row,
                   struct response *response)
{
    AUTO(json_t) *key = NULL;
    TRY(render(row, &key));
    return reply_resource(request, response, status, key, row->ver);
}

/* --- in --------------------------------------------------------------------------------------------- */

struct raw {
    const char *name, *product, *role, *algorithm;
    struct firmware_key_order order;
};
static const struct json_field fields[] = {
    {"name", JSON_KIND_TEXT, false, offsetof(struct raw, name), 0, 0, JSON_NO_HAS},
    {"product", JSON_KIND_TEXT, false, offsetof(struct raw, product), 1, NAME_SIZE - 1, JSON_NO_HAS},
    {"role", JSON_KIND_TEXT, false, offsetof(struct raw, role), 0, WORD_MAX, JSON_NO_HAS},
    {"algorithm", JSON_KIND_TEXT, false, offsetof(struct raw, algorithm), 1, WORD_MAX, JSON_NO_HAS},
    {"uses_max", JSON_KIND_INTEGER, false, offsetof(struct raw, order.uses_max), 0, INT64_MAX, JSON_NO_HAS},
    {"certificate_days", JSON_KIND_INTEGER, false, offsetof(struct raw, order.certificate_days), 1, INT32_MAX,
     JSON_NO_HAS},
};

static err_t read_order(const json_t *document, struct faults *faults, struct firmware_key_order *out)
{
    struct raw raw = {.name = NULL};
    TRY(json_read_all(document, fields, sizeof fields / sizeof fields[0], faults, &raw));
    request_need(document, "name", faults);
    request_need(document, "role", faults);
    *out = raw.order;
    out->name = bytes_or_none(raw.name);
    out->product = bytes_or_none(raw.product);
    out->algorithm = bytes_or_none(raw.algorithm);
    if (raw.role != NULL) {
        err_t error = firmware_key_role_parse(bytes_str(raw.role), &out->role);
        out->has_role = error.code == ERR_OK;
        TRY(faults_note(faults, "/role", error));
    }
    return OK;
}

/* --- look ------------------------------------------------------------------------------------------- */

static err_t add_key(const struct firmware_key_row *row, void *arg)
{
    AUTO(json_t) *key = NULL;
    TRY(render(row, &key));
    return page_add(arg, BYTES_OF(row->id.b), TAKE(key));
}

static err_t get_keys(struct api *api, const struct request *request, struct response *response)
{
    AUTO_VAL(page) page = {.name = ""};
    TRY(page_open_filtered(request, "firmware_keys", list_filters, &page));
    const struct firmware_key_list list = {.tenant = page.tenant,
                                           .product = bytes_or_none(http_query(request, "product")),
                                           .window = page_window(&page)};
    err_t error = firmware_key_list(api->options.fleet, &list, add_key, &page);
    ENSURE(error.code != ERR_NOT_FOUND, ERR_BAD_REQUEST, "no product has this name");
    TRY(error);
    return page_reply(&page, response);
}

static err_t get_key(struct api *api, const struct request *request, struct response *response)
{
    struct uuid id;
    struct firmware_key_row row;
    TRY(request_check_query(request, no_query));
    TRY(request_uuid(request->params[0], "firmware key", &id));
    TRY(firmware_key_get(api->options.fleet, request->principal->tenant, id, &row));
    return reply(request, 200, &row, response);
}

static void put_big_endian(int64_t value, uint8_t out[8])
{
    for (int i = 0; i < 8; i++) {
        out[i] = (uint8_t)((uint64_t)value >> (56 - 8 * i));
    }
}

static int64_t read_big_endian(struct bytes in)
{
    uint64_t value = 0;
    for (size_t i = 0; i < in.n; i++) {
        value = (value << 8) | in.p[i];
    }
    return (int64_t)value;
}

static err_t add_use(const struct firmware_key_use_row *row, void *arg)
{
    uint8_t key[8];
    AUTO(json_t) *use = json_object();
    put_big_endian(row->n, key);
    TRY(json_set_int(use, "use", row->n));
    TRY(json_set_text(use, "kind", firmware_key_use_kind_name(row->kind)));
    TRY(json_set_uuid(use, "id", row->subject));
    TRY(json_set_hex(use, "signed_sha256", BYTES_OF(row->digest)));
    TRY(json_set_time(use, "at", row->at));
    return page_add(arg, BYTES_OF(key), TAKE(use));
}

static err_t get_uses(struct api *api, const struct request *request, struct response *response)
{
    AUTO_VAL(page) page = {.name = ""};
    struct firmware_key_use_window window;
    TRY(request_uuid(request->params[0], "firmware key", &window.key));
    TRY(page_open(request, "signed", &page));
    const struct row_window rows = page_window(&page);
    ENSURE(rows.after.n == 0 || rows.after.n == sizeof(int64_t), ERR_BAD_REQUEST,
           "the cursor is of another list");
    window.tenant = page.tenant;
    window.after = read_big_endian(rows.after);
    window.limit = rows.limit;
    TRY(firmware_key_uses(api->options.fleet, &window, add_use, &page));
    return page_reply(&page, response);
}

static err_t get_request(struct api *api, const struct request *request, struct response *response)
{
    struct uuid id;
    TRY(request_check_query(request, no_query));
    TRY(request_uuid(request->params[0], "firmware key", &id));
    TRY(firmware_key_request(api->options.fleet, request->principal->tenant, id, &response->body));
    response->status = 200;
    response->content_type = "application/x-pem-file";
    return OK;
}

/* --- change ----------------------------------------------------------------------------------------- */

static err_t create(struct api *api, const struct request *request, struct faults *faults,
                    struct firmware_key_row *out)
{
    struct terms terms;
    struct firmware_key_order order;
    AUTO(json_t) *document = NULL;
    TRY(request_terms(request, faults, &terms));
    TRY(request_body(request, false, &document));
    TRY(read_order(document, faults, &order));
    return firmware_key_add(api->options.fleet, &terms, &order, out);
}

static err_t post_key(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    struct firmware_key_row row = {.ver = 0};
    err_t error = create(api, request, &faults, &row);
    if (error.code != ERR_OK) {
        return reply_faults(request, error, &faults, response);
    }
    TRY(reply_location(response, KEYS, row.id));
    return reply(request, 201, &row, response);
}

typedef err_t (*end_fn)(struct fleet *fleet, const struct terms *terms, struct uuid id,
                        struct firmware_key_row *out);

static err_t end(struct api *api, const struct request *request, end_fn fn, struct response *response)
{
    struct uuid id;
    struct terms terms;
    struct firmware_key_row row;
    struct faults faults = {.count = 0};
    AUTO(json_t) *document = NULL;
    TRY(request_uuid(request->params[0], "firmware key", &id));
    TRY(request_terms(request, &faults, &terms));
    TRY(request_body(request, true, &document));
    TRY(json_read_all(document, NULL, 0, &faults, NULL));
    err_t error = faults_error(&faults);
    if (error.code == ERR_OK) {
        error = fn(api->options.fleet, &terms, id, &row);
    }
    return error.code == ERR_OK ? reply(request, 200, &row, response)
                                : reply_faults(request, error, &faults, response);
}

static err_t post_retire(struct api *api, const struct request *request, struct response *response)
{
    return end(api, request, firmware_key_retire, response);
}

static err_t post_compromised(struct api *api, const struct request *request, struct response *response)
{
    return end(api, request, firmware_key_compromised, response);
}

static err_t post_replaced(struct api *api, const struct request *request, struct response *response)
{
    return end(api, request, firmware_key_replaced, response);
}

static err_t certify(struct api *api, const struct request *request, struct faults *faults,
                     struct firmware_key_row *out)
{
    struct uuid id;
    struct terms terms;
    const char *pem = NULL;
    AUTO(json_t) *document = NULL;
    static const struct json_field certificate = {"certificate", JSON_KIND_LINES, false, 0, 1, 0,
                                                  JSON_NO_HAS};
    TRY(request_uuid(request->params[0], "firmware key", &id));
    TRY(request_terms(request, faults, &terms));
    TRY(request_body(request, false, &document));
    TRY(json_read_all(document, &certificate, 1, faults, &pem));
    request_need(document, "certificate", faults);
    TRY(faults_error(faults));
    return firmware_key_certificate(api->options.fleet, &terms, id, bytes_str(pem), out);
}

static err_t put_certificate(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    struct firmware_key_row row = {.ver = 0};
    err_t error = certify(api, request, &faults, &row);
    return error.code == ERR_OK ? reply(request, 200, &row, response)
                                : reply_faults(request, error, &faults, response);
}

#define ROW(method_, path_, scope_, handler_)                                                                \
    {                                                                                                        \
        .method = (method_), .path = (path_), .listeners = LISTENER_MANAGEMENT, .access = ACCESS_CALLER,     \
        .scopes = (scope_), .body_limit = (method_) == HTTP_GET ? 0 : BODY_LIMIT, .handler = (handler_)      \
    }
const struct route firmware_key_routes[] = {
    ROW(HTTP_GET, KEYS, SCOPE_FIRMWARE_READ, get_keys),
    ROW(HTTP_POST, KEYS, SCOPE_FIRMWARE_RELEASE, post_key),
    ROW(HTTP_GET, KEYS "/{id}", SCOPE_FIRMWARE_READ, get_key),
    ROW(HTTP_GET, KEYS "/{id}/signed", SCOPE_FIRMWARE_READ, get_uses),
    ROW(HTTP_GET, KEYS "/{id}/csr", SCOPE_FIRMWARE_RELEASE, get_request),
    ROW(HTTP_PUT, KEYS "/{id}/certificate", SCOPE_FIRMWARE_RELEASE, put_certificate),
    ROW(HTTP_POST, KEYS "/{id}/retire", SCOPE_FIRMWARE_RELEASE, post_retire),
    ROW(HTTP_POST, KEYS "/{id}/compromised", SCOPE_FIRMWARE_RELEASE, post_compromised),
    ROW(HTTP_POST, KEYS "/{id}/replaced", SCOPE_FIRMWARE_RELEASE, post_replaced),
};
#undef ROW
