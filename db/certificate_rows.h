/* Rows of issued certificates. Knows no rule of confirming or superseding beyond the one statement that moves
 * a whole device's older certificates at once; the caller's transaction decides (fleet/). */
#ifndef WHORL_DB_CERTIFICATE_ROWS_H
#define WHORL_DB_CERTIFICATE_ROWS_H

#include "db/db.h"
#include "db/rows.h"

typedef err_t (*certificate_row_fn)(const struct certificate_row *row, void *arg);

/** Without DER. @errors ERR_NOT_FOUND @thread of tx, like all functions here */
err_t certificate_rows_find(struct db_tx *tx, const char *authority,
                            const uint8_t serial[CERTIFICATE_SERIAL_SIZE], struct certificate_row *out);
/** By serial alone, of one tenant; with DER. @param out cleared by the caller @errors ERR_NOT_FOUND */
err_t certificate_rows_find_in_tenant(struct db_tx *tx, struct uuid tenant,
                                      const uint8_t serial[CERTIFICATE_SERIAL_SIZE],
                                      struct certificate_row *out);
/** DER, appended. @errors ERR_NOT_FOUND */
err_t certificate_rows_read_der(struct db_tx *tx, const char *authority,
                                const uint8_t serial[CERTIFICATE_SERIAL_SIZE], struct buf *out);

/** Of one device, newest first, without DER. */
err_t certificate_rows_list(struct db_tx *tx, struct uuid tenant, const struct device_id *device, int limit,
                            certificate_row_fn fn, void *arg);
/** The unconfirmed and confirmed ones of one device, newest first, without DER. */
err_t certificate_rows_list_live(struct db_tx *tx, struct uuid tenant, const struct device_id *device,
                                 certificate_row_fn fn, void *arg);

/** Up to CERTIFICATES_TO_REVOKE of the device that are on no revocation list, without DER; of one that is
 *  compromised, also those that are there for another reason. */
enum { CERTIFICATES_TO_REVOKE = 16 };
err_t certificate_rows_list_to_revoke(struct db_tx *tx, const struct device_row *device, bool is_compromised,
                                      certificate_row_fn fn, void *arg);

struct certificate_range {
    struct uuid tenant;
    const struct device_id *device; /* or NULL; beside a device the other filters are free */
    const char *authority;          /* or NULL; otherwise not together with a state */
    const enum certificate_state *state;
    int64_t expires_before;
    bool has_after;
    int64_t after_end; /* not_after, serial and authority of the last row seen */
    uint8_t after_serial[CERTIFICATE_SERIAL_SIZE];
    char after_authority[AUTHORITY_ID_SIZE];
    int64_t limit;
};
/** In order of their end, without DER. Costs the same wherever it starts. */
err_t certificate_rows_page(struct db_tx *tx, const struct certificate_range *range, certificate_row_fn fn,
                            void *arg);

/* What the whole history of a device says, for decisions. */
struct certificate_history {
    bool has_any;            /* a certificate was ever issued */
    bool was_used;           /* one of them was ever used */
    bool is_key_compromised; /* one over `spki_sha256` was revoked with reason keyCompromise, by whichever
                                owner */
};
err_t certificate_rows_read_history(struct db_tx *tx, struct uuid tenant, const struct device_id *device,
                                    const uint8_t spki_sha256[32], struct certificate_history *out);

/* Who asked for a certificate, and whether it named the generation. */
struct certificate_link {
    const uint8_t *by; /* SHA-256 of its public key */
    bool is_stated;
};
/** With row->der. @param link or NULL @errors ERR_CONFLICT the serial is taken */
err_t certificate_rows_insert(struct db_tx *tx, const struct certificate_row *row,
                              const struct certificate_link *link);
/** Stores the state, the times and the reason if the version is still row->ver, then raises it.
 *  @errors ERR_BUSY somebody else changed it meanwhile */
err_t certificate_rows_update(struct db_tx *tx, struct certificate_row *row);

/* What certificate_rows_update() says by db_tx_tell() of each certificate that is revoked: it is on the list
 * from this commit on, or there for another reason. */
struct certificate_change {
    char authority[AUTHORITY_ID_SIZE];
    uint8_t serial[CERTIFICATE_SERIAL_SIZE];
};

/** Every live certificate of the device but `kept` becomes superseded, and so loses its rights; only an
 *  unconfirmed one that the identity key asked for and that is newer than `kept` (by generation, then time of
 *  issue) stays. @param[out] count of them */
err_t certificate_rows_supersede_older(struct db_tx *tx, const struct certificate_row *kept, int64_t at,
                                       int64_t *count);
/** The unconfirmed certificates of the device of `by`, which is about to be issued, become superseded: those
 *  that the identity key asked for when it asks anew, those of other keys when one of these does. */
err_t certificate_rows_supersede_unconfirmed(struct db_tx *tx, const struct certificate_row *by,
                                             bool is_by_identity);

/** Superseded before `before` and on no list yet, oldest first, without DER. */
err_t certificate_rows_list_unlisted(struct db_tx *tx, int64_t before, int limit, certificate_row_fn fn,
                                     void *arg);

/** When the last certificate of one tenant by one authority ends; 0: there is none. Costs one look at an
 * index. */
err_t certificate_rows_last_end(struct db_tx *tx, struct uuid tenant, const char *authority, int64_t *out);

struct revoked_serial {
    uint8_t serial[CERTIFICATE_SERIAL_SIZE];
    int64_t revoked_at;
    int reason;
};
/** Everything that belongs on the authority's CRL: revoked, and not over before `not_after`. */
err_t certificate_rows_list_revoked(struct db_tx *tx, const char *authority, int64_t not_after,
                                    err_t (*fn)(const struct revoked_serial *entry, void *arg), void *arg);

enum { SERIAL_BUCKETS = 256 }; /* by the low eight bits of a serial */
struct revoked_shard {
    const char *authority;
    int shard, shards; /* a power of two, at most SERIAL_BUCKETS */
};
/** The same of one shard of the authority's CRL (db/crl_rows.h); costs what that shard holds. */
err_t certificate_rows_list_revoked_in(struct db_tx *tx, const struct revoked_shard *shard, int64_t not_after,
                                       err_t (*fn)(const struct revoked_serial *entry, void *arg), void *arg);

#endif
