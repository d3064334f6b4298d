/* What an authority asks of a CA that is elsewhere: its own certificate (PKCS #10 over a key in the
 * keystore), and the file that travels to an offline root (pki/ceremony.h). */
#ifndef WHORL_FLEET_AUTHORITY_REQUEST_H
#define WHORL_FLEET_AUTHORITY_REQUEST_H

#include "fleet/authority_set.h"
#include "pki/ceremony.h"

struct authority_wish {
    const char *id;           /* [a-z][a-z0-9-]{0,30} */
    enum authority_role role; /* of an issuing authority */
    const char *issuer;       /* who will sign; "": somebody who is not here yet */
    const char *organisation; /* O of its subject */
    enum key_alg key_alg;
    const struct name_constraints *names; /* of the role edge; what it excludes is filled in; else NULL */
};
/** Makes key and request of a new issuing authority, which is pending until its certificate is imported; of
 *  one that is pending already the same request again. A key that a killed attempt left is taken up.
 *  @param[out] request DER, appended
 *  @errors ERR_UNPROCESSABLE the id, the role, the issuer; ERR_CONFLICT an authority of this name is there
 * and is not pending, or a key of its label belongs to nobody @thread worker, like all functions here */
err_t authority_request(struct fleet *fleet, const struct actor *actor, const struct authority_wish *wish,
                        struct buf *request);

struct ceremony_wish {
    const char *issuer; /* an authority whose key is elsewhere, or here */
    int64_t lifetime_days, crl_days;
};
/** What `issuer` must sign now: the certificate of every authority that waits for it, the cross certificate
 *  with a root that follows it or that it follows, where that is not there; and its next CRL, with all CA
 *  certificates of it that are revoked. Changes nothing, and may be asked again.
 *  @errors ERR_NOT_FOUND; ERR_UNPROCESSABLE it is no root, or there is too much of something */
err_t authority_ceremony(struct fleet *fleet, const struct ceremony_wish *wish, struct ceremony **out);
/** The request of one that is pending, DER, appended. @errors ERR_NOT_FOUND, ERR_WRONG_STATE */
err_t authority_pending_request(struct fleet *fleet, const char *id, struct buf *out);

#endif
