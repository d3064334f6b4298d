/* The storage port on a folder: one file per record. A write is a temporary file, fsync, rename, fsync of the
 * folder. */
#ifndef WHORL_DEVICE_HOST_FILE_STORAGE_H
#define WHORL_DEVICE_HOST_FILE_STORAGE_H

#include "device/core/ports.h"

struct host_storage {
    struct whorl_storage port;
    const char *folder;
    uint64_t *die_in; /* NULL: the process lives on */
};

/** One change of what lasts: counted down, and at the last one the process kills itself, as a power cut would
 *  do. For tests. @param die_in NULL or 0: nothing happens */
void host_change(uint64_t *die_in);

/** @param storage must not move while its port is in use @param folder borrowed; must exist */
void host_storage_init(struct host_storage *storage, const char *folder);

/** Writes one file of the folder in the same way. @param name a plain file name */
bool host_file_write(const char *folder, const char *name, struct whorl_bytes data);

/** Reads a whole file of the folder. WHORL_ERROR_NOT_AVAILABLE when there is none. */
enum whorl_result host_file_read(const char *folder, const char *name, struct whorl_space into, size_t *size);

#endif
