/* Uploads of firmware over REST: begun, asked how far they are, gone on with, taken back. The bytes go
 * through api/firmware_image_sink.c. */
#include "fleet/uploads.h"

#include <stdio.h>
#include <string.h>

#include "api/firmware_image_sink.h"
#include "api/firmware_views.h"
#include "api/page.h"
#include "api/tables.h"
#include "api/terms.h"

enum { BODY_LIMIT = 65536, WORD_MAX = 32 };
static const char *const no_query[] = {NULL};

static err_t render(const struct firmware_upload_row *row, json_t **out)
{
    struct upload_words words;
    *out = NULL;
    AUTO(json_t) *upload = json_object();
    TRY(upload_words_read(row, &words));
    TRY(json_set_uuid(upload, "id", row->id));
    TRY(json_set_text(upload, "product", row->product_name));
    TRY(json_set_text(upload, "filename", words.filename));
    if (words.has_format) {
        TRY(json_set_text(upload, "format", image_format_name(words.format)));
    }
    if (words.version[0] != '\0') {
        TRY(json_set_text(upload, "version", words.version));
    }
    TRY(json_set_bool(upload, "may_be_unsigned", words.may_be_unsigned));
    if (row->size >= 0) {
        TRY(json_set_int(upload, "size", row->size));
    }
    TRY(json_set_int(upload, "offset", row->received));
    if (row->has_sha256) {
        TRY(json_set_hex(upload, "sha256", BYTES_OF(row->sha256.b)));
    }
    TRY(json_set_text(upload, "created_by", row->created_by));
    TRY(json_set_time(upload, "created_at", row->created_at));
    TRY(json_set_time(upload, "expires_at", row->expires_at));
    *out = TAKE(upload);
    return OK;
}

static err_t reply(int status, const struct firmware_upload_row *row, struct response *response)
{
    AUTO(json_t) *upload = NULL;
    char offset[32];
    (void)snprintf(offset, sizeof offset, "%lld", (long long)row->received);
    TRY(render(row, &upload));
    TRY(response_header(response, "Upload-Offset", offset));
    TRY(response_header(response, "Upload-Complete", "?0"));
    TRY(response_header(response, "Cache-Control", "no-store"));
    return reply_json(response, status, upload);
}

static err_t add_upload(const struct firmware_upload_row *row, void *arg)
{
    AUTO(json_t) *upload = NULL;
    TRY(render(row, &upload));
    return page_add(arg, BYTES_OF(row->id.b), TAKE(upload));
}

static err_t get_uploads(struct api *api, const struct request *request, struct response *response)
{
    AUTO_VAL(page) page = {.name = ""};
    TRY(page_open(request, "uploads", &page));
    const struct row_window window = page_window(&page);
    TRY(upload_list(api->options.fleet, page.tenant, &window, add_upload, &page));
    return page_reply(&page, response);
}

static err_t get_upload(struct api *api, const struct request *request, struct response *response)
{
    struct uuid id;
    struct firmware_upload_row row;
    TRY(request_check_query(request, no_query));
    TRY(request_uuid(request->params[0], "upload", &id));
    TRY(upload_get(api->options.fleet, request->principal->tenant, id, &row));
    return reply(200, &row, response);
}

/* --- begun -------------------------------------------------------------------------------------------- */

struct raw {
    const char *product, *filename, *format, *version;
    struct upload_order order;
};
static const struct json_field fields[] = {
    {"product", JSON_KIND_TEXT, false, offsetof(struct raw, product), 0, 0, JSON_NO_HAS},
    {"filename", JSON_KIND_TEXT, false, offsetof(struct raw, filename), 0, 0, JSON_NO_HAS},
    {"size", JSON_KIND_INTEGER, false, offsetof(struct raw, order.size), 0, INT64_MAX, JSON_NO_HAS},
    {"sha256", JSON_KIND_HEX32, false, offsetof(struct raw, order.sha256), 0, 0,
     offsetof(struct raw, order.has_sha256)},
    {"format", JSON_KIND_TEXT, false, offsetof(struct raw, format), 0, WORD_MAX, JSON_NO_HAS},
    {"version", JSON_KIND_TEXT, false, offsetof(struct raw, version), 0, 0, JSON_NO_HAS},
    {"may_be_unsigned", JSON_KIND_BOOLEAN, false, offsetof(struct raw, order.may_be_unsigned), 0, 0,
     JSON_NO_HAS},
};

