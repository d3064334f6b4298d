/* A product and its certificate profile: whether they fit, together with the authority that would issue. */
#ifndef WHORL_FLEET_PRODUCT_PROFILE_H
#define WHORL_FLEET_PRODUCT_PROFILE_H

#include "fleet/products.h"
#include "fleet/profile_spec.h"

/** Takes profile, version and authority of a change over and checks the product as it will be: they are
 * there, key algorithms and lifetimes meet, the authority is active, of the profile's role and carries its
 * key purposes and names. @errors ERR_UNPROCESSABLE with the terms' faults @thread of tx */
err_t product_profile_apply(struct db_tx *tx, struct fleet *fleet, const struct terms *terms,
                            const struct product_change *change, struct product_row *row);
/** The last part alone, for a profile that is about to be another one: adds what does not fit, at the fields
 * of a product. @errors of memory only @thread any */
err_t product_profile_check(struct fleet *fleet, const struct product_row *product,
                            const struct profile_spec *spec, struct faults *faults);
/** What the product's next certificate is made by. @errors ERR_NOT_FOUND the version is not there @thread of
 * tx */
err_t product_profile_read(struct db_tx *tx, const struct product_row *product, struct profile_spec *out);

#endif
