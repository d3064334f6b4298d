/* Products over REST: list, look, make, change. The rules of a policy are in fleet/products.c; here is its
 * form in JSON. */
#include <stdio.h>

#include "api/page.h"
#include "api/render.h"
#include "api/reply.h"
#include "api/tables.h"
#include "api/terms.h"
#include "fleet/lots.h"
#include "fleet/policy_words.h"
#include "fleet/products.h"

enum { BODY_LIMIT = 16384, WORD_MAX = 32, HUB_NAME_MAX = NAME_SIZE - 1 };
static const char *const no_query[] = {NULL};

/* --- out -------------------------------------------------------------------------------------------- */

static err_t set_key_algorithms(json_t *product, uint32_t bits)
{
    AUTO(json_t) *list = json_array();
    for (uint32_t bit = 1; bit <= KEY_ALGORITHMS_ALL; bit <<= 1) {
        if ((bits & bit) != 0) {
            ENSURE(json_array_append_new(list, json_string(key_algorithm_name(bit))) == 0, ERR_NO_MEMORY,
                   "a list of key algorithms");
        }
    }
    return json_take(product, "key_algorithms", TAKE(list));
}

static err_t render(const struct product_row *row, json_t **out)
{
    char id[UUID_TEXT_SIZE];
    *out = NULL;
    uuid_format(row->id, id);
    AUTO(json_t) *product = json_object();
    TRY(json_set_text(product, "id", id));
    TRY(json_set_text(product, "name", row->name));
    TRY(json_set_int(product, "certificate_ttl_s", row->certificate_ttl_s));
    TRY(json_set_int(product, "renew_percent", row->renew_percent));
    TRY(json_set_int(product, "renew_spread_percent", row->renew_spread_percent));
    TRY(json_set_int(product, "rekey_period_s", row->rekey_period_s));
    TRY(json_set_bool(product, "rekey_required", row->rekey_required));
    TRY(json_set_int(product, "overdue_alert_after_s", row->overdue_alert_after_s));
    TRY(json_set_int(product, "overdue_quarantine_days", row->overdue_quarantine_days));
    TRY(json_set_text(product, "recovery", recovery_name(row->recovery)));
    TRY(json_set_text(product, "clone_response", clone_response_name(row->clone_response)));
    TRY(set_key_algorithms(product, row->key_algorithms));
    TRY(json_set_bool(product, "identity_key_certificates", row->identity_key_certificates));
    TRY(json_set_bool(product, "allow_rsa_2048", row->allow_rsa_2048));
    TRY(json_set_bool(product, "require_channel_binding", row->require_channel_binding));
    TRY(json_set_bool(product, "allow_unbound_challenge", row->allow_unbound_challenge));
    TRY(json_set_text(product, "admission", admission_name(row->admission)));
    TRY(json_set_bool(product, "must_be_listed", row->must_be_listed));
    TRY(json_take(product, "hub", row->has_hub ? json_string(row->hub_name) : json_null()));
    TRY(json_take(product, "authority",
                  row->authority[0] != '\0' ? json_string(row->authority) : json_null()));
    TRY(json_take(product, "profile", row->profile[0] != '\0' ? json_string(row->profile) : json_null()));
    TRY(json_take(product, "profile_version",
                  row->profile_version != 0 ? json_integer(row->profile_version) : json_null()));
    TRY(json_set_time(product, "created_at", row->created_at));
    TRY(json_set_time(product, "updated_at", row->updated_at));
    *out = TAKE(product);
    return OK;
}

static err_t reply(struct api *api, int status, const struct product_row *row, struct response *response)
{
    AUTO(json_t) *product = NULL;
    struct device_counts counts;
    TRY(render(row, &product));
    TRY(device_counts_read(api->options.fleet, row->id, &counts));
    TRY(render_counts(&counts, product));
    return reply_counted(response, status, product, row->ver);
}

/* --- in --------------------------------------------------------------------------------------------- */

