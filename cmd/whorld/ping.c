/* `whorld ping`: asks the server of a data directory whether it is ready, over its public listener; for
 * health checks where nothing else is installed. Exit code 0: ready. */
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/auto.h"
#include "cmd/whorld/commands.h"
#include "cmd/whorld/config.h"
#include "cmd/whorld/house.h"

enum { WAIT_S = 3, HOST_MAX = 64 };

struct place {
    char host[HOST_MAX];
    const char *port;
};

/* A server that listens everywhere is asked on loopback. */
static err_t place_of(const struct config *config, struct place *out)
{
    const char *text = config->public_listen;
    const char *colon = strrchr(text, ':');
    ENSURE(colon != NULL, ERR_UNPROCESSABLE, "public_listen is off: there is nobody to ask");
    ENSURE(strcmp(colon, ":0") != 0, ERR_UNPROCESSABLE,
           "public_listen has port 0: nobody knows the real one");
    bool has_brackets = text[0] == '[' && colon > text && colon[-1] == ']';
    const char *from = has_brackets ? text + 1 : text;
    size_t n = (size_t)(colon - from) - (has_brackets ? 1 : 0);
    ENSURE(n < sizeof out->host, ERR_UNPROCESSABLE, "public_listen has too long an address");
    memcpy(out->host, from, n);
    out->host[n] = '\0';
    if (strcmp(out->host, "0.0.0.0") == 0) {
        (void)snprintf(out->host, sizeof out->host, "127.0.0.1");
    } else if (strcmp(out->host, "::") == 0) {
        (void)snprintf(out->host, sizeof out->host, "::1");
    }
    out->port = colon + 1;
    return OK;
}

static err_t connect_to(const struct place *place, int *out)
{
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
    const struct timeval wait = {.tv_sec = WAIT_S};
    struct addrinfo *found = NULL;
    ENSURE(getaddrinfo(place->host, place->port, &hints, &found) == 0, ERR_UNPROCESSABLE,
           "public_listen: %s is no address", place->host);
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_open = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait) == 0 &&
                   setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait) == 0 &&
                   connect(fd, found->ai_addr, found->ai_addrlen) == 0;
    freeaddrinfo(found);
    if (!is_open) {
        if (fd >= 0) {
            (void)close(fd);
        }
        return ERR(ERR_UNAVAILABLE, "nobody answers at %s port %s", place->host, place->port);
    }
    *out = fd;
    return OK;
}

/* The status line is enough; what follows is for people. */
static err_t ask(int fd)
{
    static const char request[] = "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    char answer[1024];
    size_t n = 0;
    ENSURE(send(fd, request, sizeof request - 1, MSG_NOSIGNAL) == (ssize_t)sizeof request - 1,
           ERR_UNAVAILABLE, "the server does not take the question");
    while (n < sizeof answer - 1) {
        ssize_t more = recv(fd, answer + n, sizeof answer - 1 - n, 0);
        if (more <= 0) {
            break;
        }
        n += (size_t)more;
    }
    answer[n] = '\0';
    ENSURE(strncmp(answer, "HTTP/1.1 ", 9) == 0, ERR_UNAVAILABLE, "the server gives no answer");
    const char *body = strstr(answer, "\r\n\r\n");
    ENSURE(strncmp(answer + 9, "200", 3) == 0, ERR_UNAVAILABLE, "not ready: %.140s",
           body != NULL ? body + 4 : "");
    return OK;
}

static err_t ping(const char *dir)
{
    struct config config;
    struct place place;
    int fd = -1;
    TRY(house_check_marker(dir));
    TRY(config_load(dir, &config));
    TRY(place_of(&config, &place));
    TRY(connect_to(&place, &fd));
    err_t error = ask(fd);
    (void)close(fd);
    return error;
}

int command_ping(int argc, char **argv)
{
    const char *dir = NULL;
    const struct option_spec specs[] = {{.name = "dir", .value = &dir}};
    if (!options_read(argc, argv, specs, 1) || dir == NULL) {
        (void)fputs("usage: whorld ping --dir DIR\n", stderr);
        return EXIT_USAGE;
    }
    err_t error = ping(dir);
    if (error.code != ERR_OK) {
        return fail(error);
    }
    (void)puts("ready");
    return EXIT_OK;
}
