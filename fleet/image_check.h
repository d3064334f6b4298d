/* An image as the devices of a product would judge it: it parses, and a signature in it (or beside it) holds
 * under a key that the product has registered (fleet/boot_keys.h). */
#ifndef WHORL_FLEET_IMAGE_CHECK_H
#define WHORL_FLEET_IMAGE_CHECK_H

#include "db/rows.h"
#include "firmware_store/image.h"
#include "fleet/fleet.h"

/* What the checks of a product came to. */
struct image_verdict {
    bool is_signed;           /* at least one signature holds under an active boot key */
    struct uuid boot_key;     /* the first of them */
    struct image_fault fault; /* with ERR_UNPROCESSABLE: where, and why */
};

/* What an image is judged for. may_be_unsigned: it is to be signed here. */
struct image_check {
    struct uuid tenant, product;
    enum image_format format;
    bool may_be_unsigned;
};
/** Reads and judges. A product with boot keys of the image's kind refuses an image without a signature that
 *  holds, except where `may_be_unsigned` (it is to be signed here); one without keys takes it as it is, with
 *  is_signed false.
 *  @param[out] image cleared by the caller
 *  @errors ERR_UNPROCESSABLE with the offset in the verdict @thread worker, outside of a transaction */
err_t image_check(struct fleet *fleet, struct blob_reader *bytes, const struct image_check *check,
                  struct image *image, struct image_verdict *verdict);
/** The same from anywhere. */
err_t image_check_source(struct fleet *fleet, const struct byte_source *bytes,
                         const struct image_check *check, struct image *image, struct image_verdict *verdict);

/** A detached signature over all bytes of an image. @errors ERR_UNPROCESSABLE it holds under no active key of
 *  kind detached @thread worker */
err_t image_check_detached(struct fleet *fleet, struct blob_reader *bytes, const struct image_check *check,
                           struct bytes signature, struct image_verdict *verdict);

#endif
