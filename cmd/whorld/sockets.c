#include "cmd/whorld/sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "server/server.h"

enum { BOUND_SIZE = 64 };

static err_t number_read(const char *text, const char *what, int64_t max, int64_t *out)
{
    char *end = NULL;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    bool is_number = text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0;
    ENSURE(is_number && value <= max, ERR_UNPROCESSABLE, "%s: \"%.40s\" is no number up to %" PRId64, what,
           text, max);
    *out = value;
    return OK;
}

/* The nth of the names between colons; false when there are fewer. */
static bool name_at(const char *names, int n, char *out, size_t size)
{
    for (; n > 0; n--) {
        names = strchr(names, ':');
        if (names == NULL) {
            return false;
        }
        names++;
    }
    size_t length = strcspn(names, ":");
    length = length < size ? length : size - 1;
    memcpy(out, names, length);
    out[length] = '\0';
    return true;
}

static err_t names_read(const char *names, struct sockets *out)
{
    int given = 1;
    for (const char *p = names; *p != '\0'; p++) {
        given += *p == ':' ? 1 : 0;
    }
    ENSURE(given == out->count, ERR_UNPROCESSABLE, "LISTEN_FDNAMES has %d names, LISTEN_FDS says %d", given,
           out->count);
    for (int i = 0; i < out->count; i++) {
        (void)name_at(names, i, out->names[i], sizeof out->names[i]);
    }
    return OK;
}

err_t sockets_read(const struct socket_words *words, int64_t own_pid, struct sockets *out)
{
    int64_t pid = 0;
    int64_t count = 0;
    memset(out, 0, sizeof *out);
    if (words->pid == NULL || words->fds == NULL) {
        return OK;
    }
    TRY(number_read(words->pid, "LISTEN_PID", INT64_MAX, &pid));
    if (pid != own_pid) {
        return OK; /* they were for whoever started us */
    }
    TRY(number_read(words->fds, "LISTEN_FDS", SOCKETS_MAX, &count));
    out->count = (int)count;
    for (int i = 0; i < out->count; i++) {
        out->fds[i] = SOCKETS_FIRST + i;
        ENSURE(fcntl(out->fds[i], F_SETFD, FD_CLOEXEC) == 0, ERR_UNPROCESSABLE,
               "LISTEN_FDS: descriptor %d is not open", out->fds[i]);
    }
    return out->count > 0 && words->names != NULL ? names_read(words->names, out) : OK;
}

struct socket_words sockets_environment(void)
{
    return (struct socket_words){.pid = config_environment("LISTEN_PID"),
                                 .fds = config_environment("LISTEN_FDS"),
                                 .names = config_environment("LISTEN_FDNAMES")};
}

static const char *const role_names[SOCKETS_ROLES] = {"device", "management", "public"};

static const char *port_of(const char *address)
{
    const char *colon = strrchr(address, ':');
    return colon != NULL ? colon + 1 : "";
}

/* By name; else by port, when it is the port of exactly one setting. -1: neither. */
static int role_of(const char *name, const char *bound, const struct config *config)
{
    const char *const settings[SOCKETS_ROLES] = {config->device_listen, config->management_listen,
                                                 config->public_listen};
    int by_port = -1;
    int matches = 0;
    for (int i = 0; i < SOCKETS_ROLES; i++) {
        if (strcmp(role_names[i], name) == 0) {
            return i;
        }
        if (strcmp(port_of(settings[i]), port_of(bound)) == 0) {
            by_port = i;
            matches++;
        }
    }
    return matches == 1 ? by_port : -1;
}

static err_t assign_one(int fd, const char *name, const struct config *config, int out[SOCKETS_ROLES])
{
    char bound[BOUND_SIZE] = "";
    TRY(server_socket_read(fd, bound, sizeof bound));
    int role = role_of(name, bound, config);
    ENSURE(role >= 0, ERR_UNPROCESSABLE, "%s is for no listener: name it device, management or public",
           bound);
    ENSURE(out[role] == 0, ERR_UNPROCESSABLE, "%s is a second one for %s", bound, role_names[role]);
    out[role] = fd;
    return OK;
}

err_t sockets_assign(const struct sockets *sockets, const struct config *config, int out[SOCKETS_ROLES])
{
    memset(out, 0, SOCKETS_ROLES * sizeof *out);
    for (int i = 0; i < sockets->count; i++) {
        err_t error = assign_one(sockets->fds[i], sockets->names[i], config, out);
        ENSURE(error.code == ERR_OK, error.code, "socket %d \"%.24s\": %s", sockets->fds[i],
               sockets->names[i], error.detail);
    }
    return OK;
}
