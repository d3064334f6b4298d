/* The key under which this process signs its nonces. Known to fleet/challenge.c only. */
#ifndef WHORL_FLEET_CHALLENGE_KEYS_H
#define WHORL_FLEET_CHALLENGE_KEYS_H

#include "base/hash.h"

struct challenge_keys;

/** @thread any */
err_t challenge_keys_mac(const struct challenge_keys *keys, struct bytes text, struct sha256 *out);

#endif
