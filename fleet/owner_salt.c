/* Owner salts: what the present owner gives a device to derive its operational keys with, so that an earlier
 * owner cannot foresee them. Derived, not stored: one secret of the keystore instead of a column of secrets.
 */
#include "fleet/internal.h"

static const char LABEL[] = "whorl/owner-salt";

err_t fleet_owner_salt(const struct fleet *fleet, struct uuid tenant, const struct device_id *id,
                       uint8_t out[OWNER_SALT_SIZE])
{
    /* Every part has a fixed length, so no two inputs give one text. */
    uint8_t info[sizeof(LABEL) - 1 + sizeof(tenant.b) + DEVICE_ID_SIZE];
    uint8_t *at = info;
    for (size_t i = 0; i < sizeof(LABEL) - 1; i++) {
        *at++ = (uint8_t)LABEL[i];
    }
    for (size_t i = 0; i < sizeof(tenant.b); i++) {
        *at++ = tenant.b[i];
    }
    for (size_t i = 0; i < DEVICE_ID_SIZE; i++) {
        *at++ = id->b[i];
    }
    return hkdf_sha256(BYTES_NONE, BYTES_OF(fleet->salt_secret), BYTES_OF(info), out, OWNER_SALT_SIZE);
}
