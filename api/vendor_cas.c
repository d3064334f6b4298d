/* Pinned CAs of chip makers over REST: list, look, pin, change, retire. The rules are in fleet/vendor_cas.c;
 * here is their form in JSON. */
#include "fleet/vendor_cas.h"

#include "api/page.h"
#include "api/reply.h"
#include "api/tables.h"
#include "api/terms.h"
#include "fleet/access.h"
#include "pki/certificate.h"

enum { BODY_LIMIT = 32768 };
static const char *const no_query[] = {NULL};
static const char *const list_filters[] = {"product", NULL};

/* --- out -------------------------------------------------------------------------------------------- */

static err_t set_pem(json_t *object, const char *name, struct bytes der)
{
    AUTO_VAL(buf) pem = {0};
    TRY(certificate_to_pem(der, &pem));
    return json_set_text(object, name, buf_str(&pem));
}

static err_t render(const struct vendor_ca_row *row, json_t **out)
{
    *out = NULL;
    AUTO(json_t) *ca = json_object();
    TRY(json_set_uuid(ca, "id", row->id));
    TRY(json_set_text(ca, "name", row->name));
    TRY(json_set_text(ca, "state", row->retired_at == 0 ? "active" : "retired"));
    TRY(json_set_uuid(ca, "product_id", row->product));
    TRY(json_set_uuid(ca, "batch_id", row->batch));
    TRY(json_set_text(ca, "subject", row->subject));
    TRY(json_set_hex(ca, "spki_sha256", BYTES_OF(row->spki_sha256)));
    TRY(json_set_time(ca, "not_before", row->not_before));
    TRY(json_set_time(ca, "not_after", row->not_after));
    TRY(set_pem(ca, "certificate", (struct bytes){row->der, row->der_size}));
    TRY(json_set_int(ca, "admitted", row->admitted));
    TRY(json_set_time(ca, "created_at", row->created_at));
    TRY(json_set_time(ca, "updated_at", row->updated_at));
    TRY(row->retired_at == 0 ? OK : json_set_time(ca, "retired_at", row->retired_at));
    *out = TAKE(ca);
    return OK;
}

/* Never 304: devices are counted without a new version. */
static err_t reply(int status, const struct vendor_ca_row *row, struct response *response)
{
    AUTO(json_t) *ca = NULL;
    TRY(render(row, &ca));
    return reply_counted(response, status, ca, row->ver);
}

/* --- in --------------------------------------------------------------------------------------------- */

struct raw {
    const char *name, *batch, *product, *certificate;
};
static const struct json_field fields[] = {
    {"name", JSON_KIND_TEXT, false, offsetof(struct raw, name), 0, 0, JSON_NO_HAS},
    {"batch", JSON_KIND_TEXT, false, offsetof(struct raw, batch), 1, 0, JSON_NO_HAS},
    /* what follows cannot be changed later */
    {"product", JSON_KIND_TEXT, false, offsetof(struct raw, product), 1, NAME_SIZE - 1, JSON_NO_HAS},
    {"certificate", JSON_KIND_LINES, false, offsetof(struct raw, certificate), 1, 0, JSON_NO_HAS},
};
enum { FIELDS = sizeof fields / sizeof fields[0], CHANGEABLE_FIELDS = 2 };

static err_t read_change(const json_t *document, bool is_new, struct faults *faults,
                         struct vendor_ca_change *out)
{
    struct raw raw = {.name = NULL};
    TRY(json_read_all(document, fields, is_new ? FIELDS : CHANGEABLE_FIELDS, faults, &raw));
    *out = (struct vendor_ca_change){.name = bytes_or_none(raw.name),
                                     .product = bytes_or_none(raw.product),
                                     .pem = bytes_or_none(raw.certificate),
                                     .batch = bytes_or_none(raw.batch)};
    if (is_new) {
        request_need(document, "name", faults);
        request_need(document, "certificate", faults);
    } else {
        request_refuse_nulls(document, NULL, faults);
    }
    return OK;
}

/* --- the operations --------------------------------------------------------------------------------- */

static err_t add_vendor_ca(const struct vendor_ca_row *row, void *arg)
{
    AUTO(json_t) *ca = NULL;
    TRY(render(row, &ca));
    return page_add(arg, BYTES_OF(row->id.b), TAKE(ca));
}

