/* What was signed elsewhere, over REST: the certificate of an authority that waits for it, and the cross
 * certificates of roots, which can be looked at too. What is taken is judged in
 * fleet/authority_import_rules.c. */
#include "fleet/authority_import_order.h"

#include "api/guarded.h"
#include "api/tables.h"
#include "api/terms.h"
#include "fleet/access.h"
#include "fleet/authorities.h"
#include "pki/certificate.h"

/* As JSON a line's end takes two bytes. */
enum { BODY_LIMIT = 64 * 1024 };
static const char *const no_query[] = {NULL};

struct raw {
    const char *certificate;
};
static const struct json_field fields[] = {
    {"certificate", JSON_KIND_LINES, false, offsetof(struct raw, certificate), 1, IMPORT_ORDER_FILE_MAX,
     JSON_NO_HAS},
};

/* --- brought in ----------------------------------------------------------------------------------------- */

static err_t take(struct api *api, const struct request *request, const struct terms *terms,
                  enum import_what what, struct import_plan *out)
{
    struct raw raw = {.certificate = NULL};
    AUTO(json_t) *document = NULL;
    uint32_t scopes = request->principal->scopes;
    const struct authority_caller caller = {.may_installation = (scopes & SCOPE_INSTALLATION) != 0,
                                            .may_tenant = (scopes & SCOPE_ADMIN) != 0};
    TRY(request_body(request, false, &document));
    TRY(json_read_all(document, fields, sizeof fields / sizeof fields[0], terms->faults, &raw));
    request_need(document, "certificate", terms->faults);
    TRY(faults_error(terms->faults));
    const struct import_order order = {
        .what = what, .authority = request->params[0], .file = raw.certificate};
    return authority_import_order(api->options.fleet, terms, &caller, &order, out);
}

static const char *what_of(enum import_kind kind)
{
    static const char *const names[] = {[IMPORT_KNOWN] = "known",
                                        [IMPORT_ISSUED] = "certificate",
                                        [IMPORT_EXTERNAL] = "external",
                                        [IMPORT_NEW_WITH_OLD] = "new_with_old",
                                        [IMPORT_OLD_WITH_NEW] = "old_with_new",
                                        [IMPORT_CRL] = "crl"};
    return names[kind];
}

/* What is here already is told by name alone. */
static err_t render_step(const struct import_step *step, json_t **out)
{
    *out = NULL;
    AUTO(json_t) *item = json_object();
    TRY(json_set_text(item, "kind", what_of(step->kind)));
    TRY(step->authority[0] != '\0' ? json_set_text(item, "authority", step->authority) : OK);
    if (step->kind != IMPORT_KNOWN) {
        TRY(json_take(item, "issuer", step->issuer[0] != '\0' ? json_string(step->issuer) : json_null()));
        TRY(json_set_hex(item, "serial", (struct bytes){step->serial, step->serial_size}));
        TRY(json_set_time(item, "not_before", step->from_ms));
        TRY(json_set_time(item, "not_after", step->to_ms));
    }
    TRY(step->note[0] != '\0' ? json_set_text(item, "note", step->note) : OK);
    *out = TAKE(item);
    return OK;
}

static err_t reply_plan(const struct request *request, const struct import_plan *plan,
                        struct response *response)
{
    AUTO(json_t) *answer = json_object();
    AUTO(json_t) *items = json_array();
    bool is_new = false;
    for (size_t i = 0; i < plan->count; i++) {
        json_t *item = NULL;
        TRY(render_step(&plan->steps[i], &item));
        ENSURE(json_array_append_new(items, item) == 0, ERR_NO_MEMORY, "an import");
        is_new = is_new || plan->steps[i].kind != IMPORT_KNOWN;
    }
    TRY(json_set_text(answer, "authority", request->params[0]));
    TRY(json_set_bool(answer, "is_new", is_new));
    TRY(json_take(answer, "items", TAKE(items)));
    return reply_json(response, 200, answer);
}

static err_t post(struct api *api, const struct request *request, struct response *response,
                  enum import_what what)
{
    struct faults faults = {.count = 0};
    struct guarded guarded = {.is_waiting = false};
    struct import_plan plan = {.count = 0};
    struct terms terms;
    TRY(request_terms(request, &faults, &terms));
    terms.guarded = &guarded;
    err_t error = take(api, request, &terms, what, &plan);
    if (error.code != ERR_OK) {
        return reply_faults(request, error, &faults, response);
    }
    return guarded.is_waiting ? reply_waiting(api, request, &guarded, response)
                              : reply_plan(request, &plan, response);
}

static err_t post_certificate(struct api *api, const struct request *request, struct response *response)
{
    return post(api, request, response, IMPORT_THE_CERTIFICATE);
}

static err_t post_cross(struct api *api, const struct request *request, struct response *response)
{
    return post(api, request, response, IMPORT_A_CROSS);
}

/* --- looked at ------------------------------------------------------------------------------------------ */

static err_t add_cross(const struct authority_certificate_row *row, void *arg)
{
    AUTO(json_t) *item = json_object();
    AUTO_VAL(buf) pem = {0};
    TRY(json_set_text(item, "kind", authority_certificate_kind_name(row->kind)));
    TRY(json_set_text(item, "subject", row->subject));
    TRY(json_set_text(item, "issuer", row->issuer));
    TRY(json_set_hex(item, "serial", (struct bytes){row->serial, row->serial_size}));
    TRY(json_set_time(item, "not_before", row->not_before));
    TRY(json_set_time(item, "not_after", row->not_after));
    TRY(json_set_time_if(item, "revoked_at", row->revoked_at));
    TRY(certificate_to_pem(row->certificate, &pem));
    TRY(json_set_text(item, "pem", buf_str(&pem)));
    ENSURE(json_array_append_new(arg, TAKE(item)) == 0, ERR_NO_MEMORY, "cross certificates");
    return OK;
}

static err_t get_crosses(struct api *api, const struct request *request, struct response *response)
{
    AUTO(json_t) *answer = json_object();
    AUTO(json_t) *list = json_array();
    TRY(request_check_query(request, no_query));
    TRY(authority_crosses(api->options.fleet, &request->principal->tenant, request->params[0], add_cross,
                          list));
    TRY(json_take(answer, "cross_certificates", TAKE(list)));
    return reply_json(response, 200, answer);
}

#define POST(path_, handler_)                                                                                \
    {                                                                                                        \
        .method = HTTP_POST, .path = (path_), .listeners = LISTENER_MANAGEMENT, .access = ACCESS_CALLER,     \
        .scopes = (uint32_t)SCOPE_ADMIN | (uint32_t)SCOPE_INSTALLATION, .body_limit = BODY_LIMIT,            \
        .handler = (handler_)                                                                                \
    }
const struct route authority_import_routes[] = {
    POST("/api/v1/authorities/{id}/certificate", post_certificate),
    POST("/api/v1/authorities/{id}/cross-certificates", post_cross),
    {.method = HTTP_GET,
     .path = "/api/v1/authorities/{id}/cross-certificates",
     .listeners = LISTENER_MANAGEMENT,
     .access = ACCESS_CALLER,
     .scopes = SCOPE_CERTIFICATES_READ,
     .handler = get_crosses},
};
#undef POST
