/* Object identifiers between their dotted text and DER (X.690 §8.19). */
#ifndef WHORL_PKI_OID_H
#define WHORL_PKI_OID_H

#include "base/bytes.h"

enum { OID_TEXT_SIZE = 96, OID_DER_SIZE = 64 };

/** The content octets of an OID, without tag and length. Arcs of up to 63 bits: identifiers made of a UUID
 * (2.25.…) are not taken.
 *  @errors ERR_UNPROCESSABLE no OID @thread any */
err_t oid_parse(struct bytes text, struct buf *out);

#endif
