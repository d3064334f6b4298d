/* The MACs of CMP (RFC 9481 §6.1): which of them a message names, and at what cost. Private to the files of
 * pki/ that read CMP. */
#ifndef WHORL_PKI_CMP_ALGORITHM_H
#define WHORL_PKI_CMP_ALGORITHM_H

#include "pki/cmp_header.h"

/** Sets protection_kind and mac from protection_alg (DER already checked). @errors ERR_BAD_ENCODING,
 * ERR_UNPROCESSABLE an algorithm or a cost that is not taken @thread any */
err_t cmp_algorithm_read(struct cmp_header *header);

#endif
