/* Between the host's own files: OpenSSL's view of a key handle. */
#ifndef WHORL_DEVICE_HOST_KEY_OPENSSL_H
#define WHORL_DEVICE_HOST_KEY_OPENSSL_H

#include <openssl/evp.h>

#include "device/core/ports.h"

/** Borrowed: as long as the key lives. */
static inline EVP_PKEY *host_key_of(struct whorl_key key)
{
    return (EVP_PKEY *)key.handle;
}

#endif
