/* The file is two words and a hash, replaced durably; its folder is locked from the look at it to the token's
 * answer, so that two processes do not both believe that they make the third try. */
#include "pki/pin_attempts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"

enum { FILE_SIZE_MAX = 256, LOCK_TRIES = 200, LOCK_PAUSE_MS = 50, HEX_SIZE = 2 * SHA256_SIZE };

static err_t damaged(void)
{
    return ERR(ERR_FORBIDDEN, "the record of PIN attempts is damaged, so no PIN is tried; look at the token, "
                              "then run `whorld hsm reset-pin-attempts`");
}

/* "tries 2 wrong <hex>\n" */
static err_t parse(struct bytes text, struct pin_record *out)
{
    static const char head[] = "tries ";
    const size_t word_at = sizeof head + 1; /* one digit and a space after it */
    const size_t hash_at = word_at + 6;     /* "wrong " or "begun " */
    bool is_whole = text.n == hash_at + HEX_SIZE + 1 && memcmp(text.p, head, sizeof head - 1) == 0 &&
                    text.p[word_at - 2] >= '1' && text.p[word_at - 2] <= '9' && text.p[word_at - 1] == ' ';
    if (!is_whole) {
        return damaged();
    }
    out->tries = text.p[word_at - 2] - '0';
    out->is_wrong = memcmp(text.p + word_at, "wrong ", 6) == 0;
    if (!out->is_wrong && memcmp(text.p + word_at, "begun ", 6) != 0) {
        return damaged();
    }
    err_t decoded = hex_decode((struct bytes){text.p + hash_at, HEX_SIZE}, out->digest.b, SHA256_SIZE);
    return decoded.code == ERR_OK ? OK : damaged();
}

err_t pin_attempts_read(const char *folder, struct pin_record *out)
{
    AUTO(char) *path = NULL;
    AUTO_VAL(buf) text = {0};
    *out = (struct pin_record){0};
    TRY(path_join(folder, PIN_ATTEMPTS_FILE, &path));
    err_t error = file_read(path, FILE_SIZE_MAX, &text);
    if (error.code == ERR_NOT_FOUND) {
        return OK;
    }
    if (error.code == ERR_TOO_LARGE) {
        return damaged();
    }
    TRY(error);
    return parse(buf_view(&text), out);
}

err_t pin_attempts_reset(const char *folder)
{
    AUTO(char) *path = NULL;
    TRY(path_join(folder, PIN_ATTEMPTS_FILE, &path));
    if (unlink(path) != 0) {
        ENSURE(errno == ENOENT, ERR_IO, "cannot remove %.100s (%d)", path, errno);
        return OK;
    }
    return folder_sync(folder);
}

static err_t write_record(const char *folder, const struct pin_record *record)
{
    AUTO(char) *path = NULL;
    AUTO_VAL(buf) text = {0};
    if (record->tries == 0) {
        return pin_attempts_reset(folder);
    }
    TRY(path_join(folder, PIN_ATTEMPTS_FILE, &path));
    TRY(buf_printf(&text, "tries %d %s ", record->tries, record->is_wrong ? "wrong" : "begun"));
    TRY(hex_append(&text, BYTES_OF(record->digest.b)));
    TRY(buf_append_str(&text, "\n"));
    return file_write_durable(path, buf_view(&text), 0600);
}

/* A login takes a moment, so another process is waited for, within bounds: its token may hang. */
static err_t lock_folder(const char *folder, int *out)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ENSURE(fd >= 0, ERR_IO, "cannot open %.100s (%d)", folder, errno);
    for (int i = 0; i < LOCK_TRIES; i++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
            *out = fd;
            return OK;
        }
        const struct timespec pause = {0, LOCK_PAUSE_MS * 1000000L};
        (void)nanosleep(&pause, NULL);
    }
    (void)close(fd);
    return ERR(ERR_BUSY, "another process is logging in to the token and does not come to an end");
}

static err_t judge(const struct pin_record *before, const struct sha256 *digest)
{
    bool is_same = before->tries > 0 && bytes_equal_ct(BYTES_OF(before->digest.b), BYTES_OF(digest->b));
    ENSURE(before->tries < PIN_ATTEMPTS_MAX, ERR_FORBIDDEN,
           "%d PINs were tried in vain and none is tried any more, or the token locks; find the right one, "
           "then `whorld hsm reset-pin-attempts`",
           before->tries);
    ENSURE(!is_same || !before->is_wrong, ERR_FORBIDDEN,
           "this PIN was wrong and is not tried again; put the right one in its place (%d more can be tried)",
           PIN_ATTEMPTS_MAX - before->tries);
    return OK;
}

static err_t begin_locked(const struct pin_attempts *attempts, struct bytes pin, struct pin_try *out)
{
    struct sha256 digest;
    TRY(pin_attempts_read(attempts->folder, &out->before));
    TRY(hmac_sha256(attempts->key, pin, &digest));
    TRY(judge(&out->before, &digest));
    out->now = (struct pin_record){.tries = out->before.tries + 1, .is_wrong = false, .digest = digest};
    return write_record(attempts->folder, &out->now);
}

err_t pin_try_begin(const struct pin_attempts *attempts, struct bytes pin, struct pin_try *out)
{
    TRY(lock_folder(attempts->folder, &out->lock));
    err_t error = begin_locked(attempts, pin, out);
    if (error.code != ERR_OK) {
        (void)close(out->lock);
    }
    return error;
}

err_t pin_try_end(const struct pin_attempts *attempts, struct pin_try *tried, enum pin_outcome outcome)
{
    struct pin_record after = {0};
    if (outcome == PIN_WRONG) {
        after = tried->now;
        after.is_wrong = true;
    } else if (outcome == PIN_NOT_JUDGED) {
        after = tried->before;
    }
    err_t error = write_record(attempts->folder, &after);
    (void)close(tried->lock); /* and unlocked */
    return error;
}
