/* The system calls of the server: what it uses, by its libraries too. The rest fails with EPERM, what is
 * newer than this list with ENOSYS, so that a C library that would try it takes what came before. What nobody
 * but an intruder would call ends the process: a service manager starts it again, and says so. */
#include <errno.h>
#include <linux/prctl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "cmd/whorld/sandbox_internal.h"

#define COUNT(list) (sizeof(list) / sizeof(list)[0])

static const int files[] = {
    SYS_read,
    SYS_write,
    SYS_readv,
    SYS_writev,
    SYS_pread64,
    SYS_pwrite64,
    SYS_preadv,
    SYS_pwritev,
    SYS_preadv2,
    SYS_pwritev2,
    SYS_openat,
    SYS_close,
    SYS_close_range,
    SYS_newfstatat,
    SYS_fstat,
    SYS_statx,
    SYS_faccessat,
    SYS_faccessat2,
    SYS_readlinkat,
    SYS_getcwd,
    SYS_lseek,
    SYS_ftruncate,
    SYS_fallocate,
    SYS_fsync,
    SYS_fdatasync,
    SYS_sync_file_range,
    SYS_fadvise64,
    SYS_readahead,
    SYS_copy_file_range,
    SYS_sendfile,
    SYS_renameat2,
    SYS_unlinkat,
    SYS_mkdirat,
    SYS_linkat,
    SYS_fchmod,
    SYS_fchmodat,
    SYS_fchown,
    SYS_utimensat,
    SYS_flock,
    SYS_fcntl,
    SYS_dup,
    SYS_dup3,
    SYS_pipe2,
    SYS_getdents64,
    SYS_statfs,
    SYS_fstatfs,
    SYS_umask,
#ifdef SYS_renameat
    SYS_renameat,
#endif
#ifdef SYS_open /* those that newer processors never had */
    SYS_open,
    SYS_stat,
    SYS_lstat,
    SYS_access,
    SYS_readlink,
    SYS_rename,
    SYS_unlink,
    SYS_mkdir,
    SYS_rmdir,
    SYS_link,
    SYS_chmod,
    SYS_dup2,
    SYS_pipe,
    SYS_getdents,
#endif
};
static const int memory[] = {
    SYS_munmap, SYS_mremap,  SYS_madvise, SYS_brk,     SYS_mlock,
    SYS_mlock2, SYS_munlock, SYS_msync,   SYS_mincore, SYS_membarrier,
};
static const int threads[] = {
    SYS_futex,
    SYS_set_robust_list,
    SYS_get_robust_list,
    SYS_set_tid_address,
    SYS_rseq,
    SYS_sched_yield,
    SYS_getcpu,
    SYS_sched_getaffinity,
    SYS_sched_setaffinity,
    SYS_sched_getparam,
    SYS_sched_setparam,
    SYS_sched_getscheduler,
    SYS_sched_setscheduler,
    SYS_getpriority,
    SYS_setpriority,
    SYS_ioprio_set,
    SYS_exit,
    SYS_exit_group,
#ifdef SYS_arch_prctl
    SYS_arch_prctl,
#endif
};
static const int events[] = {
    SYS_epoll_create1, SYS_epoll_ctl,      SYS_epoll_pwait,     SYS_ppoll,           SYS_pselect6,
    SYS_eventfd2,      SYS_timerfd_create, SYS_timerfd_settime, SYS_timerfd_gettime, SYS_signalfd4,
#ifdef SYS_epoll_wait
    SYS_epoll_wait,    SYS_poll,           SYS_select,          SYS_epoll_create,    SYS_eventfd,
#endif
#ifdef SYS_epoll_pwait2
    SYS_epoll_pwait2,
#endif
};
static const int sockets[] = {
    SYS_connect,     SYS_bind,       SYS_listen,     SYS_accept4,  SYS_accept,   SYS_getsockname,
    SYS_getpeername, SYS_getsockopt, SYS_setsockopt, SYS_sendto,   SYS_recvfrom, SYS_sendmsg,
    SYS_recvmsg,     SYS_sendmmsg,   SYS_recvmmsg,   SYS_shutdown,
};
/* wait4 and kill: of the signer process, whose parent the server is */
static const int others[] = {
    SYS_clock_gettime, SYS_clock_getres,   SYS_clock_nanosleep, SYS_nanosleep,     SYS_gettimeofday,
    SYS_rt_sigaction,  SYS_rt_sigprocmask, SYS_rt_sigreturn,    SYS_rt_sigpending, SYS_rt_sigtimedwait,
    SYS_rt_sigsuspend, SYS_sigaltstack,    SYS_tgkill,          SYS_tkill,         SYS_kill,
    SYS_wait4,         SYS_waitid,         SYS_restart_syscall, SYS_getpid,        SYS_gettid,
    SYS_getppid,       SYS_getuid,         SYS_geteuid,         SYS_getgid,        SYS_getegid,
    SYS_getgroups,     SYS_getresuid,      SYS_getresgid,       SYS_getpgid,       SYS_uname,
    SYS_sysinfo,       SYS_prlimit64,      SYS_getrusage,       SYS_times,         SYS_getrandom,
    SYS_seccomp,
#ifdef SYS_getrlimit
    SYS_getrlimit,     SYS_setrlimit,
#endif
#ifdef SYS_time
    SYS_time,          SYS_pause,          SYS_getpgrp,         SYS_alarm,
#endif
};
/* Their arguments are in memory, where a filter cannot look: the C library does without. */
static const int unseen[] = {SYS_clone3, SYS_io_uring_setup, SYS_openat2};

