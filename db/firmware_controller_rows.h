/* The names under which devices poll for firmware besides id and serial: the column of device_firmware that
 * first uses fill (fleet/firmware_controller.c). */
#ifndef WHORL_DB_FIRMWARE_CONTROLLER_ROWS_H
#define WHORL_DB_FIRMWARE_CONTROLLER_ROWS_H

#include "db/db.h"
#include "db/rows.h"

enum { FIRMWARE_CONTROLLER_SIZE = NAME_SIZE };

/** The device's own name, "" when it has none. @thread of tx, like all functions here */
err_t firmware_controller_rows_of(struct db_tx *tx, struct uuid tenant, const struct device_id *device,
                                  char out[FIRMWARE_CONTROLLER_SIZE]);
/** Whose name it is in the tenant. @errors ERR_NOT_FOUND nobody's */
err_t firmware_controller_rows_find(struct db_tx *tx, struct uuid tenant, const char *controller,
                                    struct device_id *out);
/** Whether it is the serial of another device of the tenant. */
err_t firmware_controller_rows_is_serial(struct db_tx *tx, struct uuid tenant, const char *text,
                                         const struct device_id *but, bool *out);
/** Sets the name of a device that has none; "" takes it away from one that has. @param[out] is_set false: it
 *  was not so @errors ERR_CONFLICT another device of the tenant has it */
err_t firmware_controller_rows_set(struct db_tx *tx, struct uuid tenant, const struct device_id *device,
                                   const char *controller, bool *is_set);

#endif
