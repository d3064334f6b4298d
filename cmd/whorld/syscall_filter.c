/* Classic BPF for seccomp(2), a straight line: each call has its comparison and, behind it, its verdict. The
 * kernel remembers which calls are always allowed (since 5.11) and does not run the line for them. */
#include "cmd/whorld/syscall_filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#else
#define NATIVE_ARCH AUDIT_ARCH_RISCV64
#endif

_Static_assert(SYSCALL_ALLOW == SECCOMP_RET_ALLOW && SYSCALL_KILL == SECCOMP_RET_KILL_PROCESS &&
                   SYSCALL_FAIL(0) == SECCOMP_RET_ERRNO,
               "the header's numbers are the kernel's");

enum { X32_BIT = 0x40000000 };

static void add(struct syscall_filter *filter, struct sock_filter step)
{
    if (filter->count < SYSCALL_STEPS_MAX) {
        filter->steps[filter->count] = step;
    }
    filter->count++;
}

static void load(struct syscall_filter *filter, size_t offset)
{
    add(filter, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

static void give(struct syscall_filter *filter, uint32_t verdict)
{
    add(filter, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, verdict));
}

void syscall_filter_begin(struct syscall_filter *filter)
{
    filter->count = 0;
    load(filter, offsetof(struct seccomp_data, arch));
    add(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NATIVE_ARCH, 1, 0));
    give(filter, SYSCALL_KILL);
    load(filter, offsetof(struct seccomp_data, nr));
    add(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1));
    give(filter, SYSCALL_KILL);
}

void syscall_filter_add(struct syscall_filter *filter, const int *calls, size_t count, uint32_t verdict)
{
    for (size_t i = 0; i < count; i++) {
        add(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)calls[i], 0, 1));
        give(filter, verdict);
    }
}

void syscall_filter_from(struct syscall_filter *filter, int first, uint32_t verdict)
{
    add(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, (uint32_t)first, 0, 1));
    give(filter, verdict);
}

/* Ends in a verdict on every way through it, so that what follows finds the call's number still loaded. */
static void add_rule(struct syscall_filter *filter, const struct syscall_rule *rule)
{
    /* the numbers are little-endian on every processor of the list */
    load(filter, offsetof(struct seccomp_data, args) + rule->argument * sizeof(uint64_t));
    if (rule->unset != 0) {
        add(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, rule->unset, 0, 1));
        give(filter, rule->otherwise);
    }
    if (rule->set != 0) {
        add(filter, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, rule->set));
        add(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, rule->set, 1, 0));
        give(filter, rule->otherwise);
    }
    for (size_t i = 0; i < rule->count; i++) {
        add(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, rule->values[i], 0, 1));
        give(filter, SYSCALL_ALLOW);
    }
    give(filter, rule->count == 0 ? SYSCALL_ALLOW : rule->otherwise);
}

void syscall_filter_rule(struct syscall_filter *filter, const struct syscall_rule *rule)
{
    size_t at = filter->count;
    add(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)rule->call, 0, 0));
    add_rule(filter, rule);
    size_t body = filter->count - at - 1;
    if (body > UINT8_MAX) {
        filter->count = SYSCALL_STEPS_MAX + 1;
    }
    if (at < SYSCALL_STEPS_MAX) {
        filter->steps[at].jf = (uint8_t)body;
    }
}

void syscall_filter_intruder(struct syscall_filter *filter, uint32_t verdict)
{
    static const int calls[] = {
        SYS_execve,
        SYS_execveat,
        SYS_ptrace,
        SYS_bpf,
        SYS_process_vm_writev,
        SYS_process_vm_readv,
        SYS_pidfd_getfd,
        SYS_userfaultfd,
        SYS_perf_event_open,
        SYS_keyctl,
        SYS_add_key,
        SYS_request_key,
        SYS_unshare,
        SYS_setns,
        SYS_mount,
        SYS_umount2,
        SYS_pivot_root,
        SYS_chroot,
        SYS_init_module,
        SYS_finit_module,
        SYS_delete_module,
        SYS_kexec_load,
        SYS_reboot,
        SYS_swapon,
        SYS_open_by_handle_at,
    };
    syscall_filter_add(filter, calls, sizeof calls / sizeof calls[0], verdict);
}

err_t syscall_filter_install(struct syscall_filter *filter, uint32_t otherwise, bool for_all_threads)
{
    give(filter, otherwise);
    ENSURE(filter->count <= SYSCALL_STEPS_MAX, ERR_INTERNAL, "a filter of %zu steps", filter->count);
    const struct sock_fprog program = {.len = (unsigned short)filter->count, .filter = filter->steps};
    unsigned flags = for_all_threads ? SECCOMP_FILTER_FLAG_TSYNC : 0;
    long done = SYSCALL_FILTER_IS_THERE ? syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program) : -1;
    ENSURE(done == 0, ERR_UNAVAILABLE, "no filter of system calls: %s",
           done > 0                  ? "a thread has another one"
           : SYSCALL_FILTER_IS_THERE ? strerror(errno)
                                     : "none for this processor");
    return OK;
}
