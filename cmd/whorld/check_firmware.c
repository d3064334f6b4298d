/* The part of `whorld check` about firmware: every blob that a row names is there in its size; with
 * --firmware its bytes are read too. */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "cmd/whorld/check_firmware.h"
#include "db/firmware_blob_rows.h"

enum { STEP = 64 };

struct page {
    struct sha256 after;
    bool has_after;
    struct firmware_blob_row rows[STEP];
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

static err_t check_one(struct blob_store *store, const struct firmware_blob_row *row, bool reads_all)
{
    AUTO_PTR(blob_reader) *reader = NULL;
    char hex[2 * SHA256_SIZE + 1];
    bool is_same = true;
    hex_encode(BYTES_OF(row->sha256.b), hex);
    ENSURE(row->state != FIRMWARE_BLOB_CORRUPT, ERR_IO, "%s is corrupt: upload it again", hex);
    if (row->state == FIRMWARE_BLOB_REMOVED) {
        return OK;
    }
    err_t error = blob_open(store, &row->sha256, &reader);
    ENSURE(error.code == ERR_OK, error.code, "%s: %.80s", hex, error.detail);
    ENSURE(blob_size(reader) == row->size, ERR_IO, "%s has %lld bytes, not %lld", hex,
           (long long)blob_size(reader), (long long)row->size);
    TRY(reads_all ? blob_check(store, &row->sha256, NULL, &is_same) : OK);
    ENSURE(is_same, ERR_IO, "%s has other bytes", hex);
    return OK;
}

err_t check_firmware(struct house *house, struct firmware_check *out)
{
    AUTO(char) *folder = NULL;
    AUTO(char) *blobs = NULL;
    struct page page = {.has_after = false};
    TRY(house_path(house, HOUSE_FIRMWARE, &folder));
    TRY(path_join(folder, "blobs", &blobs));
    TRY(db_read(house->db, page_in, &page));
    if (!file_exists(blobs)) { /* to look makes nothing */
        ENSURE(page.count == 0, ERR_NOT_FOUND, "%.100s is not there", blobs);
        return OK;
    }
    TRY(blob_store_open_folder(folder, &house->blobs));
    do {
        TRY(db_read(house->db, page_in, &page));
        for (size_t i = 0; i < page.count; i++) {
            page.after = page.rows[i].sha256;
            page.has_after = true;
            out->images++;
            out->bytes += page.rows[i].size;
            err_t error = check_one(house->blobs, &page.rows[i], out->reads_all);
            if (error.code != ERR_OK) {
                out->wrong++;
                printf("  PROBLEM  firmware: %s\n", error.detail);
            }
        }
    } while (page.count == STEP);
    return OK;
}
