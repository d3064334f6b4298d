/* Appends to the files of a journal: locked, in room that was reserved before the commit, synced before
 * anybody is answered. A segment is made like every durable file: temporary, fsync, rename, fsync of the
 * folder. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "db/journal_files.h"

enum { ROOM_STEP = 1 << 20 };

struct journal_file {
    const struct journal_place *place;
    int fd;
    size_t size;
    int64_t seq; /* the last entry in it, and its hash */
    struct sha256 hash;
    size_t room; /* up to where blocks are reserved */
    bool cannot_reserve;
};

static err_t io_error(const char *verb, const char *name)
{
    int number = errno;
    bool is_full = number == ENOSPC || number == EDQUOT;
    return ERR(is_full ? ERR_DISK_FULL : ERR_IO, "the journal: cannot %s %.80s: %s", verb, name,
               strerror(number));
}

err_t journal_lock(const char *folder, const char *node, int *out_fd)
{
    *out_fd = -1;
    AUTO_VAL(buf) name = {0};
    TRY(buf_printf(&name, "%s/%s.lock", folder, node));
    int fd = open(buf_str(&name), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return io_error("open", buf_str(&name));
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        bool is_taken = errno == EWOULDBLOCK;
        err_t error = is_taken ? ERR(ERR_CONFLICT, "another process writes the journal in %.100s", folder)
                               : io_error("lock", buf_str(&name));
        (void)close(fd);
        return error;
    }
    *out_fd = fd;
    return OK;
}

void journal_file_free(struct journal_file *file)
{
    if (file == NULL) {
        return;
    }
    (void)close(file->fd); /* what was acknowledged is synced */
    free(file);
}

/* To its whole entries; what is cut was acknowledged to nobody. */
static err_t cut(struct journal_file *file, const char *name)
{
    struct stat st;
    if (fstat(file->fd, &st) != 0) {
        return io_error("look at", name);
    }
    if ((size_t)st.st_size == file->size) {
        return OK;
    }
    if (ftruncate(file->fd, (off_t)file->size) != 0 || fsync(file->fd) != 0) {
        return io_error("cut", name);
    }
    return OK;
}

err_t journal_file_open(const struct journal_place *place, const char *name, const struct journal_end *end,
                        struct journal_file **out)
{
    *out = NULL;
    AUTO(char) *path = NULL;
    TRY(path_join(place->folder, name, &path));
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return io_error("open", path);
    }
    AUTO_PTR(journal_file) *file = calloc(1, sizeof *file);
    if (file == NULL) {
        (void)close(fd);
        return ERR(ERR_NO_MEMORY, "a journal");
    }
    *file = (struct journal_file){
        .place = place, .fd = fd, .size = end->size, .seq = end->seq, .hash = end->hash, .room = end->size};
    TRY(cut(file, name));
    *out = TAKE(file);
    return OK;
}

err_t journal_file_make(const struct journal_place *place, int64_t seq, const struct sha256 *hash,
                        struct journal_file **out)
{
    *out = NULL;
    struct journal_header header = {.installation = place->installation, .first = seq + 1, .before = *hash};
    ENSURE(strlen(place->node) < sizeof header.node, ERR_INTERNAL, "a node with a long name");
    memcpy(header.node, place->node, strlen(place->node));
    AUTO_VAL(buf) text = {0};
    AUTO_VAL(buf) name = {0};
    AUTO(char) *path = NULL;
    TRY(journal_header_encode(&header, &text));
    TRY(buf_printf(&name, "%s-%016" PRId64 ".journal", place->node, header.first));
    TRY(path_join(place->folder, buf_str(&name), &path));
    TRY(file_write_durable(path, buf_view(&text), 0600));
    const struct journal_end end = {.seq = seq, .hash = *hash, .size = text.n};
    return journal_file_open(place, buf_str(&name), &end, out);
}

/* --- room ------------------------------------------------------------------------------------------- */

static bool reserve_blocks(struct journal_file *file, size_t n)
{
    return fallocate(file->fd, FALLOC_FL_KEEP_SIZE, (off_t)file->size, (off_t)n) == 0;
}

static err_t next_segment(struct journal_file *file)
{
    AUTO_PTR(journal_file) *next = NULL;
    TRY(journal_file_make(file->place, file->seq, &file->hash, &next));
    (void)close(file->fd); /* synced with its last group */
    *file = *next;
    next->fd = -1;
    return OK;
}

err_t journal_file_reserve(struct journal_file *file, size_t n)
{
    size_t limit = file->place->segment_size;
    if (file->size >= (limit != 0 ? limit : JOURNAL_SEGMENT_SIZE)) {
        TRY(next_segment(file));
    }
    if (file->cannot_reserve || file->size + n <= file->room) {
        return OK;
    }
    if (reserve_blocks(file, n + ROOM_STEP)) {
        file->room = file->size + n + ROOM_STEP;
        return OK;
    }
    if (errno != ENOSPC && errno != EDQUOT) {
        file->cannot_reserve = true; /* a file system without it: the write will tell */
        return OK;
    }
    return reserve_blocks(file, n) ? OK : io_error("reserve room in", file->place->folder);
}

err_t journal_file_append(struct journal_file *file, struct bytes records, int64_t seq,
                          const struct sha256 *hash)
{
    size_t done = 0;
    while (done < records.n) {
        ssize_t n = pwrite(file->fd, records.p + done, records.n - done, (off_t)(file->size + done));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return io_error("append to", file->place->folder);
        }
        done += (size_t)n;
    }
    if (fdatasync(file->fd) != 0) {
        return io_error("sync", file->place->folder);
    }
    file->size += records.n;
    file->seq = seq;
    file->hash = *hash;
    return OK;
}

err_t journal_list_set_aside(const char *folder, const struct journal_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        AUTO(char) *path = NULL;
        AUTO_VAL(buf) aside = {0};
        TRY(path_join(folder, list->segments[i].name, &path));
        for (int number = 1; aside.n == 0 || file_exists(buf_str(&aside)); number++) {
            aside.n = 0;
            TRY(buf_printf(&aside, "%s.aside-%d", path, number));
        }
        if (rename(path, buf_str(&aside)) != 0) {
            return io_error("set aside", path);
        }
    }
    return folder_sync(folder);
}
