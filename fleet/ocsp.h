/* The OCSP responder (RFC 6960, 9919, 9654): how certificates stand, signed when it is asked and kept in
 * memory until it is old or the inventory says otherwise. Knows no HTTP. */
#ifndef WHORL_FLEET_OCSP_H
#define WHORL_FLEET_OCSP_H

#include "base/shared.h"
#include "fleet/fleet.h"
#include "pki/ocsp.h"

struct ocsp_answer {
    struct shared
        *bytes; /* a counted reference for the caller; NULL: `error` is the whole answer, or there is none */
    struct bytes error; /* DER, static; empty when there are bytes */
    enum ocsp_status status;
    int64_t asked_at_ms; /* by this clock, or what it would show without the step that is in doubt */
    int64_t this_update_ms, next_update_ms;
    bool is_storable; /* anybody who asks the same may be given it until next_update_ms */
    char etag[68];    /* quoted: the hash of all of it */
};
static inline bool ocsp_is_answered(const struct ocsp_answer *answer)
{
    return answer->bytes != NULL || answer->error.n > 0;
}

struct ocsp_question {
    struct bytes der;
    const char *address; /* of who asks */
};

/** What can be said from memory alone: kept answers, and refusals. Leaves `out` without an answer otherwise:
 * then ocsp_answer() has it. @thread any, on the loop too */
void ocsp_recall(struct fleet *fleet, const struct ocsp_question *question, struct ocsp_answer *out);
/** Always answers, by an error status when nothing else can be said. @thread worker */
void ocsp_answer(struct fleet *fleet, const struct ocsp_question *question, struct ocsp_answer *out);

/** Makes the signer of each authority whose key is here, and the next one after half of its life, with its
 * audit record; called at start and by a job. @errors of the writer, ERR_CRYPTO @thread worker */
err_t ocsp_refresh(struct fleet *fleet, int64_t now_ms);
/** Makes room for the answers of authorities that are new. @errors ERR_CRYPTO, ERR_NO_MEMORY @thread worker,
 * background, init */
err_t ocsp_see_authorities(struct fleet *fleet);
/** From when to when the signer of an authority is good. false: it has none, because the authority's key is
 * not here or nothing was made yet. @thread any */
bool ocsp_signer_life(struct fleet *fleet, const char *authority, int64_t *from_ms, int64_t *to_ms);
/** A certificate that the infrastructure authority issued to this installation itself (the server's): it is
 * known as good from now on, while this process runs. @param der a certificate @errors ERR_BAD_ENCODING
 * @thread any */
err_t ocsp_know(struct fleet *fleet, struct bytes der);

#endif
