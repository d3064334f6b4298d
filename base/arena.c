/* A list of blocks; the newest is the one that pieces are cut from. Not for threads: a request is on one at a
 * time. */
#include "base/arena.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_SIZE = 4096 };

struct block {
    struct block *next;
    size_t size, used;
    _Alignas(max_align_t) uint8_t bytes[];
};

struct arena {
    size_t cap, used;
    struct block *blocks;
};

err_t arena_new(size_t cap, struct arena **out)
{
    *out = calloc(1, sizeof **out);
    ENSURE(*out != NULL, ERR_NO_MEMORY, "an arena");
    (*out)->cap = cap;
    return OK;
}

void arena_free(struct arena *arena)
{
    if (arena == NULL) {
        return;
    }
    for (struct block *b = arena->blocks; b != NULL;) {
        struct block *next = b->next;
        free(b);
        b = next;
    }
    free(arena);
}

static err_t block_add(struct arena *arena, size_t least)
{
    size_t size = least > BLOCK_SIZE ? least : BLOCK_SIZE;
    struct block *b = calloc(1, sizeof *b + size);
    ENSURE(b != NULL, ERR_NO_MEMORY, "a block of %zu bytes", size);
    b->size = size;
    b->next = arena->blocks;
    arena->blocks = b;
    return OK;
}

err_t arena_alloc(struct arena *arena, size_t n, void **out)
{
    *out = NULL;
    size_t align = _Alignof(max_align_t);
    ENSURE(n <= arena->cap, ERR_TOO_LARGE, "one request may hold %zu bytes", arena->cap);
    size_t rounded = n == 0 ? align : (n + align - 1) / align * align;
    ENSURE(rounded <= arena->cap - arena->used, ERR_TOO_LARGE, "one request may hold %zu bytes", arena->cap);
    if (arena->blocks == NULL || arena->blocks->size - arena->blocks->used < rounded) {
        TRY(block_add(arena, rounded));
    }
    struct block *b = arena->blocks;
    *out = b->bytes + b->used;
    b->used += rounded;
    arena->used += rounded;
    return OK;
}

err_t arena_dup_str(struct arena *arena, struct bytes text, const char **out)
{
    *out = NULL;
    ENSURE(text.n < SIZE_MAX, ERR_TOO_LARGE, "a text of %zu bytes", text.n);
    void *copy = NULL;
    TRY(arena_alloc(arena, text.n + 1, &copy));
    if (text.n > 0) {
        memcpy(copy, text.p, text.n);
    }
    *out = copy;
    return OK;
}
