/* What the signer process takes from itself. Its filter of system calls names what it refuses and lets the
 * rest be: a PKCS#11 module is somebody else's library, and needs what it needs. */
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cmd/whorld/signer.h"
#include "cmd/whorld/syscall_filter.h"

/* --- at the start ----------------------------------------------------------------------------------- */

static err_t ignore_signals(void)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2};
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        const struct sigaction ignored = {.sa_handler = SIG_IGN};
        ENSURE(sigaction(signals[i], &ignored, NULL) == 0, ERR_IO, "cannot ignore a signal (%d)", errno);
    }
    return OK;
}

err_t signer_sandbox_begin(int last_fd)
{
    const struct rlimit none = {0, 0};
    TRY(ignore_signals());
    (void)prctl(PR_SET_NAME, "whorl-signer");
    ENSURE(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0, ERR_IO, "cannot ask for an end with the server (%d)",
           errno);
    ENSURE(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, ERR_IO, "cannot give up rights (%d)", errno);
    ENSURE(prctl(PR_SET_DUMPABLE, 0) == 0, ERR_IO, "cannot keep debuggers out (%d)", errno);
    ENSURE(setrlimit(RLIMIT_CORE, &none) == 0, ERR_IO, "cannot forbid core files (%d)", errno);
    if (close_range((unsigned)last_fd + 1, ~0U, 0) != 0) { /* a kernel of before 5.9 */
        ENSURE(errno == ENOSYS, ERR_IO, "cannot close what was left open (%d)", errno);
        for (int fd = last_fd + 1; fd < 4096; fd++) {
            (void)close(fd);
        }
    }
    return OK;
}

/* --- when the keys are open ------------------------------------------------------------------------- */

static const int refused_network[] = {SYS_socket, SYS_socketpair, SYS_connect, SYS_bind,
                                      SYS_listen, SYS_accept,     SYS_accept4};

static err_t filter(bool may_use_network)
{
    struct syscall_filter program;
    syscall_filter_begin(&program);
    static const int io_uring = SYS_io_uring_setup;
    syscall_filter_intruder(&program, SYSCALL_FAIL(EPERM));
    syscall_filter_add(&program, &io_uring, 1, SYSCALL_FAIL(EPERM));
    if (!may_use_network) {
        syscall_filter_add(&program, refused_network, sizeof refused_network / sizeof refused_network[0],
                           SYSCALL_FAIL(EPERM));
    }
    return syscall_filter_install(&program, SYSCALL_ALLOW, false);
}

/* All of it, also what comes: where only so much may be locked, the rest could not be had at all. */
static void lock_memory(struct log *log)
{
    const struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
    struct rlimit present;
    (void)setrlimit(RLIMIT_MEMLOCK, &all); /* root may */
    bool is_free = getrlimit(RLIMIT_MEMLOCK, &present) == 0 && present.rlim_cur == RLIM_INFINITY;
    if (!is_free || mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) != 0) {
        LOG(log, LOG_DEBUG, "signer.not_locked", LOG_STR("reason", "LimitMEMLOCK: keys may go to swap"));
    }
}

err_t signer_sandbox_close(const struct config *config, struct log *log)
{
    lock_memory(log);
    err_t error = filter(config->signer_network != 0);
    if (error.code == ERR_UNAVAILABLE && strcmp(config->sandbox, "required") != 0) {
        LOG(log, LOG_WARN, "signer.unfiltered", LOG_STR("reason", error.detail));
        return OK;
    }
    ENSURE(error.code != ERR_UNAVAILABLE, ERR_UNPROCESSABLE, "sandbox = required: %.120s", error.detail);
    return error;
}
