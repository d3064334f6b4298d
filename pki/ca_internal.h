/* Shared by ca_certificate.c and ca_path.c. */
#ifndef WHORL_PKI_CA_INTERNAL_H
#define WHORL_PKI_CA_INTERNAL_H

#include "pki/ca_certificate.h"
#include "pki/der.h"
#include "pki/openssl.h"

/** The purposes of what an authority issues, as bits. @thread any */
uint32_t ca_purposes_needed(const struct ca_wish *wish);

#endif
