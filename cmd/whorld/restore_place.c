/* What a restore does to its staging folder, in the order of the header. */
#include "cmd/whorld/restore_place.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/file_writer.h"
#include "cmd/whorld/house.h"
#include "db/snapshot.h"
#include "fleet/event.h"

enum { ANCHOR_MAX = 1 << 20, KEY_FILE_MAX = 65536, JOURNAL_FILE_MAX = 1 << 30 };
static const int64_t ROOM_LEFT = 16 << 20; /* for the inventory's WAL, and a server */

/* --- files */

static err_t add_piece(struct bytes piece, void *arg)
{
    return file_writer_add(arg, piece);
}

static err_t place_file(struct backup_reading *reading, const struct backup_file *file,
                        const struct restore_target *target)
{
    AUTO(char) *path = NULL;
    AUTO_PTR(file_writer) *writer = NULL;
    TRY(restore_target_folders(target, file->name));
    TRY(path_join(target->staging, file->name, &path));
    TRY(file_writer_new(path, file->is_secret ? 0600 : 0644, &writer));
    TRY(backup_reading_file(reading, file, add_piece, writer));
    return file_writer_commit(writer); /* syncs it first */
}

err_t restore_place_files(struct backup_reading *reading, const struct restore_target *target)
{
    int64_t room = 0;
    int64_t needed = backup_manifest_size(&reading->manifest) + ROOM_LEFT;
    TRY(folder_room(target->folder, &room));
    ENSURE(room >= needed, ERR_DISK_FULL, "the backup needs %lld MiB in %.80s, and %lld MiB are free",
           (long long)(needed >> 20), target->folder, (long long)(room >> 20));
    for (size_t i = 0; i < reading->manifest.files.count; i++) {
        TRY(place_file(reading, &reading->manifest.files.files[i], target));
    }
    return backup_reading_end(reading);
}

/* --- keys */

static bool is_of_keystore(const char *name)
{
    const char *end = strrchr(name, '.');
    bool is_key = end != NULL &&
                  (strcmp(end, ".key") == 0 || strcmp(end, ".secret") == 0 || strcmp(end, ".token") == 0);
    return name[0] != '.' && (is_key || strcmp(name, "passphrase") == 0);
}

static err_t place_key(const char *from, const char *to, const char *name)
{
    AUTO(char) *source = NULL;
    AUTO(char) *path = NULL;
    AUTO_VAL(secret) content = {.bytes = {0}};
    TRY(path_join(from, name, &source));
    TRY(path_join(to, name, &path));
    TRY(file_read(source, KEY_FILE_MAX, &content.bytes));
    return file_write_durable(path, buf_view(&content.bytes), 0600);
}

static err_t place_each(DIR *folder, const char *from, const char *to)
{
    int count = 0;
    for (const struct dirent *e = readdir(folder); e != NULL; e = readdir(folder)) {
        if (is_of_keystore(e->d_name)) {
            TRY(place_key(from, to, e->d_name));
            count++;
        }
    }
    ENSURE(count > 0, ERR_NOT_FOUND, "--keys-from: no key is in %.100s", from);
    return OK;
}

err_t restore_place_keys(const char *from, const struct restore_target *target)
{
    AUTO(char) *to = NULL;
    TRY(path_join(target->staging, HOUSE_KEYS, &to));
    TRY(folder_make(to, 0700));
    DIR *folder = opendir(from);
    ENSURE(folder != NULL, ERR_NOT_FOUND, "--keys-from: cannot open folder %.100s (%d)", from, errno);
    err_t error = place_each(folder, from, to);
    (void)closedir(folder);
    return error;
}

/* --- the journal */

static err_t place_segment(const char *from, const char *to, const char *name)
{
    AUTO(char) *source = NULL;
    AUTO(char) *path = NULL;
    AUTO_VAL(buf) content = {0};
    TRY(path_join(from, name, &source));
    TRY(path_join(to, name, &path));
    TRY(file_read(source, JOURNAL_FILE_MAX, &content));
    return file_write_durable(path, buf_view(&content), 0600);
}

static err_t place_segments(DIR *folder, const char *from, const char *to)
{
    int count = 0;
    for (const struct dirent *e = readdir(folder); e != NULL; e = readdir(folder)) {
        const char *end = strrchr(e->d_name, '.');
        if (end != NULL && strcmp(end, ".journal") == 0) {
            TRY(place_segment(from, to, e->d_name));
            count++;
        }
    }
    ENSURE(count > 0, ERR_NOT_FOUND, "--journal: no journal is in %.100s", from);
    return OK;
}

