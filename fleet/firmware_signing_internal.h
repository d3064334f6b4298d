/* What the files of signing share: one job of signing, while it is carried out. */
#ifndef WHORL_FLEET_FIRMWARE_SIGNING_INTERNAL_H
#define WHORL_FLEET_FIRMWARE_SIGNING_INTERNAL_H

#include "db/firmware_image_rows.h"
#include "db/firmware_key_rows.h"
#include "firmware_store/image.h"
#include "firmware_store/resign.h"
#include "fleet/firmware_key_handles.h"
#include "fleet/firmware_signing.h"

struct signing_job {
    struct fleet *fleet;
    struct uuid tenant;
    const struct signing_recipe *recipe;
    struct firmware_image_row image; /* as it was uploaded */
    struct firmware_key_row key;
    struct firmware_key_handle *handle; /* of the key, open */
    bool is_done;                       /* what is asked for is there already: `made` */
    struct uuid made;
    struct sha256 signed_digest; /* of what was signed */
};

/* The signature inside of an image. */
struct embedded_signature {
    struct buf signature;
    struct buf key_digest;
    unsigned type;
};
void embedded_signature_clear(struct embedded_signature *signature);
DEFINE_AUTO_VAL(embedded_signature, embedded_signature_clear);
err_t signing_make_embedded(struct signing_job *job, const struct byte_source *bytes,
                            const struct resign_plan *plan, struct embedded_signature *out);

/** Makes and keeps a signature beside the image. */
err_t signing_make_detached(struct signing_job *job);

#endif