struct raw {
    const char *name, *recovery, *admission, *clone_response, *hub, *authority, *profile;
    json_t *key_algorithms;
    struct product_change change;
};
#define FLAG(field)                                                                                          \
    {                                                                                                        \
#field, JSON_KIND_BOOLEAN, false, offsetof(struct raw, change.field), 0, 0,                          \
            offsetof(struct raw, change.has_##field)                                                         \
    }
#define NUMBER(field)                                                                                        \
    {                                                                                                        \
#field, JSON_KIND_INTEGER, false, offsetof(struct raw, change.field), INT64_MIN, INT64_MAX,          \
            offsetof(struct raw, change.has_##field)                                                         \
    }
static const struct json_field fields[] = {
    {"name", JSON_KIND_TEXT, false, offsetof(struct raw, name), 0, 0, JSON_NO_HAS},
    NUMBER(certificate_ttl_s),
    NUMBER(renew_percent),
    NUMBER(renew_spread_percent),
    NUMBER(rekey_period_s),
    FLAG(rekey_required),
    NUMBER(overdue_alert_after_s),
    NUMBER(overdue_quarantine_days),
    {"recovery", JSON_KIND_TEXT, false, offsetof(struct raw, recovery), 0, WORD_MAX, JSON_NO_HAS},
    {"key_algorithms", JSON_KIND_ARRAY, false, offsetof(struct raw, key_algorithms), 1, WORD_MAX,
     JSON_NO_HAS},
    FLAG(identity_key_certificates),
    FLAG(allow_rsa_2048),
    FLAG(require_channel_binding),
    FLAG(allow_unbound_challenge),
    {"admission", JSON_KIND_TEXT, false, offsetof(struct raw, admission), 0, WORD_MAX, JSON_NO_HAS},
    FLAG(must_be_listed),
    {"clone_response", JSON_KIND_TEXT, false, offsetof(struct raw, clone_response), 0, WORD_MAX, JSON_NO_HAS},
    {"hub", JSON_KIND_TEXT, false, offsetof(struct raw, hub), 1, HUB_NAME_MAX, JSON_NO_HAS},
    {"authority", JSON_KIND_TEXT, false, offsetof(struct raw, authority), 1, AUTHORITY_ID_SIZE - 1,
     JSON_NO_HAS},
    {"profile", JSON_KIND_TEXT, false, offsetof(struct raw, profile), 1, NAME_SIZE - 1, JSON_NO_HAS},
    {"profile_version", JSON_KIND_INTEGER, false, offsetof(struct raw, change.profile_version), 1, INT64_MAX,
     offsetof(struct raw, change.has_profile_version)},
};
#undef FLAG
#undef NUMBER

static err_t read_key_algorithms(const json_t *list, struct faults *faults, struct product_change *out)
{
    char pointer[FAULT_POINTER_SIZE];
    out->has_key_algorithms = true;
    out->key_algorithms = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *word = json_array_get(list, i);
        uint32_t bit = 0;
        struct bytes text = {(const uint8_t *)json_string_value(word), json_string_length(word)};
        (void)snprintf(pointer, sizeof pointer, "/key_algorithms/%zu", i);
        TRY(faults_note(faults, pointer, key_algorithm_parse(text, &bit)));
        out->key_algorithms |= bit;
    }
    return OK;
}

/* The name of a new product must be there; a hub, an authority or a profile that is null is taken away. */
static err_t read_change(const json_t *document, bool is_new, struct faults *faults,
                         struct product_change *out)
{
    struct raw raw = {.name = NULL};
    TRY(json_read_all(document, fields, sizeof fields / sizeof fields[0], faults, &raw));
    *out = raw.change;
    out->name = raw.name == NULL ? BYTES_NONE : bytes_str(raw.name);
    if (is_new) {
        request_need(document, "name", faults);
    } else {
        request_refuse_nulls(document, "hub authority profile profile_version", faults);
    }
    if (raw.recovery != NULL) {
        out->has_recovery = true;
        TRY(faults_note(faults, "/recovery", recovery_parse(bytes_str(raw.recovery), &out->recovery)));
    }
    if (raw.admission != NULL) {
        out->has_admission = true;
        TRY(faults_note(faults, "/admission", admission_parse(bytes_str(raw.admission), &out->admission)));
    }
    if (raw.clone_response != NULL) {
        out->has_clone_response = true;
        TRY(faults_note(faults, "/clone_response",
                        clone_response_parse(bytes_str(raw.clone_response), &out->clone_response)));
    }
    if (raw.key_algorithms != NULL) {
        TRY(read_key_algorithms(raw.key_algorithms, faults, out));
    }
    out->has_hub = raw.hub != NULL || json_is_null(json_object_get(document, "hub"));
    out->hub = raw.hub == NULL ? BYTES_NONE : bytes_str(raw.hub);
    out->has_authority = raw.authority != NULL || json_is_null(json_object_get(document, "authority"));
    out->has_profile = raw.profile != NULL || json_is_null(json_object_get(document, "profile"));
    out->profile = bytes_or_none(raw.profile);
    if (json_is_null(json_object_get(document, "profile_version"))) {
        out->has_profile_version = true;
        out->profile_version = 0;
    }
    out->authority = raw.authority == NULL ? BYTES_NONE : bytes_str(raw.authority);
    return OK;
}

/* --- the operations --------------------------------------------------------------------------------- */

static err_t add_product(const struct product_row *row, void *arg)
{
    AUTO(json_t) *product = NULL;
    TRY(render(row, &product));
    return page_add_named(arg, BYTES_OF(row->id.b), row->name, TAKE(product));
}

static err_t get_products(struct api *api, const struct request *request, struct response *response)
{
    AUTO_VAL(page) page = {.name = ""};
    TRY(page_open_named(request, "products", &page));
    const struct row_window window = page_window(&page);
    TRY(product_list(api->options.fleet, page.tenant, &window, add_product, &page));
    return page_reply(&page, response);
}

static err_t get_product(struct api *api, const struct request *request, struct response *response)
{
    struct uuid id;
    struct product_row row;
    TRY(request_check_query(request, no_query));
    TRY(request_uuid(request->params[0], "product", &id));
    TRY(product_get(api->options.fleet, request->principal->tenant, id, &row));
    return reply(api, 200, &row, response);
}

static err_t create(struct api *api, const struct request *request, struct faults *faults,
                    struct product_row *out)
{
    struct terms terms;
    struct product_change change;
    AUTO(json_t) *document = NULL;
    TRY(request_terms(request, faults, &terms));
    TRY(request_body(request, false, &document));
    TRY(read_change(document, true, faults, &change));
    return product_add(api->options.fleet, &terms, &change, out);
}

static err_t post_product(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    struct product_row row = {.ver = 0};
    err_t error = create(api, request, &faults, &row);
    if (error.code != ERR_OK) {
        return reply_faults(request, error, &faults, response);
    }
    TRY(reply_location(response, "/api/v1/products", row.id));
    return reply(api, 201, &row, response);
}

static err_t change(struct api *api, const struct request *request, struct faults *faults,
                    struct product_row *out)
{
    struct uuid id;
    struct terms terms;
    struct product_change wanted;
    AUTO(json_t) *document = NULL;
    TRY(request_uuid(request->params[0], "product", &id));
    TRY(request_terms(request, faults, &terms));
    TRY(request_body(request, false, &document));
    TRY(read_change(document, false, faults, &wanted));
    return product_change(api->options.fleet, &terms, id, &wanted, out);
}

static err_t patch_product(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    struct product_row row = {.ver = 0};
    err_t error = change(api, request, &faults, &row);
    return error.code == ERR_OK ? reply(api, 200, &row, response)
                                : reply_faults(request, error, &faults, response);
}

const struct route product_routes[] = {
    {.method = HTTP_GET,
     .path = "/api/v1/products",
     .listeners = LISTENER_MANAGEMENT,
     .access = ACCESS_CALLER,
     .scopes = SCOPE_PRODUCTS_READ,
     .handler = get_products},
    {.method = HTTP_POST,
     .path = "/api/v1/products",
     .listeners = LISTENER_MANAGEMENT,
     .access = ACCESS_CALLER,
     .scopes = SCOPE_PRODUCTS_WRITE,
     .body_limit = BODY_LIMIT,
     .handler = post_product},
    {.method = HTTP_GET,
     .path = "/api/v1/products/{id}",
     .listeners = LISTENER_MANAGEMENT,
     .access = ACCESS_CALLER,
     .scopes = SCOPE_PRODUCTS_READ,
     .handler = get_product},
    {.method = HTTP_PATCH,
     .path = "/api/v1/products/{id}",
     .listeners = LISTENER_MANAGEMENT,
     .access = ACCESS_CALLER,
     .scopes = SCOPE_PRODUCTS_WRITE,
     .body_limit = BODY_LIMIT,
     .handler = patch_product},
};
