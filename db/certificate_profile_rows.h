/* Rows of certificate profiles and of their versions. */
#ifndef WHORL_DB_CERTIFICATE_PROFILE_ROWS_H
#define WHORL_DB_CERTIFICATE_PROFILE_ROWS_H

#include "db/db.h"
#include "db/rows.h"

struct certificate_profile_row {
    struct uuid tenant;
    char name[NAME_SIZE];
    int64_t version; /* the newest */
    int64_t created_at, updated_at, deleted_at, ver;
};
struct certificate_profile_version_row {
    struct uuid tenant;
    const char *name;
    int64_t version;
    struct bytes body; /* JSON, borrowed */
    char actor[ACTOR_SIZE];
    int64_t created_at;
};
typedef err_t (*certificate_profile_row_fn)(const struct certificate_profile_row *row, void *arg);
typedef err_t (*certificate_profile_version_fn)(const struct certificate_profile_version_row *row, void *arg);

/** Deleted ones too. @errors ERR_NOT_FOUND @thread of tx, like all functions here */
err_t certificate_profile_rows_find(struct db_tx *tx, struct uuid tenant, struct bytes name,
                                    struct certificate_profile_row *out);
/** @errors ERR_CONFLICT the tenant has, or had, one of this name */
err_t certificate_profile_rows_insert(struct db_tx *tx, const struct certificate_profile_row *row);
/** Everything but tenant, name and created_at. */
err_t certificate_profile_rows_update(struct db_tx *tx, const struct certificate_profile_row *row);
/** Those that are there, in order of name. */
err_t certificate_profile_rows_list(struct db_tx *tx, struct uuid tenant, const struct row_window *window,
                                    certificate_profile_row_fn fn, void *arg);

/** @errors ERR_CONFLICT it is there */
err_t certificate_profile_rows_insert_version(struct db_tx *tx,
                                              const struct certificate_profile_version_row *row);
/** One, lent to `fn`. @errors ERR_NOT_FOUND, of fn */
err_t certificate_profile_rows_find_version(struct db_tx *tx,
                                            const struct certificate_profile_version_row *key,
                                            certificate_profile_version_fn fn, void *arg);
/** Of one profile, in order of version, behind key->version, `limit` of them at most. */
err_t certificate_profile_rows_list_versions(struct db_tx *tx,
                                             const struct certificate_profile_version_row *key, int64_t limit,
                                             certificate_profile_version_fn fn, void *arg);

#endif
