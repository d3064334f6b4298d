/* A device's row and the counts by state and term, in one step. Knows no rule of who may do what (states.c)
 * and writes no record (its callers do). */
#include "fleet/device_change.h"

#include "db/device_count_rows.h"
#include "db/device_rows.h"
#include "fleet/device_terms.h"

err_t device_change(struct db_tx *tx, struct device_row *row, enum device_state state, struct bytes spki)
{
    enum device_state before = row->state;
    row->state = state;
    TRY(device_rows_update(tx, row, spki));
    TRY(before == state ? OK : device_count_rows_move(tx, row, before));
    bool has_term = before == DEVICE_ENROLLED || state == DEVICE_ENROLLED;
    return has_term ? device_term_refresh(tx, row) : OK;
}
