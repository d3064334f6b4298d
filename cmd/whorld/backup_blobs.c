/* Firmware in a backup: the files that the copied inventory names. They are linked into the work folder
 * first, so that one that is deleted while the backup is written stays readable; one that comes meanwhile is
 * not of the moment. One that is already gone was deleted just after the moment: the restored server
 * withdraws it. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/ports.h"
#include "cmd/whorld/backup_files.h"
#include "cmd/whorld/house.h"
#include "db/firmware_blob_rows.h"

enum { STEP = 64, SHARD_HEX = 2 };

struct page {
    struct firmware_blob_row rows[STEP];
    struct sha256 after;
    bool has_after;
    size_t count;
};

static err_t take(const struct firmware_blob_row *row, void *arg)
{
    struct page *page = arg;
    page->rows[page->count++] = *row;
    return OK;
}

static err_t page_in(struct db_tx *tx, void *arg)
{
    struct page *page = arg;
    page->count = 0;
    return firmware_blob_rows_list(tx, page->has_after ? &page->after : NULL, STEP, take, page);
}

/* Where links are refused, the file is read under its own name: only a deletion at the wrong moment is lost
 * then, and told. */
static err_t add_file(const char *name, const char *path, const char *link_path, struct backup_list *list)
{
    if (link(path, link_path) == 0) {
        return backup_list_add(list, name, link_path, true);
    }
    return errno == ENOENT ? OK : backup_list_add(list, name, path, true);
}

static err_t add_blob(const struct backup_origin *origin, const char *work, const struct sha256 *sha256,
                      struct backup_list *list)
{
    AUTO(char) *path = NULL;
    AUTO(char) *link_path = NULL;
    AUTO_VAL(buf) name = {0};
    char hex[2 * SHA256_SIZE + 1];
    hex_encode(BYTES_OF(sha256->b), hex);
    TRY(buf_printf(&name, HOUSE_BLOBS "/%.*s/%s", SHARD_HEX, hex, hex));
    TRY(path_join(origin->folder, buf_str(&name), &path));
    TRY(path_join(work, hex, &link_path));
    return add_file(buf_str(&name), path, link_path, list);
}

static err_t add_page(const struct backup_origin *origin, const char *work, struct page *page,
                      struct backup_list *list)
{
    for (size_t i = 0; i < page->count; i++) {
        page->after = page->rows[i].sha256;
        page->has_after = true;
        if (page->rows[i].state == FIRMWARE_BLOB_GOOD) {
            TRY(add_blob(origin, work, &page->rows[i].sha256, list));
        }
    }
    return OK;
}

err_t backup_blobs_add(const struct backup_origin *origin, struct backup_list *list)
{
    AUTO_PTR(db) *db = NULL;
    struct page page = {.has_after = false};
    const char *slash = strrchr(origin->snapshot, '/');
    AUTO(char) *work =
        slash == NULL ? strdup(".") : strndup(origin->snapshot, (size_t)(slash - origin->snapshot));
    ENSURE(work != NULL, ERR_NO_MEMORY, "a path");
    const struct db_options options = {.path = origin->snapshot,
                                       .node_name = "backup",
                                       .clock = clock_system(),
                                       .random = random_system(),
                                       .read_connections = 1,
                                       .is_read_only = true};
    TRY(db_open(&options, &db));
    do {
        TRY(db_read(db, page_in, &page));
        TRY(add_page(origin, work, &page, list));
    } while (page.count == STEP);
    return OK;
}

err_t backup_blob_check(const struct backup_file *file)
{
    char hex[2 * SHA256_SIZE + 1];
    if (strncmp(file->name, HOUSE_BLOBS "/", sizeof HOUSE_BLOBS) != 0) {
        return OK;
    }
    const char *slash = strrchr(file->name, '/');
    hex_encode(BYTES_OF(file->sha256.b), hex);
    ENSURE(strcmp(slash + 1, hex) == 0, ERR_UNPROCESSABLE, "%.100s has other bytes than its name says",
           file->name);
    return OK;
}
