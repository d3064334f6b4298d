/* Root's rights, given up for good. Called before there is a second thread: capabilities are each thread's
 * own. */
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cmd/whorld/sandbox_internal.h"
#include "server/internal.h"

enum { LOW_PORTS = 1024, ENTRY_SIZE = 16384 };

/* --- ports below 1024 ------------------------------------------------------------------------------- */

static bool is_low(const char *address)
{
    const char *colon = strrchr(address, ':');
    long port = colon != NULL ? strtol(colon + 1, NULL, 10) : 0;
    return port > 0 && port < LOW_PORTS;
}

/* Those that a service manager handed over are there already. */
static err_t bind_low_ports(const struct config *config, struct sockets *sockets)
{
    static const char *const names[SOCKETS_ROLES] = {"device", "management", "public"};
    const char *const addresses[SOCKETS_ROLES] = {config->device_listen, config->management_listen,
                                                  config->public_listen};
    int given[SOCKETS_ROLES];
    TRY(sockets_assign(sockets, config, given));
    for (size_t i = 0; i < SOCKETS_ROLES; i++) {
        char bound[BOUND_SIZE];
        if (given[i] == 0 && is_low(addresses[i]) && sockets->count < SOCKETS_MAX) {
            TRY(listen_open(addresses[i], &sockets->fds[sockets->count], 1, bound, sizeof bound));
            memcpy(sockets->names[sockets->count++], names[i], strlen(names[i]) + 1);
        }
    }
    return OK;
}

/* --- user ------------------------------------------------------------------------------------------- */

static err_t become(const char *name, const char *folder)
{
    struct passwd entry;
    struct passwd *found = NULL;
    struct stat facts;
    char texts[ENTRY_SIZE];
    int error = getpwnam_r(name, &entry, texts, sizeof texts, &found);
    ENSURE(found != NULL, ERR_NOT_FOUND, "user = %.40s: there is no such user%s%s", name,
           error != 0 ? ": " : "", error != 0 ? strerror(error) : "");
    if (geteuid() != 0) {
        ENSURE(geteuid() == entry.pw_uid, ERR_FORBIDDEN,
               "user = %.40s: this process runs as another user, and only root can change to it", name);
        return OK;
    }
    ENSURE(stat(folder, &facts) == 0 && facts.st_uid == entry.pw_uid, ERR_UNPROCESSABLE,
           "user = %.40s, but %.60s belongs to another: chown -R %.40s it", name, folder, name);
    bool is_changed = initgroups(entry.pw_name, entry.pw_gid) == 0 &&
                      setresgid(entry.pw_gid, entry.pw_gid, entry.pw_gid) == 0 &&
                      setresuid(entry.pw_uid, entry.pw_uid, entry.pw_uid) == 0;
    ENSURE(is_changed, ERR_FORBIDDEN, "user = %.40s: %s", name, strerror(errno));
    return OK;
}

/* Root that keeps its name and loses its rights cannot open what is another user's: told before it is tried.
 */
static err_t check_owner(const char *folder)
{
    struct stat facts;
    bool is_foreign = geteuid() == 0 && stat(folder, &facts) == 0 && facts.st_uid != 0;
    ENSURE(!is_foreign, ERR_FORBIDDEN,
           "%.60s belongs to user %u: name that user in the setting `user`, or start the server as it",
           folder, facts.st_uid);
    return OK;
}

/* --- capabilities ----------------------------------------------------------------------------------- */

static err_t drop_capabilities(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct held[_LINUX_CAPABILITY_U32S_3] = {{1, 1, 1}};
    const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0, 0, 0}, {0, 0, 0}};
    if (syscall(SYS_capget, &head, held) == 0 && memcmp(held, none, sizeof none) == 0) {
        return OK; /* a service manager that took them may forbid the next call too */
    }
    ENSURE(syscall(SYS_capset, &head, none) == 0, ERR_UNAVAILABLE, "cannot give up capabilities: %s",
           strerror(errno));
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); /* goes with the permitted ones */
    return OK;
}

/* Before capabilities go: it needs one. Who has none cannot, and gains nothing by the set: no_new_privs. */
static void drop_bounds(void)
{
    for (unsigned long right = 0; prctl(PR_CAPBSET_DROP, right, 0, 0, 0) == 0; right++) {
    }
}

/* What only root may raise, for the signer process and for connections. */
static void raise_limits(void)
{
    const struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
    const struct rlimit none = {0, 0};
    (void)setrlimit(RLIMIT_MEMLOCK, &all);
    (void)setrlimit(RLIMIT_CORE, &none);
}

err_t sandbox_rights_drop(const char *folder, const struct config *config, struct sockets *sockets,
                          bool *is_root)
{
    raise_limits();
    if (geteuid() == 0) {
        TRY(bind_low_ports(config, sockets));
    }
    drop_bounds();
    if (config->user[0] != '\0') {
        TRY(become(config->user, folder));
    }
    TRY(check_owner(folder));
    ENSURE(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, ERR_FORBIDDEN, "cannot refuse new rights: %s",
           strerror(errno));
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    *is_root = geteuid() == 0;
    return drop_capabilities();
}
