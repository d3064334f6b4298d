/* Authorities over REST: list, look, and the chain in the form that the caller's tools read. Changes nothing.
 */
#include "fleet/authorities.h"

#include "api/accept.h"
#include "api/authority_views.h"
#include "api/page.h"
#include "api/reply.h"
#include "api/tables.h"
#include "fleet/access.h"
#include "fleet/authority_remains.h"
#include "fleet/policy_words.h"
#include "pki/certificate.h"

static const char *const no_query[] = {NULL};

static err_t set_pem(json_t *object, struct bytes der)
{
    AUTO_VAL(buf) pem = {0};
    TRY(certificate_to_pem(der, &pem));
    return json_set_text(object, "pem", buf_str(&pem));
}

static json_t *text_or_null(const char *text)
{
    return text[0] != '\0' ? json_string(text) : json_null();
}

static err_t render_terms(const struct authority_row *row, json_t *authority)
{
    TRY(json_set_text(authority, "owner", row->has_tenant ? "tenant" : "installation"));
    TRY(json_set_bool(authority, "is_default", row->is_default));
    TRY(json_set_bool(authority, "is_external", row->is_external));
    TRY(json_take(authority, "issuer", text_or_null(row->issuer)));
    TRY(json_take(authority, "predecessor", text_or_null(row->predecessor)));
    TRY(row->request.n > 0 ? json_set_bool(authority, "has_request", true) : OK);
    if (row->compromised_at != 0) {
        TRY(json_set_time(authority, "compromised_at", row->compromised_at));
        TRY(json_set_time(authority, "rekey_by", row->rekey_by));
    }
    return row->ends_at == 0 ? OK : json_set_time(authority, "ends_at", row->ends_at);
}

static err_t render_certificate(const struct certificate_facts *facts, json_t *authority)
{
    TRY(json_set_text(authority, "subject", facts->subject_text));
    TRY(json_set_hex(authority, "serial", (struct bytes){facts->serial, facts->serial_size}));
    TRY(json_set_text(authority, "key_algorithm", key_algorithm_name(key_algorithm_bit(facts->key.alg))));
    TRY(json_set_hex(authority, "spki_sha256", BYTES_OF(facts->key.spki_sha256.b)));
    TRY(json_set_time(authority, "not_before", facts->not_before_ms));
    return json_set_time(authority, "not_after", facts->not_after_ms);
}

err_t render_authority(const struct authority_row *row, json_t **out)
{
    AUTO_VAL(certificate_facts) facts = {.serial_size = 0};
    *out = NULL;
    AUTO(json_t) *authority = json_object();
    TRY(json_set_text(authority, "id", row->id));
    TRY(json_set_text(authority, "role", row->role));
    TRY(json_set_text(authority, "state", authority_state_name(row->state)));
    TRY(render_terms(row, authority));
    if (row->certificate.n > 0) {
        TRY(certificate_read(row->certificate, &facts));
        TRY(render_certificate(&facts, authority));
    }
    TRY(json_set_int(authority, "crl_shards", row->crl_shards));
    TRY(json_set_time(authority, "created_at", row->created_at));
    *out = TAKE(authority);
    return OK;
}

static err_t add_authority(const struct authority_row *row, void *arg)
{
    AUTO(json_t) *authority = NULL;
    TRY(render_authority(row, &authority));
    return page_add(arg, bytes_str(row->id), TAKE(authority));
}

static err_t get_authorities(struct api *api, const struct request *request, struct response *response)
{
    AUTO_VAL(page) page = {.name = ""};
    TRY(page_open(request, "authorities", &page));
    const struct row_window window = page_window(&page);
    TRY(authority_list(api->options.fleet, &request->principal->tenant, &window, add_authority, &page));
    return page_reply(&page, response);
}

struct answer {
    struct api *api;
    const struct request *request;
    struct response *response;
};

/* Of all tenants for whom the installation is, else of the caller's own. */
static err_t set_remaining(const struct answer *answer, const char *id, json_t *authority)
{
    const struct principal *caller = answer->request->principal;
    bool sees_all = (caller->scopes & SCOPE_INSTALLATION) != 0;
    struct authority_remainder remainder;
    authority_remains_find(answer->api->options.fleet, id, sees_all ? NULL : &caller->tenant, &remainder);
    if (!remainder.is_counted) {
        return OK;
    }
    AUTO(json_t) *remaining = json_object();
    TRY(json_set_int(remaining, "devices", remainder.devices));
    TRY(json_set_time(remaining, "counted_at", remainder.counted_at));
    return json_take(authority, "remaining", TAKE(remaining));
}

