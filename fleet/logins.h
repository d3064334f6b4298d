/* People log in: name and password, and a code of their authenticator or a recovery code, for a session.
 * Whoever fails learns only that it failed, after the same time. */
#ifndef WHORL_FLEET_LOGINS_H
#define WHORL_FLEET_LOGINS_H

#include "base/faults.h"
#include "fleet/sessions.h"
#include "fleet/users.h"

struct login_order {
    struct bytes tenant, name, password;
    struct bytes totp, recovery_code; /* one of the two; p NULL: not there */
    const char *address, *request_id;
};

struct login {
    char text[TOKEN_TEXT_SIZE]; /* of the session: shown once; the caller wipes it */
    struct session_row session;
    struct user_view user;
};
/** @errors ERR_UNAUTHORIZED in one shape, ERR_TOO_MANY, ERR_BUSY @thread worker */
err_t login_open(struct fleet *fleet, const struct login_order *order, struct login *out);

struct password_order {
    const struct session_caller *caller;
    struct bytes old_password, new_password, totp;
    const char *address, *request_id;
    struct faults *faults;
};
/** One's own password: both factors are proved again; all other sessions end.
 *  @errors ERR_UNPROCESSABLE with faults, or the old password or the code is wrong; ERR_TOO_MANY, ERR_BUSY */
err_t login_change_password(struct fleet *fleet, const struct password_order *order);

#endif
