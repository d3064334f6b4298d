/* Signed answers in memory, found by what they are about. Bounded: the one that was asked for longest ago
 * makes room. */
#ifndef WHORL_FLEET_OCSP_CACHE_H
#define WHORL_FLEET_OCSP_CACHE_H

#include "fleet/ocsp.h"

struct ocsp_cache;

/* One answer for one way of asking: an answer repeats the request's CertID. */
struct ocsp_key {
    uint16_t authority; /* index */
    uint8_t form;       /* of the CertID */
    uint8_t serial[SERIAL_SIZE];
};

/** @thread init */
err_t ocsp_cache_new(struct ocsp_cache **out);
void ocsp_cache_free(struct ocsp_cache *cache);
DEFINE_AUTO_PTR(ocsp_cache, ocsp_cache_free);
/** Gives a reference to what is kept and not half over. @thread any, on the loop too, as all functions here
 */
bool ocsp_cache_find(struct ocsp_cache *cache, const struct ocsp_key *key, int64_t now_ms,
                     struct ocsp_answer *out);
/** Before the status is read: what ocsp_cache_keep() wants. */
uint64_t ocsp_cache_mark(struct ocsp_cache *cache, const struct ocsp_key *key);
/** Keeps an answer (a reference of its own), unless something was dropped there since the mark: then the
 * answer may be older than what was dropped for. */
void ocsp_cache_keep(struct ocsp_cache *cache, const struct ocsp_key *key, uint64_t mark,
                     const struct ocsp_answer *answer);
/** Drops every answer about a serial, whichever form, and those that are being signed. */
void ocsp_cache_drop(struct ocsp_cache *cache, const uint8_t serial[SERIAL_SIZE]);

#endif
