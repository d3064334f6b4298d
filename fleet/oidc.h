/* Callers whom another party vouches for: bearer JWTs of one OpenID Connect issuer. Its keys are fetched
 * through outbound/ and kept; a token is judged by them without asking the issuer. The tenant and the roles
 * of the caller are claims; what a role may do is this server's own (fleet/roles.h). */
#ifndef WHORL_FLEET_OIDC_H
#define WHORL_FLEET_OIDC_H

#include "fleet/fleet.h"
#include "pki/jwt.h"

struct oidc_caller {
    struct uuid tenant;
    uint32_t scopes; /* of all the tenant's roles that the token names */
    int64_t expires_at;
    char name[ACTOR_SIZE]; /* "oidc:" and 32 hex characters of SHA-256(issuer LF subject) */
    char subject[JWT_SUBJECT_SIZE];
};

/** Whether an issuer is configured. @thread any */
bool oidc_is_on(const struct fleet *fleet);

/** Judges a token. The keys are fetched first when there are none, and anew when the token names one that is
 * not known, at most once a minute whoever asks.
 *  @errors ERR_UNAUTHORIZED, ERR_TOKEN_EXPIRED; ERR_UNAVAILABLE the issuer's keys could not be fetched
 * @thread worker */
err_t oidc_check(struct fleet *fleet, struct bytes text, const char *request_id, struct oidc_caller *out);

/** Fetches the keys when those at hand are due: a job. A failure is logged once and tried again a minute
 * later; the keys at hand serve on for a day. @thread background */
err_t oidc_refresh(struct fleet *fleet, int64_t now_ms);

enum { OIDC_URL_SIZE = 1024, OIDC_CLAIM_SIZE = 128 };

/** Whether a text may be an issuer: an URL without query, fragment and user information (OpenID Connect
 * Discovery §2). @errors ERR_UNPROCESSABLE @thread any */
err_t oidc_check_issuer(const char *issuer);
/** The address of the issuer's keys in its discovery document, which must be of exactly this issuer.
 *  @errors ERR_UNPROCESSABLE @thread any */
err_t oidc_read_discovery(struct bytes document, const char *issuer, char keys_url[OIDC_URL_SIZE]);

#endif
