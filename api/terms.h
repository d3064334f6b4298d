/* A request's conditions as values for the services: If-Match (RFC 9110 §13.1.1), Idempotency-Key, the
 * caller; and the answer to a request whose fields are not acceptable. */
#ifndef WHORL_API_TERMS_H
#define WHORL_API_TERMS_H

#include "api/authn.h"
#include "base/json.h"
#include "fleet/terms.h"

/** RFC 8941 string ("…") or the bare text of Idempotency-Key; empty without the header. @param[out] out
 * borrowed from the header @errors ERR_BAD_REQUEST @thread any */
err_t request_idempotency_key(const struct request *request, struct bytes *out);

/** RFC 8941 string ("…") or the bare text of Idempotency-Key, and the fingerprint of path and body. Without
 * the header an empty key. @errors ERR_BAD_REQUEST @thread any */
err_t request_idempotency(const struct request *request, struct idempotency *out);

/** The terms of a change. PATCH must name versions (428); elsewhere If-Match is heeded when it is there. POST
 * may carry an Idempotency-Key. No query parameter is known.
 *  @param faults borrowed by `out` @errors ERR_BAD_REQUEST, ERR_PRECONDITION_REQUIRED @thread any */
err_t request_terms(const struct request *request, struct faults *faults, struct terms *out);

/** The JSON body: application/json, for PATCH also application/merge-patch+json (RFC 7396); no body is {}
 * when `may_be_empty`. @errors as request_json() */
err_t request_body(const struct request *request, bool may_be_empty, json_t **out);

/** A member that a new thing must have: absent and null are faults. */
void request_need(const json_t *document, const char *name, struct faults *faults);
/** In a change null would say "take it away" (RFC 7396), which only those named in `except` (one or more
 * names with spaces between, or NULL) can take. */
void request_refuse_nulls(const json_t *document, const char *except, struct faults *faults);

/** The last step of a handler that has faults: the error as it is, or with errors[] when the list is not
 * empty. */
err_t reply_faults(const struct request *request, err_t error, const struct faults *faults,
                   struct response *response);

#endif
