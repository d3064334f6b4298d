/* Enrolment over Secure Transport (RFC 7030, 8951) on the device listener: reads requests, calls the
 * enrolment service, writes its answers in EST's form. Holds no rule of enrolment; those are in fleet/enrol.
 */
#include "api/est.h"

#include "api/authn.h"
#include "api/cacerts.h"
#include "api/rekey_after.h"
#include "api/tables.h"
#include "base/encoding.h"
#include "fleet/enrol.h"
#include "fleet/registry.h"
#include "fleet/request_wishes.h"
#include "pki/certificate.h"

enum { EST_BODY_LIMIT = 64 * 1024 };

#define CERTS_ONLY "application/pkcs7-mime; smime-type=certs-only"

/* Base64 on one line: the one form that every known client takes (RFC 8951 §3 asks for no line ends). */
static err_t reply_base64(struct response *response, const char *content_type, struct bytes der)
{
    response->status = 200;
    response->content_type = content_type;
    TRY(response_header(response, "Content-Transfer-Encoding", "base64"));
    return base64_append(&response->body, der);
}

/* The label of an open route; an unknown one is 404 (RFC 7030 §3.2.2). */
static err_t read_label(struct api *api, const struct request *request, const char **label,
                        struct tenant_row *tenant)
{
    *label = request->params[0] == NULL ? "" : request->params[0];
    return (*label)[0] == '\0' ? OK : tenant_find(api->options.fleet, *label, tenant);
}

static err_t get_cacerts(struct api *api, const struct request *request, struct response *response)
{
    const char *label = NULL;
    struct tenant_row tenant;
    AUTO_VAL(buf) message = {0};
    TRY(read_label(api, request, &label, &tenant));
    TRY(cacerts_message(api, label[0] == '\0' ? NULL : &tenant.id, &message));
    return reply_base64(response, CERTS_ONLY, buf_view(&message));
}

static err_t get_csrattrs(struct api *api, const struct request *request, struct response *response)
{
    const char *label = NULL;
    struct tenant_row tenant;
    AUTO_VAL(buf) message = {0};
    AUTO_VAL(request_wishes) wishes = {0};
    TRY(read_label(api, request, &label, &tenant));
    const struct wishes_question question = {.peer = request->peer->kind == PEER_NONE ? NULL : request->peer,
                                             .label = label,
                                             .address = request->address,
                                             .request_id = request->request_id};
    TRY(request_wishes_find(api->options.fleet, &question, &wishes));
    TRY(request_wishes_put_csrattrs(&wishes, &message));
    return reply_base64(response, "application/csrattrs", buf_view(&message));
}

static err_t read_csr(struct api *api, const struct request *request, const struct principal *device,
                      struct csr **out)
{
    *out = NULL;
    ENSURE(http_content_type_is(request, "application/pkcs10"), ERR_MEDIA_TYPE, "send application/pkcs10");
    AUTO_VAL(buf) der = {0};
    struct key_policy policy;
    TRY(est_decode(request->body, &der));
    TRY(enrol_key_policy(api->options.fleet, &device->contact, &policy));
    return csr_parse(buf_view(&der), &policy, out);
}

/* simpleenroll and simplereenroll alike: under the identity key it is first contact or recovery, under an
 * operational certificate renewal or rekey. strongSwan re-enrols at first contact already, libest rekeys by
 * simpleenroll. */
static err_t enrol_device(struct api *api, const struct request *request, const struct principal *device,
                          struct enrolment *out)
{
    AUTO_PTR(csr) *csr = NULL;
    TRY(read_csr(api, request, device, &csr));
    struct enrol_order order = {.contact = &device->contact,
                                .facts = &device->facts,
                                .csr = csr,
                                .binding = request->binding,
                                .actor = device->actor};
    if (device->contact.proof == PROOF_OPERATIONAL) {
        order.subject_of_peer = buf_view(&request->peer->certificate.subject);
        order.san_of_peer = buf_view(&request->peer->certificate.san);
    }
    return enrol(api->options.fleet, &order, out);
}

