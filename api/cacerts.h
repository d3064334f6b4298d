/* The CA certificates that devices are given: EST's certs-only message, and the digest by which a device sees
 * that there is another set. */
#ifndef WHORL_API_CACERTS_H
#define WHORL_API_CACERTS_H

#include "api/api.h"

/** RFC 7030 §4.1.3: the root and every CA below it, so that a client can check both our devices and this
 * server. @param[out] out DER, appended @errors ERR_NOT_FOUND before the first publication @thread worker */
err_t cacerts_message(struct api *api, struct buf *out);

/** SHA-256 of that message: the `anchors_sha256` of the device protocol. @errors as above @thread worker */
err_t cacerts_sha256(struct api *api, struct sha256 *out);

#endif
