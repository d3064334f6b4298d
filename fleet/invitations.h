/* How an invited person becomes one who can log in: the code of the invitation, a password of their own, and
 * a first code of their authenticator. Nobody else learns any of it. */
#ifndef WHORL_FLEET_INVITATIONS_H
#define WHORL_FLEET_INVITATIONS_H

#include "base/faults.h"
#include "fleet/second_factor.h"

struct invitation_order {
    struct bytes code;     /* of the invitation */
    struct bytes password; /* invitation_accept() */
    struct bytes totp;     /* invitation_confirm() */
    const char *address, *request_id;
    struct faults *faults;
};

struct accepted {
    char name[NAME_SIZE], tenant[NAME_SIZE];
    char totp_secret[TOTP_BASE32_SIZE]; /* shown once; the caller wipes it */
};
/** Sets the password and makes a TOTP secret; again, until it is confirmed, makes both anew.
 *  @errors ERR_UNAUTHORIZED not valid, used, or expired; ERR_TOO_MANY; ERR_UNPROCESSABLE with faults;
 * ERR_BUSY
 *  @thread worker */
err_t invitation_accept(struct fleet *fleet, const struct invitation_order *order, struct accepted *out);
/** The first code of the authenticator: the account is active, the invitation used.
 *  @param[out] out shown once @errors as above; ERR_WRONG_STATE not accepted yet; ERR_UNAUTHORIZED also a
 * wrong code */
err_t invitation_confirm(struct fleet *fleet, const struct invitation_order *order,
                         struct recovery_codes *out);

#endif
