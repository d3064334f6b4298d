/* New connections: which listeners are watched, how many connections a turn takes from each, and what is
 * closed again before a byte of it was read. Who is not accepted waits in the kernel's queue, which costs
 * nothing; when that is full, the kernel lets the client try again. */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/connection.h"
#include "server/http.h"

enum {
    ACCEPTS_PER_TURN = 64,
    HANDSHAKES_PER_TURN = 16, /* of those whose first step costs much: no more than a few turns can do */
    DROPS_PER_TURN = 512,     /* what waited in vain is cleared away fast */
    SHARE_SLACK = 8
};

enum admission_lane listener_lane(const struct server *server, int index)
{
    switch (server->options.listeners[index].id) {
    case LISTENER_PUBLIC:
        return LANE_PUBLIC;
    case LISTENER_MANAGEMENT:
        return LANE_MANAGEMENT;
    case LISTENER_DEVICE:
        break;
    }
    return LANE_DEVICE;
}

/* --- watched or not */

static void on_acceptable(uv_poll_t *handle, int status, int events);

static void watch(struct acceptor *acceptor)
{
    bool is_wanted = acceptor->fd >= 0 && !acceptor->is_resting && acceptor->closed_at_us == 0;
    if (is_wanted == acceptor->is_watched) {
        return;
    }
    acceptor->is_watched = is_wanted;
    if (!is_wanted) {
        (void)uv_poll_stop(&acceptor->poll);
    } else if (uv_poll_start(&acceptor->poll, UV_READABLE, on_acceptable) != 0) {
        acceptor->is_watched = false;
        acceptor->is_resting = true; /* the next tick tries again */
    }
}

static void rest(struct acceptor *acceptor)
{
    acceptor->is_resting = true;
    watch(acceptor);
}

static bool is_open(const struct acceptor *acceptor)
{
    const struct loop *loop = acceptor->loop;
    const int *waiting = loop->handshakes.waiting;
    struct admission_load load = {.handshakes_waiting = waiting[LINE_MANAGEMENT]};
    if (acceptor->lane == LANE_DEVICE) {
        load.handshakes_waiting = waiting[LINE_BEGUN] + waiting[LINE_NEW];
        (void)workers_lane(loop->server->workers, LANE_DEVICE, &load.workers_wait_ms); /* only the wait */
    }
    return admission_is_open(acceptor->lane, &load);
}

static uint64_t now_us(void)
{
    return uv_hrtime() / 1000;
}

static void judge(struct acceptor *acceptor)
{
    if (acceptor->fd < 0 || acceptor->lane == LANE_PUBLIC) {
        return;
    }
    bool is_shut = acceptor->closed_at_us != 0;
    if (is_open(acceptor) != is_shut) {
        return;
    }
    struct figures *figures = acceptor->loop->figures;
    if (is_shut) {
        figures_count_pause(figures, acceptor->lane, now_us() - acceptor->closed_at_us, false);
        acceptor->closed_at_us = 0;
    } else {
        figures_count_pause(figures, acceptor->lane, 0, true);
        acceptor->closed_at_us = now_us();
    }
    watch(acceptor);
}

void accept_turn(struct loop *loop)
{
    for (int i = 0; i < LISTENER_COUNT; i++) {
        judge(&loop->acceptors[i]);
    }
}

void accept_tick(struct loop *loop)
{
    for (int i = 0; i < LISTENER_COUNT; i++) {
        struct acceptor *acceptor = &loop->acceptors[i];
        if (acceptor->fd < 0) {
            continue;
        }
        acceptor->is_resting = false;
        if (acceptor->closed_at_us != 0) { /* a long pause is seen while it lasts */
            uint64_t now = now_us();
            figures_count_pause(loop->figures, acceptor->lane, now - acceptor->closed_at_us, false);
            acceptor->closed_at_us = now;
        }
        judge(acceptor);
        watch(acceptor);
        figures_set_queued(loop->figures, acceptor->lane, listen_queued(acceptor->fd));
    }
    const int *unfinished = loop->handshakes.unfinished;
    figures_set_unfinished(loop->figures, unfinished[LANE_DEVICE] + unfinished[LANE_MANAGEMENT]);
}

