/* SipHash-2-4 (Aumasson, Bernstein 2012): a hash of short keys for tables that strangers fill. Without the
 * secret nobody can choose keys that meet in one place. No digest: nothing is proved by it. */
#ifndef WHORL_BASE_SIPHASH_H
#define WHORL_BASE_SIPHASH_H

#include <stdint.h>

#include "base/bytes.h"

struct siphash_secret {
    uint64_t k[2];
};

/** @thread any */
uint64_t siphash(const struct siphash_secret *secret, struct bytes text);

#endif
