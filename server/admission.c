/* The numbers behind the decisions are here, and here only. */
#include "server/admission.h"

enum {
    TURN_US = 2000,        /* a step of a handshake takes 300 to 700 us of it */
    WORKERS_WAIT_MS = 100, /* behind that a new caller would only make the queue longer */
    RESERVE_MAX = 64,      /* places for the operator, and as many for the public listener */
    RESERVE_OF = 16,       /* but no more than such a part of all */
    HANDSHAKES_OF = 4,     /* such a part of all connections may be unfinished */
    HANDSHAKES_MIN = 16,   /* of one loop */
    ABLE_PER_CORE = 4,
    SPREAD_S = 15, /* a full queue alone spreads its callers over so many seconds */
    RETRY_AFTER_MAX_S = 60
};

bool admission_has_turn(uint64_t spent_us, int steps)
{
    return steps == 0 || spent_us < TURN_US;
}

bool admission_is_open(enum admission_lane lane, const struct admission_load *load)
{
    if (lane == LANE_PUBLIC) {
        return true;
    }
    return load->handshakes_waiting == 0 &&
           (lane == LANE_MANAGEMENT || load->workers_wait_ms < WORKERS_WAIT_MS);
}

enum admission_verdict admission_judge(const struct admission_arrival *arrival, int wait_ms)
{
    if (!arrival->is_connected) {
        return ADMISSION_GONE;
    }
    return wait_ms > 0 && arrival->waiting_ms > wait_ms ? ADMISSION_STALE : ADMISSION_TAKE;
}

int admission_places(enum admission_lane lane, int connections)
{
    int reserve = connections / RESERVE_OF;
    reserve = reserve < RESERVE_MAX ? reserve : RESERVE_MAX;
    switch (lane) {
    case LANE_DEVICE:
        return connections - 2 * reserve;
    case LANE_PUBLIC:
        return connections - reserve;
    case LANE_MANAGEMENT:
    case LANE_COUNT:
        break;
    }
    return connections;
}

int admission_handshakes(int wanted, int connections, int loops)
{
    int all = wanted > 0 ? wanted : connections / HANDSHAKES_OF;
    int one = all / (loops > 0 ? loops : 1);
    int least = wanted > 0 ? 1 : HANDSHAKES_MIN;
    return one > least ? one : least;
}

int admission_workers(int64_t able_us, int64_t took_us, int cores, int most)
{
    int64_t least = (int64_t)ABLE_PER_CORE * (cores > 0 ? cores : 1);
    if (able_us <= 0 || took_us <= 0) {
        return most;
    }
    int64_t count = took_us > able_us ? least * took_us / able_us : least;
    return count < most ? (int)count : most;
}

int admission_retry_after_s(int waiting, int waiting_max, int64_t wait_ms, uint32_t random)
{
    int64_t fill_s = waiting_max > 0 ? (int64_t)SPREAD_S * waiting / waiting_max : 0;
    int64_t most_s = 1 + (fill_s < SPREAD_S ? fill_s : SPREAD_S) + (wait_ms > 0 ? 2 * wait_ms / 1000 : 0);
    most_s = most_s < RETRY_AFTER_MAX_S ? most_s : RETRY_AFTER_MAX_S;
    return 1 + (int)(random % (uint32_t)most_s);
}
