/* What the files of resign share: each format fills the plan and makes what is put in. Private to
 * firmware_store/. */
#ifndef WHORL_FIRMWARE_STORE_RESIGN_INTERNAL_H
#define WHORL_FIRMWARE_STORE_RESIGN_INTERNAL_H

#include "firmware_store/resign.h"

/** Fills the fault. @return ERR_UNPROCESSABLE, always */
err_t resign_refuse(struct image_fault *fault, int64_t at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

err_t resign_plan_mcuboot(const struct byte_source *bytes, const struct image *image, struct resign_plan *out,
                          struct image_fault *fault);
err_t resign_insert_mcuboot(const struct resign_signature *signature, struct buf *out);
err_t resign_plan_swu(const struct byte_source *bytes, struct resign_plan *out, struct image_fault *fault);
err_t resign_insert_swu(const struct resign_plan *plan, struct bytes signature, struct buf *out);

#endif
