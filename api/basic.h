/* HTTP Basic credentials (RFC 7617), which EST clients carry enrolment codes in (RFC 7030 §3.2.3). */
#ifndef WHORL_API_BASIC_H
#define WHORL_API_BASIC_H

#include "base/bytes.h"

enum { BASIC_PASSWORD_MAX = 256 };

/** The password of an Authorization header's value; what the user is called is not asked. @param[out] out
 *  appended; nothing when the scheme is another one
 *  @errors ERR_BAD_REQUEST the scheme is Basic, but what follows is malformed or too long @thread any */
err_t basic_password(struct bytes value, struct buf *out);

#endif
