/* Tokens over REST: list, look, make, change, rotate, revoke. A secret is in one answer, never in another.
 * The rules are in fleet/token_admin.c; here is their form in JSON. */
#include "fleet/token_admin.h"

#include <stdio.h>
#include <string.h>

#include "api/page.h"
#include "api/reply.h"
#include "api/scope_list.h"
#include "api/tables.h"
#include "api/terms.h"
#include "fleet/sources.h"

#define LIFETIME_DEFAULT_MS (INT64_C(90) * 24 * 3600 * 1000)
enum { BODY_LIMIT = 16384, LIST_MAX = 64 };
static const char *const no_query[] = {NULL};

/* --- out -------------------------------------------------------------------------------------------- */

static err_t render(const struct token_row *row, json_t **out)
{
    char id[TOKEN_ID_TEXT_SIZE];
    char tenant[UUID_TEXT_SIZE];
    *out = NULL;
    token_id_format(row->id, id);
    uuid_format(row->tenant, tenant);
    AUTO(json_t) *token = json_object();
    TRY(json_set_text(token, "id", id));
    TRY(json_set_text(token, "tenant_id", tenant));
    TRY(json_set_text(token, "name", row->name));
    TRY(scope_list_set(token, "scopes", row->scopes));
    TRY(json_set_words(token, "allowed_sources", row->sources));
    TRY(json_set_int(token, "live_secrets", row->revoked_at != 0 ? 0 : row->has_old ? 2 : 1));
    TRY(json_set_time(token, "created_at", row->created_at));
    TRY(json_set_time(token, "expires_at", row->expires_at));
    TRY(json_set_time_if(token, "rotated_at", row->rotated_at));
    TRY(json_set_time_if(token, "last_used_at", row->last_used_at));
    TRY(json_set_time_if(token, "revoked_at", row->revoked_at));
    *out = TAKE(token);
    return OK;
}

/* @param text the secret token, or NULL */
static err_t reply(const struct request *request, int status, const struct token_row *row, const char *text,
                   struct response *response)
{
    AUTO(json_t) *token = NULL;
    TRY(render(row, &token));
    if (text != NULL) {
        TRY(json_set_text(token, "token", text));
        TRY(response_header(response, "Cache-Control", "no-store"));
    }
    return reply_resource(request, response, status, token, row->ver);
}

/* --- in --------------------------------------------------------------------------------------------- */

struct raw {
    const char *name;
    json_t *scopes, *allowed_sources;
    int64_t expires_at;
    bool has_tenant;
    struct uuid tenant;
};
static const struct json_field fields[] = {
    {"name", JSON_KIND_TEXT, false, offsetof(struct raw, name), 0, 0, JSON_NO_HAS},
    {"allowed_sources", JSON_KIND_ARRAY, false, offsetof(struct raw, allowed_sources), 0, LIST_MAX,
     JSON_NO_HAS},
    /* what follows cannot be changed later */
    {"scopes", JSON_KIND_ARRAY, false, offsetof(struct raw, scopes), 1, LIST_MAX, JSON_NO_HAS},
    {"expires_at", JSON_KIND_TIME, false, offsetof(struct raw, expires_at), 0, 0, JSON_NO_HAS},
    {"tenant_id", JSON_KIND_UUID, false, offsetof(struct raw, tenant), 0, 0,
     offsetof(struct raw, has_tenant)},
};
enum { FIELDS = sizeof fields / sizeof fields[0], CHANGEABLE_FIELDS = 2 };

static err_t read_sources(const json_t *list, struct faults *faults, struct token_wish *out)
{
    char pointer[FAULT_POINTER_SIZE];
    out->has_sources = list != NULL;
    for (size_t i = 0; i < json_array_size(list); i++) {
        (void)snprintf(pointer, sizeof pointer, "/allowed_sources/%zu", i);
        TRY(faults_note(faults, pointer, sources_add(word_at(list, i), out->sources)));
    }
    return OK;
}

