/* Rows of people: their names, their state, and what they log in with (hashes and sealed bytes only). */
#ifndef WHORL_DB_PERSON_ROWS_H
#define WHORL_DB_PERSON_ROWS_H

#include "db/db.h"
#include "db/people.h"

typedef err_t (*person_row_fn)(const struct person_row *row, void *arg);

/* Of a list; at most one of the two. */
struct person_filter {
    struct bytes role; /* p NULL: any */
    bool has_state;
    enum person_state state;
};

/** @errors ERR_CONFLICT the tenant has a person of this name @thread of tx, like all functions here */
err_t person_rows_insert(struct db_tx *tx, const struct person_row *row);
/** Everything but id, tenant, name and created_at. */
err_t person_rows_update(struct db_tx *tx, const struct person_row *row);
/** The password's hash alone, where it is still `old`. */
err_t person_rows_rehash(struct db_tx *tx, struct uuid id, const char *old, const char *fresh);
/** @errors ERR_NOT_FOUND */
err_t person_rows_find(struct db_tx *tx, struct uuid id, struct person_row *out);
err_t person_rows_find_by_name(struct db_tx *tx, struct uuid tenant, struct bytes name,
                               struct person_row *out);
/** By an open invitation, of any tenant. */
err_t person_rows_find_by_invitation(struct db_tx *tx, const uint8_t id[TOKEN_ID_SIZE],
                                     struct person_row *out);
/** In order of id. */
err_t person_rows_list(struct db_tx *tx, struct uuid tenant, const struct person_filter *filter,
                       const struct row_window *window, person_row_fn fn, void *arg);

/** Replaces the recovery codes of a person. @param hashes `count` times 32 bytes */
err_t recovery_code_rows_replace(struct db_tx *tx, struct uuid person, const uint8_t (*hashes)[32],
                                 size_t count);
/** Takes a code away. @param[out] was_there false: it is none, or was used before */
err_t recovery_code_rows_use(struct db_tx *tx, struct uuid person, const uint8_t hash[32], bool *was_there);
err_t recovery_code_rows_clear(struct db_tx *tx, struct uuid person);

#endif
