/* `whorld restore`: a new data directory from a backup, complete or not at all; with --verify only the proof
 * that the backup is good. Nothing of an installation that is there is ever replaced. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/encoding.h"
#include "base/file.h"
#include "base/ports.h"
#include "cmd/whorld/commands.h"
#include "cmd/whorld/house.h"
#include "cmd/whorld/restore_place.h"

enum { PEM_MAX = 1 << 20 };

struct restore_words {
    const char *from, *key, *certificate, *passphrase_file, *dir, *keys_from, *ca, *journal;
    bool verify, accepts_rollback;
};

struct restore_job {
    const struct restore_words *words;
    struct secret key, passphrase;
    struct buf certificate, anchors;
    int fd; /* of the backup */
    struct backup_reading reading;
    struct house_brought brought;
};

static void restore_job_clear(struct restore_job *job)
{
    backup_reading_clear(&job->reading);
    secret_clear(&job->key);
    secret_clear(&job->passphrase);
    buf_clear(&job->certificate);
    buf_clear(&job->anchors);
    if (job->fd > STDIN_FILENO) {
        (void)close(job->fd);
    }
}
DEFINE_AUTO_VAL(restore_job, restore_job_clear);

/* --- what the operator brings */

static err_t read_backup(void *context, uint8_t *out, size_t room, size_t *n)
{
    const struct restore_job *job = context;
    *n = 0;
    while (*n < room) {
        ssize_t got = read(job->fd, out + *n, room - *n);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        ENSURE(got >= 0, ERR_IO, "cannot read the backup (%d)", errno);
        if (got == 0) {
            return OK;
        }
        *n += (size_t)got;
    }
    return OK;
}

static err_t read_passphrase(const char *path, struct secret *out)
{
    TRY(file_read(path, PEM_MAX, &out->bytes));
    while (out->bytes.n > 0 &&
           (out->bytes.p[out->bytes.n - 1] == '\n' || out->bytes.p[out->bytes.n - 1] == '\r')) {
        out->bytes.n--;
    }
    return OK;
}

static err_t read_words(struct restore_job *job)
{
    const struct restore_words *words = job->words;
    TRY(file_read(words->key, PEM_MAX, &job->key.bytes));
    TRY(file_read(words->certificate, PEM_MAX, &job->certificate));
    TRY(words->passphrase_file == NULL ? OK : read_passphrase(words->passphrase_file, &job->passphrase));
    TRY(words->ca == NULL ? OK : file_read(words->ca, PEM_MAX, &job->anchors));
    bool is_stdin = strcmp(words->from, "-") == 0;
    job->fd = is_stdin ? STDIN_FILENO : open(words->from, O_RDONLY | O_CLOEXEC);
    ENSURE(job->fd >= 0, ERR_NOT_FOUND, "cannot open %.120s (%d)", words->from, errno);
    return OK;
}

static err_t open_reading(struct restore_job *job)
{
    const struct operator_key operator_key = {.key = buf_view(&job->key.bytes),
                                              .passphrase = buf_view(&job->passphrase.bytes),
                                              .certificate = buf_view(&job->certificate)};
    const struct stream_source source = {.read = read_backup, .context = job};
    return backup_reading_open(&operator_key, &source, buf_view(&job->anchors), &job->reading);
}

/* --- telling */

static void tell_backup(const struct restore_job *job)
{
    const struct backup_manifest *manifest = &job->reading.manifest;
    char at[32];
    char installation[2 * SHA256_SIZE + 1];
    time_format(manifest->at_ms, at);
    hex_encode(BYTES_OF(manifest->installation.b), installation);
    printf("  moment        %s, schema %" PRId64 "\n", at, manifest->schema);
    printf("  files         %zu, %" PRId64 " bytes, %s the CA keys\n", manifest->files.count,
           backup_manifest_size(manifest), manifest->has_keys ? "with" : "without");
    printf("  installation  %s%s\n", installation,
           job->anchors.n > 0 ? ", that of your ca.pem"
                              : "\n                NOT compared with a ca.pem of yours (--ca)");
}

static void tell_times(const struct restore_job *job, int64_t began_ms)
{
    const struct house_brought *brought = &job->brought;
    double lost = (double)(clock_now_ms(clock_system()) - job->reading.manifest.at_ms) / 1000;
    double took = (double)(clock_monotonic_ms(clock_system()) - began_ms) / 1000;
    char last[32];
    const char *here = "only the journal's entries are";
    if (job->words->accepts_rollback) {
        here = "nothing is";
        printf("  journal       not replayed: the rollback was accepted\n");
    } else if (brought->entries == 0) {
        printf("  journal       nothing in it after that moment\n");
    } else {
        time_format(brought->last_at_ms, last);
        printf("  journal       %" PRId64 " entries replayed, the last of %s\n", brought->entries, last);
    }
    printf("  RPO           %.1f s at most: of what was written after that moment %s here\n"
           "  RTO           %.1f s for this restore\n\n",
           lost, here, took);
}

