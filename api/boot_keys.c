/* Boot keys over REST: list, look, register, revoke. The rules are in fleet/boot_keys.c. */
#include "fleet/boot_keys.h"

#include "api/page.h"
#include "api/reply.h"
#include "api/tables.h"
#include "api/terms.h"
#include "pki/certificate.h"
#include "pki/code_certificate.h"

enum { BODY_LIMIT = 32768, WORD_MAX = 32 };
#define KEYS "/api/v1/firmware/boot-keys"
static const char *const no_query[] = {NULL};
static const char *const list_filters[] = {"product", NULL};

/* --- out -------------------------------------------------------------------------------------------- */

static err_t set_public(json_t *key, const struct boot_key_row *row)
{
    AUTO_VAL(buf) pem = {0};
    TRY(row->kind == BOOT_KEY_CMS ? certificate_to_pem(boot_key_public(row), &pem)
                                  : public_key_to_pem(boot_key_public(row), &pem));
    return json_set_text(key, "public", buf_str(&pem));
}

static err_t render(const struct boot_key_row *row, json_t **out)
{
    *out = NULL;
    AUTO(json_t) *key = json_object();
    TRY(json_set_uuid(key, "id", row->id));
    TRY(json_set_text(key, "name", row->name));
    TRY(json_set_text(key, "product", row->product_name));
    TRY(json_set_text(key, "kind", boot_key_kind_name(row->kind)));
    TRY(json_set_text(key, "state", row->is_revoked ? "revoked" : "active"));
    TRY(json_set_hex(key, "digest", BYTES_OF(row->digest.b)));
    TRY(set_public(key, row));
    TRY(json_set_time(key, "created_at", row->created_at));
    TRY(json_set_time(key, "updated_at", row->updated_at));
    *out = TAKE(key);
    return OK;
}

static err_t reply(const struct request *request, int status, const struct boot_key_row *row,
                   struct response *response)
{
    AUTO(json_t) *key = NULL;
    TRY(render(row, &key));
    return reply_resource(request, response, status, key, row->ver);
}

/* --- in --------------------------------------------------------------------------------------------- */

struct raw {
    const char *name, *product, *kind, *public_text;
};
static const struct json_field fields[] = {
    {"name", JSON_KIND_TEXT, false, offsetof(struct raw, name), 0, 0, JSON_NO_HAS},
    {"product", JSON_KIND_TEXT, false, offsetof(struct raw, product), 1, NAME_SIZE - 1, JSON_NO_HAS},
    {"kind", JSON_KIND_TEXT, false, offsetof(struct raw, kind), 0, WORD_MAX, JSON_NO_HAS},
    {"public", JSON_KIND_LINES, false, offsetof(struct raw, public_text), 1, 0, JSON_NO_HAS},
};

static err_t read_wish(const json_t *document, struct faults *faults, struct boot_key_wish *out)
{
    struct raw raw = {.name = NULL};
    TRY(json_read_all(document, fields, sizeof fields / sizeof fields[0], faults, &raw));
    request_need(document, "name", faults);
    request_need(document, "kind", faults);
    request_need(document, "public", faults);
    *out = (struct boot_key_wish){.name = bytes_or_none(raw.name),
                                  .product = bytes_or_none(raw.product),
                                  .public_text = bytes_or_none(raw.public_text)};
    if (raw.kind != NULL) {
        err_t error = boot_key_kind_parse(bytes_str(raw.kind), &out->kind);
        out->has_kind = error.code == ERR_OK;
        TRY(faults_note(faults, "/kind", error));
    }
    return OK;
}

/* --- the operations --------------------------------------------------------------------------------- */

static err_t add_key(const struct boot_key_row *row, void *arg)
{
    AUTO(json_t) *key = NULL;
    TRY(render(row, &key));
    return page_add(arg, BYTES_OF(row->id.b), TAKE(key));
}

static err_t get_keys(struct api *api, const struct request *request, struct response *response)
{
    AUTO_VAL(page) page = {.name = ""};
    TRY(page_open_filtered(request, "boot_keys", list_filters, &page));
    const struct boot_key_list list = {.tenant = page.tenant,
                                       .product = bytes_or_none(http_query(request, "product")),
                                       .window = page_window(&page)};
    err_t error = boot_key_list(api->options.fleet, &list, add_key, &page);
    ENSURE(error.code != ERR_NOT_FOUND, ERR_BAD_REQUEST, "no product has this name");
    TRY(error);
    return page_reply(&page, response);
}

static err_t get_key(struct api *api, const struct request *request, struct response *response)
{
    struct uuid id;
    struct boot_key_row row;
    TRY(request_check_query(request, no_query));
    TRY(request_uuid(request->params[0], "boot key", &id));
    TRY(boot_key_find(api->options.fleet, request->principal->tenant, id, &row));
    return reply(request, 200, &row, response);
}

static err_t create(struct api *api, const struct request *request, struct faults *faults,
                    struct boot_key_row *out)
{
    struct terms terms;
    struct boot_key_wish wish;
    AUTO(json_t) *document = NULL;
    TRY(request_terms(request, faults, &terms));
    TRY(request_body(request, false, &document));
    TRY(read_wish(document, faults, &wish));
    return boot_key_add(api->options.fleet, &terms, &wish, out);
}

static err_t post_key(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    struct boot_key_row row = {.ver = 0};
    err_t error = create(api, request, &faults, &row);
    if (error.code != ERR_OK) {
        return reply_faults(request, error, &faults, response);
    }
    TRY(reply_location(response, KEYS, row.id));
    return reply(request, 201, &row, response);
}

static err_t revoke(struct api *api, const struct request *request, struct faults *faults,
                    struct boot_key_row *out)
{
    struct uuid id;
    struct terms terms;
    AUTO(json_t) *document = NULL;
    TRY(request_uuid(request->params[0], "boot key", &id));
    TRY(request_terms(request, faults, &terms));
    TRY(request_body(request, true, &document));
    TRY(json_read_all(document, NULL, 0, faults, NULL));
    TRY(faults_error(faults));
    return boot_key_revoke(api->options.fleet, &terms, id, out);
}

static err_t post_revoke(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    struct boot_key_row row = {.ver = 0};
    err_t error = revoke(api, request, &faults, &row);
    return error.code == ERR_OK ? reply(request, 200, &row, response)
                                : reply_faults(request, error, &faults, response);
}

#define ROW(method_, path_, scope_, handler_)                                                                \
    {                                                                                                        \
        .method = (method_), .path = (path_), .listeners = LISTENER_MANAGEMENT, .access = ACCESS_CALLER,     \
        .scopes = (scope_), .body_limit = (method_) == HTTP_GET ? 0 : BODY_LIMIT, .handler = (handler_)      \
    }
const struct route boot_key_routes[] = {
    ROW(HTTP_GET, KEYS, SCOPE_FIRMWARE_READ, get_keys),
    ROW(HTTP_POST, KEYS, SCOPE_FIRMWARE_WRITE, post_key),
    ROW(HTTP_GET, KEYS "/{id}", SCOPE_FIRMWARE_READ, get_key),
    ROW(HTTP_POST, KEYS "/{id}/revoke", SCOPE_FIRMWARE_WRITE, post_revoke),
};
#undef ROW
