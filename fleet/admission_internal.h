/* The two ways behind admission.h. */
#ifndef WHORL_FLEET_ADMISSION_INTERNAL_H
#define WHORL_FLEET_ADMISSION_INTERNAL_H

#include "fleet/admission.h"

/** @thread of tx, like all functions here */
err_t admission_code_holds(struct db_tx *tx, const struct admission *admission, const struct device_id *id,
                           bool *out);
err_t admission_code_use(struct db_tx *tx, const struct admission *admission, const struct device_id *id);
err_t admission_vendor_holds(struct db_tx *tx, const struct admission *admission, bool *out);

#endif
