/* posix_spawn(3), not fork(2): the server has threads, and gigabytes that no page table should be copied for.
 */
#include "pki/signer_process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "pki/signer_nursery.h"
#include "pki/signer_stream.h"

enum {
    OWN_FD_MIN = SIGNER_FIRST_FD + 1 + SIGNER_THREADS_MAX, /* above every descriptor that the process gets */
    LOOK_MS = 5
};

/* --- channels --------------------------------------------------------------------------------------- */

static void close_all(struct signer_process *process)
{
    for (int i = 0; i < process->count; i++) {
        (void)close(process->channels[i]);
    }
    if (process->count > 0) {
        (void)close(process->control);
    }
    process->count = 0;
}

/* A pair, the other end of which stands at a number that no dup2() of the start will overwrite. */
static err_t make_pair(int *ours, int *theirs)
{
    int fds[2];
    TRY(signer_stream_pair(fds));
    int moved = fcntl(fds[1], F_DUPFD_CLOEXEC, OWN_FD_MIN);
    int error = errno;
    (void)close(fds[1]);
    if (moved < 0) {
        (void)close(fds[0]);
        return ERR(ERR_IO, "no descriptor for a socket (%d)", error);
    }
    *ours = fds[0];
    *theirs = moved;
    return OK;
}

struct ends {
    int theirs[1 + SIGNER_THREADS_MAX];
    int count;
};

static void close_ends(struct ends *ends)
{
    for (int i = 0; i < ends->count; i++) {
        (void)close(ends->theirs[i]);
    }
    ends->count = 0;
}

static err_t make_pairs(int count, struct signer_process *process, struct ends *ends)
{
    TRY(make_pair(&process->control, &ends->theirs[ends->count]));
    ends->count++;
    for (int i = 0; i < count; i++) {
        err_t made = make_pair(&process->channels[i], &ends->theirs[ends->count]);
        if (made.code != ERR_OK) {
            process->count = i;
            close_all(process);
            if (i == 0) {
                (void)close(process->control);
            }
            return made;
        }
        ends->count++;
    }
    process->count = count;
    return OK;
}

/* --- start ------------------------------------------------------------------------------------------ */

static int prepare_files(posix_spawn_file_actions_t *files, const struct ends *ends)
{
    int error = posix_spawn_file_actions_addopen(files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    error =
        error != 0 ? error : posix_spawn_file_actions_addopen(files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    for (int i = 0; i < ends->count && error == 0; i++) {
        error = posix_spawn_file_actions_adddup2(files, ends->theirs[i], SIGNER_FIRST_FD + i);
    }
    return error;
}

static int prepare_signals(posix_spawnattr_t *attributes)
{
    sigset_t none, all;
    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    int error = posix_spawnattr_setsigmask(attributes, &none);
    error = error != 0 ? error : posix_spawnattr_setsigdefault(attributes, &all);
    return error != 0 ? error
                      : posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

static err_t spawn(const char *const *arguments, const struct ends *ends, pid_t *pid)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    char *const *argv = NULL;
    const char *const *given = arguments + 1;
    memcpy(&argv, &given, sizeof argv); /* it does not write there; its type is C's of 1990 */
    ENSURE(posix_spawn_file_actions_init(&files) == 0, ERR_NO_MEMORY, "no memory to start a process");
    if (posix_spawnattr_init(&attributes) != 0) {
        (void)posix_spawn_file_actions_destroy(&files);
        return ERR(ERR_NO_MEMORY, "no memory to start a process");
    }
    int error = prepare_files(&files, ends);
    error = error != 0 ? error : prepare_signals(&attributes);
    error = error != 0 ? error : posix_spawn(pid, arguments[0], &files, &attributes, argv, environ);
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&files);
    ENSURE(error == 0, ERR_IO, "cannot start %.80s (%d)", arguments[0], error);
    return OK;
}

err_t signer_process_start(const struct signer_program *program, struct signer_process *out)
{
    int count = program->count;
    struct ends ends = {.count = 0};
    *out = (struct signer_process){.pid = 0};
    ENSURE(count >= 1 && count <= SIGNER_THREADS_MAX, ERR_INTERNAL, "%d channels", count);
    err_t error = make_pairs(count, out, &ends);
    if (error.code == ERR_OK) {
        error = program->nursery > 0
                    ? signer_nursery_ask(program->nursery, ends.theirs, ends.count, &out->pid)
                    : spawn(program->arguments, &ends, &out->pid);
        if (error.code != ERR_OK) {
            close_all(out);
        }
    }
    close_ends(&ends);
    return error;
}

/* --- end -------------------------------------------------------------------------------------------- */

void signer_process_shut(const struct signer_process *process)
{
    for (int i = 0; i < process->count; i++) {
        signer_stream_shut(process->channels[i]);
    }
    if (process->count > 0) {
        signer_stream_shut(process->control);
    }
}

static bool has_ended(pid_t pid, int flags, int *status)
{
    pid_t found = -1;
    do {
        found = waitpid(pid, status, flags);
    } while (found < 0 && errno == EINTR);
    return found != 0; /* itself, or not ours any more */
}

void signer_process_end(struct signer_process *process, int64_t grace_ms, int *status)
{
    int ended_as = 0;
    signer_process_shut(process);
    if (process->pid > 0) {
        int64_t deadline_ms = signer_now_ms() + grace_ms;
        bool is_over = has_ended(process->pid, WNOHANG, &ended_as);
        while (!is_over && signer_now_ms() < deadline_ms) {
            struct timespec pause = {.tv_nsec = LOOK_MS * 1000000L};
            (void)nanosleep(&pause, NULL);
            is_over = has_ended(process->pid, WNOHANG, &ended_as);
        }
        if (!is_over) {
            (void)kill(process->pid, SIGKILL);
            (void)has_ended(process->pid, 0, &ended_as);
        }
        process->pid = 0;
    }
    close_all(process);
    if (status != NULL) {
        *status = ended_as;
    }
}
