/* CRLs that are signed elsewhere, brought in over REST: the list of an offline root, every half year. What is
 * taken is judged in fleet/authority_import_rules.c. */
#include "fleet/authority_import.h"

#include "api/reply.h"
#include "api/tables.h"
#include "api/terms.h"

enum { BODY_LIMIT = CA_BUNDLE_FILE_MAX };

struct raw {
    const char *crl;
};
static const struct json_field fields[] = {
    {"crl", JSON_KIND_LINES, false, offsetof(struct raw, crl), 1, 0, JSON_NO_HAS},
};

static err_t take(struct api *api, const struct request *request, struct faults *faults,
                  struct import_step *out)
{
    struct terms terms;
    struct raw raw = {.crl = NULL};
    AUTO(json_t) *document = NULL;
    TRY(request_terms(request, faults, &terms));
    TRY(request_body(request, false, &document));
    TRY(json_read_all(document, fields, sizeof fields / sizeof fields[0], faults, &raw));
    request_need(document, "crl", faults);
    TRY(faults_error(faults));
    err_t error =
        authority_import_crl(api->options.fleet, &terms, request->params[0], bytes_str(raw.crl), out);
    TRY(faults_note(faults, "/crl", error));
    return faults_error(faults);
}

static err_t reply_list(const struct request *request, const struct import_step *step,
                        struct response *response)
{
    AUTO(json_t) *answer = json_object();
    TRY(json_set_text(answer, "authority", request->params[0]));
    TRY(json_set_bool(answer, "is_new", step->kind == IMPORT_CRL));
    if (step->kind == IMPORT_CRL) {
        TRY(json_set_int(answer, "number", step->number));
        TRY(json_set_int(answer, "entries", (int64_t)step->entries));
        TRY(json_set_time(answer, "this_update", step->from_ms));
        TRY(json_set_time(answer, "next_update", step->to_ms));
    }
    if (step->note[0] != '\0') {
        TRY(json_set_text(answer, "note", step->note));
    }
    return reply_json(response, 200, answer);
}

static err_t post_crl(struct api *api, const struct request *request, struct response *response)
{
    struct faults faults = {.count = 0};
    struct import_step step = {.kind = IMPORT_KNOWN};
    err_t error = take(api, request, &faults, &step);
    return error.code == ERR_OK ? reply_list(request, &step, response)
                                : reply_faults(request, error, &faults, response);
}

const struct route authority_crl_routes[] = {
    {.method = HTTP_POST,
     .path = "/api/v1/authorities/{id}/crl",
     .listeners = LISTENER_MANAGEMENT,
     .access = ACCESS_CALLER,
     .scopes = SCOPE_INSTALLATION,
     .body_limit = BODY_LIMIT,
     .handler = post_crl},
};
