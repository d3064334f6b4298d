/* Certificates as PEM (RFC 7468), for people and their tools. */
#ifndef WHORL_DEVICE_HOST_PEM_H
#define WHORL_DEVICE_HOST_PEM_H

#include "device/core/text.h"

/** Appends one certificate. */
void host_pem_put(struct whorl_text *text, struct whorl_bytes der);

#endif
