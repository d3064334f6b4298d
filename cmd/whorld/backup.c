/* `whorld backup`: one file that holds an installation as it was at one moment, for operators whose private
 * keys are not on this host. Runs beside the server: the inventory is copied by a reader that no writer waits
 * for, everything else is read from that copy. Of the server's directory it changes nothing but the audit
 * log, at the end. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "cmd/whorld/backup_write.h"
#include "cmd/whorld/commands.h"
#include "cmd/whorld/house.h"
#include "db/audit_chain_rows.h"
#include "db/journal.h"
#include "db/milestone_rows.h"
#include "db/snapshot.h"
#include "fleet/event.h"

enum { PEM_MAX = 65536 };
#define WORK_FOLDER ".backup" /* in the data directory: where the copy of the inventory is made */

struct backup_words {
    const char *dir, *to;
    const char *recipients[ENVELOPE_RECIPIENTS_MAX];
    int recipient_count;
    bool with_keys;
};

struct backup_job {
    const struct backup_words *words;
    struct house house;
    struct signer *signer;
    struct buf pem[ENVELOPE_RECIPIENTS_MAX];
    struct bytes views[ENVELOPE_RECIPIENTS_MAX];
    char *work;  /* DIR/.backup */
    int work_fd; /* locked */
    struct backup_manifest manifest;
    int64_t size; /* of the file */
};

static void clear_work(struct backup_job *job);

static void backup_job_clear(struct backup_job *job)
{
    if (job->work_fd >= 0) {
        clear_work(job);
        (void)rmdir(job->work);
        (void)close(job->work_fd);
    }
    for (int i = 0; i < ENVELOPE_RECIPIENTS_MAX; i++) {
        buf_clear(&job->pem[i]);
    }
    backup_manifest_clear(&job->manifest);
    signer_free(job->signer);
    heap_free(job->work);
    if (job->house.folder != NULL) {
        house_close(&job->house);
    }
}
DEFINE_AUTO_VAL(backup_job, backup_job_clear);

/* --- for whom */

static err_t read_recipients(struct backup_job *job)
{
    for (int i = 0; i < job->words->recipient_count; i++) {
        char name[128];
        const char *path = job->words->recipients[i];
        TRY(file_read(path, PEM_MAX, &job->pem[i]));
        job->views[i] = buf_view(&job->pem[i]);
        const struct recipients one = {.pem = &job->views[i], .count = 1};
        AUTO_VAL(buf) trial = {0};
        err_t error = recipient_name(job->views[i], name, sizeof name);
        if (error.code == ERR_OK) {
            error = envelope_seal(BYTES_OF("x"), &one, &trial);
        }
        ENSURE(error.code == ERR_OK, error.code, "--recipient %.60s: %.90s", path, error.detail);
    }
    return OK;
}

/* --- what is needed of the directory */

/* The passphrase beside the keys would travel with the keys in the backups of the whole machine, if not in
 * this one. */
static err_t open_signer(struct backup_job *job)
{
    struct house *house = &job->house;
    AUTO_VAL(secret) passphrase = {.bytes = {0}};
    AUTO(char) *keys = NULL;
    bool is_embedded = false;
    TRY(passphrase_read(house->folder, &house->config, &passphrase, &is_embedded));
    ENSURE(!(is_embedded && job->words->with_keys), ERR_FORBIDDEN,
           "--with-keys: the passphrase of the CA keys lies beside them (keys/passphrase), and would travel "
           "with them;"
           " set ca_passphrase_file first");
    TRY(house_path(house, HOUSE_KEYS, &keys));
    TRY(keystore_open_settings(keys, &house->config, buf_view(&passphrase.bytes), &house->keystore));
    TRY(house_load_default(house, AUTHORITY_ROOT, &house->root));
    TRY(house_load_default(house, AUTHORITY_INFRASTRUCTURE, &house->infrastructure));
    const struct signer_spec spec = {.random = random_system(),
                                     .now_ms = clock_now_ms(clock_system()),
                                     .publication = {.public_url = house->config.public_url}};
    return signer_new(house->infrastructure, &spec, &job->signer);
}

static void clear_work(struct backup_job *job)
{
    DIR *folder = opendir(job->work);
    if (folder == NULL) {
        return;
    }
    for (const struct dirent *e = readdir(folder); e != NULL; e = readdir(folder)) {
        (void)unlinkat(dirfd(folder), e->d_name, 0);
    }
    (void)closedir(folder);
}

