/* Enrolment codes over REST: list, look, make (one or many alike), revoke. A code is in one answer, never in
 * another. The rules are in fleet/codes.c; here is their form in JSON. */
#include "fleet/codes.h"

#include <stdio.h>

#include "api/page.h"
#include "api/reply.h"
#include "api/tables.h"
#include "api/terms.h"
#include "fleet/access.h"
#include "fleet/policy_words.h"

enum { BODY_LIMIT = 16384, WORD_MAX = 32 };
static const char *const no_query[] = {NULL};
static const char *const list_filters[] = {"product", NULL};

/* --- out -------------------------------------------------------------------------------------------- */

static const char *state_of(const struct code_row *row, int64_t now_ms)
{
    if (row->revoked_at != 0) {
        return "revoked";
    }
    if (row->used >= row->use_limit) {
        return "used";
    }
    if (now_ms >= row->not_after) {
        return "expired";
    }
    return now_ms < row->not_before ? "pending" : "active";
}

static err_t render(const struct code_row *row, int64_t now_ms, json_t **out)
{
    char id[CODE_ID_TEXT_SIZE];
    *out = NULL;
    code_id_format(row->id, id);
    AUTO(json_t) *code = json_object();
    TRY(json_set_text(code, "id", id));
    TRY(json_set_text(code, "name", row->name));
    TRY(json_set_text(code, "kind", code_kind_name(row->kind)));
    TRY(json_set_text(code, "state", state_of(row, now_ms)));
    TRY(json_set_uuid(code, "product_id", row->product));
    TRY(json_set_uuid(code, "batch_id", row->batch));
    if (row->has_device) {
        TRY(json_set_hex(code, "device_id", BYTES_OF(row->device.b)));
    }
    if (row->serial[0] != '\0') {
        TRY(json_set_text(code, "serial", row->serial));
    }
    TRY(json_set_int(code, "use_limit", row->use_limit));
    TRY(json_set_int(code, "used", row->used));
    TRY(json_set_time(code, "not_before", row->not_before));
    TRY(json_set_time(code, "not_after", row->not_after));
    TRY(json_set_time(code, "created_at", row->created_at));
    TRY(json_set_time_if(code, "last_used_at", row->last_used_at));
    TRY(json_set_time_if(code, "revoked_at", row->revoked_at));
    *out = TAKE(code);
    return OK;
}

/* Never 304: the state changes with the time. */
static err_t reply(const struct request *request, const struct code_row *row, struct response *response)
{
    AUTO(json_t) *code = NULL;
    TRY(render(row, request->now_ms, &code));
    return reply_counted(response, 200, code, row->ver);
}

/* --- in --------------------------------------------------------------------------------------------- */

struct raw {
    const char *name, *kind, *product, *batch, *serial;
    bool has_count;
    struct code_wish wish;
};
static const struct json_field fields[] = {
    {"name", JSON_KIND_TEXT, false, offsetof(struct raw, name), 0, 0, JSON_NO_HAS},
    {"kind", JSON_KIND_TEXT, false, offsetof(struct raw, kind), 0, WORD_MAX, JSON_NO_HAS},
    {"product", JSON_KIND_TEXT, false, offsetof(struct raw, product), 1, NAME_SIZE - 1, JSON_NO_HAS},
    {"batch", JSON_KIND_TEXT, false, offsetof(struct raw, batch), 1, 0, JSON_NO_HAS},
    {"device_id", JSON_KIND_HEX32, false, offsetof(struct raw, wish.device), 0, 0,
     offsetof(struct raw, wish.has_device)},
    {"serial", JSON_KIND_TEXT, false, offsetof(struct raw, serial), 1, SERIAL_TEXT_SIZE - 1, JSON_NO_HAS},
    {"use_limit", JSON_KIND_INTEGER, false, offsetof(struct raw, wish.use_limit), INT64_MIN, INT64_MAX,
     offsetof(struct raw, wish.has_use_limit)},
    {"not_before", JSON_KIND_TIME, false, offsetof(struct raw, wish.not_before), 0, 0, JSON_NO_HAS},
    {"not_after", JSON_KIND_TIME, false, offsetof(struct raw, wish.not_after), 0, 0, JSON_NO_HAS},
    {"count", JSON_KIND_INTEGER, false, offsetof(struct raw, wish.count), INT64_MIN, INT64_MAX,
     offsetof(struct raw, has_count)},
};

/* @param[out] is_list whether the answer is a list: a count was given */
static err_t read_wish(const json_t *document, struct faults *faults, struct code_wish *out, bool *is_list)
{
    struct raw raw = {.wish = {.count = 1}};
    TRY(json_read_all(document, fields, sizeof fields / sizeof fields[0], faults, &raw));
    *out = raw.wish;
    out->name = bytes_or_none(raw.name);
    out->product = bytes_or_none(raw.product);
    out->batch = bytes_or_none(raw.batch);
    out->serial = bytes_or_none(raw.serial);
    *is_list = raw.has_count;
    request_need(document, "name", faults);
    if (raw.kind != NULL) {
        TRY(faults_note(faults, "/kind", code_kind_parse(bytes_str(raw.kind), &out->kind)));
    }
    return OK;
}

static err_t read_id(const struct request *request, uint8_t out[CODE_ID_SIZE])
{
    err_t error = code_id_parse(bytes_str(request->params[0]), out);
    ENSURE(error.code == ERR_OK, ERR_BAD_REQUEST, "a code's id is 16 lower-case hexadecimal characters");
    return OK;
}

