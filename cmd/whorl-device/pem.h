/* Certificates as PEM (RFC 7468), for people and their tools. */
#ifndef WHORL_CMD_WHORL_DEVICE_PEM_H
#define WHORL_CMD_WHORL_DEVICE_PEM_H

#include "device/core/text.h"

/** Appends one certificate. */
void pem_put_certificate(struct whorl_text *text, struct whorl_bytes der);

#endif