static err_t get_vendor_cas(struct api *api, const struct request *request, struct response *response)
{
    AUTO_VAL(page) page = {.name = ""};
    struct uuid product;
    TRY(page_open_filtered(request, "vendor_cas", list_filters, &page));
    const char *filter = http_query(request, "product");
    if (filter != NULL) {
        ENSURE(uuid_parse(bytes_str(filter), &product).code == ERR_OK, ERR_BAD_REQUEST,
               "product is an id (a UUID)");
    }
    const struct row_window window = page_window(&page);
    TRY(vendor_ca_list(api->options.fleet, page.tenant, filter == NULL ? NULL : &product, &window,
                       add_vendor_ca, &page));
    return page_reply(&page, response);
}

static err_t get_vendor_ca(struct api *api, const struct request *request, struct response *response)
{
    struct uuid id;
    struct vendor_ca_row row;
    TRY(request_check_query(request, no_query));
    TRY(request_uuid(request->params[0], "vendor CA", &id));
    TRY(vendor_ca_get(api->options.fleet, request->principal->tenant, id, &row));
    return reply(200, &row, response);
}

static err_t create(struct api *api, const struct request *request, struct faults *faults,
                    struct vendor_ca_row *out)
{
    struct terms terms;
    struct vendor_ca_change change;
    AUTO(json_t) *document = NULL;
    TRY(request_terms(request, faults, &terms));
    TRY(request_body(request, false, &document));
    TRY(read_change(document, true, faults, &change));
    return vendor_ca_add(api->options.fleet, &terms, &change, out);
}

static err_t post_vendor_ca(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    struct vendor_ca_row row = {.ver = 0};
    err_t error = create(api, request, &faults, &row);
    if (error.code != ERR_OK) {
        return reply_faults(request, error, &faults, response);
    }
    TRY(reply_location(response, "/api/v1/vendor-cas", row.id));
    return reply(201, &row, response);
}

static err_t change(struct api *api, const struct request *request, struct faults *faults,
                    struct vendor_ca_row *out)
{
    struct uuid id;
    struct terms terms;
    struct vendor_ca_change wanted;
    AUTO(json_t) *document = NULL;
    TRY(request_uuid(request->params[0], "vendor CA", &id));
    TRY(request_terms(request, faults, &terms));
    TRY(request_body(request, false, &document));
    TRY(read_change(document, false, faults, &wanted));
    return vendor_ca_change(api->options.fleet, &terms, id, &wanted, out);
}

static err_t patch_vendor_ca(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    struct vendor_ca_row row = {.ver = 0};
    err_t error = change(api, request, &faults, &row);
    return error.code == ERR_OK ? reply(200, &row, response)
                                : reply_faults(request, error, &faults, response);
}

static err_t retire(struct api *api, const struct request *request, struct faults *faults,
                    struct vendor_ca_row *out)
{
    struct uuid id;
    struct terms terms;
    AUTO(json_t) *document = NULL;
    TRY(request_uuid(request->params[0], "vendor CA", &id));
    TRY(request_terms(request, faults, &terms));
    TRY(request_body(request, true, &document));
    TRY(json_read_all(document, NULL, 0, faults, NULL));
    TRY(faults_error(faults));
    return vendor_ca_retire(api->options.fleet, &terms, id, out);
}

static err_t post_retire(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    struct vendor_ca_row row = {.ver = 0};
    err_t error = retire(api, request, &faults, &row);
    return error.code == ERR_OK ? reply(200, &row, response)
                                : reply_faults(request, error, &faults, response);
}

#define ROW(method_, path_, scope_, handler_)                                                                \
    {                                                                                                        \
        .method = (method_), .path = (path_), .listeners = LISTENER_MANAGEMENT, .access = ACCESS_CALLER,     \
        .scopes = (scope_), .body_limit = (method_) == HTTP_GET ? 0 : BODY_LIMIT, .handler = (handler_)      \
    }
const struct route vendor_ca_routes[] = {
    ROW(HTTP_GET, "/api/v1/vendor-cas", SCOPE_PRODUCTS_READ, get_vendor_cas),
    ROW(HTTP_POST, "/api/v1/vendor-cas", SCOPE_PRODUCTS_WRITE, post_vendor_ca),
    ROW(HTTP_GET, "/api/v1/vendor-cas/{id}", SCOPE_PRODUCTS_READ, get_vendor_ca),
    ROW(HTTP_PATCH, "/api/v1/vendor-cas/{id}", SCOPE_PRODUCTS_WRITE, patch_vendor_ca),
    ROW(HTTP_POST, "/api/v1/vendor-cas/{id}/retire", SCOPE_PRODUCTS_WRITE, post_retire),
};
#undef ROW
