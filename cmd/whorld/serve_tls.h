/* What the TLS listeners of `whorld serve` show and trust, made at the start and at each reload. */
#ifndef WHORL_CMD_SERVE_TLS_H
#define WHORL_CMD_SERVE_TLS_H

#include "cmd/whorld/house.h"
#include "server/tls.h"

/** Both HTTPS listeners show one certificate, which is renewed here when it is due. The device listener asks
 * for the client's, the management listener where the operator's trust anchors are set. Only the former gives
 * tickets.
 *  @param former whose ticket keys go on; NULL at the start @errors ERR_UNAVAILABLE no active authority of
 * servers, ERR_UNPROCESSABLE unreadable anchors, ERR_CRYPTO, ERR_IO @thread init, background (reload) */
err_t serve_tls_make(struct house *house, bool for_devices, struct tls_snapshot *former,
                     struct tls_snapshot **out);

#endif
