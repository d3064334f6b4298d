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
    const char *role; /* "root", "device", "infrastructure", "edge" */
    enum authority_state state;
    struct bytes certificate; /* DER, borrowed; empty while pending */
    int crl_shards;           /* 0: one complete CRL */
    const char *crl_base;     /* what the addresses of the shards begin with, or "" */
    bool has_tenant;          /* else it is the installation's */
    struct uuid tenant;
    char issuer[AUTHORITY_ID_SIZE]; /* "": itself, or nobody here */
    bool is_default, is_external;
    char predecessor[AUTHORITY_ID_SIZE]; /* "": none */
    struct bytes request;                /* DER certification request of a pending one, borrowed; or empty */
    int64_t ends_at;       /* of a retiring one: when the last certificate under it ends; 0: not known yet */
    uint32_t key_purposes; /* pki/certificate_profile.h; 0: as the role has them */
    int64_t compromised_at, rekey_by;    /* of a compromised one: by when its devices are told to rekey */
    int64_t created_at, updated_at, ver; /* as read */
};
typedef err_t (*authority_row_fn)(const struct authority_row *row, void *arg);

/** Two NULL texts count as "". @errors ERR_CONFLICT the id is taken, or its role and tenant have a default
 * @thread of tx, like all functions here */
err_t authority_rows_insert(struct db_tx *tx, const struct authority_row *row);
/** Everything but id, role, tenant and created_at, when the row has still the version row->ver; it is one
 * higher then.
 *  @errors ERR_BUSY it has changed; ERR_CONFLICT role and tenant have another default */
err_t authority_rows_update(struct db_tx *tx, const struct authority_row *row);
/** A row as the journal tells of it (db/journal.h), made or replaced whole, with created_at and ver; another
 * default of its role and tenant loses that, since an entry of its own says so too. */
err_t authority_rows_restore(struct db_tx *tx, const struct authority_row *row);
/** A pending one that will never be. @errors ERR_NOT_FOUND */
err_t authority_rows_delete(struct db_tx *tx, const char *id);
/** The row of one, lent to `fn`. @errors ERR_NOT_FOUND, of fn */
err_t authority_rows_find(struct db_tx *tx, const char *id, authority_row_fn fn, void *arg);
/** A page of them, in order of id: those of the installation and of this tenant. */
err_t authority_rows_list(struct db_tx *tx, const struct uuid *tenant, const struct row_window *window,
                          authority_row_fn fn, void *arg);
/** Every authority, in order of id; what a row borrows lasts as long as the callback. */
err_t authority_rows_each(struct db_tx *tx, authority_row_fn fn, void *arg);
/* That an authority is compromised, as far as the certificates under it are concerned; zeros: it is not. */
struct authority_loss {
    int64_t compromised_at, rekey_by;
};
/** Zeros also for one that is not there. Costs one look at a key. */
err_t authority_rows_find_loss(struct db_tx *tx, const char *id, struct authority_loss *out);
/** Rises with every change of authorities and of what they signed for each other. */
err_t authority_rows_read_change(struct db_tx *tx, int64_t *out);
/** Says that something changed; the functions of this file and of authority_certificate_rows.h do it by
 * themselves. */
err_t authority_rows_note_change(struct db_tx *tx);

#endif
