/* Finds the control file, counts, decides. Only in `whorld serve`: the process that holds the keys is another
 * program to the kernel, with a filter of system calls of its own. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "faults.h"

static struct control *control;

struct control *faults_control(void)
{
    return control;
}

void *faults_real(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

/* "…/whorld\0serve\0…" */
static bool is_server(void)
{
    char text[512];
    long fd = syscall(SYS_open, "/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    long n = syscall(SYS_read, fd, text, sizeof text - 1);
    (void)syscall(SYS_close, fd);
    if (n <= 0) {
        return false;
    }
    text[n] = '\0';
    size_t first = strlen(text) + 1;
    return first < (size_t)n && strcmp(text + first, "serve") == 0;
}

__attribute__((constructor)) static void start(void)
{
    const char *path = getenv("WHORL_FAULTS");
    if (path == NULL || !is_server()) {
        return;
    }
    long fd = syscall(SYS_open, path, O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        abort();
    }
    long at = syscall(SYS_mmap, NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    (void)syscall(SYS_close, fd);
    if (at < 0 && at > -4096) {
        abort();
    }
    memcpy(&control, &at, sizeof control);
}

bool faults_hit(enum kind kind, const char *call, const char *of)
{
    if (control == NULL || (atomic_load(&control->kinds) & kind) == 0) {
        return false;
    }
    uint32_t n = atomic_fetch_add(&control->count, 1) + 1;
    uint32_t at = atomic_load(&control->at);
    if (at == 0 || n < at || (n > at && atomic_load(&control->is_lasting) == 0)) {
        return false;
    }
    if (atomic_fetch_add(&control->fired, 1) == 0) {
        (void)snprintf(control->last, sizeof control->last, "%s %s", call, of);
    }
    return true;
}
