/* The counts that are kept, against what counting finds: slow, for `whorld check` and for tests. */
#ifndef WHORL_DB_RECOUNT_ROWS_H
#define WHORL_DB_RECOUNT_ROWS_H

#include "db/db.h"

/** Counts everything that has a kept count, along indexes. @errors ERR_DB naming the first table that says
 * something else @thread of tx */
err_t recount_rows_compare(struct db_tx *tx);

#endif
