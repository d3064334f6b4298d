/* A file system that loses what was not synced (model.h), for the power-cut tests: lossyfs MOUNTPOINT. It
 * keeps everything in memory and is told what to do by writing a line to the file .ctl in its root: settle
 * all that is there becomes durable arm N             the N-th operation from here that changes something
 * kills the process that asked for it instead, and every one after it fails with EIO, as on a machine without
 * power; 0 disarms, and counting begins anew cut MODE SEED     the power comes back: drop, prefix or subset
 * of what was not synced is lost lie 0|1           with 1 an fsync says that it is done and does nothing (a
 * control: a test must notice) Reading .ctl gives {"operations": since the last arm, "fired": 0|1, "pending":
 * not synced}. */
#define FUSE_USE_VERSION 31
#include <errno.h>
#include <fuse.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "tests/chaos/model.h"

enum { ANSWER_SIZE = 128 };
static const char CONTROL[] = "/.ctl";

struct lossy {
    struct model *model;
    long operations, armed;
    bool has_fired, is_lying;
};

static struct lossy *lossy(void)
{
    return fuse_get_context()->private_data;
}

/* An open file may come without its path. */
static bool is_control(const char *path, const struct fuse_file_info *info)
{
    bool is_open = info != NULL && info->fh == (uintptr_t)CONTROL;
    return is_open || (path != NULL && strcmp(path, CONTROL) == 0);
}

/* Before each change: whether it may happen. */
static bool has_power(void)
{
    struct lossy *l = lossy();
    pid_t asker = fuse_get_context()->pid;
    if (l->has_fired) {
        return false;
    }
    if (asker <=
        0) { /* the kernel writes back what was mapped: nobody's operation, and kill(0) is our own group */
        return true;
    }
    l->operations++;
    if (l->armed == 0 || l->operations < l->armed) {
        return true;
    }
    l->has_fired = true;
    (void)kill(asker, SIGKILL);
    return false;
}

static struct node *node_of(const char *path, const struct fuse_file_info *info)
{
    if (info != NULL && info->fh != 0) {
        return (struct node *)(uintptr_t)info->fh;
    }
    return path == NULL ? NULL : model_find(lossy()->model, path);
}

/* --- control ---------------------------------------------------------------------------------------- */

static int command(const char *text)
{
    struct lossy *l = lossy();
    char mode[8];
    unsigned seed = 0;
    long n = 0;
    int flag = 0;
    if (strncmp(text, "settle", 6) == 0) {
        model_settle(l->model);
        return 0;
    }
    if (sscanf(text, "arm %ld", &n) == 1) {
        l->armed = n;
        l->operations = 0;
        l->has_fired = false;
        return 0;
    }
    if (sscanf(text, "lie %d", &flag) == 1) {
        l->is_lying = flag != 0;
        return 0;
    }
    if (sscanf(text, "cut %7s %u", mode, &seed) == 2) {
        enum cut cut = strcmp(mode, "prefix") == 0   ? CUT_PREFIX
                       : strcmp(mode, "subset") == 0 ? CUT_SUBSET
                                                     : CUT_DROP;
        model_cut(l->model, cut, seed);
        l->armed = 0;
        l->has_fired = false;
        return 0;
    }
    return -EINVAL;
}

static int control_write(const char *data, size_t size)
{
    char text[64];
    size_t n = size < sizeof text - 1 ? size : sizeof text - 1;
    memcpy(text, data, n);
    text[n] = '\0';
    int error = command(text);
    return error == 0 ? (int)size : error;
}

static int control_read(char *out, size_t size, off_t at)
{
    const struct lossy *l = lossy();
    char text[ANSWER_SIZE];
    int n = snprintf(text, sizeof text, "{\"operations\": %ld, \"fired\": %d, \"pending\": %zu}\n",
                     l->operations, l->has_fired, model_pending(l->model));
    if (at >= n) {
        return 0;
    }
    size_t more = (size_t)(n - at) < size ? (size_t)(n - at) : size;
    memcpy(out, text + at, more);
    return (int)more;
}

