/* What is let in under load: decisions on numbers alone, made the same way wherever they are asked for.
 *
 * A handshake costs a thousand times what it costs to leave a connection in the kernel's queue. So the server
 * takes new connections no faster than it finishes handshakes: what belongs to connections that are open goes
 * first, handshakes get a slice of each turn of the loop, and while one still waits for its slice no other
 * connection is accepted. No rate is estimated, so none can be wrong. */
#ifndef WHORL_SERVER_ADMISSION_H
#define WHORL_SERVER_ADMISSION_H

#include <stdbool.h>
#include <stdint.h>

/* Connections come by one of these, and none can take all the places of another. */
enum admission_lane { LANE_DEVICE, LANE_MANAGEMENT, LANE_PUBLIC, LANE_COUNT };

/** Whether one more step of a handshake fits into this turn of the loop; the first always does. */
bool admission_has_turn(uint64_t spent_us, int steps);

struct admission_load {
    int handshakes_waiting;  /* of this lane, for a slice of a turn */
    int64_t workers_wait_ms; /* how long the oldest request of this lane waits for a worker */
};

/** Whether new connections of the lane are accepted now; else they wait in the kernel's queue. Without a
 * handshake (LANE_PUBLIC) they cost no more than a request: always. */
bool admission_is_open(enum admission_lane lane, const struct admission_load *load);

enum admission_verdict { ADMISSION_TAKE, ADMISSION_GONE, ADMISSION_STALE };

struct admission_arrival {
    bool is_connected;  /* the client has neither closed nor reset */
    int64_t waiting_ms; /* since it sent something, or connected */
};

/** Before the first step of a handshake.
 *  @param wait_ms who has waited longer gets no handshake: it may give up any moment. 0: no limit
 *  @return what becomes of it: GONE and STALE are closed before ServerHello */
enum admission_verdict admission_judge(const struct admission_arrival *arrival, int wait_ms);

/** How many connections may be open for one more to be taken on the lane: a few of `connections` are kept
 * for the public listener, and as many more for management. */
int admission_places(enum admission_lane lane, int connections);

/** Unfinished handshakes of one loop; one more makes the oldest give way.
 *  @param wanted of the server, 0: a quarter of its connections */
int admission_handshakes(int wanted, int connections, int loops);

/** How many workers take tasks at once. Those that wait (for a disk, for the signer) cost nothing, so all
 * may; those that compute share the cores with the loops, and a loop among dozens of them would get to work
 * too seldom. So many work that a few a core are able to run.
 *  @param able_us of the usual task: on a core, or waiting for one @param took_us all of its time; 0: unknown
 *  @return at most `most` */
int admission_workers(int64_t able_us, int64_t took_us, int cores, int most);

/** When to come again: drawn from a range that is wider the fuller the queue is and the longer its head has
 * waited, so that those who were refused together do not come back together.
 *  @param random any number @return 1 … 60 */
int admission_retry_after_s(int waiting, int waiting_max, int64_t wait_ms, uint32_t random);

#endif
