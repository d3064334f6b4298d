/* Makes SQLite and the journal break their promise on purpose, for the positive controls of the power-cut
 * tests: preloaded into whorld, with WHORL_CONTROL=normal    PRAGMA synchronous = FULL becomes NORMAL
 *   WHORL_CONTROL=early     COMMIT says that it is done, and is done a little later: answered before
 * committed WHORL_CONTROL=journal   so does the write of the journal: answered before it is written A test
 * that does not notice these notices nothing. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

enum { LATE_US = 60000 };

typedef int (*step_fn)(sqlite3_stmt *);
typedef int (*exec_fn)(sqlite3 *, const char *, int (*)(void *, int, char **, char **), void *, char **);
typedef int (*autocommit_fn)(sqlite3 *);
typedef ssize_t (*pwrite_fn)(int, const void *, size_t, off_t);
typedef int (*sync_fn)(int);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t done = PTHREAD_COND_INITIALIZER;
static sqlite3 *late;                     /* whose COMMIT is still to come */
static _Thread_local bool is_late_thread; /* SQLite's own calls come through here too */

static void *real(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

static bool is_control(const char *word)
{
    const char *control = getenv("WHORL_CONTROL");
    return control != NULL && strcmp(control, word) == 0;
}

static void *commit_late(void *arg)
{
    exec_fn exec = (exec_fn)real("sqlite3_exec");
    (void)arg;
    is_late_thread = true;
    (void)usleep(LATE_US);
    (void)pthread_mutex_lock(&lock);
    (void)exec(late, "COMMIT", NULL, NULL, NULL);
    late = NULL;
    (void)pthread_cond_broadcast(&done);
    (void)pthread_mutex_unlock(&lock);
    return NULL;
}

static void wait_for_late(const sqlite3 *handle)
{
    (void)pthread_mutex_lock(&lock);
    while (late == handle) {
        (void)pthread_cond_wait(&done, &lock);
    }
    (void)pthread_mutex_unlock(&lock);
}

int sqlite3_step(sqlite3_stmt *statement)
{
    const char *sql = sqlite3_sql(statement);
    sqlite3 *handle = sqlite3_db_handle(statement);
    pthread_t thread;
    if (!is_late_thread && is_control("early") && sql != NULL && strncmp(sql, "BEGIN", 5) == 0) {
        wait_for_late(handle);
    }
    if (is_late_thread || !is_control("early") || sql == NULL || strcmp(sql, "COMMIT") != 0) {
        return ((step_fn)real("sqlite3_step"))(statement);
    }
    (void)pthread_mutex_lock(&lock);
    late = handle;
    (void)pthread_mutex_unlock(&lock);
    if (pthread_create(&thread, NULL, commit_late, NULL) != 0) {
        abort();
    }
    (void)pthread_detach(thread);
    return SQLITE_DONE;
}

int sqlite3_get_autocommit(sqlite3 *handle)
{
    (void)pthread_mutex_lock(&lock);
    bool is_late = late == handle;
    (void)pthread_mutex_unlock(&lock);
    return is_late ? 1 : ((autocommit_fn)real("sqlite3_get_autocommit"))(handle);
}

int sqlite3_exec(sqlite3 *handle, const char *sql, int (*fn)(void *, int, char **, char **), void *arg,
                 char **error)
{
    exec_fn exec = (exec_fn)real("sqlite3_exec");
    int result = exec(handle, sql, fn, arg, error);
    if (result == SQLITE_OK && is_control("normal") && strstr(sql, "synchronous = FULL") != NULL) {
        result = exec(handle, "PRAGMA synchronous = NORMAL", NULL, NULL, NULL);
    }
    return result;
}

/* --- the journal ------------------------------------------------------------------------------------- */

struct late_write {
    int fd;
    off_t at;
    size_t n;
    unsigned char bytes[];
};

static bool is_journal(int fd)
{
    char link[64];
    char target[512] = "";
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = is_control("journal") ? readlink(link, target, sizeof target - 1) : 0;
    return n > 0 && strstr(target, ".journal") != NULL;
}

static void *write_late(void *arg)
{
    struct late_write *write = arg;
    (void)usleep(LATE_US);
    if (((pwrite_fn)real("pwrite"))(write->fd, write->bytes, write->n, write->at) == (ssize_t)write->n) {
        (void)((sync_fn)real("fdatasync"))(write->fd);
    }
    free(write);
    return NULL;
}

ssize_t pwrite(int fd, const void *bytes, size_t n, off_t at)
{
    pthread_t thread;
    if (!is_journal(fd)) {
        return ((pwrite_fn)real("pwrite"))(fd, bytes, n, at);
    }
    struct late_write *write = malloc(sizeof *write + n);
    if (write == NULL) {
        abort();
    }
    *write = (struct late_write){.fd = fd, .at = at, .n = n};
    memcpy(write->bytes, bytes, n);
    if (pthread_create(&thread, NULL, write_late, write) != 0) {
        abort();
    }
    (void)pthread_detach(thread);
    return (ssize_t)n;
}

int fdatasync(int fd)
{
    return is_journal(fd) ? 0 : ((sync_fn)real("fdatasync"))(fd);
}