static err_t reply_authority(const struct authority_row *row, void *arg)
{
    const struct answer *answer = arg;
    AUTO(json_t) *authority = NULL;
    TRY(render_authority(row, &authority));
    if (row->certificate.n > 0) {
        TRY(set_pem(authority, row->certificate));
    }
    if (row->state == AUTHORITY_COMPROMISED) {
        TRY(set_remaining(answer, row->id, authority));
    }
    return reply_resource(answer->request, answer->response, 200, authority, row->ver);
}

static err_t get_authority(struct api *api, const struct request *request, struct response *response)
{
    struct answer answer = {.api = api, .request = request, .response = response};
    TRY(request_check_query(request, no_query));
    return authority_get(api->options.fleet, &request->principal->tenant, request->params[0], reply_authority,
                         &answer);
}

/* --- the chain -------------------------------------------------------------------------------------- */

static err_t write_json(const struct authority_chain *chain, struct buf *out)
{
    AUTO(json_t) *answer = json_object();
    AUTO(json_t) *list = json_array();
    for (size_t i = 0; i < chain->count; i++) {
        AUTO(json_t) *item = json_object();
        AUTO_VAL(certificate_facts) facts = {.serial_size = 0};
        TRY(certificate_read(buf_view(&chain->ders[i]), &facts));
        TRY(json_set_text(item, "subject", facts.subject_text));
        TRY(set_pem(item, buf_view(&chain->ders[i])));
        ENSURE(json_array_append_new(list, TAKE(item)) == 0, ERR_NO_MEMORY, "a chain");
    }
    TRY(json_take(answer, "certificates", TAKE(list)));
    return json_append(out, answer);
}

static err_t write_pem(const struct authority_chain *chain, struct buf *out)
{
    for (size_t i = 0; i < chain->count; i++) {
        TRY(certificate_to_pem(buf_view(&chain->ders[i]), out));
    }
    return OK;
}

static err_t write_certificate(const struct authority_chain *chain, struct buf *out)
{
    return buf_append_bytes(out, buf_view(&chain->ders[0]));
}

static err_t write_pkcs7(const struct authority_chain *chain, struct buf *out)
{
    struct bytes ders[AUTHORITY_CHAIN_MAX];
    for (size_t i = 0; i < chain->count; i++) {
        ders[i] = buf_view(&chain->ders[i]);
    }
    return certificates_to_pkcs7(ders, chain->count, out);
}

/* The same order twice: what is offered, and what writes it. */
static const char *const offers[] = {"application/json", "application/pem-certificate-chain",
                                     "application/pkix-cert", "application/pkcs7-mime"};
static err_t (*const writers[])(const struct authority_chain *chain,
                                struct buf *out) = {write_json, write_pem, write_certificate, write_pkcs7};
enum { OFFERS = sizeof offers / sizeof offers[0] };

static err_t get_chain(struct api *api, const struct request *request, struct response *response)
{
    AUTO_VAL(authority_chain) chain = {.count = 0};
    TRY(request_check_query(request, no_query));
    TRY(authority_chain_read(api->options.fleet, &request->principal->tenant, request->params[0], &chain));
    size_t chosen = accept_choose(http_header(request, "Accept"), offers, OFFERS);
    TRY(response_header(response, "Vary", "Accept"));
    response->status = 200;
    response->content_type = offers[chosen];
    return writers[chosen](&chain, &response->body);
}

#define ROW(path_, handler_)                                                                                 \
    {                                                                                                        \
        .method = HTTP_GET, .path = (path_), .listeners = LISTENER_MANAGEMENT, .access = ACCESS_CALLER,      \
        .scopes = SCOPE_CERTIFICATES_READ, .handler = (handler_)                                             \
    }
const struct route authority_routes[] = {
    ROW("/api/v1/authorities", get_authorities),
    ROW("/api/v1/authorities/{id}", get_authority),
    ROW("/api/v1/authorities/{id}/chain", get_chain),
};
#undef ROW