/* --- the operations --------------------------------------------------------------------------------- */

static err_t add_code(const struct code_row *row, void *arg)
{
    struct page *page = arg;
    AUTO(json_t) *code = NULL;
    TRY(render(row, page->request->now_ms, &code));
    return page_add(page, BYTES_OF(row->id), TAKE(code));
}

static err_t get_codes(struct api *api, const struct request *request, struct response *response)
{
    AUTO_VAL(page) page = {.name = ""};
    struct uuid product;
    TRY(page_open_filtered(request, "enrolment_codes", list_filters, &page));
    const char *filter = http_query(request, "product");
    if (filter != NULL) {
        ENSURE(uuid_parse(bytes_str(filter), &product).code == ERR_OK, ERR_BAD_REQUEST,
               "product is an id (a UUID)");
    }
    const struct row_window window = page_window(&page);
    TRY(code_list(api->options.fleet, page.tenant, filter == NULL ? NULL : &product, &window, add_code,
                  &page));
    return page_reply(&page, response);
}

static err_t get_code(struct api *api, const struct request *request, struct response *response)
{
    uint8_t id[CODE_ID_SIZE];
    struct code_row row;
    TRY(request_check_query(request, no_query));
    TRY(read_id(request, id));
    TRY(code_get(api->options.fleet, request->principal->tenant, id, &row));
    return reply(request, &row, response);
}

static err_t render_new(const struct new_codes *made, size_t i, int64_t now_ms, json_t **out)
{
    struct code_row row = made->row;
    for (size_t b = 0; b < sizeof row.id; b++) {
        row.id[b] = made->codes[i].id[b];
    }
    *out = NULL;
    AUTO(json_t) *code = NULL;
    TRY(render(&row, now_ms, &code));
    TRY(json_set_text(code, "code", made->codes[i].text));
    *out = TAKE(code);
    return OK;
}

static err_t reply_list(const struct request *request, const struct new_codes *made,
                        struct response *response)
{
    AUTO(json_t) *list = json_array();
    AUTO(json_t) *answer = json_object();
    for (size_t i = 0; i < made->count; i++) {
        AUTO(json_t) *code = NULL;
        TRY(render_new(made, i, request->now_ms, &code));
        ENSURE(json_array_append_new(list, TAKE(code)) == 0, ERR_NO_MEMORY, "a list of codes");
    }
    TRY(json_take(answer, "enrolment_codes", TAKE(list)));
    return reply_json(response, 201, answer);
}

static err_t reply_one(const struct request *request, const struct new_codes *made, struct response *response)
{
    AUTO(json_t) *code = NULL;
    char id[CODE_ID_TEXT_SIZE];
    char location[64];
    code_id_format(made->codes[0].id, id);
    (void)snprintf(location, sizeof location, "/api/v1/enrolment-codes/%s", id);
    TRY(response_header(response, "Location", location));
    TRY(render_new(made, 0, request->now_ms, &code));
    return reply_counted(response, 201, code, made->row.ver);
}

static err_t create(struct api *api, const struct request *request, struct faults *faults,
                    struct new_codes *out, bool *is_list)
{
    struct terms terms;
    struct code_wish wish;
    AUTO(json_t) *document = NULL;
    TRY(request_terms(request, faults, &terms));
    TRY(request_body(request, false, &document));
    TRY(read_wish(document, faults, &wish, is_list));
    return code_add(api->options.fleet, &terms, &wish, out);
}

static err_t post_codes(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    bool is_list = false;
    AUTO_VAL(new_codes) made = {.count = 0};
    err_t error = create(api, request, &faults, &made, &is_list);
    if (error.code != ERR_OK) {
        return reply_faults(request, error, &faults, response);
    }
    TRY(response_header(response, "Cache-Control", "no-store"));
    return is_list ? reply_list(request, &made, response) : reply_one(request, &made, response);
}

static err_t revoke(struct api *api, const struct request *request, struct faults *faults,
                    struct code_row *out)
{
    struct terms terms;
    uint8_t id[CODE_ID_SIZE];
    AUTO(json_t) *document = NULL;
    TRY(read_id(request, id));
    TRY(request_terms(request, faults, &terms));
    TRY(request_body(request, true, &document));
    TRY(json_read_all(document, NULL, 0, faults, NULL));
    TRY(faults_error(faults));
    return code_revoke(api->options.fleet, &terms, id, out);
}

static err_t post_revoke(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    struct code_row row = {.ver = 0};
    err_t error = revoke(api, request, &faults, &row);
    return error.code == ERR_OK ? reply(request, &row, response)
                                : reply_faults(request, error, &faults, response);
}

#define ROW(method_, path_, scope_, handler_)                                                                \
    {                                                                                                        \
        .method = (method_), .path = (path_), .listeners = LISTENER_MANAGEMENT, .access = ACCESS_CALLER,     \
        .scopes = (scope_), .body_limit = (method_) == HTTP_GET ? 0 : BODY_LIMIT, .handler = (handler_)      \
    }
const struct route code_routes[] = {
    ROW(HTTP_GET, "/api/v1/enrolment-codes", SCOPE_CODES_READ, get_codes),
    ROW(HTTP_POST, "/api/v1/enrolment-codes", SCOPE_CODES_WRITE, post_codes),
    ROW(HTTP_GET, "/api/v1/enrolment-codes/{id}", SCOPE_CODES_READ, get_code),
    ROW(HTTP_POST, "/api/v1/enrolment-codes/{id}/revoke", SCOPE_CODES_WRITE, post_revoke),
};
#undef ROW
