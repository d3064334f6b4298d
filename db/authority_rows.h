/* Rows of authorities: which CAs this installation has, with their certificates. The keys are in the
 * keystore. */
#ifndef WHORL_DB_AUTHORITY_ROWS_H
#define WHORL_DB_AUTHORITY_ROWS_H

#include "db/db.h"
#include "db/rows.h"

enum { AUTHORITY_URL_SIZE = 512 };
/* What each may do: fleet/authority_set.h. */
enum authority_state {
    AUTHORITY_ACTIVE,
    AUTHORITY_RETIRED,
    AUTHORITY_COMPROMISED,
    AUTHORITY_PENDING,
    AUTHORITY_STANDBY,
    AUTHORITY_RETIRING
};

struct authority_row {
    char id[AUTHORITY_ID_SIZE];
    const char *role; /* "root", "device", "infrastructure" */
    enum authority_state state;
    struct bytes certificate;            /* DER, borrowed */
    int crl_shards;                      /* 0: one complete CRL */
    const char *crl_base;                /* what the addresses of the shards begin with, or "" */
    int64_t created_at, updated_at, ver; /* as read */
};

/** @errors ERR_CONFLICT the id is taken @thread of tx, like all functions here */
err_t authority_rows_insert(struct db_tx *tx, const struct authority_row *row);
/** The row of one, lent to `fn`. @errors ERR_NOT_FOUND, of fn */
err_t authority_rows_find(struct db_tx *tx, const char *id,
                          err_t (*fn)(const struct authority_row *row, void *arg), void *arg);
/** A page of them, in order of id. */
err_t authority_rows_list(struct db_tx *tx, const struct row_window *window,
                          err_t (*fn)(const struct authority_row *row, void *arg), void *arg);
/** Every authority, in order of id; what a row borrows lasts as long as the callback. */
err_t authority_rows_each(struct db_tx *tx, err_t (*fn)(const struct authority_row *row, void *arg),
                          void *arg);

#endif
