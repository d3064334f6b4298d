/* The storage port in memory, for simulated devices and tests. Can lose its power: after a set number of
 * changes nothing is written any more, as if the chip had stopped there. */
#ifndef WHORL_DEVICE_SIM_MEMORY_STORAGE_H
#define WHORL_DEVICE_SIM_MEMORY_STORAGE_H

#include "device/core/ports.h"

enum { SIM_RECORDS = 11, SIM_RECORD_BYTES = 4096, SIM_NEVER = 0x7fffffff };

struct sim_storage {
    struct whorl_storage port;
    int changes_left;         /* writes and erases until the power fails; SIM_NEVER */
    size_t size[SIM_RECORDS]; /* 0: no such record */
    uint8_t record[SIM_RECORDS][SIM_RECORD_BYTES];
};

/** Empty. @param storage must not move while its port is in use */
void sim_storage_init(struct sim_storage *storage);

#endif