/* --- calls whose arguments decide ------------------------------------------------------------------- */

static const uint32_t families[] = {AF_UNIX, AF_INET, AF_INET6};
static const uint32_t pairs[] = {AF_UNIX};
static const uint32_t controls[] = {FIONREAD, FIONBIO, FIOCLEX, FIONCLEX, TCGETS, TIOCGWINSZ};
static const uint32_t process_words[] = {PR_SET_NAME, PR_GET_NAME, PR_GET_DUMPABLE, 0x53564d41 /* SET_VMA */};

enum {
    NEW_SPACES = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |
                 CLONE_NEWNET
};

static const struct syscall_rule rules[] = {
    {.call = SYS_socket,
     .values = families,
     .count = COUNT(families),
     .otherwise = SYSCALL_FAIL(EAFNOSUPPORT)},
    {.call = SYS_socketpair, .values = pairs, .count = COUNT(pairs), .otherwise = SYSCALL_FAIL(EAFNOSUPPORT)},
    {.call = SYS_ioctl,
     .argument = 1,
     .values = controls,
     .count = COUNT(controls),
     .otherwise = SYSCALL_FAIL(ENOTTY)},
    {.call = SYS_prctl,
     .values = process_words,
     .count = COUNT(process_words),
     .otherwise = SYSCALL_FAIL(EPERM)},
    /* threads, and no process: the nursery starts the only one that there is to start */
    {.call = SYS_clone, .set = CLONE_THREAD, .unset = NEW_SPACES, .otherwise = SYSCALL_FAIL(EPERM)},
    /* no memory becomes code once it could be written; libraries come as mappings of files */
    {.call = SYS_mprotect, .argument = 2, .unset = PROT_EXEC, .otherwise = SYSCALL_FAIL(EPERM)},
};

/* mmap(2) with PROT_WRITE and PROT_EXEC at once: values of all the others. */
static const uint32_t protections[] = {
    PROT_NONE, PROT_READ, PROT_WRITE, PROT_READ | PROT_WRITE, PROT_EXEC, PROT_READ | PROT_EXEC};
static const struct syscall_rule mapping = {.call = SYS_mmap,
                                            .argument = 2,
                                            .values = protections,
                                            .count = COUNT(protections),
                                            .otherwise = SYSCALL_FAIL(EPERM)};

err_t sandbox_calls_close(void)
{
    const struct {
        const int *calls;
        size_t count;
        uint32_t verdict;
    } groups[] = {
        {files, COUNT(files), SYSCALL_ALLOW},          {memory, COUNT(memory), SYSCALL_ALLOW},
        {threads, COUNT(threads), SYSCALL_ALLOW},      {events, COUNT(events), SYSCALL_ALLOW},
        {sockets, COUNT(sockets), SYSCALL_ALLOW},      {others, COUNT(others), SYSCALL_ALLOW},
        {unseen, COUNT(unseen), SYSCALL_FAIL(ENOSYS)},
    };
    struct syscall_filter filter;
    syscall_filter_begin(&filter);
    syscall_filter_intruder(&filter, SYSCALL_KILL);
    for (size_t i = 0; i < COUNT(groups); i++) {
        syscall_filter_add(&filter, groups[i].calls, groups[i].count, groups[i].verdict);
    }
    for (size_t i = 0; i < COUNT(rules); i++) {
        syscall_filter_rule(&filter, &rules[i]);
    }
    syscall_filter_rule(&filter, &mapping);
    syscall_filter_from(&filter, SYS_process_mrelease + 1, SYSCALL_FAIL(ENOSYS));
    return syscall_filter_install(&filter, SYSCALL_FAIL(EPERM), false);
}

err_t sandbox_calls_settle(void)
{
    static const int done[] = {SYS_bind, SYS_listen, SYS_seccomp};
    struct syscall_filter filter;
    syscall_filter_begin(&filter);
    syscall_filter_add(&filter, done, COUNT(done), SYSCALL_FAIL(EPERM));
    return syscall_filter_install(&filter, SYSCALL_ALLOW, true);
}
