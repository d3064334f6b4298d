/* What the next request of a device should hold, by its product and that one's certificate profile: one place
 * for EST's csrattrs and CMP's certReqTemplate, so that they say the same. Tells, and decides nothing: a
 * request is judged when it comes. */
#ifndef WHORL_FLEET_REQUEST_WISHES_H
#define WHORL_FLEET_REQUEST_WISHES_H

#include "fleet/fleet.h"
#include "pki/peer.h"
#include "pki/request_wishes.h"

struct wishes_question {
    const struct peer_identity *peer; /* whose key was proved; NULL: nobody's */
    bool is_message;                  /* by the signature of a message */
    const char *label;                /* tenant name, or "" */
    const char *address, *request_id;
};

/** Of the asker's product where the inventory knows it, or would take it in; else of the product "default" of
 * the label's tenant, so that nobody learns who is there. Confirms no certificate and records no refusal.
 *  @param[out] out cleared by the caller; borrows from the peer @errors ERR_NOT_FOUND no such tenant, of the
 * inventory @thread worker */
err_t request_wishes_find(struct fleet *fleet, const struct wishes_question *question,
                          struct request_wishes *out);

#endif
