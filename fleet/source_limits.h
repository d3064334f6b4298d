/* Slows those who guess: after some wrong secrets from one address, each further one makes it wait longer.
 * Only the address waits, never the account, device or code that was guessed at, so nobody can lock out
 * others. Bounded memory that forgets everything at a restart; whoever judges secrets asks it. */
#ifndef WHORL_FLEET_SOURCE_LIMITS_H
#define WHORL_FLEET_SOURCE_LIMITS_H

#include "base/bytes.h"
#include "base/err.h"

struct source_limits;

/** @thread init */
err_t source_limits_new(struct source_limits **out);
void source_limits_free(struct source_limits *limits);

/* Where a secret came from: a hash of its address. */
struct source {
    uint8_t key[32];
};

enum { SOURCE_NETWORK_SIZE = 16 };

/** @param address text, or NULL: those without an address are one source; an IPv4 address counts alone, IPv6
 * ones by /64 @return how many bytes of `out` name the source @thread any */
size_t source_network(const char *address, uint8_t out[SOURCE_NETWORK_SIZE]);
/** The same, hashed. @errors ERR_CRYPTO @thread any */
err_t source_of(const char *address, struct source *out);

/** Before a secret is judged. @param address of the client, text
 *  @param[out] source what to tell source_limits_failed()
 *  @errors ERR_TOO_MANY with retry_after_s, while this address waits @thread any */
err_t source_limits_check(struct source_limits *limits, const char *address, int64_t now_ms,
                          struct source *source);
/** The secret was wrong: the first ten in a quarter of an hour are free, then the source waits 1, 2, 4 … 60
 *  seconds. What is right changes nothing: whoever has one right secret does not get free guesses by it.
 *  @thread any */
void source_limits_failed(struct source_limits *limits, const struct source *source, int64_t now_ms);

#endif
