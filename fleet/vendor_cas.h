/* Pinned CAs of chip makers as things that people make, look at, change and retire. What a certificate under
 * one lets in is in admission.h. */
#ifndef WHORL_FLEET_VENDOR_CAS_H
#define WHORL_FLEET_VENDOR_CAS_H

#include "fleet/terms.h"

/* What is asked for; what is not there stays as it is, or takes its default. p NULL: not there. */
struct vendor_ca_change {
    struct bytes name;
    struct bytes product, pem; /* of a new one only; product: its name, empty: "default" */
    struct bytes
        batch; /* the name of the batch that its devices come into; empty: the product's own for that */
};

/** Pins a CA; makes the batch too when it is not there. @errors ERR_UNPROCESSABLE with faults, ERR_CONFLICT
 * the name is taken or the product has this CA pinned @thread worker, like all functions here */
err_t vendor_ca_add(struct fleet *fleet, const struct terms *terms, const struct vendor_ca_change *change,
                    struct vendor_ca_row *out);
/** @errors as above, ERR_NOT_FOUND also for another tenant's, ERR_PRECONDITION, ERR_WRONG_STATE retired */
err_t vendor_ca_change(struct fleet *fleet, const struct terms *terms, struct uuid id,
                       const struct vendor_ca_change *change, struct vendor_ca_row *out);
/** It lets nobody in any more; whom it let in stays. A second time changes nothing. @errors ERR_NOT_FOUND
 * also for another tenant's, ERR_PRECONDITION */
err_t vendor_ca_retire(struct fleet *fleet, const struct terms *terms, struct uuid id,
                       struct vendor_ca_row *out);
/** @errors ERR_NOT_FOUND also for another tenant's */
err_t vendor_ca_get(struct fleet *fleet, struct uuid tenant, struct uuid id, struct vendor_ca_row *out);
/** In order of id. @param product or NULL */
err_t vendor_ca_list(struct fleet *fleet, struct uuid tenant, const struct uuid *product,
                     const struct row_window *window, err_t (*fn)(const struct vendor_ca_row *row, void *arg),
                     void *arg);

#endif
