/* The crypto port on OpenSSL 3: SHA-256, HMAC, P-256. Keys live in OpenSSL; a key handle is an EVP_PKEY
 * pointer. */
#ifndef WHORL_DEVICE_HOST_CRYPTO_OPENSSL_H
#define WHORL_DEVICE_HOST_CRYPTO_OPENSSL_H

#include "device/core/ports.h"

/** The port; it has no state and serves any number of threads. */
extern const struct whorl_crypto host_crypto;

#endif
