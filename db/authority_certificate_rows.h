/* Rows of what one authority signed for another beside its first certificate: cross certificates, and CA
 * certificates that are revoked. */
#ifndef WHORL_DB_AUTHORITY_CERTIFICATE_ROWS_H
#define WHORL_DB_AUTHORITY_CERTIFICATE_ROWS_H

#include "db/db.h"
#include "db/rows.h"

enum authority_certificate_kind {
    AUTHORITY_FIRST,        /* the one in the subject's own row; here from when it is revoked */
    AUTHORITY_NEW_WITH_OLD, /* a root's successor, signed by the root (RFC 9810 §4.4) */
    AUTHORITY_OLD_WITH_NEW, /* the other way round */
    AUTHORITY_FURTHER       /* of an issuing CA's same key by another issuer */
};
enum { AUTHORITY_SERIAL_MAX = 20 };

struct authority_certificate_row {
    char issuer[AUTHORITY_ID_SIZE], subject[AUTHORITY_ID_SIZE];
    uint8_t serial[AUTHORITY_SERIAL_MAX];
    size_t serial_size;
    enum authority_certificate_kind kind;
    struct bytes certificate; /* DER, borrowed */
    int64_t not_before, not_after;
    int64_t revoked_at; /* 0: it is not */
    int revocation_reason;
    int64_t created_at, ver; /* as read */
};
typedef err_t (*authority_certificate_row_fn)(const struct authority_certificate_row *row, void *arg);

/** @errors ERR_CONFLICT this issuer has this serial already @thread of tx, like all functions here */
err_t authority_certificate_rows_insert(struct db_tx *tx, const struct authority_certificate_row *row);
/** Sets revoked_at and the reason; the issuer's CRL becomes stale. @errors ERR_NOT_FOUND; ERR_CONFLICT it is
 * revoked already */
err_t authority_certificate_rows_revoke(struct db_tx *tx, const struct authority_certificate_row *row);
/** Lent to `fn`. @errors ERR_NOT_FOUND, of fn */
err_t authority_certificate_rows_find(struct db_tx *tx, const char *issuer, struct bytes serial,
                                      authority_certificate_row_fn fn, void *arg);
/** Of one subject, or of all (NULL); in order of issuer and serial. */
err_t authority_certificate_rows_each(struct db_tx *tx, const char *subject, authority_certificate_row_fn fn,
                                      void *arg);
/** What is revoked of one issuer and ends after a time. */
err_t authority_certificate_rows_each_revoked(struct db_tx *tx, const char *issuer, int64_t not_after,
                                              authority_certificate_row_fn fn, void *arg);

#endif
