/* Listening sockets: a numeric address, one socket for each loop on the same port; or one that a service
 * manager made, which all loops share (the kernel would let no other user join its port, and it outlives us:
 * who connects between two servers waits in its queue). */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/internal.h"

enum { BACKLOG = 1024 };

struct place {
    struct sockaddr_storage address;
    socklen_t size;
};

static err_t port_parse(const char *text, uint16_t *out)
{
    char *end = NULL;
    unsigned long port = strtoul(text, &end, 10);
    ENSURE(text[0] >= '0' && text[0] <= '9' && *end == '\0' && port <= UINT16_MAX, ERR_UNPROCESSABLE,
           "it has no port");
    *out = (uint16_t)port;
    return OK;
}

static err_t place_parse(const char *text, struct place *out)
{
    const char *colon = strrchr(text, ':');
    char host[INET6_ADDRSTRLEN + 2] = "";
    ENSURE(colon != NULL && (size_t)(colon - text) < sizeof host, ERR_UNPROCESSABLE,
           "it is not ADDRESS:PORT");
    memcpy(host, text, (size_t)(colon - text));
    uint16_t port = 0;
    TRY(port_parse(colon + 1, &port));
    size_t n = strlen(host);
    if (host[0] == '[' && host[n - 1] == ']') {
        struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
        host[n - 1] = '\0';
        ENSURE(inet_pton(AF_INET6, host + 1, &in6.sin6_addr) == 1, ERR_UNPROCESSABLE,
               "it is no IPv6 address");
        memcpy(&out->address, &in6, sizeof in6);
        out->size = sizeof in6;
        return OK;
    }
    struct sockaddr_in in4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    ENSURE(inet_pton(AF_INET, host, &in4.sin_addr) == 1, ERR_UNPROCESSABLE, "it is no address in digits");
    memcpy(&out->address, &in4, sizeof in4);
    out->size = sizeof in4;
    return OK;
}

static err_t open_one(const struct place *place, bool is_shared, int *out)
{
    *out = -1;
    int fd = socket(place->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    ENSURE(fd >= 0, ERR_IO, "a listening socket: %s", strerror(errno));
    int on = 1;
    bool is_set = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0;
    is_set = is_set && (!is_shared || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0);
    if (is_set && bind(fd, (const struct sockaddr *)&place->address, place->size) == 0 &&
        listen(fd, BACKLOG) == 0) {
        *out = fd;
        return OK;
    }
    int why = errno;
    close(fd);
    ENSURE(why != EADDRINUSE, ERR_CONFLICT, "the address is in use");
    return ERR(ERR_IO, "listen: %s", strerror(why));
}

/* The port that the kernel chose for 0. */
static err_t port_read(int fd, struct place *place)
{
    place->size = sizeof place->address;
    ENSURE(getsockname(fd, (struct sockaddr *)&place->address, &place->size) == 0, ERR_IO, "getsockname: %s",
           strerror(errno));
    return OK;
}

static void bound_format(const struct place *place, char *out, size_t size)
{
    char host[INET6_ADDRSTRLEN] = "";
    if (place->address.ss_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, &place->address, sizeof in6);
        (void)inet_ntop(AF_INET6, &in6.sin6_addr, host, sizeof host);
        (void)snprintf(out, size, "[%s]:%u", host, ntohs(in6.sin6_port));
        return;
    }
    struct sockaddr_in in4;
    memcpy(&in4, &place->address, sizeof in4);
    (void)inet_ntop(AF_INET, &in4.sin_addr, host, sizeof host);
    (void)snprintf(out, size, "%s:%u", host, ntohs(in4.sin_port));
}

static err_t open_all(const char *address, int *fds, int count, char *bound, size_t bound_size)
{
    struct place place = {.size = 0};
    TRY(place_parse(address, &place));
    /* alone first: with SO_REUSEPORT a second process would share our port without a word */
    int alone = -1;
    TRY(open_one(&place, false, &alone));
    err_t error = port_read(alone, &place);
    close(alone);
    TRY(error);
    for (int i = 0; i < count; i++) {
        error = open_one(&place, true, &fds[i]);
        if (error.code != ERR_OK) {
            while (i-- > 0) {
                close(fds[i]);
                fds[i] = -1;
            }
            return error;
        }
    }
    bound_format(&place, bound, bound_size);
    return OK;
}

err_t listen_open(const char *address, int *fds, int count, char *bound, size_t bound_size)
{
    err_t error = open_all(address, fds, count, bound, bound_size);
    return error.code == ERR_OK ? OK : ERR(error.code, "%s: %s", address, error.detail);
}

static err_t option_read(int fd, int option, int *out)
{
    socklen_t size = sizeof *out;
    ENSURE(getsockopt(fd, SOL_SOCKET, option, out, &size) == 0, ERR_UNPROCESSABLE, "it is no socket");
    return OK;
}

err_t server_socket_read(int fd, char *bound, size_t bound_size)
{
    struct place place = {.size = 0};
    int domain = 0;
    int type = 0;
    int listens = 0;
    TRY(option_read(fd, SO_DOMAIN, &domain));
    TRY(option_read(fd, SO_TYPE, &type));
    ENSURE(domain == AF_INET || domain == AF_INET6, ERR_UNPROCESSABLE, "it is no socket of IPv4 or IPv6");
    ENSURE(type == SOCK_STREAM, ERR_UNPROCESSABLE, "it is no stream (TCP) socket");
    TRY(option_read(fd, SO_ACCEPTCONN, &listens));
    ENSURE(listens != 0, ERR_UNPROCESSABLE, "it does not listen");
    TRY(port_read(fd, &place));
    bound_format(&place, bound, bound_size);
    return OK;
}

err_t listen_adopt(int fd, int *fds, int count, char *bound, size_t bound_size)
{
    TRY(server_socket_read(fd, bound, bound_size));
    int flags = fcntl(fd, F_GETFL);
    ENSURE(flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0, ERR_IO, "%s: %s", bound,
           strerror(errno));
    for (int i = 0; i < count; i++) {
        fds[i] = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        ENSURE(fds[i] >= 0, ERR_IO, "%s: %s", bound, strerror(errno)); /* the caller closes the others */
    }
    return OK;
}

unsigned listen_queued(int fd)
{
    struct tcp_info info = {0};
    socklen_t size = sizeof info;
    bool is_known = getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0;
    return is_known && info.tcpi_state == TCP_LISTEN ? info.tcpi_unacked : 0; /* of a listener it is this */
}