static err_t place_all(const char *from, const char *to)
{
    TRY(folder_make(to, 0700));
    DIR *folder = opendir(from);
    ENSURE(folder != NULL, ERR_NOT_FOUND, "--journal: cannot open folder %.100s (%d)", from, errno);
    err_t error = place_segments(folder, from, to);
    (void)closedir(folder);
    return error;
}

static bool is_same_folder(const char *a, const char *b)
{
    struct stat first, second;
    return stat(a, &first) == 0 && stat(b, &second) == 0 && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino;
}

err_t restore_place_journal(const char *from, const struct restore_target *target)
{
    AUTO_VAL(house) house = {.folder = NULL};
    AUTO(char) *to = NULL;
    TRY(house_open_settings(target->staging, &house));
    TRY(house_journal_folder(&house, &to));
    if (is_same_folder(from, to)) {
        return OK; /* it is gone on with where it is */
    }
    size_t n = strlen(target->staging);
    ENSURE(strncmp(to, target->staging, n) == 0 && to[n] == '/', ERR_UNPROCESSABLE,
           "journal_dir of the settings is %.80s: put the journal there, and name it with --journal", to);
    TRY(restore_target_folders(target, to + n + 1));
    return place_all(from, to);
}

/* --- proofs */

err_t restore_prove(const struct backup_reading *reading, const struct restore_target *target)
{
    AUTO(char) *path = NULL;
    AUTO(char) *anchor = NULL;
    AUTO_VAL(buf) pem = {0};
    struct db_snapshot_facts facts;
    TRY(path_join(target->staging, HOUSE_ANCHOR, &anchor));
    TRY(file_read(anchor, ANCHOR_MAX, &pem));
    TRY(backup_reading_check(reading, buf_view(&pem)));
    TRY(path_join(target->staging, HOUSE_DATABASE, &path));
    TRY(db_snapshot_check(&(struct db_options){.path = path}, &facts));
    for (size_t i = 0; i < reading->manifest.files.count; i++) {
        TRY(backup_blob_check(&reading->manifest.files.files[i]));
    }
    ENSURE(facts.schema == reading->manifest.schema, ERR_UNPROCESSABLE,
           "the inventory has schema %lld, the manifest says %lld", (long long)facts.schema,
           (long long)reading->manifest.schema);
    return OK;
}

static err_t write_record(struct db_tx *tx, void *arg)
{
    const struct backup_manifest *manifest = arg;
    AUTO(json_t) *body = json_object();
    TRY(json_set_time(body, "of", manifest->at_ms));
    TRY(json_set_int(body, "schema", manifest->schema));
    const struct event event = {
        .kind = "backup.restored", .result = "ok", .actor = "whorld", .request_id = ""};
    return event_append_value(tx, &event, body);
}

static err_t make_folders(const struct restore_target *target)
{
    static const char *const folders[] = {"firmware"};
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        AUTO(char) *path = NULL;
        TRY(path_join(target->staging, folders[i], &path));
        if (!file_exists(path)) {
            TRY(folder_make(path, 0700));
        }
    }
    return OK;
}

static err_t remove_locks(const struct restore_target *target)
{
    static const char *const locks[] = {HOUSE_DATABASE ".admin.lock", HOUSE_DATABASE ".whorld.lock"};
    for (size_t i = 0; i < sizeof locks / sizeof locks[0]; i++) {
        AUTO(char) *path = NULL;
        TRY(path_join(target->staging, locks[i], &path));
        (void)unlink(path);
    }
    return OK;
}

err_t restore_settle(const struct restore_settling *settling, const struct restore_target *target)
{
    AUTO_VAL(house) house = {.folder = NULL};
    struct backup_manifest manifest = *settling->manifest; /* borrowed: the closure takes no const */
    TRY(make_folders(target));
    TRY(house_bring_restored(target->staging, settling->accepts_rollback, settling->brought));
    TRY(house_open(target->staging, HOUSE_ADMIN, &house));
    TRY(db_write(house.db, write_record, &manifest));
    house_close(&house); /* folds the WAL in: one file is moved up */
    return remove_locks(target);
}
