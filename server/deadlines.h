/* Deadlines of connections: a list for each kind, and as all of a kind last equally long, each list is in
 * order by itself. Arming, disarming and expiring cost O(1) each; a tick costs what has expired, never what
 * is open. */
#ifndef WHORL_SERVER_DEADLINES_H
#define WHORL_SERVER_DEADLINES_H

#include <stdint.h>

enum deadline_kind {
    DEADLINE_NONE,
    DEADLINE_HANDSHAKE,
    DEADLINE_HANDSHAKE_MANAGEMENT, /* apart: the oldest of one gives way to its own kind only */
    DEADLINE_IDLE,
    DEADLINE_HEADERS,
    DEADLINE_BODY_IN, /* a window in which a body must have moved on */
    DEADLINE_BODY_OUT,
    DEADLINE_LINGER,
    DEADLINE_KIND_COUNT
};

struct deadline {
    enum deadline_kind kind;
    uint64_t at_ms;
    struct deadline *next, **previous;
};

struct deadlines {
    uint64_t duration_ms[DEADLINE_KIND_COUNT];
    struct deadline *first[DEADLINE_KIND_COUNT], **last[DEADLINE_KIND_COUNT];
};

void deadlines_init(struct deadlines *deadlines);
/** Moves `deadline` to the end of its new kind's list; DEADLINE_NONE takes it out. @thread loop */
void deadline_arm(struct deadlines *deadlines, struct deadline *deadline, enum deadline_kind kind,
                  uint64_t now_ms);
/** The first that has expired, of any kind, or NULL. */
struct deadline *deadlines_expired(const struct deadlines *deadlines, uint64_t now_ms);

#endif
