/* Certificates that were judged good, parsed: who sends several messages is judged at the first. Bounded; a
 * certificate that comes later takes the place of another one. Private to pki/peer*.c. */
#ifndef WHORL_PKI_PEER_MEMORY_H
#define WHORL_PKI_PEER_MEMORY_H

#include <openssl/x509.h>

#include "base/hash.h"

struct peer_memory;

/* What was found, dates apart: they are asked anew. */
struct peer_judged {
    X509 *x509;
    int remark; /* X509_V_ code that the verify callback left */
};

/** @thread init */
err_t peer_memory_new(struct peer_memory **out);
void peer_memory_free(struct peer_memory *memory);
/** @param name hash of the whole certificate @param[out] out x509 is the caller's @thread any */
bool peer_memory_find(struct peer_memory *memory, const struct sha256 *name, struct peer_judged *out);
/** A reference of its own is taken. @thread any */
void peer_memory_keep(struct peer_memory *memory, const struct sha256 *name,
                      const struct peer_judged *judged);

#endif
