/* The files of a backup, and where they come from: what the inventory's copy names, the copy itself, the
 * rest.
 */
#include "cmd/whorld/backup_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "cmd/whorld/house.h"

enum { PIECE = 65536, NAME_MAX_SIZE = 240, PARTS_MAX = 8 };

void backup_list_clear(struct backup_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->files[i].name);
        free(list->files[i].path);
        if (list->files[i].fd >= 0) {
            (void)close(list->files[i].fd);
        }
    }
    free(list->files);
    *list = (struct backup_list){.files = NULL};
}

/* --- names */

static bool part_is_safe(const char *part, size_t n)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    return n > 0 && part[0] != '.' && strspn(part, allowed) >= n;
}

bool backup_name_is_safe(const char *name)
{
    bool is_inventory = strncmp(name, HOUSE_DATABASE, sizeof HOUSE_DATABASE - 1) == 0;
    if (strlen(name) > NAME_MAX_SIZE || (is_inventory && strcmp(name, HOUSE_DATABASE) != 0)) {
        return false;
    }
    int parts = 0;
    for (const char *part = name;; part++) {
        size_t n = strcspn(part, "/");
        if (!part_is_safe(part, n) || ++parts > PARTS_MAX) {
            return false;
        }
        part += n;
        if (*part == '\0') {
            return true;
        }
    }
}

/* --- the list */

static err_t grow(struct backup_list *list)
{
    if (list->count < list->capacity) {
        return OK;
    }
    size_t capacity = list->capacity == 0 ? 32 : 2 * list->capacity;
    struct backup_file *grown = reallocarray(list->files, capacity, sizeof *grown);
    ENSURE(grown != NULL, ERR_NO_MEMORY, "a list of %zu files", capacity);
    list->files = grown;
    list->capacity = capacity;
    return OK;
}

err_t backup_list_add(struct backup_list *list, const char *name, const char *path, bool is_secret)
{
    ENSURE(backup_name_is_safe(name), ERR_INTERNAL, "\"%.80s\" cannot be in a backup", name);
    TRY(grow(list));
    AUTO(char) *name_copy = strdup(name);
    AUTO(char) *path_copy = path == NULL ? NULL : strdup(path);
    ENSURE(name_copy != NULL && (path == NULL || path_copy != NULL), ERR_NO_MEMORY, "a list of files");
    list->files[list->count++] = (struct backup_file){
        .name = TAKE(name_copy), .path = TAKE(path_copy), .fd = -1, .is_secret = is_secret};
    return OK;
}

static int by_name(const void *a, const void *b)
{
    const struct backup_file *left = a;
    const struct backup_file *right = b;
    return strcmp(left->name, right->name);
}

void backup_list_sort(struct backup_list *list)
{
    if (list->count > 0) {
        qsort(list->files, list->count, sizeof *list->files, by_name);
    }
}

const struct backup_file *backup_list_find(const struct backup_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->files[i].name, name) == 0) {
            return &list->files[i];
        }
    }
    return NULL;
}

/* --- the sources */

static err_t open_file(struct backup_file *file)
{
    if (file->fd < 0) {
        file->fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        ENSURE(file->fd >= 0, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "cannot open %.100s (%d)", file->path,
               errno);
    }
    ENSURE(lseek(file->fd, 0, SEEK_SET) == 0, ERR_IO, "%.100s is no file (%d)", file->name, errno);
    return OK;
}

/* The copy is held open and its name goes at once: a plain copy of everything should not outlive this
 * process. */
static err_t add_inventory(const struct backup_origin *origin, struct backup_list *list)
{
    TRY(backup_list_add(list, HOUSE_DATABASE, origin->snapshot, true));
    struct backup_file *file = &list->files[list->count - 1];
    TRY(open_file(file));
    file->is_held = true;
    (void)unlink(origin->snapshot);
    return OK;
}

static err_t add_fixed(const struct backup_origin *origin, struct backup_list *list)
{
    static const char *const names[] = {HOUSE_CONFIG, HOUSE_ANCHOR, HOUSE_MARKER, HOUSE_SERVER_CERTIFICATE,
                                        "tls/hosts"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        AUTO(char) *path = NULL;
        TRY(path_join(origin->folder, names[i], &path));
        if (file_exists(path)) { /* the server makes its certificate anew when it is gone */
            TRY(backup_list_add(list, names[i], path, false));
        }
    }
    return OK;
}

/* What the keystore encrypted, and which keys of a token are ours; never a passphrase, nor what somebody laid
 * beside it. */
static bool is_key(const char *name)
{
    const char *end = strrchr(name, '.');
    return end != NULL &&
           (strcmp(end, ".key") == 0 || strcmp(end, ".secret") == 0 || strcmp(end, ".token") == 0);
}

static err_t add_key(const char *keys, const char *name, struct backup_list *list)
{
    AUTO(char) *path = NULL;
    AUTO(char) *inside = NULL;
    TRY(path_join(keys, name, &path));
    TRY(path_join(HOUSE_KEYS, name, &inside));
    return backup_list_add(list, inside, path, true);
}

static err_t add_keys(const struct backup_origin *origin, struct backup_list *list)
{
    AUTO(char) *keys = NULL;
    err_t error = OK;
    if (!origin->with_keys) {
        return OK;
    }
    TRY(path_join(origin->folder, HOUSE_KEYS, &keys));
    DIR *folder = opendir(keys);
    ENSURE(folder != NULL, ERR_IO, "cannot open folder %.100s (%d)", keys, errno);
    for (const struct dirent *e = readdir(folder); e != NULL && error.code == ERR_OK; e = readdir(folder)) {
        if (is_key(e->d_name)) {
            error = add_key(keys, e->d_name, list);
        }
    }
    (void)closedir(folder);
    return error;
}

typedef err_t (*source_fn)(const struct backup_origin *origin, struct backup_list *list);
static const source_fn SOURCES[] = {backup_blobs_add, add_inventory, add_fixed, add_keys};

err_t backup_list_fill(struct backup_list *list, const struct backup_origin *origin)
{
    for (size_t i = 0; i < sizeof SOURCES / sizeof SOURCES[0]; i++) {
        TRY(SOURCES[i](origin, list));
    }
    backup_list_sort(list);
    return OK;
}

/* --- reading */

static err_t read_pieces(struct backup_file *file, struct sha256_stream *digest, backup_piece_fn fn,
                         void *arg)
{
    uint8_t piece[PIECE];
    file->size = 0;
    for (;;) {
        ssize_t n = read(file->fd, piece, sizeof piece);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        ENSURE(n >= 0, ERR_IO, "cannot read %.100s (%d)", file->name, errno);
        if (n == 0) {
            return OK;
        }
        const struct bytes bytes = {piece, (size_t)n};
        file->size += n;
        TRY(sha256_stream_add(digest, bytes));
        TRY(fn == NULL ? OK : fn(bytes, arg));
    }
}

err_t backup_file_read(struct backup_file *file, backup_piece_fn fn, void *arg)
{
    AUTO_PTR(sha256_stream) *digest = NULL;
    TRY(open_file(file));
    TRY(sha256_stream_new(&digest));
    TRY(read_pieces(file, digest, fn, arg));
    TRY(sha256_stream_finish(digest, &file->sha256));
    if (!file->is_held) {
        (void)close(file->fd);
        file->fd = -1;
    }
    return OK;
}