/* --- looking ---------------------------------------------------------------------------------------- */

static int on_getattr(const char *path, struct stat *st, struct fuse_file_info *info)
{
    memset(st, 0, sizeof *st);
    if (is_control(path, info)) {
        st->st_mode = S_IFREG | 0600;
        st->st_nlink = 1;
        return 0;
    }
    const struct node *node = node_of(path, info);
    if (node == NULL) {
        return -ENOENT;
    }
    st->st_ino = node->number;
    st->st_mode = node->mode;
    st->st_uid = node->uid;
    st->st_gid = node->gid;
    st->st_nlink = node->is_folder ? 2 : 1;
    st->st_size = node->is_folder ? 0 : (off_t)node->live.size;
    st->st_blocks = (st->st_size + 511) / 512;
    return 0;
}

static int on_readdir(const char *path, void *buffer, fuse_fill_dir_t fill, off_t at,
                      struct fuse_file_info *info, enum fuse_readdir_flags flags)
{
    (void)at, (void)flags;
    const struct node *node = node_of(path, info);
    if (node == NULL) {
        return -ENOENT;
    }
    (void)fill(buffer, ".", NULL, 0, 0);
    (void)fill(buffer, "..", NULL, 0, 0);
    for (size_t i = 0; i < node->live_entries.count; i++) {
        (void)fill(buffer, node->live_entries.entries[i].name, NULL, 0, 0);
    }
    return 0;
}

static int on_open(const char *path, struct fuse_file_info *info)
{
    if (is_control(path, info)) {
        info->direct_io = 1;
        info->fh = (uintptr_t)CONTROL;
        return 0;
    }
    struct node *node = model_find(lossy()->model, path);
    if (node == NULL) {
        return -ENOENT;
    }
    info->fh = (uintptr_t)node;
    return 0;
}

static int on_read(const char *path, char *out, size_t size, off_t at, struct fuse_file_info *info)
{
    if (is_control(path, info)) {
        return control_read(out, size, at);
    }
    const struct node *node = node_of(path, info);
    if (node == NULL) {
        return -ENOENT;
    }
    const struct content *live = &node->live;
    if ((size_t)at >= live->size) {
        return 0;
    }
    size_t n = live->size - (size_t)at < size ? live->size - (size_t)at : size;
    memcpy(out, live->data + at, n);
    return (int)n;
}

/* --- changing --------------------------------------------------------------------------------------- */

static int make(const char *path, mode_t mode, struct node **out)
{
    const char *name = NULL;
    struct node *parent = model_parent(lossy()->model, path, &name);
    if (parent == NULL) {
        return -ENOENT;
    }
    if (!has_power()) {
        return -EIO;
    }
    struct node *node = model_make(lossy()->model, parent, name, mode);
    node->uid = fuse_get_context()->uid;
    node->gid = fuse_get_context()->gid;
    *out = node;
    return 0;
}

static int on_create(const char *path, mode_t mode, struct fuse_file_info *info)
{
    struct node *node = NULL;
    int error = make(path, S_IFREG | (mode & 07777), &node);
    info->fh = (uintptr_t)node;
    return error;
}

static int on_mkdir(const char *path, mode_t mode)
{
    struct node *node = NULL;
    return make(path, S_IFDIR | (mode & 07777), &node);
}

static int on_write(const char *path, const char *data, size_t size, off_t at, struct fuse_file_info *info)
{
    if (is_control(path, info)) {
        return control_write(data, size);
    }
    struct node *node = node_of(path, info);
    if (node == NULL || !has_power()) {
        return -EIO;
    }
    model_write(lossy()->model, node, at, data, size);
    return (int)size;
}

static int on_truncate(const char *path, off_t size, struct fuse_file_info *info)
{
    struct node *node = node_of(path, info);
    if (is_control(path, info)) {
        return 0;
    }
    if (node == NULL || !has_power()) {
        return node == NULL ? -ENOENT : -EIO;
    }
    model_truncate(lossy()->model, node, size);
    return 0;
}