static err_t read_wish(const struct request *request, const json_t *document, struct faults *faults,
                       struct token_wish *out)
{
    bool is_new = request->method == HTTP_POST;
    struct raw raw = {.expires_at = request->now_ms + LIFETIME_DEFAULT_MS};
    TRY(json_read_all(document, fields, is_new ? FIELDS : CHANGEABLE_FIELDS, faults, &raw));
    *out = (struct token_wish){.name = raw.name == NULL ? BYTES_NONE : bytes_str(raw.name),
                               .expires_at = raw.expires_at,
                               .has_tenant = raw.has_tenant,
                               .tenant = raw.tenant,
                               .caller_scopes = request->principal->scopes};
    if (is_new) {
        request_need(document, "name", faults);
        request_need(document, "scopes", faults);
    } else {
        request_refuse_nulls(document, NULL, faults);
    }
    TRY(scope_list_read(raw.scopes, faults, &out->scopes));
    return read_sources(raw.allowed_sources, faults, out);
}

static err_t read_id(const struct request *request, uint8_t out[TOKEN_ID_SIZE])
{
    err_t error = token_id_parse(bytes_str(request->params[0]), out);
    ENSURE(error.code == ERR_OK, ERR_BAD_REQUEST, "a token's id is 16 lower-case hexadecimal characters");
    return OK;
}

/* An action: no field is known. */
static err_t read_action(const struct request *request, struct faults *faults, struct terms *terms,
                         uint8_t id[TOKEN_ID_SIZE])
{
    AUTO(json_t) *document = NULL;
    TRY(read_id(request, id));
    TRY(request_terms(request, faults, terms));
    TRY(request_body(request, true, &document));
    TRY(json_read_all(document, NULL, 0, faults, NULL));
    return faults_error(faults);
}

/* --- the operations --------------------------------------------------------------------------------- */

static err_t add_token(const struct token_row *row, void *arg)
{
    struct page *page = arg;
    uint8_t key[NAME_SIZE + TOKEN_ID_SIZE]; /* names may be equal: the name with its zero byte, the id */
    size_t name_size = strlen(row->name) + 1;
    AUTO(json_t) *token = NULL;
    TRY(render(row, &token));
    memcpy(key, row->name, name_size);
    memcpy(key + name_size, row->id, TOKEN_ID_SIZE);
    const struct bytes by_name = {key, name_size + TOKEN_ID_SIZE};
    return page_add(page, page->order == ORDER_NAME ? by_name : BYTES_OF(row->id), TAKE(token));
}

static err_t get_tokens(struct api *api, const struct request *request, struct response *response)
{
    AUTO_VAL(page) page = {.name = ""};
    TRY(page_open_named(request, "tokens", &page));
    const struct row_window window = page_window(&page);
    TRY(token_list(api->options.fleet, page.tenant, &window, add_token, &page));
    return page_reply(&page, response);
}

static err_t get_token(struct api *api, const struct request *request, struct response *response)
{
    uint8_t id[TOKEN_ID_SIZE];
    struct token_row row;
    TRY(request_check_query(request, no_query));
    TRY(read_id(request, id));
    TRY(token_get(api->options.fleet, request->principal->tenant, id, &row));
    return reply(request, 200, &row, NULL, response);
}

static err_t create(struct api *api, const struct request *request, struct faults *faults, char *text,
                    struct token_row *out)
{
    struct terms terms;
    struct token_wish wish;
    AUTO(json_t) *document = NULL;
    TRY(request_terms(request, faults, &terms));
    TRY(request_body(request, false, &document));
    TRY(read_wish(request, document, faults, &wish));
    return token_create(api->options.fleet, &terms, &wish, text, out);
}

static err_t post_token(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    struct token_row row = {.ver = 0};
    char text[TOKEN_TEXT_SIZE] = "";
    char id[TOKEN_ID_TEXT_SIZE];
    char location[64];
    err_t error = create(api, request, &faults, text, &row);
    if (error.code != ERR_OK) {
        return reply_faults(request, error, &faults, response);
    }
    token_id_format(row.id, id);
    (void)snprintf(location, sizeof location, "/api/v1/tokens/%s", id);
    error = response_header(response, "Location", location);
    if (error.code == ERR_OK) {
        error = reply(request, 201, &row, text, response);
    }
    bytes_wipe(text, sizeof text);
    return error;
}

