/* What the files of the device protocol (/device/v1/…, docs/device-protocol.md) share: bodies as values, read
 * apart from the handlers so that they can be tested and fuzzed, and the caller by proof or by TLS. Unknown
 * fields are ignored here. */
#ifndef WHORL_API_DEVICE_V1_H
#define WHORL_API_DEVICE_V1_H

#include "api/authn.h"
#include "api/reply.h"
#include "fleet/challenge.h"

enum { DEVICE_BODY_LIMIT = 64 * 1024 };

struct proof_body {
    struct device_id device_id;
    struct buf spki, nonce, signature;
    int64_t counter;
};
struct status_body {
    struct bytes code; /* an enrolment code, borrowed from the document; or empty */
    bool has_proof;
    struct proof_body proof;
};
struct enrol_body {
    struct buf csr; /* DER */
    int64_t generation;
    struct bytes code; /* as above */
    bool has_proof;
    struct proof_body proof;
};
void status_body_clear(struct status_body *body);
void enrol_body_clear(struct enrol_body *body);
DEFINE_AUTO_VAL(status_body, status_body_clear);
DEFINE_AUTO_VAL(enrol_body, enrol_body_clear);

/** @param[out] out {0} before; cleared by the caller on failure too @errors ERR_UNPROCESSABLE naming the
 * field @thread any */
err_t status_body_read(const json_t *document, struct status_body *out);
err_t challenge_body_read(const json_t *document, struct challenge_question *out);
err_t enrol_body_read(const json_t *document, struct enrol_body *out);

/** The proof of a body in the service's words, bound to this connection where TLS ends here. Borrows from
 * `body`. */
struct challenge_proof proof_of(const struct request *request, const struct proof_body *body,
                                enum challenge_purpose purpose);

#endif
