/* Of /proc/self three files at most; descriptors are counted in the kernel where it can do so (Linux 6.2). */
#include "server/process_figures.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"

enum { FIELD_STARTED = 22 }; /* of proc_pid_stat(5) */

static int64_t us_of(const struct timespec *at)
{
    return (int64_t)at->tv_sec * 1000000 + at->tv_nsec / 1000;
}

static int64_t clock_us(clockid_t clock)
{
    struct timespec now = {.tv_sec = 0};
    (void)clock_gettime(clock, &now); /* cannot fail with these clocks */
    return us_of(&now);
}

static err_t write_seconds(const char *name, const char *suffix, int64_t us, struct buf *out)
{
    return buf_printf(out, "%s%s %" PRId64 ".%06" PRId64 "\n", name, suffix, us / 1000000, us % 1000000);
}

static err_t write_gauge(const char *name, const char *help, int64_t value, struct buf *out)
{
    return buf_printf(out, "# TYPE %s gauge\n# HELP %s %s\n%s %" PRId64 "\n", name, name, help, name, value);
}

static err_t write_cpu(struct buf *out)
{
    TRY(buf_append_str(out, "# TYPE process_cpu_seconds counter\n# UNIT process_cpu_seconds seconds\n"
                            "# HELP process_cpu_seconds Processor time of this process, user and system.\n"));
    return write_seconds("process_cpu_seconds", "_total", clock_us(CLOCK_PROCESS_CPUTIME_ID), out);
}

/* The name in the second field may have blanks and parentheses: what follows the last one is read. */
static bool started_us(int64_t *out)
{
    AUTO_VAL(buf) text = {0};
    long ticks = sysconf(_SC_CLK_TCK);
    if (ticks <= 0 || file_read("/proc/self/stat", 4096, &text).code != ERR_OK) {
        return false;
    }
    const char *at = strrchr(buf_str(&text), ')');
    for (int field = 2; at != NULL && field < FIELD_STARTED; field++) {
        at = strchr(at + 1, ' ');
    }
    if (at == NULL) {
        return false;
    }
    int64_t since_boot_us = strtoll(at, NULL, 10) * 1000000 / ticks;
    *out = clock_us(CLOCK_REALTIME) - clock_us(CLOCK_BOOTTIME) + since_boot_us;
    return true;
}

static err_t write_start(struct buf *out)
{
    int64_t us = 0;
    if (!started_us(&us)) {
        return OK;
    }
    TRY(buf_append_str(out, "# TYPE process_start_time_seconds gauge\n# UNIT process_start_time_seconds "
                            "seconds\n# HELP process_start_time_seconds Unix time of the start.\n"));
    return write_seconds("process_start_time_seconds", "", us, out);
}

static err_t write_memory(struct buf *out)
{
    AUTO_VAL(buf) text = {0};
    char *end = NULL;
    long page = sysconf(_SC_PAGESIZE);
    if (page <= 0 || file_read("/proc/self/statm", 4096, &text).code != ERR_OK) {
        return OK;
    }
    int64_t virtual_pages = strtoll(buf_str(&text), &end, 10);
    int64_t resident_pages = strtoll(end, NULL, 10);
    TRY(write_gauge("process_virtual_memory_bytes", "Address space.", virtual_pages * page, out));
    return write_gauge("process_resident_memory_bytes", "Memory that is in use.", resident_pages * page, out);
}

/* 0: nobody says. */
static int64_t open_descriptors(void)
{
    struct stat st;
    int64_t count = 0;
    if (stat("/proc/self/fd", &st) == 0 && st.st_size > 0) {
        return st.st_size;
    }
    DIR *folder = opendir("/proc/self/fd");
    if (folder == NULL) {
        return 0;
    }
    for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        count += entry->d_name[0] != '.' ? 1 : 0;
    }
    (void)closedir(folder);
    return count - 1; /* the one that looked */
}

static err_t write_descriptors(struct buf *out)
{
    struct rlimit limit;
    int64_t open = open_descriptors();
    TRY(open > 0 ? write_gauge("process_open_fds", "Open descriptors.", open, out) : OK);
    bool is_limited = getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
    return is_limited ? write_gauge("process_max_fds", "Descriptors that this process may have.",
                                    (int64_t)limit.rlim_cur, out)
                      : OK;
}

err_t process_figures_write(struct buf *out)
{
    TRY(write_cpu(out));
    TRY(write_start(out));
    TRY(write_memory(out));
    return write_descriptors(out);
}
