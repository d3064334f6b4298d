/* The header Whorl-Rekey-After, by which a device learns from any answer when it should come for its next
 * certificate (docs/rekey.md): a structured field (RFC 9651 §3.3.1), an Integer of seconds from now, with the
 * parameter key=new where renewing the old key is not enough. Nobody gets one who showed no certificate that
 * is honoured. */
#ifndef WHORL_API_REKEY_AFTER_H
#define WHORL_API_REKEY_AFTER_H

#include "api/authn.h"

/** Looks once, while the caller is admitted, so that refusals and answers alike can tell: sets
 * request->renewal. Never fails: without an answer nothing is told. @thread worker */
void rekey_after_look(struct api *api, struct request *request);
/** What a handler knows better, having issued or confirmed a certificate: it wins over what was looked up. */
err_t rekey_after_tell(struct api *api, int64_t at_ms, bool needs_new_key, struct response *response);
/** Adds what was looked up, unless the answer tells it already. @thread any */
err_t rekey_after_add(struct api *api, const struct request *request, struct response *response);

#endif
