/* One small file out of a SquashFS whose bytes nobody has vouched for yet: libsquashfs reads through a file
 * that counts, so that a table which leads in circles ends, and what it would allocate is bounded before. */
#include <stdlib.h>
#include <string.h>

#include <sqfs/compressor.h>
#include <sqfs/data_reader.h>
#include <sqfs/dir_reader.h>
#include <sqfs/error.h>
#include <sqfs/inode.h>
#include <sqfs/io.h>
#include <sqfs/super.h>

#include "firmware_store/rauc_parts.h"

enum { READS_MAX = 4096, FRAGMENTS_MAX = 65536, SUPER_SIZE = 96 };

/* --- the image as a file of the library ------------------------------------------------------------- */

struct window {
    sqfs_file_t file; /* first: the library knows only this */
    const struct byte_source *bytes;
    int64_t size;
    int reads_left;
    err_t error; /* of the source */
};

static int window_read(sqfs_file_t *file, sqfs_u64 at, void *out, size_t n)
{
    struct window *window = (struct window *)(void *)file;
    if (window->reads_left-- <= 0 || at > (sqfs_u64)window->size || n > (sqfs_u64)window->size - at) {
        return SQFS_ERROR_OUT_OF_BOUNDS;
    }
    window->error = byte_source_read(window->bytes, (int64_t)at, out, n);
    return window->error.code == ERR_OK ? 0 : SQFS_ERROR_IO;
}

static int window_write(sqfs_file_t *file, sqfs_u64 at, const void *in, size_t n)
{
    (void)file;
    (void)at;
    (void)in;
    (void)n;
    return SQFS_ERROR_IO;
}

static sqfs_u64 window_size(const sqfs_file_t *file)
{
    return (sqfs_u64)((const struct window *)(const void *)file)->size;
}

static int window_truncate(sqfs_file_t *file, sqfs_u64 size)
{
    (void)file;
    (void)size;
    return SQFS_ERROR_IO;
}

/* --- what is made on the way ------------------------------------------------------------------------ */

struct volume {
    struct window window;
    sqfs_super_t super;
    sqfs_compressor_t *compressor;
    sqfs_dir_reader_t *folders;
    sqfs_data_reader_t *data;
    sqfs_inode_generic_t *inode;
};

static void volume_clear(struct volume *volume)
{
    if (volume->inode != NULL) {
        sqfs_free(volume->inode);
    }
    if (volume->data != NULL) {
        sqfs_destroy(volume->data);
    }
    if (volume->folders != NULL) {
        sqfs_destroy(volume->folders);
    }
    if (volume->compressor != NULL) {
        sqfs_destroy(volume->compressor);
    }
}
DEFINE_AUTO_VAL(volume, volume_clear);

static const char *reason_of(int error)
{
    switch (error) {
    case SQFS_ERROR_ALLOC:
        return "it wants too much memory";
    case SQFS_ERROR_COMPRESSOR:
        return "a compressed block is broken";
    case SQFS_ERROR_UNSUPPORTED:
        return "its compression is not supported";
    case SQFS_ERROR_NO_ENTRY:
        return "there is no such file";
    case SQFS_ERROR_OUT_OF_BOUNDS:
        return "a table leads outside of it, or in circles";
    default:
        return "it is broken";
    }
}

/* Errors of the source are ours; all others are the image's. */
static err_t judge(const struct image_reading *r, const struct volume *volume, int error, const char *what)
{
    TRY(volume->window.error);
    IMAGE_NEED(error == 0, r, 0, "%s of the bundle's SquashFS cannot be read: %s", what, reason_of(error));
    return OK;
}

static err_t open_volume(const struct image_reading *r, struct volume *volume)
{
    sqfs_compressor_config_t config;
    const sqfs_super_t *super = &volume->super;
    TRY(judge(r, volume, sqfs_super_read(&volume->super, &volume->window.file), "the head"));
    IMAGE_NEED(super->bytes_used >= SUPER_SIZE && super->bytes_used <= (sqfs_u64)volume->window.size, r, 40,
               "the bundle's SquashFS says that it has %llu bytes; the payload has %lld",
               (unsigned long long)super->bytes_used, (long long)volume->window.size);
    IMAGE_NEED(super->fragment_entry_count <= FRAGMENTS_MAX, r, 16,
               "the bundle's SquashFS says that it has %u fragments; %d are possible",
               super->fragment_entry_count, FRAGMENTS_MAX);
    TRY(judge(r, volume,
              sqfs_compressor_config_init(&config, (SQFS_COMPRESSOR)super->compression_id, super->block_size,
                                          SQFS_COMP_FLAG_UNCOMPRESS),
              "the compression"));
    TRY(judge(r, volume, sqfs_compressor_create(&config, &volume->compressor), "the compression"));
    volume->folders = sqfs_dir_reader_create(super, volume->compressor, &volume->window.file, 0);
    volume->data = sqfs_data_reader_create(&volume->window.file, super->block_size, volume->compressor, 0);
    ENSURE(volume->folders != NULL && volume->data != NULL, ERR_NO_MEMORY, "reading a SquashFS");
    return judge(r, volume, sqfs_data_reader_load_fragment_table(volume->data, super), "the fragment table");
}

static err_t read_file(const struct image_reading *r, struct volume *volume, struct buf *out)
{
    sqfs_u64 size = 0;
    TRY(judge(r, volume,
              sqfs_dir_reader_find_by_path(volume->folders, NULL, "manifest.raucm", &volume->inode),
              "manifest.raucm"));
    TRY(judge(r, volume, sqfs_inode_get_file_size(volume->inode, &size), "manifest.raucm"));
    IMAGE_NEED(size > 0 && size <= RAUC_MANIFEST_MAX, r, 0,
               "manifest.raucm in the bundle has %llu bytes; 1 to %d are possible", (unsigned long long)size,
               RAUC_MANIFEST_MAX);
    TRY(buf_reserve(out, (size_t)size));
    sqfs_s32 got = sqfs_data_reader_read(volume->data, volume->inode, 0, out->p + out->n, (sqfs_u32)size);
    TRY(judge(r, volume, got < 0 ? got : 0, "manifest.raucm"));
    IMAGE_NEED((sqfs_u64)got == size, r, 0, "manifest.raucm of the bundle is cut");
    out->n += (size_t)size;
    return OK;
}

err_t rauc_read_squashfs(const struct image_reading *r, int64_t size, struct buf *out)
{
    AUTO_VAL(volume)
    volume = {.window = {.file = {.read_at = window_read,
                                  .write_at = window_write,
                                  .get_size = window_size,
                                  .truncate = window_truncate},
                         .bytes = r->bytes,
                         .size = size,
                         .reads_left = READS_MAX,
                         .error = OK}};
    TRY(open_volume(r, &volume));
    return read_file(r, &volume, out);
}
