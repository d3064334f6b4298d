/* An open file that is read by several: downloads of one image, the requests of one connection. It is read at
 * offsets and never mapped: a file that shrinks, or a disk that fails, is an error of one read, and not the
 * signal that ends a process. */
#ifndef WHORL_BASE_SHARED_FILE_H
#define WHORL_BASE_SHARED_FILE_H

#include <stdint.h>

#include "base/bytes.h"

struct shared_file;

/** Opens for reading; the caller owns one reference. @errors ERR_IO also for what is no regular file
 *  @thread worker */
err_t shared_file_open(const char *path, struct shared_file **out);
/** @thread any */
struct shared_file *shared_file_ref(struct shared_file *file);
/** NULL is legal. The last one closes it. @thread any */
void shared_file_unref(struct shared_file *file);
/** As it was when it was opened. */
int64_t shared_file_size(const struct shared_file *file);
/** Exactly `n` bytes at `at`. @errors ERR_IO it has not as many any more, or the disk fails @thread any */
err_t shared_file_read(const struct shared_file *file, int64_t at, uint8_t *out, size_t n);
/** These bytes are wanted soon: the kernel may begin to read them. */
void shared_file_expect(const struct shared_file *file, int64_t at, int64_t n);
DEFINE_AUTO_PTR(shared_file, shared_file_unref);

#endif
