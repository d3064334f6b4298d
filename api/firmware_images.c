/* Images of firmware over REST: list, look, hold, delete, fetch. The rules are in fleet/images.c and
 * fleet/image_keep.c; here is their form in JSON. */
#include "fleet/images.h"

#include <stdio.h>
#include <string.h>

#include "api/download.h"
#include "api/firmware_image_sink.h"
#include "api/firmware_views.h"
#include "api/page.h"
#include "api/tables.h"
#include "api/terms.h"
#include "fleet/access.h"
#include "fleet/blobs.h"

enum { BODY_LIMIT = 65536, RELEASES_SHOWN = 100 };
static const char *const no_query[] = {NULL};

/* --- out ---------------------------------------------------------------------------------------------- */

static err_t set_ids(json_t *image, const struct firmware_image_row *row)
{
    TRY(json_set_uuid(image, "id", row->id));
    TRY(json_set_text(image, "product", row->product_name));
    if (row->is_derived) {
        TRY(json_set_uuid(image, "derived_from", row->derived_from));
        TRY(json_set_uuid(image, "signing_key", row->signing_key));
    }
    return OK;
}

static err_t set_hold(json_t *image, const struct firmware_image_row *row)
{
    TRY(json_set_int(image, "release_count", row->releases));
    TRY(json_set_time_if(image, "hold_until", row->hold_until));
    return row->hold_reason[0] == '\0' ? OK : json_set_text(image, "hold_reason", row->hold_reason);
}

err_t firmware_image_render(const struct firmware_image_row *row, json_t **out)
{
    AUTO(json_t) *facts = NULL;
    *out = NULL;
    AUTO(json_t) *image = json_object();
    TRY(set_ids(image, row));
    TRY(json_set_text(image, "filename", row->filename));
    TRY(json_set_text(image, "format", image_format_name((enum image_format)row->format)));
    TRY(json_set_text(image, "version", row->version));
    if (row->counter >= 0) {
        TRY(json_set_int(image, "counter", row->counter));
    }
    TRY(json_set_int(image, "size", row->size));
    TRY(json_set_hex(image, "sha256", BYTES_OF(row->sha256.b)));
    TRY(json_set_text(image, "state", image_state_name(row->state)));
    TRY(json_parse(bytes_str(row->facts), FIRMWARE_IMAGE_FACTS_SIZE, &facts));
    TRY(json_take(image, "facts", TAKE(facts)));
    TRY(set_hold(image, row));
    TRY(json_set_text(image, "created_by", row->created_by));
    TRY(json_set_time(image, "created_at", row->created_at));
    TRY(json_set_time(image, "updated_at", row->updated_at));
    *out = TAKE(image);
    return OK;
}

static err_t add_release(struct uuid release, void *arg)
{
    char id[UUID_TEXT_SIZE];
    uuid_format(release, id);
    ENSURE(json_array_append_new(arg, json_string(id)) == 0, ERR_NO_MEMORY, "a list of releases");
    return OK;
}

/* What a look at one shows beside. */
static err_t set_more(struct fleet *fleet, const struct firmware_image_row *row, json_t *image)
{
    struct blob_digests digests;
    AUTO(json_t) *releases = json_array();
    TRY(blob_digests_of(fleet, &row->sha256, &digests));
    TRY(json_set_hex(image, "sha1", BYTES_OF(digests.sha1)));
    TRY(json_set_hex(image, "md5", BYTES_OF(digests.md5)));
    TRY(image_releases(fleet, row->id, RELEASES_SHOWN, add_release, releases));
    return json_take(image, "releases", TAKE(releases));
}

static err_t reply_one(struct api *api, const struct firmware_image_row *row, struct response *response)
{
    AUTO(json_t) *image = NULL;
    TRY(firmware_image_render(row, &image));
    TRY(set_more(api->options.fleet, row, image));
    return reply_counted(response, 200, image, row->ver);
}

/* --- the operations ----------------------------------------------------------------------------------- */

err_t firmware_format_query(const struct request *request, enum image_format *out, bool *has)
{
    const char *word = http_query(request, "format");
    *has = word != NULL;
    if (word == NULL) {
        return OK;
    }
    err_t error = image_format_parse(bytes_str(word), out);
    ENSURE(error.code == ERR_OK, ERR_BAD_REQUEST, "'format': %.120s", error.detail);
    return OK;
}

static err_t add_image(const struct firmware_image_row *row, void *arg)
{
    AUTO(json_t) *image = NULL;
    TRY(firmware_image_render(row, &image));
    return page_add(arg, BYTES_OF(row->id.b), TAKE(image));
}

static err_t get_images(struct api *api, const struct request *request, struct response *response)
{
    static const char *const filters[] = {"product", "format", "state", NULL};
    AUTO_VAL(page) page = {.name = ""};
    enum image_format format = IMAGE_RAW;
    enum firmware_image_state state = FIRMWARE_IMAGE_READY;
    bool has_format = false;
    TRY(page_open_filtered(request, "images", filters, &page));
    TRY(firmware_format_query(request, &format, &has_format));
    const char *word = http_query(request, "state");
    if (word != NULL) {
        err_t error = image_state_parse(bytes_str(word), &state);
        ENSURE(error.code == ERR_OK, ERR_BAD_REQUEST, "'state': %.120s", error.detail);
    }
    const struct image_view view = {.product = http_query(request, "product"),
                                    .format = has_format ? &format : NULL,
                                    .state = word != NULL ? &state : NULL};
    const struct row_window window = page_window(&page);
    TRY(image_list(api->options.fleet, page.tenant, &view, &window, add_image, &page));
    return page_reply(&page, response);
}

