/* CMP (RFC 9810, RFC 9483) over the enrolment service: a message in, a protected message out. Who sent it
 * is who its signature or its MAC proves; what it gets is what fleet/enrol.h gives. A device has one
 * transaction at a time; what waits for certConf or pollReq is kept durably, so that a restart, or another
 * node, goes on with it. Knows no HTTP. */
#ifndef WHORL_FLEET_CMP_H
#define WHORL_FLEET_CMP_H

#include "fleet/fleet.h"
#include "pki/peer.h"

struct cmp_question {
    struct bytes message;
    const struct peer_identity
        *peer;         /* of the TLS connection: whose certificate serves where the message brings none */
    const char *label; /* tenant name, or "" */
    const char *address, *request_id;
};

/** Answers every message whose header could be read, by a CMP error at least. @param[out] answer DER,
 * appended
 *  @errors ERR_BAD_ENCODING, ERR_TOO_LARGE it is no CMP message; ERR_TOO_MANY with retry_after_s: this source
 * had too many answers that it did not earn (refusals, general messages); ERR_UNAVAILABLE nobody here can
 * sign answers; of the inventory
 *  @thread worker */
err_t cmp_answer(struct fleet *fleet, const struct cmp_question *question, struct buf *answer);

/** Deletes transactions that nobody ended. @thread background */
err_t cmp_sweep(struct fleet *fleet, int64_t now_ms);

/* What the fleet holds; it belongs to cmp_ground.c. @thread init */
struct cmp_state;
err_t cmp_state_new(const struct random *random, struct cmp_state **out);
void cmp_state_free(struct cmp_state *state);

#endif
