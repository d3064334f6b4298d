/* The nursery, from both sides. It answers each request with the id of the process, or with the error. */
#include "pki/signer_nursery.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pki/signer_process.h"

enum {
    ENDS_MAX = 1 + SIGNER_THREADS_MAX,
    NURSERY_FD = 3,
    ASIDE_FD = SIGNER_FIRST_FD + ENDS_MAX, /* from here on nothing lies where the program finds its own */
    ANSWER_S = 10
};

struct answer {
    int32_t pid; /* 0: it could not */
    int32_t error;
};

union passed { /* aligned as the kernel wants it */
    struct cmsghdr head;
    char bytes[CMSG_SPACE(sizeof(int) * ENDS_MAX)];
};

/* --- the process itself ----------------------------------------------------------------------------- */

/* In the copy that becomes the program: only what may be called behind a fork of any process. */
static void become(const char *const *arguments, const int *ends, int count)
{
    char *const *argv = NULL;
    const char *const *given = arguments + 1;
    sigset_t none;
    memcpy(&argv, &given, sizeof argv); /* execv() does not write there; its type is C's of 1990 */
    for (int i = 1; i < NSIG; i++) {
        (void)signal(i, SIG_DFL); /* refused for some */
    }
    for (int i = 0; i < count; i++) {
        if (dup2(ends[i], SIGNER_FIRST_FD + i) < 0) {
            _exit(126);
        }
    }
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)execv(arguments[0], argv);
    _exit(127);
}

static struct answer start(const char *const *arguments, const int *ends, int count)
{
    long pid = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, NULL, NULL, NULL, NULL);
    if (pid == 0) {
        become(arguments, ends, count);
    }
    return pid > 0 ? (struct answer){.pid = (int32_t)pid} : (struct answer){.error = errno};
}

/* The descriptors of a request, put where none is in the way of another. @return how many; 0: the server is
 * gone, or said something else */
static int receive(int ends[ENDS_MAX])
{
    char byte = 0;
    union passed passed;
    struct iovec part = {.iov_base = &byte, .iov_len = 1};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &passed, .msg_controllen = sizeof passed};
    ssize_t got = 0;
    do {
        got = recvmsg(NURSERY_FD, &message, MSG_CMSG_CLOEXEC);
    } while (got < 0 && errno == EINTR);
    const struct cmsghdr *head = got == 1 ? CMSG_FIRSTHDR(&message) : NULL;
    if (head == NULL || head->cmsg_type != SCM_RIGHTS) {
        return 0;
    }
    int count = (int)((head->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    memcpy(ends, CMSG_DATA(head), (size_t)count * sizeof(int));
    for (int i = 0; i < count; i++) {
        int moved = fcntl(ends[i], F_DUPFD_CLOEXEC, ASIDE_FD);
        (void)close(ends[i]);
        ends[i] = moved;
    }
    return count;
}

static void quieten(void)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2, SIGCHLD};
    const struct rlimit no_core = {0, 0};
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        (void)signal(signals[i], SIG_IGN);
    }
    (void)prctl(PR_SET_NAME, "whorl-nursery");
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    (void)prctl(PR_SET_DUMPABLE, 0);
    (void)setrlimit(RLIMIT_CORE, &no_core);
}

/* Nothing of the server's stays open here: its sockets would outlive it. */
static void keep_only(int fd)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
        (fd != NURSERY_FD && dup2(fd, NURSERY_FD) < 0) || fcntl(NURSERY_FD, F_SETFD, FD_CLOEXEC) != 0) {
        _exit(1);
    }
    if (close_range(NURSERY_FD + 1, ~0U, 0) != 0) { /* a kernel of before 5.9 */
        for (int other = NURSERY_FD + 1; other < 4096; other++) {
            (void)close(other);
        }
    }
}

static void serve(const char *const *arguments, int count, int fd)
{
    keep_only(fd);
    quieten();
    for (;;) {
        int ends[ENDS_MAX];
        int got = receive(ends);
        if (got == 0) {
            _exit(0);
        }
        const struct answer answer =
            got == 1 + count ? start(arguments, ends, got) : (struct answer){.error = EINVAL};
        for (int i = 0; i < got; i++) {
            (void)close(ends[i]);
        }
        if (send(NURSERY_FD, &answer, sizeof answer, MSG_NOSIGNAL) < 0) {
            _exit(0);
        }
    }
}

/* --- the server's side ------------------------------------------------------------------------------ */

err_t signer_nursery_start(const char *const *arguments, int count, struct signer_nursery *out)
{
    int fds[2];
    const struct timeval patience = {.tv_sec = ANSWER_S};
    *out = (struct signer_nursery){.pid = 0};
    ENSURE(count >= 1 && count <= SIGNER_THREADS_MAX, ERR_INTERNAL, "%d channels", count);
    ENSURE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) == 0, ERR_IO,
           "no sockets for the process that starts signers (%d)", errno);
    (void)setsockopt(fds[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    pid_t pid = fork();
    if (pid == 0) {
        serve(arguments, count, fds[1]);
    }
    int error = errno;
    (void)close(fds[1]);
    if (pid < 0) {
        (void)close(fds[0]);
        return ERR(ERR_IO, "cannot start the process that starts signers (%d)", error);
    }
    *out = (struct signer_nursery){.pid = pid, .fd = fds[0]};
    return OK;
}

err_t signer_nursery_ask(int fd, const int *ends, int count, pid_t *pid)
{
    char byte = 0;
    union passed passed;
    struct answer answer = {.pid = 0};
    struct iovec part = {.iov_base = &byte, .iov_len = 1};
    ENSURE(count >= 1 && count <= ENDS_MAX, ERR_INTERNAL, "%d descriptors", count);
    size_t size = (size_t)count * sizeof(int);
    memset(&passed, 0, sizeof passed);
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &passed, .msg_controllen = CMSG_SPACE(size)};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    *head = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(size)};
    memcpy(CMSG_DATA(head), ends, size);
    ENSURE(sendmsg(fd, &message, MSG_NOSIGNAL) == 1, ERR_IO,
           "the process that starts signers is gone (%d): the server must be started again", errno);
    ssize_t got = 0;
    do {
        got = recv(fd, &answer, sizeof answer, 0);
    } while (got < 0 && errno == EINTR);
    ENSURE(got == (ssize_t)sizeof answer, ERR_IO, "the process that starts signers does not answer");
    ENSURE(answer.pid > 0, ERR_IO, "the signer was not started (%d)", (int)answer.error);
    *pid = answer.pid;
    return OK;
}

void signer_nursery_end(struct signer_nursery *nursery)
{
    if (nursery->pid > 0) {
        (void)close(nursery->fd);
        (void)kill(nursery->pid, SIGKILL);
        pid_t found = 0;
        do {
            found = waitpid(nursery->pid, NULL, 0);
        } while (found < 0 && errno == EINTR);
    }
    *nursery = (struct signer_nursery){.pid = 0};
}