/* One backup at a time; what a killed one left is cleared away. */
static err_t take_work(struct backup_job *job)
{
    TRY(house_path(&job->house, WORK_FOLDER, &job->work));
    ENSURE(mkdir(job->work, 0700) == 0 || errno == EEXIST, errno == ENOSPC ? ERR_DISK_FULL : ERR_IO,
           "cannot make %.100s (%d)", job->work, errno);
    int fd = open(job->work, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    ENSURE(fd >= 0, ERR_IO, "cannot open %.100s (%d)", job->work, errno);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        (void)close(fd);
        return ERR(ERR_CONFLICT, "another backup of %.100s is being made", job->house.folder);
    }
    job->work_fd = fd;
    clear_work(job);
    return OK;
}

/* --- the manifest */

static err_t add_head(const struct audit_end *end, void *arg)
{
    char node[UUID_TEXT_SIZE];
    AUTO(json_t) *item = json_object();
    uuid_format(end->node, node);
    TRY(json_set_text(item, "node", node));
    TRY(json_set_int(item, "epoch", end->epoch));
    TRY(json_set_int(item, "lane", end->lane));
    TRY(json_set_int(item, "seq", end->seq));
    TRY(json_set_hex(item, "hash", BYTES_OF(end->hash.b)));
    ENSURE(json_array_append_new(arg, TAKE(item)) == 0, ERR_NO_MEMORY, "the audit log's ends");
    return OK;
}

static err_t add_position(const struct journal_position *position, void *arg)
{
    AUTO(json_t) *item = json_object();
    TRY(json_set_text(item, "node", position->node));
    TRY(json_set_int(item, "seq", position->seq));
    TRY(json_set_hex(item, "hash", BYTES_OF(position->hash.b)));
    ENSURE(json_array_append_new(arg, TAKE(item)) == 0, ERR_NO_MEMORY, "the journals' ends");
    return OK;
}

static err_t read_ends(struct db_tx *tx, void *arg)
{
    struct backup_manifest *manifest = arg;
    TRY(audit_ends_list(tx, add_head, manifest->heads));
    return journal_positions(tx, add_position, manifest->journal);
}

static err_t read_copy(struct backup_job *job, const char *copy)
{
    AUTO_PTR(db) *db = NULL;
    struct db_snapshot_facts facts;
    const struct db_options options = {.path = copy,
                                       .node_name = "backup",
                                       .clock = clock_system(),
                                       .random = random_system(),
                                       .log = job->house.log,
                                       .read_connections = 1,
                                       .is_read_only = true};
    TRY(db_snapshot_check(&options, &facts));
    TRY(db_open(&options, &db));
    job->manifest.schema = facts.schema;
    job->manifest.heads = json_array();
    job->manifest.journal = json_array();
    ENSURE(job->manifest.heads != NULL && job->manifest.journal != NULL, ERR_NO_MEMORY, "a manifest");
    return db_read(db, read_ends, &job->manifest);
}

static err_t take_moment(struct backup_job *job)
{
    AUTO(char) *inventory = NULL;
    AUTO(char) *copy = NULL;
    TRY(house_path(&job->house, HOUSE_DATABASE, &inventory));
    TRY(path_join(job->work, HOUSE_DATABASE, &copy));
    const struct db_options source = {.path = inventory, .log = job->house.log};
    job->manifest.at_ms = clock_now_ms(clock_system());
    TRY(db_snapshot_make(&source, copy));
    TRY(read_copy(job, copy));
    job->manifest.installation = *authority_spki_sha256(job->house.root);
    job->manifest.has_keys = job->words->with_keys;
    const struct backup_origin origin = {
        .folder = job->house.folder, .snapshot = copy, .with_keys = job->words->with_keys};
    return backup_list_fill(&job->manifest.files, &origin);
}

/* --- the record: who took a copy of everything, and for whom */

static err_t recipients_json(const struct backup_job *job, json_t **out)
{
    AUTO(json_t) *list = json_array();
    *out = NULL;
    for (int i = 0; i < job->words->recipient_count; i++) {
        char name[128];
        TRY(recipient_name(job->views[i], name, sizeof name));
        ENSURE(json_array_append_new(list, json_string(name)) == 0, ERR_NO_MEMORY, "the recipients");
    }
    *out = TAKE(list);
    return OK;
}