static int take_away(const char *path, bool is_folder)
{
    const char *name = NULL;
    struct node *parent = model_parent(lossy()->model, path, &name);
    const struct node *node = model_find(lossy()->model, path);
    if (parent == NULL || node == NULL) {
        return -ENOENT;
    }
    if (is_folder && node->live_entries.count > 0) {
        return -ENOTEMPTY;
    }
    if (!has_power()) {
        return -EIO;
    }
    model_unlink(lossy()->model, parent, name);
    return 0;
}

static int on_unlink(const char *path)
{
    return take_away(path, false);
}

static int on_rmdir(const char *path)
{
    return take_away(path, true);
}

static int on_rename(const char *from, const char *to, unsigned flags)
{
    struct move move;
    move.from = model_parent(lossy()->model, from, &move.from_name);
    move.to = model_parent(lossy()->model, to, &move.to_name);
    if (flags != 0) {
        return -EINVAL;
    }
    if (move.from == NULL || move.to == NULL || model_find(lossy()->model, from) == NULL) {
        return -ENOENT;
    }
    if (!has_power()) {
        return -EIO;
    }
    model_rename(lossy()->model, &move);
    return 0;
}

static int on_fsync(const char *path, int only_data, struct fuse_file_info *info)
{
    (void)only_data;
    struct node *node = node_of(path, info);
    if (is_control(path, info)) {
        return 0;
    }
    if (node == NULL || !has_power()) {
        return node == NULL ? -ENOENT : -EIO;
    }
    if (!lossy()->is_lying) {
        model_sync(lossy()->model, node);
    }
    return 0;
}

/* Modes and owners are what they were: no test is about losing them. */
static int on_chmod(const char *path, mode_t mode, struct fuse_file_info *info)
{
    struct node *node = node_of(path, info);
    if (node != NULL) {
        node->mode = (node->mode & S_IFMT) | (mode & 07777);
    }
    return node == NULL ? -ENOENT : 0;
}

static int on_chown(const char *path, uid_t uid, gid_t gid, struct fuse_file_info *info)
{
    struct node *node = node_of(path, info);
    if (node != NULL) {
        node->uid = uid == (uid_t)-1 ? node->uid : uid;
        node->gid = gid == (gid_t)-1 ? node->gid : gid;
    }
    return node == NULL ? -ENOENT : 0;
}

static int on_utimens(const char *path, const struct timespec times[2], struct fuse_file_info *info)
{
    (void)times;
    return node_of(path, info) == NULL ? -ENOENT : 0;
}

/* A server asks for the room before it takes an upload: there is a lot. */
static int on_statfs(const char *path, struct statvfs *out)
{
    (void)path;
    *out = (struct statvfs){.f_bsize = 4096, .f_frsize = 4096, .f_namemax = 255};
    out->f_blocks = out->f_bfree = out->f_bavail = 1 << 20;
    return 0;
}

static void *on_init(struct fuse_conn_info *connection, struct fuse_config *config)
{
    (void)connection;
    config->hard_remove = 1; /* a file that is open and unlinked keeps its handle */
    config->nullpath_ok = 1;
    config->use_ino = 1;
    config->attr_timeout = config->entry_timeout = config->negative_timeout = 0; /* a cut changes all of it */
    return lossy();
}

int main(int argc, char **argv)
{
    static const struct fuse_operations operations = {.init = on_init,
                                                      .getattr = on_getattr,
                                                      .readdir = on_readdir,
                                                      .open = on_open,
                                                      .opendir = on_open,
                                                      .read = on_read,
                                                      .create = on_create,
                                                      .mkdir = on_mkdir,
                                                      .statfs = on_statfs,
                                                      .write = on_write,
                                                      .truncate = on_truncate,
                                                      .unlink = on_unlink,
                                                      .rmdir = on_rmdir,
                                                      .rename = on_rename,
                                                      .fsync = on_fsync,
                                                      .fsyncdir = on_fsync,
                                                      .chmod = on_chmod,
                                                      .chown = on_chown,
                                                      .utimens = on_utimens};
    struct lossy state = {.model = model_new()};
    return fuse_main(argc, argv, &operations, &state);
}
