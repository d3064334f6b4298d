/* Rows of what is known of each device's firmware. */
#ifndef WHORL_DB_DEVICE_FIRMWARE_ROWS_H
#define WHORL_DB_DEVICE_FIRMWARE_ROWS_H

#include "db/firmware_action_rows.h"

enum { FIRMWARE_ATTRIBUTES_SIZE = 4096, FIRMWARE_INSTALLED_VERSION_SIZE = 65 };

struct device_firmware_row {
    struct firmware_owner owner;
    char controller[NAME_SIZE];                /* polled under besides id and serial; or "" */
    char attributes[FIRMWARE_ATTRIBUTES_SIZE]; /* canonical JSON of configData */
    int64_t attributes_at;                     /* 0: never told, or asked for again */
    int64_t last_action;                       /* the highest id that it ever had */
    int64_t open_action;                       /* 0: none */
    int64_t report_n;                          /* of its next report */
    bool has_installed;
    struct uuid installed_release;
    int64_t installed_action; /* 0: none */
    char installed_version[FIRMWARE_INSTALLED_VERSION_SIZE];
    int64_t sequence, counter; /* of what it installed last; 0 and -1: none known */
    int64_t installed_at, polled_at;
    bool has_target_token;
    struct sha256 target_token_sha256;
    int64_t updated_at, ver; /* ver 0: no row is there yet */
};

/** Of a device without a row: what holds then, with ver 0. @thread of tx, like all functions here */
err_t device_firmware_rows_read(struct db_tx *tx, const struct firmware_owner *owner,
                                struct device_firmware_row *out);
/** By the name that it polls under. @errors ERR_NOT_FOUND */
err_t device_firmware_rows_find_by_controller(struct db_tx *tx, struct uuid tenant, const char *controller,
                                              struct device_firmware_row *out);
/** Makes the row or stores all of it but polled_at, if its version is still row->ver, then raises it.
 *  @errors ERR_CONFLICT the controller's name is another device's; ERR_BUSY it was changed meanwhile */
err_t device_firmware_rows_put(struct db_tx *tx, struct device_firmware_row *row);
/** It polled: makes the row where none is there. Raises no version. */
err_t device_firmware_rows_polled(struct db_tx *tx, const struct firmware_owner *owner, int64_t at_ms);
/** An id that it had, as a journal tells: the next one is above it. */
err_t device_firmware_rows_had_action(struct db_tx *tx, const struct firmware_owner *owner, int64_t id);

#endif
