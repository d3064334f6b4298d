/* Client certificates of back ends over REST: list, look, register, change, revoke. The rules are in
 * fleet/client_certificates.c. */
#include "fleet/client_certificates.h"

#include <stdio.h>
#include <string.h>

#include "api/page.h"
#include "api/reply.h"
#include "api/scope_list.h"
#include "api/tables.h"
#include "api/terms.h"
#include "fleet/sources.h"

enum { BODY_LIMIT = 32768, LIST_MAX = 64 };
static const char *const no_query[] = {NULL};
static const char what[] = "client certificate";

/* --- out -------------------------------------------------------------------------------------------- */

static err_t render(const struct client_certificate_row *row, json_t **out)
{
    char id[UUID_TEXT_SIZE];
    *out = NULL;
    uuid_format(row->id, id);
    AUTO(json_t) *object = json_object();
    TRY(json_set_text(object, "id", id));
    TRY(json_set_text(object, "name", row->name));
    TRY(json_set_hex(object, "spki_sha256", BYTES_OF(row->spki_sha256)));
    TRY(scope_list_set(object, "scopes", row->scopes));
    TRY(json_set_words(object, "allowed_sources", row->sources));
    TRY(json_set_time_if(object, "expires_at", row->expires_at));
    TRY(json_set_time_if(object, "last_used_at", row->last_used_at));
    TRY(json_set_time_if(object, "revoked_at", row->revoked_at));
    TRY(json_set_time(object, "created_at", row->created_at));
    TRY(json_set_time(object, "updated_at", row->updated_at));
    *out = TAKE(object);
    return OK;
}

static err_t reply(const struct request *request, int status, const struct client_certificate_row *row,
                   struct response *response)
{
    AUTO(json_t) *object = NULL;
    TRY(render(row, &object));
    return reply_resource(request, response, status, object, row->ver);
}

/* --- in --------------------------------------------------------------------------------------------- */

struct raw {
    const char *name, *certificate;
    json_t *scopes, *allowed_sources;
    int64_t expires_at;
    bool has_expiry, has_hash;
    uint8_t hash[SHA256_SIZE];
};
static const struct json_field fields[] = {
    {"name", JSON_KIND_TEXT, false, offsetof(struct raw, name), 0, 0, JSON_NO_HAS},
    {"scopes", JSON_KIND_ARRAY, false, offsetof(struct raw, scopes), 1, LIST_MAX, JSON_NO_HAS},
    {"allowed_sources", JSON_KIND_ARRAY, false, offsetof(struct raw, allowed_sources), 0, LIST_MAX,
     JSON_NO_HAS},
    {"expires_at", JSON_KIND_TIME, false, offsetof(struct raw, expires_at), 0, 0,
     offsetof(struct raw, has_expiry)},
    /* what follows cannot be changed later: another key is another certificate */
    {"certificate", JSON_KIND_LINES, false, offsetof(struct raw, certificate), 0, 0, JSON_NO_HAS},
    {"spki_sha256", JSON_KIND_HEX32, false, offsetof(struct raw, hash), 0, 0, offsetof(struct raw, has_hash)},
};
enum { FIELDS = sizeof fields / sizeof fields[0], CHANGEABLE_FIELDS = 4 };

static err_t read_lists(const struct raw *raw, struct faults *faults, struct client_certificate_wish *out)
{
    char pointer[FAULT_POINTER_SIZE];
    out->has_scopes = raw->scopes != NULL;
    out->has_sources = raw->allowed_sources != NULL;
    TRY(scope_list_read(raw->scopes, faults, &out->scopes));
    for (size_t i = 0; i < json_array_size(raw->allowed_sources); i++) {
        (void)snprintf(pointer, sizeof pointer, "/allowed_sources/%zu", i);
        TRY(faults_note(faults, pointer, sources_add(word_at(raw->allowed_sources, i), out->sources)));
    }
    return OK;
}

/* The certificate, or the hash that a refused request told. */
static err_t read_key(const struct raw *raw, struct faults *faults, struct client_certificate_wish *out)
{
    out->has_key = true;
    memcpy(out->spki_sha256, raw->hash, sizeof out->spki_sha256);
    if (raw->certificate != NULL) {
        TRY(faults_note(faults, "/certificate",
                        client_certificate_key(bytes_str(raw->certificate), out->spki_sha256)));
    }
    if (raw->has_hash == (raw->certificate != NULL)) {
        faults_add(faults, raw->has_hash ? "/spki_sha256" : "/certificate",
                   "give either the certificate or spki_sha256");
    }
    return OK;
}

