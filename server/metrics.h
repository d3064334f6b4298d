/* The server's own figures: counted per loop without a lock, added up when somebody asks. */
#ifndef WHORL_SERVER_METRICS_H
#define WHORL_SERVER_METRICS_H

#include <stdatomic.h>

#include "server/admission.h"
#include "server/http_filter.h"
#include "server/loop_figures.h"
#include "server/router.h"

/* Why a connection or a request was refused before any handler saw it: the filter's reasons, then these. */
enum refused {
    REFUSED_CONNECTIONS = FILTER_REFUSAL_COUNT,
    REFUSED_ADDRESS,
    REFUSED_QUEUE,
    REFUSED_TIMEOUT,
    REFUSED_BODY,
    REFUSED_WAIT,       /* 503: no worker in time */
    REFUSED_GONE,       /* before ServerHello: the client had left */
    REFUSED_STALE,      /* before ServerHello: it had waited too long */
    REFUSED_MEMORY,     /* 503: no room for its body or its answer */
    REFUSED_HANDSHAKES, /* unfinished, the oldest of too many */
    REFUSED_COUNT
};

enum handshake_result { HANDSHAKE_FULL, HANDSHAKE_RESUMED, HANDSHAKE_FAILED, HANDSHAKE_RESULT_COUNT };

struct figures; /* of one loop */

/** @param route_count of the router @thread init */
err_t figures_new(size_t route_count, struct figures **out);
void figures_free(struct figures *figures);
void figures_count_request(struct figures *figures, size_t route_index, int status);
void figures_count_handshake(struct figures *figures, enum handshake_result result);
void figures_count_refused(struct figures *figures, int reason);
/** The lane's listener was closed so much longer. @param is_new a pause begins */
void figures_count_pause(struct figures *figures, enum admission_lane lane, uint64_t more_us, bool is_new);
/** Connections that the kernel holds for the lane's listener, as of now. */
void figures_set_queued(struct figures *figures, enum admission_lane lane, unsigned count);
/** Handshakes that have begun and not ended, as of now. */
void figures_set_unfinished(struct figures *figures, int count);
/** Appends OpenMetrics families of all loops together. @thread any */
err_t figures_write(struct figures *const *loops, size_t loop_count, const struct router *router,
                    struct buf *out);

#endif