static err_t read_order(const json_t *document, struct faults *faults, struct upload_order *out)
{
    struct raw raw = {.product = NULL};
    TRY(json_read_all(document, fields, sizeof fields / sizeof fields[0], faults, &raw));
    request_need(document, "product", faults);
    request_need(document, "filename", faults);
    request_need(document, "size", faults);
    *out = raw.order;
    out->product = bytes_str(raw.product == NULL ? "" : raw.product);
    out->filename = bytes_str(raw.filename == NULL ? "" : raw.filename);
    out->version = raw.version == NULL ? BYTES_NONE : bytes_str(raw.version);
    out->has_format = raw.format != NULL;
    return raw.format == NULL
               ? OK
               : faults_note(faults, "/format", image_format_parse(bytes_str(raw.format), &out->format));
}

static err_t create(struct api *api, const struct request *request, struct faults *faults,
                    struct firmware_upload_row *out)
{
    struct terms terms;
    struct upload_order order;
    AUTO(json_t) *document = NULL;
    TRY(request_terms(request, faults, &terms));
    TRY(request_body(request, false, &document));
    TRY(read_order(document, faults, &order));
    return upload_start(api->options.fleet, &terms, &order, out);
}

static err_t post_upload(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    struct firmware_upload_row row;
    err_t error = create(api, request, &faults, &row);
    if (error.code != ERR_OK) {
        return reply_faults(request, error, &faults, response);
    }
    TRY(reply_location(response, "/api/v1/firmware/uploads", row.id));
    return reply(201, &row, response);
}

static err_t delete_upload(struct api *api, const struct request *request, struct response *response)
{
    struct uuid id;
    struct terms terms;
    TRY(request_uuid(request->params[0], "upload", &id));
    TRY(request_terms(request, NULL, &terms));
    TRY(upload_drop(api->options.fleet, &terms, id));
    response->status = 204;
    return OK;
}

const struct route firmware_upload_routes[] = {
    {.method = HTTP_GET,
     .path = "/api/v1/firmware/uploads",
     .listeners = LISTENER_MANAGEMENT,
     .access = ACCESS_CALLER,
     .scopes = SCOPE_FIRMWARE_READ,
     .handler = get_uploads},
    {.method = HTTP_POST,
     .path = "/api/v1/firmware/uploads",
     .listeners = LISTENER_MANAGEMENT,
     .access = ACCESS_CALLER,
     .scopes = SCOPE_FIRMWARE_WRITE,
     .body_limit = BODY_LIMIT,
     .handler = post_upload},
    {.method = HTTP_GET,
     .path = "/api/v1/firmware/uploads/{id}",
     .listeners = LISTENER_MANAGEMENT,
     .access = ACCESS_CALLER,
     .scopes = SCOPE_FIRMWARE_READ,
     .handler = get_upload},
    {.method = HTTP_PATCH,
     .path = "/api/v1/firmware/uploads/{id}",
     .listeners = LISTENER_MANAGEMENT,
     .access = ACCESS_CALLER,
     .scopes = SCOPE_FIRMWARE_WRITE,
     .body_limit = FIRMWARE_BODY_LIMIT,
     .sink = &firmware_append_sink},
    {.method = HTTP_DELETE,
     .path = "/api/v1/firmware/uploads/{id}",
     .listeners = LISTENER_MANAGEMENT,
     .access = ACCESS_CALLER,
     .scopes = SCOPE_FIRMWARE_WRITE,
     .handler = delete_upload},
};