static err_t change(struct api *api, const struct request *request, struct faults *faults,
                    struct token_row *out)
{
    uint8_t id[TOKEN_ID_SIZE];
    struct terms terms;
    struct token_wish wish;
    AUTO(json_t) *document = NULL;
    TRY(read_id(request, id));
    TRY(request_terms(request, faults, &terms));
    TRY(request_body(request, false, &document));
    TRY(read_wish(request, document, faults, &wish));
    return token_change(api->options.fleet, &terms, id, &wish, out);
}

static err_t patch_token(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    struct token_row row = {.ver = 0};
    err_t error = change(api, request, &faults, &row);
    return error.code == ERR_OK ? reply(request, 200, &row, NULL, response)
                                : reply_faults(request, error, &faults, response);
}

static err_t post_rotate(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    struct terms terms;
    struct token_row row = {.ver = 0};
    uint8_t id[TOKEN_ID_SIZE];
    char text[TOKEN_TEXT_SIZE] = "";
    err_t error = read_action(request, &faults, &terms, id);
    if (error.code != ERR_OK) {
        return reply_faults(request, error, &faults, response);
    }
    const struct token_rotation rotation = {.id = id, .caller_scopes = request->principal->scopes};
    TRY(token_rotate(api->options.fleet, &terms, &rotation, text, &row));
    error = reply(request, 200, &row, text, response);
    bytes_wipe(text, sizeof text);
    return error;
}

static err_t post_drop_old(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    struct terms terms;
    struct token_row row = {.ver = 0};
    uint8_t id[TOKEN_ID_SIZE];
    err_t error = read_action(request, &faults, &terms, id);
    if (error.code != ERR_OK) {
        return reply_faults(request, error, &faults, response);
    }
    const struct token_rotation rotation = {.id = id, .caller_scopes = request->principal->scopes};
    TRY(token_drop_old(api->options.fleet, &terms, &rotation, &row));
    return reply(request, 200, &row, NULL, response);
}

static err_t post_revoke(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    struct terms terms;
    struct token_row row = {.ver = 0};
    uint8_t id[TOKEN_ID_SIZE];
    err_t error = read_action(request, &faults, &terms, id);
    if (error.code != ERR_OK) {
        return reply_faults(request, error, &faults, response);
    }
    TRY(token_end(api->options.fleet, &terms, id, &row));
    return reply(request, 200, &row, NULL, response);
}

#define ROW(method_, path_, scope_, handler_)                                                                \
    {                                                                                                        \
        .method = (method_), .path = (path_), .listeners = LISTENER_MANAGEMENT, .access = ACCESS_CALLER,     \
        .scopes = (scope_), .body_limit = (method_) == HTTP_GET ? 0 : BODY_LIMIT, .handler = (handler_)      \
    }
const struct route token_routes[] = {
    ROW(HTTP_GET, "/api/v1/tokens", SCOPE_TOKENS_READ, get_tokens),
    ROW(HTTP_POST, "/api/v1/tokens", SCOPE_TOKENS_WRITE, post_token),
    ROW(HTTP_GET, "/api/v1/tokens/{id}", SCOPE_TOKENS_READ, get_token),
    ROW(HTTP_PATCH, "/api/v1/tokens/{id}", SCOPE_TOKENS_WRITE, patch_token),
    ROW(HTTP_POST, "/api/v1/tokens/{id}/rotate", SCOPE_TOKENS_WRITE, post_rotate),
    ROW(HTTP_POST, "/api/v1/tokens/{id}/drop-old-secret", SCOPE_TOKENS_WRITE, post_drop_old),
    ROW(HTTP_POST, "/api/v1/tokens/{id}/revoke", SCOPE_TOKENS_WRITE, post_revoke),
};
#undef ROW
