/* What is too much for memory and not meant to stay: a temporary file without a name, written once from the
 * start, read as often as one likes. Nothing of it survives the process. */
#ifndef WHORL_BASE_SPOOL_H
#define WHORL_BASE_SPOOL_H

#include "base/bytes.h"

struct spool;

/** @param folder where the file lives; it needs room there @errors ERR_IO, ERR_DISK_FULL, ERR_NO_MEMORY
 * @thread any, one at a time, like all functions here */
err_t spool_new(const char *folder, struct spool **out);
void spool_free(struct spool *spool);
DEFINE_AUTO_PTR(spool, spool_free);

/** Where the next byte is written or read. */
int64_t spool_at(const struct spool *spool);
/** Goes to a place that spool_at() gave; needed between writing and reading. @errors ERR_IO, ERR_DISK_FULL */
err_t spool_go(struct spool *spool, int64_t at);
err_t spool_write(struct spool *spool, const void *p, size_t n);
/** Exactly n bytes. @errors ERR_IO also when there are fewer */
err_t spool_read(struct spool *spool, void *p, size_t n);
/** The same from any place, without going there; only what was written before the last spool_go() is there to
 * see. */
err_t spool_read_at(struct spool *spool, int64_t at, void *p, size_t n);

#endif