static err_t read_wish(const struct request *request, const json_t *document, struct faults *faults,
                       struct client_certificate_wish *out)
{
    bool is_new = request->method == HTTP_POST;
    struct raw raw = {.name = NULL};
    TRY(json_read_all(document, fields, is_new ? FIELDS : CHANGEABLE_FIELDS, faults, &raw));
    bool is_endless = !is_new && json_is_null(json_object_get(document, "expires_at"));
    *out = (struct client_certificate_wish){.name = raw.name == NULL ? BYTES_NONE : bytes_str(raw.name),
                                            .has_expiry = raw.has_expiry || is_endless,
                                            .expires_at = raw.expires_at,
                                            .caller_scopes = request->principal->scopes};
    TRY(read_lists(&raw, faults, out));
    if (!is_new) {
        request_refuse_nulls(document, "expires_at", faults);
        return OK;
    }
    request_need(document, "name", faults);
    request_need(document, "scopes", faults);
    return read_key(&raw, faults, out);
}

/* --- the operations --------------------------------------------------------------------------------- */

static err_t add_row(const struct client_certificate_row *row, void *arg)
{
    AUTO(json_t) *object = NULL;
    TRY(render(row, &object));
    return page_add_named(arg, BYTES_OF(row->id.b), row->name, TAKE(object));
}

static err_t get_list(struct api *api, const struct request *request, struct response *response)
{
    AUTO_VAL(page) page = {.name = ""};
    TRY(page_open_named(request, "client_certificates", &page));
    const struct row_window window = page_window(&page);
    TRY(client_certificate_list(api->options.fleet, page.tenant, &window, add_row, &page));
    return page_reply(&page, response);
}

static err_t get_one(struct api *api, const struct request *request, struct response *response)
{
    struct uuid id;
    struct client_certificate_row row;
    TRY(request_check_query(request, no_query));
    TRY(request_uuid(request->params[0], what, &id));
    TRY(client_certificate_find(api->options.fleet, request->principal->tenant, id, &row));
    return reply(request, 200, &row, response);
}

static err_t create(struct api *api, const struct request *request, struct faults *faults,
                    struct client_certificate_row *out)
{
    struct terms terms;
    struct client_certificate_wish wish;
    AUTO(json_t) *document = NULL;
    TRY(request_terms(request, faults, &terms));
    TRY(request_body(request, false, &document));
    TRY(read_wish(request, document, faults, &wish));
    return client_certificate_add(api->options.fleet, &terms, &wish, out);
}

static err_t post_one(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    struct client_certificate_row row = {.ver = 0};
    err_t error = create(api, request, &faults, &row);
    if (error.code != ERR_OK) {
        return reply_faults(request, error, &faults, response);
    }
    TRY(reply_location(response, "/api/v1/client-certificates", row.id));
    return reply(request, 201, &row, response);
}

static err_t change(struct api *api, const struct request *request, struct faults *faults,
                    struct client_certificate_row *out)
{
    struct uuid id;
    struct terms terms;
    struct client_certificate_wish wish;
    AUTO(json_t) *document = NULL;
    TRY(request_uuid(request->params[0], what, &id));
    TRY(request_terms(request, faults, &terms));
    TRY(request_body(request, false, &document));
    TRY(read_wish(request, document, faults, &wish));
    return client_certificate_change(api->options.fleet, &terms, id, &wish, out);
}

static err_t patch_one(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    struct client_certificate_row row = {.ver = 0};
    err_t error = change(api, request, &faults, &row);
    return error.code == ERR_OK ? reply(request, 200, &row, response)
                                : reply_faults(request, error, &faults, response);
}

static err_t revoke(struct api *api, const struct request *request, struct faults *faults,
                    struct client_certificate_row *out)
{
    struct uuid id;
    struct terms terms;
    AUTO(json_t) *document = NULL;
    TRY(request_uuid(request->params[0], what, &id));
    TRY(request_terms(request, faults, &terms));
    TRY(request_body(request, true, &document));
    TRY(json_read_all(document, NULL, 0, faults, NULL)); /* no field is known */
    TRY(faults_error(faults));
    return client_certificate_revoke(api->options.fleet, &terms, id, out);
}

static err_t post_revoke(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    struct client_certificate_row row = {.ver = 0};
    err_t error = revoke(api, request, &faults, &row);
    return error.code == ERR_OK ? reply(request, 200, &row, response)
                                : reply_faults(request, error, &faults, response);
}

#define ROW(method_, path_, scope_, handler_)                                                                \
    {                                                                                                        \
        .method = (method_), .path = (path_), .listeners = LISTENER_MANAGEMENT, .access = ACCESS_CALLER,     \
        .scopes = (scope_), .body_limit = (method_) == HTTP_GET ? 0 : BODY_LIMIT, .handler = (handler_)      \
    }
const struct route client_certificate_routes[] = {
    ROW(HTTP_GET, "/api/v1/client-certificates", SCOPE_TOKENS_READ, get_list),
    ROW(HTTP_POST, "/api/v1/client-certificates", SCOPE_TOKENS_WRITE, post_one),
    ROW(HTTP_GET, "/api/v1/client-certificates/{id}", SCOPE_TOKENS_READ, get_one),
    ROW(HTTP_PATCH, "/api/v1/client-certificates/{id}", SCOPE_TOKENS_WRITE, patch_one),
    ROW(HTTP_POST, "/api/v1/client-certificates/{id}/revoke", SCOPE_TOKENS_WRITE, post_revoke),
};
#undef ROW
