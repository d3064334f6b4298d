/* When something that nobody may forget was done last, by a short name of ours. */
#ifndef WHORL_DB_MILESTONE_ROWS_H
#define WHORL_DB_MILESTONE_ROWS_H

#include "db/db.h"

#define MILESTONE_BACKUP "backup"

/** It was done now. @thread of tx, like all functions here */
err_t milestone_rows_reach(struct db_tx *tx, const char *name);
/** @param[out] at_ms 0: never */
err_t milestone_rows_find(struct db_tx *tx, const char *name, int64_t *at_ms);

#endif
