/* Trust anchors that people hand in: a PEM text of certificates, taken apart and written again, so that what
 * is kept holds certificates and nothing else. */
#ifndef WHORL_PKI_TRUST_ANCHORS_H
#define WHORL_PKI_TRUST_ANCHORS_H

#include "base/bytes.h"

/** Reads every PEM block of `pem`; each must be one certificate. Text between the blocks is dropped. Whether
 * a certificate is an authority's is not asked: a server's own may be pinned too.
 *  @param[out] out the certificates as plain PEM, appended
 *  @errors ERR_UNPROCESSABLE none, a broken one, or something else (a private key): with its number @thread
 * any */
err_t trust_anchors_read(struct bytes pem, struct buf *out);

#endif
