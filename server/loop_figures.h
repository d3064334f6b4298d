/* What a loop sees of time and of its connections, as figures: how late it runs what is due, how long
 * handshakes and requests take, what is open. Of its own thread until somebody asks. */
#ifndef WHORL_SERVER_LOOP_FIGURES_H
#define WHORL_SERVER_LOOP_FIGURES_H

#include "base/histogram.h"

enum { LOOP_LISTENERS = 3 };

struct loop_figures {
    struct histogram lag_us;                      /* of each tick */
    struct histogram handshakes_us;               /* that succeeded, from the accept on */
    struct histogram requests_us[LOOP_LISTENERS]; /* from the first line until there is an answer */
    atomic_int open[LOOP_LISTENERS];
    int64_t tick_us; /* of the loop's thread: when the last one ran; 0: none yet */
};

/** The tick that is due every `period_us` runs now. @thread loop */
void loop_figures_tick(struct loop_figures *figures, int64_t now_us, int64_t period_us);
void loop_figures_open(struct loop_figures *figures, int listener, int by);
/** @param began_us of stopwatch_us() */
void loop_figures_handshake(struct loop_figures *figures, int64_t began_us);
void loop_figures_request(struct loop_figures *figures, int listener, int64_t began_us);

/** As OpenMetrics text, all loops added up. @param listeners what each is called; NULL: there is none @thread
 * any */
err_t loop_figures_write(const struct loop_figures *const *loops, size_t count,
                         const char *const listeners[LOOP_LISTENERS], struct buf *out);

#endif