static err_t write_record(struct db_tx *tx, void *arg)
{
    const struct backup_job *job = arg;
    AUTO(json_t) *body = json_object();
    AUTO(json_t) *recipients = NULL;
    TRY(recipients_json(job, &recipients));
    TRY(json_set_time(body, "of", job->manifest.at_ms));
    TRY(json_set_int(body, "bytes", job->size));
    TRY(json_set_bool(body, "keys", job->manifest.has_keys));
    TRY(json_take(body, "recipients", TAKE(recipients)));
    const struct event event = {.kind = "backup.made", .result = "ok", .actor = "whorld", .request_id = ""};
    TRY(milestone_rows_reach(tx, MILESTONE_BACKUP));
    return event_append_value(tx, &event, body);
}

static err_t record(struct backup_job *job)
{
    db_close(TAKE(job->house.db)); /* was open for reading */
    TRY(house_open_db(&job->house, HOUSE_ADMIN));
    return db_write(job->house.db, write_record, job);
}

/* --- the whole */

static err_t open_target(const struct backup_words *words, struct file_writer **out)
{
    if (strcmp(words->to, "-") == 0) {
        (void)signal(SIGPIPE, SIG_IGN); /* whoever reads may go: an error like any other */
        return file_writer_on(STDOUT_FILENO, "standard output", out);
    }
    return file_writer_new(words->to, 0600, out);
}

/* The file gets its name last: one that is there is whole, and in the audit log. */
static err_t run(struct backup_job *job)
{
    AUTO_PTR(file_writer) *file = NULL;
    TRY(read_recipients(job));
    TRY(house_open(job->words->dir, HOUSE_READ, &job->house));
    TRY(open_signer(job));
    TRY(open_target(job->words, &file));
    TRY(take_work(job));
    TRY(take_moment(job));
    const struct recipients recipients = {.pem = job->views, .count = (size_t)job->words->recipient_count};
    struct backup_writing writing = {
        .manifest = &job->manifest, .signer = job->signer, .recipients = &recipients, .file = file};
    TRY(backup_write(&writing));
    job->size = writing.size;
    TRY(file_writer_sync(file));
    TRY(record(job));
    return file_writer_commit(file);
}

static void tell(const struct backup_job *job)
{
    char at[32];
    FILE *to = strcmp(job->words->to, "-") == 0 ? stderr : stdout;
    time_format(job->manifest.at_ms, at);
    (void)fprintf(to, "Backed up %s as of %s: %zu files, %" PRId64 " bytes, for %d recipient%s%s.\n",
                  job->words->dir, at, job->manifest.files.count, job->size, job->words->recipient_count,
                  job->words->recipient_count == 1 ? "" : "s",
                  job->manifest.has_keys ? "; with the CA keys (under their passphrase)"
                                         : "; without the CA keys: keep DIR/keys elsewhere");
    if (strcmp(job->house.config.keystore, "pkcs11") == 0) {
        (void)fprintf(to,
                      "The keys in the token \"%s\" are in no backup of this kind: back up the token by its "
                      "own means.\n",
                      job->house.config.pkcs11_token);
    }
}

int command_backup(int argc, char **argv)
{
    struct backup_words words = {.dir = NULL};
    const struct option_spec specs[] = {
        {.name = "dir", .value = &words.dir},
        {.name = "to", .value = &words.to},
        {.name = "recipient",
         .list = words.recipients,
         .list_count = &words.recipient_count,
         .list_max = ENVELOPE_RECIPIENTS_MAX},
        {.name = "with-keys", .flag = &words.with_keys},
    };
    if (!options_read(argc, argv, specs, 4) || words.dir == NULL || words.to == NULL ||
        words.recipient_count == 0) {
        (void)fputs(
            "usage: whorld backup --dir DIR --to FILE|- --recipient CERT.pem [--recipient …] [--with-keys]\n",
            stderr);
        return EXIT_USAGE;
    }
    (void)umask(077);
    AUTO_VAL(backup_job) job = {.words = &words, .work_fd = -1};
    err_t error = run(&job);
    if (error.code != ERR_OK) {
        return fail(error);
    }
    tell(&job);
    return EXIT_OK;
}
