/* Immutable bytes shared by threads and counted: a CRL, a CA certificate, a rendered page that is ready. */
#ifndef WHORL_BASE_SHARED_H
#define WHORL_BASE_SHARED_H

#include "base/bytes.h"

struct shared;

/** Copies `content`; the caller owns one reference. @thread any */
err_t shared_new(struct bytes content, struct shared **out);
struct shared *shared_ref(struct shared *shared);
/** NULL is legal. */
void shared_unref(struct shared *shared);
struct bytes shared_view(const struct shared *shared);
DEFINE_AUTO_PTR(shared, shared_unref);

#endif
