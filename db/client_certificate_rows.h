/* Rows of client certificates of back ends. */
#ifndef WHORL_DB_CLIENT_CERTIFICATE_ROWS_H
#define WHORL_DB_CLIENT_CERTIFICATE_ROWS_H

#include "db/db.h"
#include "db/rows.h"

/* A back end's TLS client certificate, by its key. */
struct client_certificate_row {
    struct uuid id, tenant;
    char name[NAME_SIZE];
    uint8_t spki_sha256[32];
    uint32_t scopes;
    char sources[SOURCES_SIZE]; /* fleet/sources.h */
    char owner[ACTOR_SIZE];     /* who answers for it (struct actor) */
    int64_t expires_at;         /* 0: as long as the certificate itself */
    int64_t last_used_at, revoked_at, created_at, updated_at, ver;
};

typedef err_t (*client_certificate_row_fn)(const struct client_certificate_row *row, void *arg);

/** @errors ERR_CONFLICT the tenant has one of this name, or the key is in use @thread of tx, like all
 * functions here */
err_t client_certificate_rows_insert(struct db_tx *tx, const struct client_certificate_row *row);
/** Name, scopes, sources, expiry, end, times and version. @errors ERR_CONFLICT the name is taken */
err_t client_certificate_rows_update(struct db_tx *tx, const struct client_certificate_row *row);
/** @errors ERR_NOT_FOUND also for another tenant's */
err_t client_certificate_rows_find(struct db_tx *tx, struct uuid tenant, struct uuid id,
                                   struct client_certificate_row *out);
/** Of any tenant, not revoked: the key itself says whose it is. @errors ERR_NOT_FOUND */
err_t client_certificate_rows_find_by_key(struct db_tx *tx, const uint8_t spki_sha256[32],
                                          struct client_certificate_row *out);
/** In the window's order. */
err_t client_certificate_rows_list(struct db_tx *tx, struct uuid tenant, const struct row_window *window,
                                   client_certificate_row_fn fn, void *arg);
/** Moves last_used_at forward, never back. No change of state: the version stays. */
err_t client_certificate_rows_note_use(struct db_tx *tx, struct uuid id, int64_t at_ms);

#endif
