/* One random key per process: a restart ends every nonce that was handed out, and the devices ask again. */
#include "fleet/challenge_keys.h"

#include <stdlib.h>

#include "fleet/internal.h"

struct challenge_keys {
    uint8_t key[32];
};

err_t challenge_keys_new(const struct random *random, struct challenge_keys **out)
{
    *out = NULL;
    struct challenge_keys *keys = calloc(1, sizeof *keys);
    ENSURE(keys != NULL, ERR_NO_MEMORY, "challenge keys");
    err_t filled = random_fill(random, keys->key, sizeof keys->key);
    if (filled.code != ERR_OK) {
        challenge_keys_free(keys);
        return filled;
    }
    *out = keys;
    return OK;
}

void challenge_keys_free(struct challenge_keys *keys)
{
    if (keys != NULL) {
        bytes_wipe(keys, sizeof *keys);
        free(keys);
    }
}

err_t challenge_keys_mac(const struct challenge_keys *keys, struct bytes text, struct sha256 *out)
{
    return hmac_sha256(BYTES_OF(keys->key), text, out);
}
