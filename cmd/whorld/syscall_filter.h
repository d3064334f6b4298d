/* A filter of system calls (seccomp), put together call by call and given to the kernel. Which calls, the
 * callers know: the server names what it may (sandbox_calls.c), the signer what it may not
 * (signer_sandbox.c). Only for processors whose numbers are known: elsewhere nothing is filtered.
 */
#ifndef WHORL_CMD_SYSCALL_FILTER_H
#define WHORL_CMD_SYSCALL_FILTER_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#if defined(__x86_64__) || defined(__aarch64__) || (defined(__riscv) && __riscv_xlen == 64)
#define SYSCALL_FILTER_IS_THERE 1
#else
#define SYSCALL_FILTER_IS_THERE 0
#endif

enum { SYSCALL_STEPS_MAX = 640 };

struct syscall_filter {
    struct sock_filter steps[SYSCALL_STEPS_MAX];
    size_t count; /* above the array's size: it did not fit */
};

/* What happens to a call; verdicts of the kernel. */
#define SYSCALL_ALLOW   0x7fff0000U /* SECCOMP_RET_ALLOW */
#define SYSCALL_KILL    0x80000000U /* SECCOMP_RET_KILL_PROCESS */
#define SYSCALL_FAIL(e) (0x00050000U | (uint32_t)(e))

/** Begins one: calls of another architecture, and of x32, end the process. */
void syscall_filter_begin(struct syscall_filter *filter);
/** These calls, whatever their arguments. */
void syscall_filter_add(struct syscall_filter *filter, const int *calls, size_t count, uint32_t verdict);
/** What none of our processes calls, and an intruder might: other programs, other processes' memory, the
 * kernel's own business. */
void syscall_filter_intruder(struct syscall_filter *filter, uint32_t verdict);
/** Calls from this number on: those that this program was never built for. */
void syscall_filter_from(struct syscall_filter *filter, int first, uint32_t verdict);

/* A call whose argument decides: allowed when it is one of the values (none: always), and all bits of `set`
 * are there, and none of `unset`. */
struct syscall_rule {
    int call;
    unsigned argument; /* 0 … 5; its lower 32 bits */
    const uint32_t *values;
    size_t count;
    uint32_t set, unset;
    uint32_t otherwise; /* verdict */
};
void syscall_filter_rule(struct syscall_filter *filter, const struct syscall_rule *rule);

/** Puts it in force for this thread and those that it starts, or for all threads of the process.
 *  @param otherwise verdict for every call that was not named
 *  @errors ERR_UNAVAILABLE the kernel, or who runs us, does not allow it; the caller has no_new_privs */
err_t syscall_filter_install(struct syscall_filter *filter, uint32_t otherwise, bool for_all_threads);

#endif
