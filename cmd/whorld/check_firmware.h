/* `whorld check`: the store of firmware. */
#ifndef WHORL_CMD_CHECK_FIRMWARE_H
#define WHORL_CMD_CHECK_FIRMWARE_H

#include "cmd/whorld/house.h"

struct firmware_check {
    bool reads_all; /* every byte; otherwise that the files are there in their sizes */
    int64_t images, bytes;
    int wrong; /* each was told on stdout */
};
/** Opens the store of the house, which house_close() closes. @errors ERR_IO, ERR_DB @thread init */
err_t check_firmware(struct house *house, struct firmware_check *out);

#endif