/* Who brought no code where codes admit is asked for one (RFC 7030 §3.2.3); everybody else is told no more
 * than before. */
static err_t ask_for_code(struct api *api, const struct principal *device, err_t error)
{
    bool wants_code = false;
    if (error.code != ERR_DEVICE_REFUSED) {
        return error;
    }
    TRY(admission_wants_code(api->options.fleet, &device->facts, &device->contact, &wants_code));
    return wants_code ? ERR(ERR_ENROLMENT_CODE, "send it as the password of HTTP Basic, under any name")
                      : error;
}

static err_t post_enrol(struct api *api, const struct request *request, struct response *response)
{
    const struct principal *device = request->principal;
    AUTO_VAL(enrolment) enrolment = {0};
    err_t error = enrol_device(api, request, device, &enrolment);
    if (error.code != ERR_OK) {
        return ask_for_code(api, device, authn_refused(api, device, error));
    }
    /* RFC 7030 §4.2.3: the issued certificate and no other */
    struct bytes der = buf_view(&enrolment.certificate.der);
    AUTO_VAL(buf) message = {0};
    TRY(certificates_to_pkcs7(&der, 1, &message));
    TRY(rekey_after_tell(api, enrolment.renew_after, enrolment.needs_new_key, response));
    return reply_base64(response, CERTS_ONLY, buf_view(&message));
}

/* RFC 7030 §4.3, §4.4 leave both out at will. */
static err_t post_fullcmc(struct api *api, const struct request *request, struct response *response)
{
    (void)api, (void)request, (void)response;
    return ERR(ERR_NOT_IMPLEMENTED, "fullcmc: use simpleenroll or simplereenroll");
}

static err_t post_serverkeygen(struct api *api, const struct request *request, struct response *response)
{
    (void)api, (void)request, (void)response;
    return ERR(ERR_NOT_IMPLEMENTED,
               "serverkeygen: a device's private key is made in the device and never leaves it");
}

#define EST_OPEN(method_, path_, handler_)                                                                   \
    {                                                                                                        \
        .method = (method_), .path = (path_), .listeners = LISTENER_DEVICE, .access = ACCESS_ANYONE,         \
        .body_limit = (method_) == HTTP_POST ? EST_BODY_LIMIT : 0, .errors = ERRORS_TEXT,                    \
        .handler = (handler_)                                                                                \
    }
#define EST_ENROL(path_)                                                                                     \
    {                                                                                                        \
        .method = HTTP_POST, .path = (path_), .listeners = LISTENER_DEVICE, .access = ACCESS_DEVICE,         \
        .body_limit = EST_BODY_LIMIT, .flags = ROUTE_FULL_HANDSHAKE, .errors = ERRORS_TEXT,                  \
        .handler = post_enrol                                                                                \
    }

const struct route est_routes[] = {
    EST_OPEN(HTTP_GET, "/.well-known/est/cacerts", get_cacerts),
    EST_OPEN(HTTP_GET, "/.well-known/est/{label}/cacerts", get_cacerts),
    EST_OPEN(HTTP_GET, "/.well-known/est/csrattrs", get_csrattrs),
    EST_OPEN(HTTP_GET, "/.well-known/est/{label}/csrattrs", get_csrattrs),
    EST_ENROL("/.well-known/est/simpleenroll"),
    EST_ENROL("/.well-known/est/{label}/simpleenroll"),
    EST_ENROL("/.well-known/est/simplereenroll"),
    EST_ENROL("/.well-known/est/{label}/simplereenroll"),
    EST_OPEN(HTTP_POST, "/.well-known/est/fullcmc", post_fullcmc),
    EST_OPEN(HTTP_POST, "/.well-known/est/{label}/fullcmc", post_fullcmc),
    EST_OPEN(HTTP_POST, "/.well-known/est/serverkeygen", post_serverkeygen),
    EST_OPEN(HTTP_POST, "/.well-known/est/{label}/serverkeygen", post_serverkeygen),
};
