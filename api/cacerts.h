/* The CA certificates that devices are given: EST's certs-only message, and the digest by which a device sees
 * that there is another set. */
#ifndef WHORL_API_CACERTS_H
#define WHORL_API_CACERTS_H

#include "api/api.h"

/** RFC 7030 §4.1.3: every root and every CA below it, so that a client can check both our devices and this
 * server.
 * @param tenant whose own CAs are in it too; NULL: none @param[out] out DER, appended @thread worker */
err_t cacerts_message(struct api *api, const struct uuid *tenant, struct buf *out);

/** SHA-256 of the message without a tenant, which is that of the path without a label: the `anchors_sha256`
 * of the device protocol.
 * @thread worker */
err_t cacerts_sha256(struct api *api, struct sha256 *out);

#endif
