/* The parts of EST (RFC 7030, 8951) that read what clients send, apart from the handlers so that they can be
 * fuzzed. */
#ifndef WHORL_API_EST_H
#define WHORL_API_EST_H

#include "base/bytes.h"

/** The DER in an EST body: base64 with any white space (RFC 8951 §3), or DER as it is (curl --data-binary of
 * a .der file).
 *  @param[out] der appended @errors ERR_BAD_ENCODING, also when the body is empty @thread any */
err_t est_decode(struct bytes body, struct buf *der);

#endif
