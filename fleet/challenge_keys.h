/* The key under which this process signs its nonces. Known to fleet/challenge.c only. */
#ifndef WHORL_FLEET_CHALLENGE_KEYS_H
#define WHORL_FLEET_CHALLENGE_KEYS_H

#include "base/hash.h"
#include "base/ports.h"

struct challenge_keys;

/** @thread any */
err_t challenge_keys_mac(const struct challenge_keys *keys, struct bytes text, struct sha256 *out);

/* The part of struct fleet. */
err_t challenge_keys_new(const struct random *random, struct challenge_keys **out);
void challenge_keys_free(struct challenge_keys *keys);

#endif
