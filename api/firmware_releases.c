/* Releases of firmware over REST: list, look, draft, change, remove. The rules are in fleet/releases.h; the
 * steps are in firmware_release_steps.c. */
#include <stdio.h>
#include <string.h>

#include "api/firmware_release_views.h"
#include "api/page.h"
#include "api/tables.h"
#include "api/terms.h"

enum { BODY_LIMIT = 16384, WORD_MAX = 32 };
static const char *const no_query[] = {NULL};
static const char *const filters[] = {"product", "state", NULL};

/* --- out ------------------------------------------------------------------------------------------------ */

static err_t render_image(const struct firmware_release_image_row *row, json_t **out)
{
    struct signing_recipe recipe;
    AUTO(json_t) *image = json_object();
    AUTO(json_t) *way = json_object();
    TRY(release_recipe_read(row, &recipe));
    TRY(json_set_uuid(image, "image", row->image));
    if (row->has_signed) {
        TRY(json_set_uuid(image, "signed_image", row->signed_image));
    }
    TRY(json_set_text(image, "part", row->part));
    TRY(json_set_text(way, "form", signing_form_name(recipe.form)));
    if (recipe.form != SIGNING_NONE) {
        TRY(json_set_uuid(way, "key", recipe.key));
    }
    TRY(json_take(image, "recipe", TAKE(way)));
    *out = TAKE(image);
    return OK;
}

static err_t render_images(const struct firmware_release_images *images, json_t *release)
{
    AUTO(json_t) *list = json_array();
    for (size_t i = 0; i < images->count; i++) {
        json_t *image = NULL;
        TRY(render_image(&images->rows[i], &image));
        ENSURE(json_array_append_new(list, image) == 0, ERR_NO_MEMORY, "a list of images");
    }
    return json_take(release, "images", TAKE(list));
}

static err_t render_optional(const struct firmware_release_row *row, json_t *out)
{
    if (row->counter >= 0) {
        TRY(json_set_int(out, "counter", row->counter));
    }
    if (row->min_sequence > 0) {
        TRY(json_set_int(out, "min_sequence", row->min_sequence));
    }
    if (row->has_rollback_of) {
        TRY(json_set_uuid(out, "rollback_of", row->rollback_of));
    }
    if (row->has_manifest_key) {
        TRY(json_set_uuid(out, "manifest_key", row->manifest_key));
    }
    if (row->has_manifest) {
        TRY(json_set_hex(out, "manifest_sha256", BYTES_OF(row->manifest_sha256.b)));
    }
    if (row->has_sbom) {
        TRY(json_set_text(out, "sbom_type", row->sbom_type));
        TRY(json_set_hex(out, "sbom_sha256", BYTES_OF(row->sbom_sha256.b)));
    }
    if (row->approved_by[0] != '\0') {
        TRY(json_set_text(out, "approved_by", row->approved_by));
    }
    TRY(json_set_time_if(out, "support_until", row->support_until));
    TRY(json_set_time_if(out, "approved_at", row->approved_at));
    TRY(json_set_time_if(out, "published_at", row->published_at));
    return json_set_time_if(out, "withdrawn_at", row->withdrawn_at);
}

err_t render_release(const struct firmware_release_row *row, const struct firmware_release_images *images,
                     json_t **out)
{
    *out = NULL;
    AUTO(json_t) *release = json_object();
    TRY(json_set_uuid(release, "id", row->id));
    TRY(json_set_text(release, "product", row->product_name));
    TRY(json_set_text(release, "class", row->class));
    TRY(json_set_text(release, "version", row->version));
    TRY(json_set_text(release, "state", release_state_name(row->state)));
    TRY(json_set_text(release, "kind", release_kind_name(row->kind)));
    TRY(json_set_int(release, "sequence", row->sequence));
    TRY(render_optional(row, release));
    TRY(json_set_hex(release, "subject_sha256", BYTES_OF(row->subject_sha256.b)));
    TRY(json_set_text(release, "csaf_url", row->csaf_url));
    TRY(json_set_text(release, "notes", row->notes));
    TRY(json_set_text(release, "reason", row->reason));
    TRY(json_set_text(release, "created_by", row->created_by));
    TRY(json_set_time(release, "created_at", row->created_at));
    TRY(json_set_time(release, "updated_at", row->updated_at));
    TRY(images != NULL ? render_images(images, release) : OK);
    *out = TAKE(release);
    return OK;
}

err_t reply_release(const struct request *request, int status, const struct release *release,
                    struct response *response)
{
    AUTO(json_t) *value = NULL;
    TRY(render_release(&release->row, &release->images, &value));
    return reply_resource(request, response, status, value, release->row.ver);
}

/* --- in ------------------------------------------------------------------------------------------------- */

