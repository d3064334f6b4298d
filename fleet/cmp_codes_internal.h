/* How a code's secret is sealed: shared by the file that makes it and the one that checks MACs with it. */
#ifndef WHORL_FLEET_CMP_CODES_INTERNAL_H
#define WHORL_FLEET_CMP_CODES_INTERNAL_H

#include "fleet/cmp_codes.h"

/** @param text all of the code's text @thread any */
err_t cmp_code_seal(struct fleet *fleet, struct bytes text, struct cmp_code_row *row);
/** @errors ERR_CRYPTO the row was changed, or the keystore is another one */
err_t cmp_code_unseal(const struct fleet *fleet, const struct cmp_code_row *row, struct secret *out);

#endif
