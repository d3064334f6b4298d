/* How many certificates each authority has in each state, and on which day the confirmed ones end: kept,
 * never counted. db/certificate_rows.c says so here whenever it changes a state; others read. */
#ifndef WHORL_DB_CERTIFICATE_COUNT_ROWS_H
#define WHORL_DB_CERTIFICATE_COUNT_ROWS_H

#include "db/db.h"
#include "db/rows.h"

/** The certificate is new. @thread of tx, like all functions here */
err_t certificate_count_rows_add(struct db_tx *tx, const struct certificate_row *row);
/** The certificate, stored in its new state, was in `before`; nothing where that is the same. */
err_t certificate_count_rows_move(struct db_tx *tx, const struct certificate_row *row,
                                  enum certificate_state before);

enum { CERTIFICATE_STATES = 4 };
struct certificate_counts {
    char authority[AUTHORITY_ID_SIZE];
    int64_t by_state[CERTIFICATE_STATES]; /* confirmed ones that have ended are in it */
};
typedef err_t (*certificate_counts_fn)(const struct certificate_counts *counts, void *arg);
/** Of every authority that ever issued one, in order of its name. */
err_t certificate_count_rows_each(struct db_tx *tx, certificate_counts_fn fn, void *arg);

/* Confirmed certificates of one authority that end on one day: days since 1970, UTC. */
struct certificate_ends {
    const char *authority;
    int64_t day, count;
};
typedef err_t (*certificate_ends_fn)(const struct certificate_ends *ends, void *arg);
/** From one day to another, both included. Costs a row for each authority and day. */
err_t certificate_count_rows_ends(struct db_tx *tx, int64_t from_day, int64_t to_day, certificate_ends_fn fn,
                                  void *arg);

#endif
