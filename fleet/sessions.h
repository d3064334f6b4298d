/* Sessions of people: whorls_<id>_<secret>_<crc>, kept as SHA-256 of the secret. The person's state and roles
 * are looked up at each request, so what is taken from somebody is gone with their next one. */
#ifndef WHORL_FLEET_SESSIONS_H
#define WHORL_FLEET_SESSIONS_H

#include "db/session_rows.h"
#include "fleet/access.h"
#include "fleet/terms.h"

struct session_caller {
    struct session_row session;
    struct person_row person;
    uint32_t scopes;
};

/** @errors ERR_UNAUTHORIZED in one shape, ERR_TOKEN_EXPIRED over, or unused for too long @thread worker, like
 * all functions here */
err_t session_check(struct fleet *fleet, struct bytes text, struct session_caller *out);
/** Of one person, or (NULL) of the tenant; in order of id. */
err_t session_list(struct fleet *fleet, struct uuid tenant, const struct uuid *person,
                   const struct row_window *window, session_row_fn fn, void *arg);

struct session_ending {
    const char *kind; /* "session.revoked", "logout" */
    uint8_t id[TOKEN_ID_SIZE];
    struct uuid tenant;
    const struct uuid *person; /* whose it must be; NULL: anybody's of the tenant */
};
/** @errors ERR_NOT_FOUND none, or not one of those */
err_t session_end(struct fleet *fleet, const struct actor *actor, const struct session_ending *ending);
/** Takes away what expired a while ago, in bounded steps. */
err_t session_sweep(struct fleet *fleet, int64_t now_ms);

/** For a login: expiry by the settings. @param[out] row all but tenant, person and address @thread any */
err_t session_make(struct fleet *fleet, char text[TOKEN_TEXT_SIZE], struct session_row *row);

#endif
