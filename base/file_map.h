/* A file's bytes as memory that the kernel fills and drops: for a library that wants all of a large text at
 * once. */
#ifndef WHORL_BASE_FILE_MAP_H
#define WHORL_BASE_FILE_MAP_H

#include "base/bytes.h"

struct file_map {
    struct bytes bytes; /* read only, valid until cleared */
};
/** @param[out] out cleared by the caller @errors ERR_NOT_FOUND, ERR_IO @thread any */
err_t file_map_open(const char *path, struct file_map *out);
void file_map_clear(struct file_map *map);
DEFINE_AUTO_VAL(file_map, file_map_clear);

#endif