/* --- accepting */

/* The kernel wakes every loop for a shared socket, and the first takes all: with open connections by the
 * thousand one loop would have them all for good. Who has clearly more than another stands back for a tick;
 * whoever has the fewest never does. */
static bool has_its_share(const struct loop *loop)
{
    const struct server *server = loop->server;
    int mine = atomic_load_explicit(&loop->held, memory_order_relaxed);
    int least = mine;
    for (int i = 0; i < server->loop_count; i++) {
        int held = atomic_load_explicit(&server->loops[i].held, memory_order_relaxed);
        least = held < least ? held : least;
    }
    return mine > least + least / 8 + SHARE_SLACK;
}

/* Whoever left while it waited, or waited too long, costs no more than this. A reset tells at once. */
static bool drop(const struct acceptor *acceptor, int fd)
{
    if (acceptor->lane == LANE_PUBLIC) {
        return false;
    }
    enum admission_verdict verdict = handshake_judge(acceptor->loop->server, acceptor->lane, fd);
    if (verdict == ADMISSION_TAKE) {
        return false;
    }
    const struct linger reset = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset); /* else it is told later */
    close(fd);
    figures_count_refused(acceptor->loop->figures, verdict == ADMISSION_GONE ? REFUSED_GONE : REFUSED_STALE);
    return true;
}

/* One connection. @return whether there may be more */
static bool take(struct acceptor *acceptor, int *taken)
{
    struct loop *loop = acceptor->loop;
    struct sockaddr_storage from;
    socklen_t size = sizeof from;
    int fd = accept4(acceptor->fd, (struct sockaddr *)&from, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        if (!drop(acceptor, fd)) {
            connection_accept(loop, (int)(acceptor - loop->acceptors), fd, (const struct sockaddr *)&from);
            (*taken)++;
        }
        return true;
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        rest(acceptor);
    }
    return errno == ECONNABORTED || errno == EINTR;
}

static void on_acceptable(uv_poll_t *handle, int status, int events)
{
    (void)status;
    (void)events;
    struct acceptor *acceptor = handle->data;
    int most = acceptor->lane == LANE_PUBLIC ? ACCEPTS_PER_TURN : HANDSHAKES_PER_TURN;
    int taken = 0;
    for (int i = 0; i < DROPS_PER_TURN && taken < most; i++) {
        if (acceptor->is_shared && has_its_share(acceptor->loop)) {
            rest(acceptor);
            return;
        }
        if (!take(acceptor, &taken)) {
            return;
        }
    }
}

/* --- the acceptor */

static void on_http_event(uv_poll_t *handle, int status, int events)
{
    struct loop *loop = handle->data;
    loop->http_is_due[handle - loop->http_events] = true;
    (void)status;
    (void)events;
}

err_t acceptor_init(struct loop *loop, int listener, int fd)
{
    struct acceptor *acceptor = &loop->acceptors[listener];
    acceptor->loop = loop;
    acceptor->lane = listener_lane(loop->server, listener);
    acceptor->is_shared = loop->server->options.listeners[listener].socket > 0;
    TRY(http_new(loop, loop->server->options.listeners[listener].pool_bytes, &loop->http[listener]));
    ENSURE(uv_poll_init(&loop->uv, &acceptor->poll, fd) == 0, ERR_IO, "a listening socket cannot be watched");
    acceptor->fd = fd;
    acceptor->poll.data = acceptor;
    uv_poll_t *http_events = &loop->http_events[listener];
    http_events->data = loop;
    ENSURE(uv_poll_init(&loop->uv, http_events, http_event_fd(loop->http[listener])) == 0, ERR_IO,
           "the HTTP library cannot be watched");
    watch(acceptor);
    ENSURE(acceptor->is_watched && uv_poll_start(http_events, UV_READABLE, on_http_event) == 0, ERR_IO,
           "a listener cannot be watched");
    return OK;
}
