/* Memory that lives as long as one request: taken piece by piece, given back all at once. A hard cap bounds
 * what one caller can make the server hold. Pieces are never wiped: no secrets in here. */
#ifndef WHORL_BASE_ARENA_H
#define WHORL_BASE_ARENA_H

#include "base/bytes.h"

struct arena;

/** @param cap of all pieces together, in bytes; memory is taken as it is needed @param[out] out caller owns
 * (arena_free) @thread any */
err_t arena_new(size_t cap, struct arena **out);
/** Every piece ends here. NULL is legal. */
void arena_free(struct arena *arena);
/** Zeroed, aligned for any type, valid until arena_free. @errors ERR_TOO_LARGE over the cap, ERR_NO_MEMORY
 * @thread one at a time */
err_t arena_alloc(struct arena *arena, size_t n, void **out);
/** A copy with a NUL behind it. */
err_t arena_dup_str(struct arena *arena, struct bytes text, const char **out);

DEFINE_AUTO_PTR(arena, arena_free);

#endif
