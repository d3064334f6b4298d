/* Inside of tls.c, tls_tickets.c and tls_connection.c. */
#ifndef WHORL_SERVER_TLS_INTERNAL_H
#define WHORL_SERVER_TLS_INTERNAL_H

#include <openssl/ssl.h>
#include <stdatomic.h>

#include "server/tls.h"

enum { TICKET_NAME_SIZE = 16, TICKET_KEY_SIZE = 32, TICKET_KEYS_MAX = 4, TICKET_LIFETIME_MAX_S = 7200 };

struct ticket_key {
    uint8_t name[TICKET_NAME_SIZE];
    uint8_t cipher_key[TICKET_KEY_SIZE], mac_key[TICKET_KEY_SIZE];
    int64_t deadline_ms; /* monotonic: tickets under it are void from then on; 0 for the key in use */
};

struct tls_snapshot {
    atomic_int references;
    SSL_CTX *context;
    struct peer_trust *trust;
    const struct clock *clock;
    const struct random *random;
    bool has_tickets;
    int ticket_lifetime_s;
    struct ticket_key tickets[TICKET_KEYS_MAX]; /* [0] makes new ones, the others are of former snapshots */
    size_t ticket_count;
};

/** A new key, and those of `former` that have time left. */
err_t tls_tickets_init(struct tls_snapshot *snapshot, const struct tls_snapshot *former);
/** Installs the key callback. */
err_t tls_tickets_install(struct tls_snapshot *snapshot);
/** The peer of this handshake may resume later: its certificate is one of ours and in force. */
void tls_tickets_grant(SSL *ssl);

#endif
