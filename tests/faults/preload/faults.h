/* What the library and the test share: a file that both map. The test sets the first half while the server
 * runs, the library counts in the second. tests/faults/control.py knows the same places. */
#ifndef WHORL_TESTS_FAULTS_H
#define WHORL_TESTS_FAULTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Which calls count. Those of files only for what lies below WHORL_FAULTS_ROOT. */
enum kind {
    KIND_WRITE = 1 << 0,      /* write, pwrite */
    KIND_SYNC = 1 << 1,       /* fsync, fdatasync */
    KIND_TRUNCATE = 1 << 2,   /* ftruncate */
    KIND_NAME = 1 << 3,       /* rename, link, unlink */
    KIND_MAKE = 1 << 4,       /* open that may create, mkostemp, mkdir */
    KIND_RESERVE = 1 << 5,    /* fallocate */
    KIND_MAP = 1 << 6,        /* mmap of a file */
    KIND_READ = 1 << 7,       /* read, pread */
    KIND_OPEN = 1 << 8,       /* any open; anywhere */
    KIND_DESCRIPTOR = 1 << 9, /* accept4, socketpair, socket, epoll_create1, eventfd, pipe2 */
    KIND_THREAD = 1 << 10,    /* pthread_create */
    KIND_SPAWN = 1 << 11,     /* posix_spawn, fork */
    KIND_MEMORY = 1 << 12     /* malloc, calloc, realloc */
};

enum { ERROR_SHORT = -1, LAST_SIZE = 256 };

struct control {
    _Atomic uint32_t kinds;
    _Atomic int32_t error; /* an errno, or ERROR_SHORT: half of it is written */
    _Atomic uint32_t at;   /* the call that fails, from 1; 0: none does */
    _Atomic uint32_t is_lasting;
    _Atomic uint32_t delay_us;      /* of every sync */
    _Atomic uint32_t is_leaking;    /* a descriptor with every connection: for the control of the test */
    _Atomic int64_t clock_shift_ms; /* of the wall clock */
    _Atomic uint32_t count;
    _Atomic uint32_t fired;
    _Atomic uint32_t resynced; /* syncs of a file whose sync had failed: the second one would lie */
    _Atomic uint32_t filler;
    char last[LAST_SIZE]; /* the call that failed, and of what */
};

/* NULL: not in this process. */
struct control *faults_control(void);
/* Whether this call is the one; counts it. */
bool faults_hit(enum kind kind, const char *call, const char *of);
void *faults_real(const char *name);

#endif
