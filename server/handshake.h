/* The lines in which handshakes of a loop wait for their turn. Touched by its thread only. */
#ifndef WHORL_SERVER_HANDSHAKE_H
#define WHORL_SERVER_HANDSHAKE_H

#include <stdbool.h>

#include "server/admission.h"

struct connection; /* server/connection.h */
struct loop;       /* server/internal.h */

/* Handshakes whose client has sent something, each in the line of its turn: those of management; those that
 * have begun, so that what was spent on them is not lost; new ones. */
enum handshake_line { LINE_MANAGEMENT, LINE_BEGUN, LINE_NEW, LINE_COUNT };

struct handshakes {
    struct connection *first[LINE_COUNT], **last[LINE_COUNT];
    int waiting[LINE_COUNT];
    int unfinished[LANE_COUNT], unfinished_max; /* of a lane */
    int turns;
};

void handshakes_init(struct loop *loop);
/** Those that wait go on for a slice of the turn. @return whether some still wait */
bool handshakes_serve(struct loop *loop);
/** Lets go of those that are in a line; all their connections are closed. */
void handshakes_clear(struct loop *loop);

#endif