struct raw {
    const char *product, *class, *version, *kind, *csaf_url, *notes;
    json_t *images;
    struct release_change change;
};
#define CHANGE(member) offsetof(struct raw, change.member)
static const struct json_field fields[] = {
    {"product", JSON_KIND_TEXT, false, offsetof(struct raw, product), 1, NAME_SIZE - 1, JSON_NO_HAS},
    {"class", JSON_KIND_TEXT, false, offsetof(struct raw, class), 0, MODEL_SIZE - 1, JSON_NO_HAS},
    {"version", JSON_KIND_TEXT, false, offsetof(struct raw, version), 1, RELEASE_VERSION_SIZE - 1,
     JSON_NO_HAS},
    {"kind", JSON_KIND_TEXT, false, offsetof(struct raw, kind), 0, WORD_MAX, JSON_NO_HAS},
    {"sequence", JSON_KIND_INTEGER, false, CHANGE(sequence), 1, INT64_MAX, CHANGE(has_sequence)},
    {"counter", JSON_KIND_INTEGER, false, CHANGE(counter), 0, INT64_MAX, CHANGE(has_counter)},
    {"min_sequence", JSON_KIND_INTEGER, false, CHANGE(min_sequence), 0, INT64_MAX, CHANGE(has_min_sequence)},
    {"images", JSON_KIND_ARRAY, false, offsetof(struct raw, images), 1, RELEASE_IMAGES_MAX,
     CHANGE(has_images)},
    {"manifest_key", JSON_KIND_UUID, false, CHANGE(manifest_key), 0, 0, CHANGE(has_manifest_key)},
    {"rollback_of", JSON_KIND_UUID, false, CHANGE(rollback_of), 0, 0, CHANGE(has_rollback_of)},
    {"support_until", JSON_KIND_TIME, false, CHANGE(support_until), 0, 0, CHANGE(has_support_until)},
    {"csaf_url", JSON_KIND_TEXT, false, offsetof(struct raw, csaf_url), 0, RELEASE_URL_SIZE - 1, JSON_NO_HAS},
    {"notes", JSON_KIND_LINES, false, offsetof(struct raw, notes), 0, RELEASE_NOTES_SIZE - 1, JSON_NO_HAS},
};

static err_t read_recipe(const json_t *recipe, struct signing_recipe *out)
{
    struct raw_recipe {
        const char *form;
        struct uuid key;
        bool has_key;
    } raw = {.form = NULL};
    static const struct json_field recipe_fields[] = {
        {"form", JSON_KIND_TEXT, true, offsetof(struct raw_recipe, form), 1, WORD_MAX, JSON_NO_HAS},
        {"key", JSON_KIND_UUID, false, offsetof(struct raw_recipe, key), 0, 0,
         offsetof(struct raw_recipe, has_key)},
    };
    TRY(json_read(recipe, recipe_fields, 2, true, &raw));
    TRY(signing_form_parse(bytes_str(raw.form), &out->form));
    ENSURE(raw.has_key == (out->form != SIGNING_NONE), ERR_UNPROCESSABLE,
           "embedded and detached name a key, none does not");
    out->key = raw.key;
    return OK;
}

static err_t read_image(const json_t *image, struct release_image_wish *out)
{
    struct raw_image {
        struct uuid image;
        const char *part;
        json_t *recipe;
    } raw = {.part = NULL};
    static const struct json_field image_fields[] = {
        {"image", JSON_KIND_UUID, true, offsetof(struct raw_image, image), 0, 0, JSON_NO_HAS},
        {"part", JSON_KIND_TEXT, false, offsetof(struct raw_image, part), 0, RELEASE_PART_SIZE - 1,
         JSON_NO_HAS},
        {"recipe", JSON_KIND_OBJECT, false, offsetof(struct raw_image, recipe), 0, 0, JSON_NO_HAS},
    };
    ENSURE(json_is_object(image), ERR_UNPROCESSABLE, "an object with \"image\" is needed");
    TRY(json_read(image, image_fields, 3, true, &raw));
    *out = (struct release_image_wish){.image = raw.image, .part = bytes_or_none(raw.part)};
    return raw.recipe == NULL ? OK : read_recipe(raw.recipe, &out->recipe);
}

static err_t read_images(const json_t *images, struct faults *faults, struct release_change *out)
{
    char pointer[FAULT_POINTER_SIZE];
    for (size_t i = 0; images != NULL && i < json_array_size(images) && i < RELEASE_IMAGES_MAX; i++) {
        (void)snprintf(pointer, sizeof pointer, "/images/%zu", i);
        TRY(faults_note(faults, pointer, read_image(json_array_get(images, i), &out->images[i])));
        out->image_count = i + 1;
    }
    return OK;
}

