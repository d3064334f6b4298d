/* Counted immutable bytes in one allocation. The count is atomic, the bytes are written once before anyone
 * else sees them. */
#include "base/shared.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct shared {
    atomic_size_t references;
    size_t n;
    uint8_t bytes[];
};

err_t shared_new(struct bytes content, struct shared **out)
{
    *out = NULL;
    ENSURE(content.n < SIZE_MAX - sizeof(struct shared), ERR_NO_MEMORY, "%zu shared bytes", content.n);
    struct shared *shared = malloc(sizeof *shared + content.n);
    ENSURE(shared != NULL, ERR_NO_MEMORY, "%zu shared bytes", content.n);
    atomic_init(&shared->references, 1);
    shared->n = content.n;
    if (content.n > 0) {
        memcpy(shared->bytes, content.p, content.n);
    }
    *out = shared;
    return OK;
}

struct shared *shared_ref(struct shared *shared)
{
    atomic_fetch_add_explicit(&shared->references, 1, memory_order_relaxed);
    return shared;
}

void shared_unref(struct shared *shared)
{
    if (shared != NULL && atomic_fetch_sub_explicit(&shared->references, 1, memory_order_acq_rel) == 1) {
        free(shared);
    }
}

struct bytes shared_view(const struct shared *shared)
{
    return (struct bytes){shared->bytes, shared->n};
}
