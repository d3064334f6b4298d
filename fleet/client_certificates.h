/* Back ends that log in by a TLS client certificate. That its chain ends in the operator's anchors is not
 * enough: its key must stand in a row, which says whose it is and what it may do. The row is asked at each
 * request, so an end or a change counts from the next one. */
#ifndef WHORL_FLEET_CLIENT_CERTIFICATES_H
#define WHORL_FLEET_CLIENT_CERTIFICATES_H

#include "db/client_certificate_rows.h"
#include "fleet/access.h"
#include "fleet/terms.h"
#include "pki/peer.h"

struct client_certificate_wish {
    struct bytes name; /* p NULL: not there */
    bool has_key;
    uint8_t spki_sha256[SHA256_SIZE];
    bool has_scopes, has_sources, has_expiry;
    uint32_t scopes;
    char sources[SOURCES_SIZE]; /* of sources_add() */
    int64_t expires_at;         /* 0: as long as the certificate itself */
    uint32_t caller_scopes;     /* nobody gives or takes over what they do not have */
};

/** SHA-256 of the key in a PEM certificate. @errors ERR_UNPROCESSABLE no certificate, or a key that could not
 * be shown @thread any */
err_t client_certificate_key(struct bytes pem, uint8_t out[SHA256_SIZE]);

/** @errors ERR_UNPROCESSABLE with faults; ERR_CONFLICT the name or the key is taken @thread worker, like all
 * functions here */
err_t client_certificate_add(struct fleet *fleet, const struct terms *terms,
                             const struct client_certificate_wish *wish, struct client_certificate_row *out);
/** Name, scopes, sources, expiry. @errors ERR_NOT_FOUND also for another tenant's, ERR_PRECONDITION,
 * ERR_FORBIDDEN it may do more than the caller, ERR_WRONG_STATE revoked, ERR_UNPROCESSABLE with faults,
 * ERR_CONFLICT the name is taken */
err_t client_certificate_change(struct fleet *fleet, const struct terms *terms, struct uuid id,
                                const struct client_certificate_wish *wish,
                                struct client_certificate_row *out);
/** For good; again changes nothing. @errors ERR_NOT_FOUND also for another tenant's, ERR_PRECONDITION */
err_t client_certificate_revoke(struct fleet *fleet, const struct terms *terms, struct uuid id,
                                struct client_certificate_row *out);
err_t client_certificate_find(struct fleet *fleet, struct uuid tenant, struct uuid id,
                              struct client_certificate_row *out);
err_t client_certificate_list(struct fleet *fleet, struct uuid tenant, const struct row_window *window,
                              err_t (*fn)(const struct client_certificate_row *row, void *arg), void *arg);

/** The row of a peer that showed its certificate in the handshake, at this moment; its use is noted once a
 * minute.
 *  @errors ERR_UNAUTHORIZED with the reason, and the hash of a key that is not known: to register it by */
err_t client_certificate_check(struct fleet *fleet, const struct peer_identity *peer,
                               struct client_certificate_row *out);

#endif
