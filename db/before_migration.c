/* The way back from a migration: a copy of the inventory as it was before, made by the same start that
 * migrates. Called by db_open(). Putting one back is a person's decision (docs/backup.md). */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "db/snapshot_internal.h"

enum { NAME_SIZE = 32 };

/* "0017-20261124T214037Z.db": sorted by name they are sorted by schema, then by time. */
static bool is_copy(const char *name)
{
    static const char form[] = "0000-00000000T000000Z.db";
    for (size_t i = 0; i < sizeof form; i++) {
        bool fits = form[i] == '0' ? name[i] >= '0' && name[i] <= '9' : name[i] == form[i];
        if (!fits) {
            return false;
        }
    }
    return true;
}

static void copy_name(int64_t schema, int64_t now_ms, char out[NAME_SIZE])
{
    time_t seconds = (time_t)(now_ms / 1000);
    struct tm t = {0};
    char stamp[20] = "";
    (void)gmtime_r(&seconds, &t);
    (void)strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", &t);
    (void)snprintf(out, NAME_SIZE, "%04lld-%s.db", (long long)schema, stamp);
}

/* --- a migration that was cut
 *
 * Each step is a transaction, so a start that is cut leaves a schema between two programs. Its copy is of no
 * use to any of them, and a few such starts would prune the copy that is. So the file MARK tells which copy
 * a migration began with and where it leads: on the way between the two, no other copy is made. It need not
 * be removed: at its end, or when the copy was put back, the schema is not between them any more. */

static const char MARK[] = ".begun";
enum { MARK_SIZE = 64 };

static int64_t schema_of(const char *name)
{
    return strtoll(name, NULL, 10);
}

static err_t mark_write(const char *folder, const char *name, int64_t target)
{
    AUTO(char) *path = NULL;
    char text[MARK_SIZE];
    (void)snprintf(text, sizeof text, "%s %lld\n", name, (long long)target);
    TRY(path_join(folder, MARK, &path));
    return file_write_durable(path, bytes_str(text), 0600);
}

/* "0017-20261124T214037Z.db 36\n" */
static bool mark_read(struct bytes text, char name[NAME_SIZE], int64_t *target)
{
    char copied[MARK_SIZE] = "";
    if (text.n >= sizeof copied) {
        return false;
    }
    memcpy(copied, text.p, text.n);
    char *space = strchr(copied, ' ');
    if (space == NULL || space - copied >= NAME_SIZE) {
        return false;
    }
    *space = '\0';
    (void)snprintf(name, NAME_SIZE, "%s", copied);
    *target = strtoll(space + 1, NULL, 10);
    return is_copy(name);
}

/* Whether this schema is on the way of a migration that was cut, whose copy is there. */
static bool goes_on(const char *folder, int64_t schema, char name[NAME_SIZE])
{
    AUTO_VAL(buf) text = {0};
    AUTO(char) *path = NULL;
    AUTO(char) *copy = NULL;
    int64_t target = 0;
    if (path_join(folder, MARK, &path).code != ERR_OK || file_read(path, MARK_SIZE, &text).code != ERR_OK ||
        !mark_read(buf_view(&text), name, &target) || path_join(folder, name, &copy).code != ERR_OK) {
        return false;
    }
    return schema_of(name) < schema && schema < target && file_exists(copy);
}

/* --- what is kept */

struct kept {
    char newer[BEFORE_MIGRATION_KEPT + 1][8]; /* the schemas of newer copies: "0017" */
    int count;
};

static bool has_newer(const struct kept *kept, const char *name)
{
    for (int i = 0; i < kept->count; i++) {
        if (strncmp(kept->newer[i], name, 4) == 0) {
            return true;
        }
    }
    return false;
}

/* From the newest on: one copy of a schema, and BEFORE_MIGRATION_KEPT schemas. */
static void prune(int folder, struct dirent **names, int count)
{
    struct kept kept = {.count = 0};
    for (int i = count - 1; i >= 0; i--) {
        const char *name = names[i]->d_name;
        if (has_newer(&kept, name) || kept.count == BEFORE_MIGRATION_KEPT) {
            (void)unlinkat(folder, name, 0); /* one too many does no harm */
            continue;
        }
        memcpy(kept.newer[kept.count++], name, 4);
    }
}

static int choose(const struct dirent *entry)
{
    return is_copy(entry->d_name) ? 1 : 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* A copy that a crash left unfinished. */
static void clear_temporaries(DIR *folder)
{
    for (const struct dirent *e = readdir(folder); e != NULL; e = readdir(folder)) {
        if (strncmp(e->d_name, FILE_TEMPORARY, sizeof FILE_TEMPORARY - 1) == 0) {
            (void)unlinkat(dirfd(folder), e->d_name, 0);
        }
    }
}

static err_t tidy(const char *path, bool is_before)
{
    DIR *folder = opendir(path);
    ENSURE(folder != NULL, ERR_IO, "cannot open folder %.100s (%d)", path, errno);
    if (is_before) {
        clear_temporaries(folder);
    } else {
        struct dirent **names = NULL;
        int count = scandir(path, &names, choose, by_name);
        prune(dirfd(folder), names, count);
        for (int i = 0; i < count; i++) {
            free(names[i]);
        }
        free(names);
    }
    (void)closedir(folder);
    return OK;
}

/* --- making one */

static err_t make(struct connection *connection, const char *folder, const char *name)
{
    AUTO(char) *temporary = NULL;
    AUTO(char) *path = NULL;
    TRY(path_join(folder, FILE_TEMPORARY "copy", &temporary));
    TRY(path_join(folder, name, &path));
    TRY(snapshot_of(connection, temporary));
    err_t error = file_move_durable(temporary, path);
    if (error.code != ERR_OK) {
        (void)unlink(temporary);
    }
    return error;
}

err_t before_migration_keep(struct connection *connection, const struct db_options *options,
                            const struct migration_list *list)
{
    char name[NAME_SIZE];
    int64_t schema = 0;
    TRY(migrate_pending(connection, list, &schema));
    if (schema == 0 || options->before_migration == NULL) {
        return OK;
    }
    const char *folder = options->before_migration;
    if (!file_exists(folder)) {
        TRY(folder_make(folder, 0700));
    }
    TRY(tidy(folder, true));
    int64_t target = list->steps[list->count - 1].number;
    if (goes_on(folder, schema, name)) {
        LOG(options->log, LOG_INFO, "migration.goes_on", LOG_STR("folder", folder), LOG_STR("file", name),
            LOG_INT("schema", schema));
        return mark_write(folder, name, target);
    }
    copy_name(schema, clock_now_ms(options->clock), name);
    err_t error = make(connection, folder, name);
    ENSURE(error.code == ERR_OK, error.code, "before the migration: %.130s", error.detail);
    LOG(options->log, LOG_INFO, "migration.copy_kept", LOG_STR("folder", folder), LOG_STR("file", name));
    TRY(tidy(folder, false));
    return mark_write(folder, name, target);
}
