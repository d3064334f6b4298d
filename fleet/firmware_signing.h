/* Signing images here: a signed image is another image, with bytes and digest of its own, derived from the
 * uploaded one by a key of the product whose role fits. Called only by the job that carries out approvals
 * (fleet/release_sign.h): a signature is never made for anything else. */
#ifndef WHORL_FLEET_FIRMWARE_SIGNING_H
#define WHORL_FLEET_FIRMWARE_SIGNING_H

#include "db/db.h"
#include "fleet/fleet.h"

/* How an image of a release is to be signed, as the release's draft says. */
enum signing_form {
    SIGNING_NONE,     /* as it is: it was signed before it came, or is not signed at all */
    SIGNING_EMBEDDED, /* within the image's format: mcuboot, swu, rauc */
    SIGNING_DETACHED  /* beside it */
};
struct signing_recipe {
    enum signing_form form;
    struct uuid key;
};
/** Whether this can be done, without doing it: formats, roles, states of keys.
 *  @errors ERR_UNPROCESSABLE saying why @thread of tx */
err_t signing_check(struct db_tx *tx, struct uuid tenant, struct uuid image,
                    const struct signing_recipe *recipe);
/** Does it. The same image and key again give the image that is there (a crash in between loses nothing).
 *  @param[out] image the derived one, or the same for SIGNING_NONE and SIGNING_DETACHED
 *  @errors ERR_UNPROCESSABLE, ERR_UNAVAILABLE the key is not here, ERR_IO, ERR_DISK_FULL
 *  @thread background, outside of a transaction */
err_t signing_carry_out(struct fleet *fleet, struct uuid tenant, struct uuid image,
                        const struct signing_recipe *recipe, struct uuid *out);

enum { MANIFEST_SIGNATURE_SIZE = 64 };
struct manifest_order {
    struct uuid tenant, key;
    struct uuid release; /* whose manifest it is: for the list of what the key signed */
    struct bytes to_be_signed;
};
struct manifest_signature {
    uint8_t bytes[MANIFEST_SIGNATURE_SIZE];
    struct sha256 kid; /* of the key's SubjectPublicKeyInfo */
};
/** Signs with a key of role manifest: ECDSA P-256 over SHA-256, r || s (COSE ESP256); counts the use.
 *  @errors ERR_NOT_FOUND, ERR_WRONG_STATE another role, retired, compromised, used up, or the product's
 * devices trust another key; ERR_UNAVAILABLE the key is not here @thread background */
err_t firmware_key_sign_manifest(struct fleet *fleet, const struct manifest_order *order,
                                 struct manifest_signature *out);

#endif
