/* Secrets that must be read again (what signs a webhook, what checks a one-time password) encrypted at rest:
 * AES-256-GCM under a key derived from one secret of the keystore. Who has the inventory alone reads none of
 * them. Pure functions of bytes. */
#ifndef WHORL_PKI_SECRET_SEAL_H
#define WHORL_PKI_SECRET_SEAL_H

#include "base/ports.h"

/* Under what a secret is sealed; all borrowed during the call. */
struct seal {
    struct bytes root;   /* 32 bytes of the keystore at least */
    const char *purpose; /* "webhook", …: each has a key of its own */
    struct bytes owner;  /* whose it is (tenant and id): authenticated, so that no row opens another's */
};
/* What sealing adds: the form, the nonce, the tag. */
enum { SEAL_FORM = 1, SEAL_OVERHEAD = 1 + 12 + 16, SEAL_PLAIN_MAX = 4096 };

/** Appends the sealed form of 1 … SEAL_PLAIN_MAX bytes. @errors ERR_INTERNAL no or too many bytes, ERR_CRYPTO
 *  @thread any */
err_t secret_seal(const struct seal *seal, const struct random *random, struct bytes plain, struct buf *out);
/** @param[out] out cleared first @errors ERR_CRYPTO cut, changed, or sealed under something else @thread any
 */
err_t secret_unseal(const struct seal *seal, struct bytes sealed, struct secret *out);

#endif
