/* DIR/.restore: .mark (this folder is ours), the new installation, and, from when it is being moved up,
 * .moving: the names that go, so that a later restore removes those and nothing else. */
#include "cmd/whorld/restore_target.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "cmd/whorld/house.h"

#define MARK   ".mark"
#define MOVING ".moving"
enum { NAMES_MAX = 65536, DEPTH_MAX = 16 };

/* --- folders */

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

typedef err_t (*entry_fn)(int folder, const char *name, void *arg);

static err_t each_entry(int at, const char *name, entry_fn fn, void *arg)
{
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    ENSURE(folder != NULL, ERR_IO, "cannot open folder %.100s (%d)", name, errno);
    err_t error = OK;
    for (const struct dirent *e = readdir(folder); e != NULL && error.code == ERR_OK; e = readdir(folder)) {
        if (!is_dots(e->d_name)) {
            error = fn(dirfd(folder), e->d_name, arg);
        }
    }
    (void)closedir(folder);
    return error;
}

/* @param arg how deep this is: what we made is shallow. NOLINTNEXTLINE(misc-no-recursion) */
static err_t remove_entry(int folder, const char *name, void *arg)
{
    int depth = *(const int *)arg + 1;
    struct stat st;
    ENSURE(depth < DEPTH_MAX, ERR_CONFLICT, "%.80s: folders deeper than a restore makes them", name);
    if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
        return OK;
    }
    if (S_ISDIR(st.st_mode)) {
        TRY(each_entry(folder, name, remove_entry, &depth));
    }
    ENSURE(unlinkat(folder, name, S_ISDIR(st.st_mode) ? AT_REMOVEDIR : 0) == 0, ERR_IO,
           "cannot remove %.80s (%d)", name, errno);
    return OK;
}

static err_t remove_inside(const char *folder, const char *name)
{
    AUTO(char) *path = NULL;
    int depth = 0;
    TRY(path_join(folder, name, &path));
    return remove_entry(AT_FDCWD, path, &depth);
}

static err_t count_entry(int folder, const char *name, void *arg)
{
    (void)folder;
    *(int *)arg += strcmp(name, "lost+found") == 0 ? 0 : 1;
    return OK;
}

/* --- what was there before */

