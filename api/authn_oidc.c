/* People and services that an OIDC issuer vouches for. Whoever answers for what they do is themselves: the
 * short name of issuer and subject. */
#include <stdio.h>

#include "api/authn_kinds.h"

err_t authn_by_oidc(struct api *api, const struct request *request, struct bytes text, struct principal *p)
{
    p->kind = PRINCIPAL_OIDC;
    TRY(oidc_check(api->options.fleet, text, request->request_id, &p->oidc));
    (void)snprintf(p->actor.name, sizeof p->actor.name, "%s", p->oidc.name);
    (void)snprintf(p->actor.owner, sizeof p->actor.owner, "%s", p->oidc.name);
    p->tenant = p->oidc.tenant;
    p->scopes = p->oidc.scopes;
    return OK;
}