/* --- the two ways */

static err_t keep(struct bytes piece, void *arg)
{
    struct buf *out = arg;
    ENSURE(out->n + piece.n <= PEM_MAX, ERR_UNPROCESSABLE, "the backup's trust anchor is too long");
    return buf_append_bytes(out, piece);
}

/* As far as that goes without a directory: the signature leads to the trust anchor that the backup holds. */
static err_t verify(struct restore_job *job)
{
    AUTO_VAL(buf) anchor = {0};
    TRY(read_words(job));
    TRY(open_reading(job));
    for (size_t i = 0; i < job->reading.manifest.files.count; i++) {
        const struct backup_file *file = &job->reading.manifest.files.files[i];
        bool is_anchor = strcmp(file->name, HOUSE_ANCHOR) == 0;
        TRY(backup_reading_file(&job->reading, file, is_anchor ? keep : NULL, &anchor));
    }
    TRY(backup_reading_end(&job->reading));
    TRY(backup_reading_check(&job->reading, buf_view(&anchor)));
    printf("The backup is whole and opens with this key.\n");
    tell_backup(job);
    return OK;
}

static err_t check_keys(const struct restore_job *job)
{
    bool has_keys = job->reading.manifest.has_keys;
    ENSURE(has_keys || job->words->keys_from != NULL, ERR_UNPROCESSABLE,
           "the backup holds no CA keys: bring the keys folder of the installation with --keys-from");
    ENSURE(!has_keys || job->words->keys_from == NULL, ERR_UNPROCESSABLE,
           "the backup holds the CA keys: leave --keys-from away");
    return OK;
}

static err_t restore(struct restore_job *job)
{
    AUTO_VAL(restore_target) target = {.lock_fd = -1};
    TRY(read_words(job));
    TRY(restore_target_open(job->words->dir, &target));
    TRY(open_reading(job));
    TRY(check_keys(job));
    TRY(restore_place_files(&job->reading, &target));
    TRY(restore_prove(&job->reading, &target));
    TRY(job->words->keys_from == NULL ? OK : restore_place_keys(job->words->keys_from, &target));
    TRY(job->words->journal == NULL ? OK : restore_place_journal(job->words->journal, &target));
    const struct restore_settling settling = {.manifest = &job->reading.manifest,
                                              .accepts_rollback = job->words->accepts_rollback,
                                              .brought = &job->brought};
    TRY(restore_settle(&settling, &target));
    return restore_target_publish(&target);
}

static err_t restore_and_tell(struct restore_job *job)
{
    int64_t began_ms = clock_monotonic_ms(clock_system());
    TRY(restore(job));
    printf("Restored %s\n", job->words->dir);
    tell_backup(job);
    tell_times(job, began_ms);
    printf("Run it:  whorld serve --dir %s\n", job->words->dir);
    return OK;
}

static bool is_complete(const struct restore_words *words)
{
    bool is_named = words->from != NULL && words->key != NULL && words->certificate != NULL;
    bool is_way = words->verify ? words->dir == NULL && words->keys_from == NULL && words->journal == NULL &&
                                      !words->accepts_rollback
                                : words->dir != NULL;
    return is_named && is_way;
}

int command_restore(int argc, char **argv)
{
    struct restore_words words = {.from = NULL};
    const struct option_spec specs[] = {
        {.name = "from", .value = &words.from},
        {.name = "key", .value = &words.key},
        {.name = "key-passphrase-file", .value = &words.passphrase_file},
        {.name = "certificate", .value = &words.certificate},
        {.name = "dir", .value = &words.dir},
        {.name = "keys-from", .value = &words.keys_from},
        {.name = "ca", .value = &words.ca},
        {.name = "journal", .value = &words.journal},
        {.name = "accept-rollback", .flag = &words.accepts_rollback},
        {.name = "verify", .flag = &words.verify},
    };
    if (!options_read(argc, argv, specs, sizeof specs / sizeof specs[0]) || !is_complete(&words)) {
        (void)fputs(
            "usage: whorld restore --from FILE|- --key OPERATOR.key --certificate OPERATOR.pem --dir NEW\n"
            "                      [--ca ca.pem] [--key-passphrase-file FILE] [--keys-from FOLDER]\n"
            "                      [--journal FOLDER] [--accept-rollback]\n"
            "       whorld restore --verify --from FILE|- --key OPERATOR.key --certificate OPERATOR.pem\n",
            stderr);
        return EXIT_USAGE;
    }
    (void)umask(077);
    AUTO_VAL(restore_job) job = {.words = &words, .fd = -1};
    err_t error = words.verify ? verify(&job) : restore_and_tell(&job);
    return error.code == ERR_OK ? EXIT_OK : fail(error);
}