static err_t find(struct api *api, const struct request *request, struct firmware_image_row *out)
{
    struct uuid id;
    TRY(request_check_query(request, no_query));
    TRY(request_uuid(request->params[0], "image", &id));
    return image_get(api->options.fleet, request->principal->tenant, id, out);
}

static err_t get_image(struct api *api, const struct request *request, struct response *response)
{
    struct firmware_image_row row;
    TRY(find(api, request, &row));
    return reply_one(api, &row, response);
}

static err_t get_content(struct api *api, const struct request *request, struct response *response)
{
    struct firmware_image_row row;
    struct blob_digests digests;
    TRY(find(api, request, &row));
    TRY(blob_ready(api->options.fleet, &row.sha256, NULL));
    TRY(blob_digests_of(api->options.fleet, &row.sha256, &digests));
    return download_blob(api, request, &digests, row.filename, response);
}

static err_t read_change(const struct request *request, struct faults *faults, struct image_change *out)
{
    static const struct json_field fields[] = {
        {"hold_until", JSON_KIND_TIME, false, offsetof(struct image_change, hold_until), 0, 0,
         offsetof(struct image_change, has_hold_until)},
        {"hold_reason", JSON_KIND_TEXT, false, offsetof(struct image_change, hold_reason), 0, 0, JSON_NO_HAS},
    };
    AUTO(json_t) *document = NULL;
    TRY(request_body(request, false, &document));
    TRY(json_read_all(document, fields, sizeof fields / sizeof fields[0], faults, out));
    request_refuse_nulls(document, "hold_until", faults);
    if (json_is_null(json_object_get(document, "hold_until"))) {
        out->has_hold_until = true;
        out->hold_until = 0;
    }
    if (out->hold_reason != NULL) { /* the document does not outlive this */
        void *copy = NULL;
        size_t n = strlen(out->hold_reason) + 1;
        TRY(arena_alloc(request->arena, n, &copy));
        memcpy(copy, out->hold_reason, n);
        out->hold_reason = copy;
    }
    return OK;
}

static err_t change(struct api *api, const struct request *request, struct faults *faults,
                    struct firmware_image_row *out)
{
    struct uuid id;
    struct terms terms;
    struct image_change wanted = {.has_hold_until = false};
    TRY(request_uuid(request->params[0], "image", &id));
    TRY(request_terms(request, faults, &terms));
    TRY(read_change(request, faults, &wanted));
    wanted.may_shorten = (request->principal->scopes & ((uint32_t)SCOPE_FIRMWARE_RELEASE | SCOPE_ADMIN)) != 0;
    return image_change(api->options.fleet, &terms, id, &wanted, out);
}

static err_t patch_image(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    struct firmware_image_row row;
    err_t error = change(api, request, &faults, &row);
    return error.code == ERR_OK ? reply_one(api, &row, response)
                                : reply_faults(request, error, &faults, response);
}

static err_t delete_image(struct api *api, const struct request *request, struct response *response)
{
    struct uuid id;
    struct terms terms;
    TRY(request_uuid(request->params[0], "image", &id));
    TRY(request_terms(request, NULL, &terms));
    TRY(image_delete(api->options.fleet, &terms, id));
    response->status = 204;
    return OK;
}

const struct route firmware_image_routes[] = {
    {.method = HTTP_GET,
     .path = "/api/v1/firmware/images",
     .listeners = LISTENER_MANAGEMENT,
     .access = ACCESS_CALLER,
     .scopes = SCOPE_FIRMWARE_READ,
     .handler = get_images},
    {.method = HTTP_POST,
     .path = "/api/v1/firmware/images",
     .listeners = LISTENER_MANAGEMENT,
     .access = ACCESS_CALLER,
     .scopes = SCOPE_FIRMWARE_WRITE,
     .body_limit = FIRMWARE_BODY_LIMIT,
     .sink = &firmware_image_sink},
    {.method = HTTP_GET,
     .path = "/api/v1/firmware/images/{id}",
     .listeners = LISTENER_MANAGEMENT,
     .access = ACCESS_CALLER,
     .scopes = SCOPE_FIRMWARE_READ,
     .handler = get_image},
    {.method = HTTP_PATCH,
     .path = "/api/v1/firmware/images/{id}",
     .listeners = LISTENER_MANAGEMENT,
     .access = ACCESS_CALLER,
     .scopes = SCOPE_FIRMWARE_WRITE,
     .body_limit = BODY_LIMIT,
     .handler = patch_image},
    {.method = HTTP_DELETE,
     .path = "/api/v1/firmware/images/{id}",
     .listeners = LISTENER_MANAGEMENT,
     .access = ACCESS_CALLER,
     .scopes = SCOPE_FIRMWARE_WRITE,
     .handler = delete_image},
    {.method = HTTP_GET,
     .path = "/api/v1/firmware/images/{id}/content",
     .listeners = LISTENER_MANAGEMENT,
     .access = ACCESS_CALLER,
     .scopes = SCOPE_FIRMWARE_READ,
     .handler = get_content},
};
