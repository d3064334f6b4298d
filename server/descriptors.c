/* The limit of open files in terms of connections. A connection holds four: the client's socket, both
 * ends of the pair that leads to the HTTP library, and the file that it is sent. The rest is for the
 * inventory (each worker reads on its own connection) and for what is open all the time. */
#include "server/descriptors.h"

#include <sys/resource.h>

#include "base/log.h"

enum { PER_CONNECTION = 4, PER_WORKER = 4, ALWAYS_OPEN = 96, CONNECTIONS_MIN = 16 };

int descriptors_for_connections(const struct server_options *options)
{
    int wanted = options->limits.connections;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return wanted;
    }
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit); /* what it came to is read again */
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    rlim_t reserved = ALWAYS_OPEN + (rlim_t)options->workers * PER_WORKER;
    rlim_t left = limit.rlim_cur > reserved ? limit.rlim_cur - reserved : 0;
    if (limit.rlim_cur == RLIM_INFINITY || left / PER_CONNECTION >= (rlim_t)wanted) {
        return wanted;
    }
    int possible = (int)(left / PER_CONNECTION);
    possible = possible < CONNECTIONS_MIN ? CONNECTIONS_MIN : possible;
    LOG(options->log, LOG_WARN, "connections_limited", LOG_INT("connections", possible),
        LOG_INT("wanted", wanted), LOG_INT("open_files", (int64_t)limit.rlim_cur));
    return possible < wanted ? possible : wanted;
}
