/* People, by the sessions of fleet/sessions.h. */
#include <stdio.h>

#include "api/authn_kinds.h"

err_t authn_by_session(struct api *api, const struct request *request, struct bytes text, struct principal *p)
{
    char id[UUID_TEXT_SIZE];
    (void)request;
    p->kind = PRINCIPAL_USER;
    TRY(session_check(api->options.fleet, text, &p->user));
    uuid_format(p->user.person.id, id);
    (void)snprintf(p->actor.name, sizeof p->actor.name, "user:%s", id);
    (void)snprintf(p->actor.owner, sizeof p->actor.owner, "user:%s", id);
    p->tenant = p->user.session.tenant;
    p->scopes = p->user.scopes;
    return OK;
}
