/* Certification requests as PEM, for the tools of other CAs. */
#ifndef WHORL_PKI_REQUEST_TEXT_H
#define WHORL_PKI_REQUEST_TEXT_H

#include "base/bytes.h"

/** "CERTIFICATE REQUEST", appended. @thread any, like all functions here */
err_t request_to_pem(struct bytes der, struct buf *out);
/** The DER of the one request of a text, appended; what it says is not looked at. @errors ERR_UNPROCESSABLE
 */
err_t request_from_pem(struct bytes pem, struct buf *out);

#endif