static err_t read_change(const json_t *document, bool is_new, struct faults *faults,
                         struct release_change *out)
{
    struct raw raw = {.product = NULL};
    TRY(json_read_all(document, fields, sizeof fields / sizeof fields[0], faults, &raw));
    *out = raw.change;
    out->product = bytes_or_none(raw.product);
    out->class = bytes_or_none(raw.class);
    out->version = bytes_or_none(raw.version);
    out->csaf_url = bytes_or_none(raw.csaf_url);
    out->notes = bytes_or_none(raw.notes);
    if (raw.kind != NULL) {
        out->has_kind = true;
        TRY(faults_note(faults, "/kind", release_kind_parse(bytes_str(raw.kind), &out->kind)));
    }
    TRY(read_images(raw.images, faults, out));
    if (!is_new) {
        request_refuse_nulls(document, NULL, faults);
        if (raw.product != NULL || raw.change.has_rollback_of) {
            faults_add(faults, raw.product != NULL ? "/product" : "/rollback_of",
                       "it is fixed when a release is drafted");
        }
        return faults_error(faults);
    }
    request_need(document, "product", faults);
    if (!out->has_rollback_of) {
        request_need(document, "images", faults);
    }
    return faults_error(faults);
}

/* --- the operations ------------------------------------------------------------------------------------- */

static err_t add_release(const struct firmware_release_row *row, void *arg)
{
    AUTO(json_t) *release = NULL;
    TRY(render_release(row, NULL, &release));
    return page_add(arg, BYTES_OF(row->id.b), TAKE(release));
}

static err_t get_releases(struct api *api, const struct request *request, struct response *response)
{
    AUTO_VAL(page) page = {.name = ""};
    enum firmware_release_state state = RELEASE_DRAFT;
    const char *word = http_query(request, "state");
    TRY(page_open_filtered(request, "releases", filters, &page));
    struct release_view view = {.tenant = page.tenant, .product = http_query(request, "product")};
    if (word != NULL) {
        TRY(release_state_parse(bytes_str(word), &state));
        view.state = &state;
    }
    const struct row_window window = page_window(&page);
    TRY(release_list(api->options.fleet, &view, &window, add_release, &page));
    return page_reply(&page, response);
}

static err_t get_release(struct api *api, const struct request *request, struct response *response)
{
    struct uuid id;
    struct release release;
    TRY(request_check_query(request, no_query));
    TRY(request_uuid(request->params[0], "release", &id));
    TRY(release_get(api->options.fleet, request->principal->tenant, id, &release));
    return reply_release(request, 200, &release, response);
}

static err_t create(struct api *api, const struct request *request, struct faults *faults,
                    struct release *out)
{
    struct terms terms;
    struct release_change change;
    AUTO(json_t) *document = NULL;
    TRY(request_terms(request, faults, &terms));
    TRY(request_body(request, false, &document));
    TRY(read_change(document, true, faults, &change));
    return release_add(api->options.fleet, &terms, &change, out);
}

static err_t post_release(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    struct release release;
    err_t error = create(api, request, &faults, &release);
    if (error.code != ERR_OK) {
        return reply_faults(request, error, &faults, response);
    }
    TRY(reply_location(response, "/api/v1/firmware/releases", release.row.id));
    return reply_release(request, 201, &release, response);
}

static err_t change(struct api *api, const struct request *request, struct faults *faults,
                    struct release *out)
{
    struct uuid id;
    struct terms terms;
    struct release_change wanted;
    AUTO(json_t) *document = NULL;
    TRY(request_uuid(request->params[0], "release", &id));
    TRY(request_terms(request, faults, &terms));
    TRY(request_body(request, false, &document));
    TRY(read_change(document, false, faults, &wanted));
    return release_change(api->options.fleet, &terms, id, &wanted, out);
}

static err_t patch_release(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    struct release release;
    err_t error = change(api, request, &faults, &release);
    return error.code == ERR_OK ? reply_release(request, 200, &release, response)
                                : reply_faults(request, error, &faults, response);
}

static err_t delete_release(struct api *api, const struct request *request, struct response *response)
{
    struct uuid id;
    struct terms terms;
    struct faults faults = {.count = 0};
    TRY(request_uuid(request->params[0], "release", &id));
    TRY(request_terms(request, &faults, &terms));
    TRY(release_remove(api->options.fleet, &terms, id));
    response->status = 204;
    return OK;
}

#define ROW(method_, path_, scopes_, limit_, handler_)                                                       \
    {                                                                                                        \
        .method = (method_), .path = (path_), .listeners = LISTENER_MANAGEMENT, .access = ACCESS_CALLER,     \
        .scopes = (scopes_), .body_limit = (limit_), .handler = (handler_)                                   \
    }
const struct route release_routes[] = {
    ROW(HTTP_GET, "/api/v1/firmware/releases", SCOPE_FIRMWARE_READ, 0, get_releases),
    ROW(HTTP_POST, "/api/v1/firmware/releases", SCOPE_FIRMWARE_WRITE, BODY_LIMIT, post_release),
    ROW(HTTP_GET, "/api/v1/firmware/releases/{id}", SCOPE_FIRMWARE_READ, 0, get_release),
    ROW(HTTP_PATCH, "/api/v1/firmware/releases/{id}", SCOPE_FIRMWARE_WRITE, BODY_LIMIT, patch_release),
    ROW(HTTP_DELETE, "/api/v1/firmware/releases/{id}", SCOPE_FIRMWARE_WRITE, 0, delete_release),
};
