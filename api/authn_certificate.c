/* Back ends, by the client certificate of the handshake (fleet/client_certificates.h). */
#include <stdio.h>

#include "api/authn_kinds.h"
#include "fleet/client_certificates.h"
#include "fleet/sources.h"

/* A browser shows a certificate whoever's page made the request (CSRF): these are for programs. */
static err_t refuse_browsers(const struct request *request)
{
    ENSURE(http_header(request, "Origin") == NULL && http_header(request, "Sec-Fetch-Site") == NULL,
           ERR_UNAUTHORIZED, "client certificates are for programs: a browser has to send a token");
    return OK;
}

err_t authn_by_certificate(struct api *api, const struct request *request, struct principal *p)
{
    char id[UUID_TEXT_SIZE];
    TRY(refuse_browsers(request));
    p->kind = PRINCIPAL_CERTIFICATE;
    TRY(client_certificate_check(api->options.fleet, request->peer, &p->certificate));
    ENSURE(sources_allow(p->certificate.sources, request->address), ERR_UNAUTHORIZED,
           "the client certificate is not good from this address");
    uuid_format(p->certificate.id, id);
    (void)snprintf(p->actor.name, sizeof p->actor.name, "certificate:%s", id);
    (void)snprintf(p->actor.owner, sizeof p->actor.owner, "%s", p->certificate.owner);
    p->tenant = p->certificate.tenant;
    p->scopes = p->certificate.scopes;
    return OK;
}
