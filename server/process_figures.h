/* The process as the kernel sees it, under the names that Prometheus' own clients give it. */
#ifndef WHORL_SERVER_PROCESS_FIGURES_H
#define WHORL_SERVER_PROCESS_FIGURES_H

#include "base/bytes.h"

/** Processor time, memory, descriptors, start: appended. What the kernel does not tell (no /proc) is left
 * out. @thread any */
err_t process_figures_write(struct buf *out);

#endif