static bool is_served(const char *folder)
{
    AUTO(char) *path = NULL;
    if (path_join(folder, HOUSE_DATABASE ".whorld.lock", &path).code != ERR_OK) {
        return false;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool is_held = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    if (fd >= 0) {
        (void)close(fd);
    }
    return is_held;
}

static err_t refuse_installation(const char *folder)
{
    AUTO(char) *marker = NULL;
    TRY(path_join(folder, HOUSE_MARKER, &marker));
    ENSURE(!is_served(folder), ERR_CONFLICT,
           "a server is running on %.80s: restore into a new directory, stop the server, then exchange them",
           folder);
    ENSURE(!file_exists(marker), ERR_CONFLICT,
           "there is an installation in %.80s already: restore into a new directory", folder);
    return OK;
}

static bool is_plain_name(const char *name)
{
    return name[0] != '\0' && name[0] != '.' && strchr(name, '/') == NULL;
}

/* The names that an interrupted restore had begun to move up. */
static err_t remove_moved(const char *folder, const char *staging)
{
    AUTO(char) *moving = NULL;
    AUTO_VAL(buf) names = {0};
    TRY(path_join(staging, MOVING, &moving));
    if (!file_exists(moving)) {
        return OK;
    }
    TRY(file_read(moving, NAMES_MAX, &names));
    char *save = NULL;
    for (char *name = strtok_r((char *)names.p, "\n", &save); name != NULL;
         name = strtok_r(NULL, "\n", &save)) {
        ENSURE(is_plain_name(name), ERR_CONFLICT, "%.100s is damaged: remove what is in %.50s", moving,
               folder);
        TRY(remove_inside(folder, name));
    }
    return OK;
}

static err_t remove_but_mark(int folder, const char *name, void *arg)
{
    return strcmp(name, MARK) == 0 ? OK : remove_entry(folder, name, arg);
}

/* What was moved up goes first, the mark last: whatever ends this in the middle, the next restore still knows
 * whose the rest is. */
static err_t clear_half_made(const char *folder, const char *staging)
{
    AUTO(char) *mark = NULL;
    int entries = 0;
    int depth = 0;
    TRY(path_join(staging, MARK, &mark));
    TRY(each_entry(AT_FDCWD, staging, count_entry, &entries));
    ENSURE(entries == 0 || file_exists(mark), ERR_CONFLICT, "%.100s is not of a restore", staging);
    TRY(remove_moved(folder, staging));
    TRY(folder_sync(folder));
    TRY(each_entry(AT_FDCWD, staging, remove_but_mark, &depth));
    TRY(folder_sync(staging));
    return remove_inside(folder, HOUSE_RESTORING);
}

/* --- opening */

static err_t lock_staging(struct restore_target *target)
{
    target->lock_fd = open(target->staging, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    ENSURE(target->lock_fd >= 0, ERR_IO, "cannot open %.100s (%d)", target->staging, errno);
    if (flock(target->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        (void)close(target->lock_fd);
        target->lock_fd = -1;
        return ERR(ERR_CONFLICT, "another restore into %.100s is at work", target->folder);
    }
    return OK;
}

static err_t clear_former(struct restore_target *target)
{
    if (!file_exists(target->staging)) {
        return OK;
    }
    TRY(lock_staging(target));
    err_t error = clear_half_made(target->folder, target->staging);
    (void)close(target->lock_fd);
    target->lock_fd = -1;
    return error;
}

static err_t prepare(struct restore_target *target)
{
    AUTO(char) *mark = NULL;
    int entries = 0;
    if (!file_exists(target->folder)) {
        TRY(folder_make(target->folder, 0700));
        target->is_made = true;
    }
    TRY(refuse_installation(target->folder));
    TRY(clear_former(target));
    TRY(each_entry(AT_FDCWD, target->folder, count_entry, &entries));
    ENSURE(entries == 0, ERR_CONFLICT, "%.100s is not empty", target->folder);
    TRY(folder_make(target->staging, 0700));
    TRY(lock_staging(target));
    TRY(path_join(target->staging, MARK, &mark));
    return file_write_durable(mark, bytes_str("restore is at work\n"), 0600);
}

err_t restore_target_open(const char *folder, struct restore_target *out)
{
    *out = (struct restore_target){.lock_fd = -1};
    out->folder = strdup(folder);
    ENSURE(out->folder != NULL, ERR_NO_MEMORY, "a path");
    err_t error = path_join(folder, HOUSE_RESTORING, &out->staging);
    if (error.code == ERR_OK) {
        error = prepare(out);
    }
    if (error.code != ERR_OK) {
        restore_target_close(out);
    }
    return error;
}

void restore_target_close(struct restore_target *target)
{
    if (target->lock_fd >= 0 && !target->is_published) {
        /* what cannot be removed now is removed by the next restore */
        err_ignore(clear_half_made(target->folder, target->staging));
    }
    if (target->is_made && !target->is_published) {
        (void)rmdir(target->folder);
    }
    if (target->lock_fd >= 0) {
        (void)close(target->lock_fd);
    }
    heap_free(target->folder);
    heap_free(target->staging);
    *target = (struct restore_target){.lock_fd = -1};
}

err_t restore_target_folders(const struct restore_target *target, const char *name)
{
    for (const char *slash = strchr(name, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        AUTO_VAL(buf) part = {0};
        TRY(buf_append_str(&part, target->staging));
        TRY(buf_append_str(&part, "/"));
        TRY(buf_append(&part, name, (size_t)(slash - name)));
        if (!file_exists(buf_str(&part))) {
            TRY(folder_make(buf_str(&part), 0700));
        }
    }
    return OK;
}

/* --- publishing */

static err_t list_entry(int folder, const char *name, void *arg)
{
    (void)folder;
    return is_plain_name(name) ? buf_printf(arg, "%s\n", name) : OK;
}

static err_t move_up(const struct restore_target *target, const char *name)
{
    AUTO(char) *from = NULL;
    AUTO(char) *to = NULL;
    TRY(path_join(target->staging, name, &from));
    TRY(path_join(target->folder, name, &to));
    ENSURE(rename(from, to) == 0, ERR_IO, "cannot move %.80s (%d)", name, errno);
    return OK;
}

static err_t move_all(const struct restore_target *target, struct buf *names)
{
    char *save = NULL;
    for (char *name = strtok_r((char *)names->p, "\n", &save); name != NULL;
         name = strtok_r(NULL, "\n", &save)) {
        if (strcmp(name, HOUSE_MARKER) != 0) {
            TRY(move_up(target, name));
        }
    }
    TRY(folder_sync(target->folder));
    TRY(move_up(target, HOUSE_MARKER));
    return folder_sync(target->folder);
}

err_t restore_target_publish(struct restore_target *target)
{
    AUTO(char) *moving = NULL;
    AUTO_VAL(buf) names = {0};
    TRY(folder_sync(target->staging));
    TRY(each_entry(AT_FDCWD, target->staging, list_entry, &names));
    TRY(path_join(target->staging, MOVING, &moving));
    TRY(file_write_durable(moving, buf_view(&names), 0600));
    TRY(move_all(target, &names));
    target->is_published = true;
    err_ignore(remove_inside(target->folder, HOUSE_RESTORING)); /* marks only: nobody minds them */
    return OK;
}
