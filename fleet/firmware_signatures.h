/* Signatures beside an image: made here for a release that was approved (fleet/firmware_signing.h), or
 * brought by the owner of another key, and taken when they hold under a registered boot key of kind detached.
 */
#ifndef WHORL_FLEET_FIRMWARE_SIGNATURES_H
#define WHORL_FLEET_FIRMWARE_SIGNATURES_H

#include "db/firmware_signature_rows.h"
#include "fleet/terms.h"

const char *firmware_signature_form_name(enum firmware_signature_form form);

/** Takes a signature over all bytes of an image. The same again gives the one that is there.
 *  @errors ERR_NOT_FOUND, ERR_UNPROCESSABLE with faults at /signature: it holds under no active boot key of
 * kind detached; ERR_WRONG_STATE the image is withdrawn @thread worker, like all functions here */
err_t firmware_signature_bring(struct fleet *fleet, const struct terms *terms, struct uuid image,
                               struct bytes signature, struct firmware_signature_row *out);
/** @errors ERR_NOT_FOUND */
err_t firmware_signature_get(struct fleet *fleet, struct uuid tenant, struct uuid image, struct uuid id,
                             struct firmware_signature_row *out);

struct firmware_signature_list {
    struct uuid tenant, image;
    struct row_window window;
};
/** In order of id. @errors ERR_NOT_FOUND no such image, also for another tenant's */
err_t firmware_signature_list(struct fleet *fleet, const struct firmware_signature_list *list,
                              firmware_signature_row_fn fn, void *arg);

#endif
