/* The signed text of the proof of possession: one byte layout for server and device (docs/device-protocol.md;
 * tests/vectors/pop.txt). */
#ifndef WHORL_FLEET_CHALLENGE_TEXT_H
#define WHORL_FLEET_CHALLENGE_TEXT_H

#include "fleet/challenge.h"

/** @param exporter the 32 bytes to use: of this connection, or zeros @param[out] text appended @thread any */
err_t challenge_text(const struct challenge_proof *proof, const struct sha256 *server_id,
                     const uint8_t exporter[32], struct buf *text);

#endif
