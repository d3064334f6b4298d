/* Which OpenSSL this program runs on: not always the one that it was built with. */
#ifndef WHORL_PKI_LIBRARY_H
#define WHORL_PKI_LIBRARY_H

#include <stdbool.h>

/** "3.0.17". @thread any */
const char *pki_library_version(void);
/** Whether TLS can agree on keys by ML-KEM together with X25519 (OpenSSL 3.5). @thread any */
bool pki_library_has_ml_kem(void);

#endif
