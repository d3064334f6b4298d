/* The certificate that a chip's maker gave a device, from a PEM file. */
#ifndef WHORL_DEVICE_HOST_BIRTH_H
#define WHORL_DEVICE_HOST_BIRTH_H

#include "device/core/ports.h"

enum { HOST_BIRTH_BYTES = 8192 };

struct host_birth {
    uint8_t der[HOST_BIRTH_BYTES];
    struct whorl_bytes chain[WHORL_CHAIN_MAX]; /* in `der` */
    size_t count;
};

/** Reads the device's certificate and those of its CAs behind it. @param[out] problem static text on failure
 */
bool host_birth_read(const char *file, struct host_birth *out, const char **problem);

#endif
