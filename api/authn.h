/* Who calls: a device by its TLS identity or by a challenge proof, a back end by its token, a person by their
 * session. Turns the facts of a request into a principal; what a principal may do is decided by the services
 * of fleet/. */
#ifndef WHORL_API_AUTHN_H
#define WHORL_API_AUTHN_H

#include "api/api.h"
#include "fleet/access.h"
#include "fleet/client_certificates.h"
#include "fleet/contact.h"
#include "fleet/oidc.h"
#include "fleet/sessions.h"

enum principal_kind {
    PRINCIPAL_DEVICE,
    PRINCIPAL_TOKEN,
    PRINCIPAL_CERTIFICATE,
    PRINCIPAL_USER,
    PRINCIPAL_OIDC
};

struct principal {
    enum principal_kind kind;
    struct actor actor;
    /* of every caller of the management interface, whatever it showed: whose things it sees, what it may do
     */
    struct uuid tenant;
    uint32_t scopes;
    /* PRINCIPAL_DEVICE */
    struct contact_facts facts;
    struct contact contact;
    int64_t changes; /* of the inventory (fleet_changes()), before it was asked */
    struct device_id
        device_id; /* of the proved identity key, or of the inventory's device; also when it is not known */
    /* PRINCIPAL_TOKEN */
    struct token_row token;
    /* PRINCIPAL_CERTIFICATE */
    struct client_certificate_row certificate;
    /* PRINCIPAL_USER */
    struct session_caller user;
    /* PRINCIPAL_OIDC */
    struct oidc_caller oidc;
};

/* What a request shows of a device beside its TLS identity; each may be empty. */
struct device_evidence {
    struct bytes proved_spki; /* by challenge: counts instead of the TLS identity */
    struct bytes code;        /* an enrolment code */
};

/** Resolves a device. What is shown is borrowed for the life of the request.
 *  @param[out] out arena memory @errors as contact_resolve() @thread worker */
err_t authn_device(struct api *api, const struct request *request, const struct device_evidence *evidence,
                   const struct principal **out);

/** The caller by its TLS identity. @param code an enrolment code, or empty @errors ERR_UNAUTHORIZED without a
 * client certificate, the same for everybody */
err_t authn_device_by_tls(struct api *api, const struct request *request, struct bytes code,
                          const struct principal **out);

/** Tells the inventory that a device was turned away, when the error says so (not for our own failures).
 *  @return `error`, unchanged @thread worker */
err_t authn_refused(struct api *api, const struct principal *device, err_t error);

/** The value of WWW-Authenticate that belongs to an error; false when there is none (RFC 9110 §11.6.1, RFC
 * 6750 §3). */
bool authn_challenge(const struct request *request, err_code code, char out[RESPONSE_VALUE_SIZE]);

#endif
