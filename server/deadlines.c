/* Tail queues with a back pointer to the link, so that a node leaves its list without a search. */
#include "server/deadlines.h"

#include <stddef.h>

void deadlines_init(struct deadlines *deadlines)
{
    *deadlines = (struct deadlines){.duration_ms = {0}};
    for (int kind = 0; kind < DEADLINE_KIND_COUNT; kind++) {
        deadlines->last[kind] = &deadlines->first[kind];
    }
}

static void disarm(struct deadlines *deadlines, struct deadline *deadline)
{
    if (deadline->kind == DEADLINE_NONE) {
        return;
    }
    *deadline->previous = deadline->next;
    if (deadline->next != NULL) {
        deadline->next->previous = deadline->previous;
    } else {
        deadlines->last[deadline->kind] = deadline->previous;
    }
    deadline->kind = DEADLINE_NONE;
}

void deadline_arm(struct deadlines *deadlines, struct deadline *deadline, enum deadline_kind kind,
                  uint64_t now_ms)
{
    disarm(deadlines, deadline);
    if (kind == DEADLINE_NONE) {
        return;
    }
    deadline->kind = kind;
    deadline->at_ms = now_ms + deadlines->duration_ms[kind];
    deadline->next = NULL;
    deadline->previous = deadlines->last[kind];
    *deadline->previous = deadline;
    deadlines->last[kind] = &deadline->next;
}

struct deadline *deadlines_expired(const struct deadlines *deadlines, uint64_t now_ms)
{
    for (int kind = DEADLINE_NONE + 1; kind < DEADLINE_KIND_COUNT; kind++) {
        struct deadline *first = deadlines->first[kind];
        if (first != NULL && first->at_ms <= now_ms) {
            return first;
        }
    }
    return NULL;
}
