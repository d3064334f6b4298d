/* Sorting what does not fit into memory: records of one size, in runs on disk. */
#ifndef WHORL_BASE_SPOOL_SORT_H
#define WHORL_BASE_SPOOL_SORT_H

#include "base/spool.h"

enum { SPOOL_RECORD_MAX = 1024 };

/** Sorts by all bytes of a record, so keys stand first and are big-endian. Takes some megabytes of memory,
 * however much there is.
 *  @param in whole records from its start to where it is now @param folder for temporary files @param[out]
 * out the records in order, gone back to its start; caller owns @errors ERR_IO, ERR_DISK_FULL, ERR_NO_MEMORY
 * @thread any */
err_t spool_sort(struct spool *in, size_t record_size, const char *folder, struct spool **out);

#endif
