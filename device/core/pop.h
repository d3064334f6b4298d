/* Proof of possession by challenge, for devices whose connection carries no client certificate: the one text
 * that is signed. Layout frozen by tests/vectors/pop.txt; all numbers big-endian. */
#ifndef WHORL_DEVICE_CORE_POP_H
#define WHORL_DEVICE_CORE_POP_H

#include "device/core/text.h"

enum whorl_pop_purpose { WHORL_POP_STATUS = 1, WHORL_POP_ENROL = 2 };

enum { WHORL_NONCE_MAX = 128, WHORL_POP_MAX = 12 + 1 + 32 + 32 + 4 + 32 + 32 + 2 + WHORL_NONCE_MAX + 32 + 8 };

struct whorl_pop {
    enum whorl_pop_purpose purpose;
    uint32_t generation;   /* 0 for status */
    uint8_t server_id[32]; /* SHA-256 of the root CA's SPKI */
    uint8_t device_id[32];
    uint8_t new_spki_sha256[32]; /* zeros for status */
    uint8_t csr_sha256[32];      /* zeros for status */
    uint8_t tls_exporter[32];    /* zeros when TLS ends in front of the server */
    uint8_t nonce[WHORL_NONCE_MAX];
    size_t nonce_size;
    uint64_t counter;
};

/** Writes the text; returns its size, or 0 when the nonce is too long. */
size_t whorl_pop_write(const struct whorl_pop *pop, uint8_t out[WHORL_POP_MAX]);

#endif
