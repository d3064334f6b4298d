/* Revoking the devices of a batch or a product over REST: started, looked at only, or kept for a second
 * person. */
#include "fleet/mass_revoke.h"

#include <string.h>

#include "api/guarded.h"
#include "api/tables.h"
#include "api/terms.h"
#include "fleet/device_description.h"
#include "fleet/revocation.h"

enum { BODY_LIMIT = 4096, WORD_MAX = 32, LABEL_TEXT_MAX = LABEL_NAME_MAX + 1 + LABEL_VALUE_MAX };

struct raw {
    const char *reason, *state, *label, *note;
    bool is_dry_run;
};

/* NAME=VALUE: the name is copied, the value stays in the document. */
static err_t take_label(const char *text, struct arena *arena, struct mass_order *out)
{
    const char *sign = strchr(text, '=');
    void *name = NULL;
    ENSURE(sign != NULL && sign != text, ERR_UNPROCESSABLE, "label is NAME=VALUE");
    size_t n = (size_t)(sign - text);
    TRY(arena_alloc(arena, n + 1, &name));
    memcpy(name, text, n);
    ((char *)name)[n] = '\0';
    out->label_name = name;
    out->label_value = sign + 1;
    return OK;
}

static err_t take_words(const struct request *request, const struct raw *raw, struct faults *faults,
                        struct mass_order *out)
{
    out->note = raw->note;
    if (raw->reason != NULL) {
        TRY(faults_note(faults, "/reason", revocation_reason_parse(bytes_str(raw->reason), &out->reason)));
    }
    if (raw->state != NULL) {
        err_t error = device_state_parse(bytes_str(raw->state), &out->state);
        out->has_state = error.code == ERR_OK;
        if (error.code != ERR_OK) {
            faults_add(faults, "/state", "%s", error.detail);
        }
    }
    return raw->label != NULL ? faults_note(faults, "/label", take_label(raw->label, request->arena, out))
                              : OK;
}

/** @param[out] document keeps the texts of the order */
static err_t read_order(const struct request *request, struct faults *faults, json_t **document,
                        struct raw *raw, struct mass_order *out)
{
    static const struct json_field fields[] = {
        {"reason", JSON_KIND_TEXT, true, offsetof(struct raw, reason), 1, WORD_MAX, JSON_NO_HAS},
        {"state", JSON_KIND_TEXT, false, offsetof(struct raw, state), 1, WORD_MAX, JSON_NO_HAS},
        {"label", JSON_KIND_TEXT, false, offsetof(struct raw, label), 1, LABEL_TEXT_MAX, JSON_NO_HAS},
        {"note", JSON_KIND_TEXT, false, offsetof(struct raw, note), 1, MASS_NOTE_MAX, JSON_NO_HAS},
        {"dry_run", JSON_KIND_BOOLEAN, false, offsetof(struct raw, is_dry_run), 0, 0, JSON_NO_HAS},
    };
    out->is_product = strstr(request->route->path, "/products/") != NULL;
    TRY(request_uuid(request->params[0], out->is_product ? "product" : "batch", &out->owner));
    TRY(request_body(request, false, document));
    TRY(json_read_all(*document, fields, sizeof fields / sizeof fields[0], faults, raw));
    TRY(take_words(request, raw, faults, out));
    return faults_error(faults);
}

static err_t reply_preview(struct api *api, const struct request *request, const struct mass_order *order,
                           struct response *response)
{
    struct mass_preview preview;
    AUTO(json_t) *answer = json_object();
    AUTO(json_t) *sample = json_array();
    TRY(mass_revoke_preview(api->options.fleet, request->principal->tenant, order, &preview));
    for (size_t i = 0; i < preview.count; i++) {
        char id[2 * DEVICE_ID_SIZE + 1];
        hex_encode(BYTES_OF(preview.sample[i].b), id);
        ENSURE(json_array_append_new(sample, json_string(id)) == 0, ERR_NO_MEMORY, "a sample");
    }
    TRY(json_set_bool(answer, "dry_run", true));
    TRY(json_set_int(answer, "at_most", preview.total));
    TRY(json_take(answer, "sample", TAKE(sample)));
    return reply_json(response, 200, answer);
}

static err_t post_revoke(struct api *api, const struct request *request, struct response *response)
{
    AUTO(json_t) *document = NULL;
    struct faults faults = {.count = 0};
    struct guarded guarded = {.is_waiting = false};
    struct mass_order order = {.note = NULL};
    struct operation_row row = {.ver = 0};
    struct raw raw = {.reason = NULL};
    struct terms terms;
    TRY(request_terms(request, &faults, &terms));
    terms.guarded = &guarded;
    err_t error = read_order(request, &faults, &document, &raw, &order);
    if (error.code != ERR_OK) {
        return reply_faults(request, error, &faults, response);
    }
    if (raw.is_dry_run) {
        return reply_preview(api, request, &order, response);
    }
    TRY(mass_revoke(api->options.fleet, &terms, &order, &row));
    return guarded.is_waiting ? reply_waiting(api, request, &guarded, response)
                              : reply_started(&row, response);
}

#define ROW(path_)                                                                                           \
    {                                                                                                        \
        .method = HTTP_POST, .path = (path_), .listeners = LISTENER_MANAGEMENT, .access = ACCESS_CALLER,     \
        .scopes = SCOPE_CERTIFICATES_REVOKE, .body_limit = BODY_LIMIT, .handler = post_revoke                \
    }
const struct route mass_revoke_routes[] = {
    ROW("/api/v1/batches/{id}/revoke"),
    ROW("/api/v1/products/{id}/revoke"),
};
#undef ROW
