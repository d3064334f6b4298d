/* Back ends, by the tokens of fleet/access.h. */
#include <stdio.h>

#include "api/authn_kinds.h"
#include "fleet/sources.h"

err_t authn_by_token(struct api *api, const struct request *request, struct bytes text, struct principal *p)
{
    char id[TOKEN_ID_TEXT_SIZE];
    p->kind = PRINCIPAL_TOKEN;
    TRY(token_check(api->options.fleet, text, &p->token));
    ENSURE(sources_allow(p->token.sources, request->address), ERR_UNAUTHORIZED,
           "the token is not good from this address");
    token_id_format(p->token.id, id);
    snprintf(p->actor.name, sizeof p->actor.name, "token:%s", id);
    snprintf(p->actor.owner, sizeof p->actor.owner, "%s", p->token.owner);
    p->tenant = p->token.tenant;
    p->scopes = p->token.scopes;
    return OK;
}
