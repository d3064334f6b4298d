/* The kinds of credentials, one function each, behind api_admit(). Every one of them sets kind, actor (its
 * owner too), tenant and scopes of a principal whose actor.request_id is set already; what a route asks for
 * is checked behind it. Private to api/authn*.c. */
#ifndef WHORL_API_AUTHN_KINDS_H
#define WHORL_API_AUTHN_KINDS_H

#include "api/authn.h"

/** The one Authorization header, or NULL. @errors ERR_BAD_REQUEST more than one @thread any */
err_t authn_authorization(const struct request *request, const char **out);

/** By TLS, for routes of devices; sets request->principal. @errors as api_admit() @thread worker, like all
 * here
 */
err_t authn_admit_device(struct api *api, struct request *request);

/** Whether a target token is looked at: on routes of DDI, where no client certificate is shown. @thread any
 */
bool authn_takes_target_token(const struct request *request);
/** A device by its target token; sets request->principal. @errors ERR_UNAUTHORIZED */
err_t authn_by_target_token(struct api *api, struct request *request);

/** By whatever the request shows, for routes of management; sets request->principal. @errors as api_admit()
 */
err_t authn_admit_caller(struct api *api, struct request *request);

/** A token. @param text what followed "Bearer", a C string that is not empty @errors ERR_UNAUTHORIZED in one
 * shape, ERR_TOKEN_EXPIRED */
err_t authn_by_token(struct api *api, const struct request *request, struct bytes text, struct principal *p);
/** A person's session. @errors as above */
err_t authn_by_session(struct api *api, const struct request *request, struct bytes text,
                       struct principal *p);

/** A JWT of the OIDC issuer. @errors ERR_UNAUTHORIZED with the reason, ERR_TOKEN_EXPIRED, ERR_UNAVAILABLE the
 * issuer's keys are not at hand */
err_t authn_by_oidc(struct api *api, const struct request *request, struct bytes text, struct principal *p);

/** The client certificate of the connection. @errors ERR_UNAUTHORIZED with the reason; of a key that is not
 * known its hash */
err_t authn_by_certificate(struct api *api, const struct request *request, struct principal *p);

#endif
