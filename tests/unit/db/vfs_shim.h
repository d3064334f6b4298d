/* A SQLite VFS that passes everything to the real one, and can be told to make each sync slow, to report a
 * full disk at the N-th write, or to fail a sync. Knobs are atomics: tests turn them while the writer runs.
 */
#ifndef TESTS_DB_VFS_SHIM_H
#define TESTS_DB_VFS_SHIM_H

#include <sqlite3.h>
#include <stdatomic.h>
#include <string.h>

#include "tests/unit/db/db_fixture.h"

struct shim {
    sqlite3_vfs vfs;
    sqlite3_vfs *real;
    sqlite3_io_methods methods;
    atomic_int sync_delay_ms;
    atomic_int full_at;                  /* 1: the next write finds the disk full; counts down; 0: never */
    atomic_bool is_full;                 /* every write finds the disk full */
    atomic_bool fails_sync, fails_write; /* every one fails */
    atomic_int syncs, writes;
};

/* The real file follows in the same memory. */
struct shim_file {
    sqlite3_file base;
    struct shim *shim;
    sqlite3_file *real;
};

static inline sqlite3_file *shim_real(sqlite3_file *file)
{
    return ((struct shim_file *)(void *)file)->real;
}
static inline struct shim *shim_of(sqlite3_file *file)
{
    return ((struct shim_file *)(void *)file)->shim;
}

static inline int shim_close(sqlite3_file *f)
{
    return shim_real(f)->pMethods->xClose(shim_real(f));
}
static inline int shim_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
    return shim_real(f)->pMethods->xRead(shim_real(f), p, n, at);
}
static inline int shim_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
    struct shim *shim = shim_of(f);
    atomic_fetch_add(&shim->writes, 1);
    int countdown = atomic_load(&shim->full_at);
    if (countdown > 0) {
        atomic_store(&shim->full_at, countdown - 1);
    }
    if (countdown == 1 || atomic_load(&shim->is_full)) {
        return SQLITE_FULL;
    }
    if (atomic_load(&shim->fails_write)) {
        return SQLITE_IOERR_WRITE;
    }
    return shim_real(f)->pMethods->xWrite(shim_real(f), p, n, at);
}
static inline int shim_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    return shim_real(f)->pMethods->xTruncate(shim_real(f), size);
}
static inline int shim_sync(sqlite3_file *f, int flags)
{
    struct shim *shim = shim_of(f);
    atomic_fetch_add(&shim->syncs, 1);
    if (atomic_load(&shim->sync_delay_ms) > 0) {
        sleep_ms(atomic_load(&shim->sync_delay_ms));
    }
    if (atomic_load(&shim->fails_sync)) {
        return SQLITE_IOERR_FSYNC;
    }
    return shim_real(f)->pMethods->xSync(shim_real(f), flags);
}
static inline int shim_size(sqlite3_file *f, sqlite3_int64 *size)
{
    return shim_real(f)->pMethods->xFileSize(shim_real(f), size);
}
static inline int shim_lock(sqlite3_file *f, int level)
{
    return shim_real(f)->pMethods->xLock(shim_real(f), level);
}
static inline int shim_unlock(sqlite3_file *f, int level)
{
    return shim_real(f)->pMethods->xUnlock(shim_real(f), level);
}
static inline int shim_check_lock(sqlite3_file *f, int *out)
{
    return shim_real(f)->pMethods->xCheckReservedLock(shim_real(f), out);
}
static inline int shim_control(sqlite3_file *f, int op, void *arg)
{
    return shim_real(f)->pMethods->xFileControl(shim_real(f), op, arg);
}
static inline int shim_sector(sqlite3_file *f)
{
    return shim_real(f)->pMethods->xSectorSize(shim_real(f));
}
static inline int shim_device(sqlite3_file *f)
{
    return shim_real(f)->pMethods->xDeviceCharacteristics(shim_real(f));
}
static inline int shim_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **out)
{
    return shim_real(f)->pMethods->xShmMap(shim_real(f), page, size, extend, out);
}
static inline int shim_shm_lock(sqlite3_file *f, int offset, int n, int flags)
{
    return shim_real(f)->pMethods->xShmLock(shim_real(f), offset, n, flags);
}
static inline void shim_shm_barrier(sqlite3_file *f)
{
    shim_real(f)->pMethods->xShmBarrier(shim_real(f));
}
static inline int shim_shm_unmap(sqlite3_file *f, int remove)
{
    return shim_real(f)->pMethods->xShmUnmap(shim_real(f), remove);
}

static inline int shim_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags)
{
    struct shim *shim = vfs->pAppData;
    struct shim_file *f = (struct shim_file *)(void *)file;
    f->shim = shim;
    f->real = (sqlite3_file *)(void *)(f + 1);
    int code = shim->real->xOpen(shim->real, name, f->real, flags, out_flags);
    file->pMethods = code == SQLITE_OK ? &shim->methods : NULL;
    return code;
}

/* The rest of a VFS is the real one's, called with the real one's face. */
static inline int shim_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
    struct shim *shim = vfs->pAppData;
    return shim->real->xDelete(shim->real, name, sync);
}
static inline int shim_access(sqlite3_vfs *vfs, const char *name, int flags, int *out)
{
    struct shim *shim = vfs->pAppData;
    return shim->real->xAccess(shim->real, name, flags, out);
}
static inline int shim_full_path(sqlite3_vfs *vfs, const char *name, int n, char *out)
{
    struct shim *shim = vfs->pAppData;
    return shim->real->xFullPathname(shim->real, name, n, out);
}

/** Registers the shim as "shim" (not the default) and points the fixture's options at it. */
static inline void shim_register(struct shim *shim, struct fixture *f)
{
    memset(shim, 0, sizeof *shim);
    shim->real = sqlite3_vfs_find(NULL);
    assert_non_null(shim->real);
    shim->vfs = *shim->real;
    shim->vfs.pNext = NULL;
    shim->vfs.zName = "shim";
    shim->vfs.pAppData = shim;
    shim->vfs.szOsFile = (int)sizeof(struct shim_file) + shim->real->szOsFile;
    shim->vfs.xOpen = shim_open;
    shim->vfs.xDelete = shim_delete;
    shim->vfs.xAccess = shim_access;
    shim->vfs.xFullPathname = shim_full_path;
    shim->methods = (sqlite3_io_methods){
        2,           shim_close,   shim_read,     shim_write,       shim_truncate,  shim_sync,
        shim_size,   shim_lock,    shim_unlock,   shim_check_lock,  shim_control,   shim_sector,
        shim_device, shim_shm_map, shim_shm_lock, shim_shm_barrier, shim_shm_unmap, NULL,
        NULL};
    assert_int_equal(sqlite3_vfs_register(&shim->vfs, 0), SQLITE_OK);
    f->options.vfs = "shim";
}

static inline void shim_unregister(struct shim *shim)
{
    (void)sqlite3_vfs_unregister(&shim->vfs);
}

#endif
