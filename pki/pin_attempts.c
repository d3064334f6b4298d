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

/* Takes a word from the front. */
static bool take(struct bytes *text, const char *word)
{
    size_t n = strlen(word);
    if (text->n < n || memcmp(text->p, word, n) != 0) {
        return false;
    }
    *text = (struct bytes){text->p + n, text->n - n};
    return true;
}

/* "right <hex>\n", or "tries 2 wrong <hex>\n", or "tries 2 begun <hex>\n" */
static err_t parse(struct bytes text, struct pin_record *out)
{
    struct bytes hex = text;
    out->is_right = take(&hex, "right ");
    if (!out->is_right) {
        if (!take(&hex, "tries ") || hex.n < 2 || hex.p[0] < '1' || hex.p[0] > '9' || hex.p[1] != ' ') {
            return damaged();
        }
        out->tries = hex.p[0] - '0';
        hex = (struct bytes){hex.p + 2, hex.n - 2};
        out->is_wrong = take(&hex, "wrong ");
        if (!out->is_wrong && !take(&hex, "begun ")) {
            return damaged();
        }
    }
    if (hex.n != HEX_SIZE + 1 || hex.p[HEX_SIZE] != '\n' ||
        hex_decode((struct bytes){hex.p, HEX_SIZE}, out->digest.b, SHA256_SIZE).code != ERR_OK) {
        return damaged();
    }
    return OK;
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
    if (record->tries == 0 && !record->is_right) {
        return pin_attempts_reset(folder);
    }
    TRY(path_join(folder, PIN_ATTEMPTS_FILE, &path));
    TRY(record->is_right
            ? buf_append_str(&text, "right ")
            : buf_printf(&text, "tries %d %s ", record->tries, record->is_wrong ? "wrong" : "begun"));
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

static err_t judge(const struct pin_record *before, bool is_same)
{
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
    struct pin_record *before = &out->before;
    struct sha256 digest;
    TRY(pin_attempts_read(attempts->folder, before));
    TRY(hmac_sha256(attempts->key, pin, &digest));
    bool is_same = (before->tries > 0 || before->is_right) &&
                   bytes_equal_ct(BYTES_OF(before->digest.b), BYTES_OF(digest.b));
    TRY(judge(before, is_same));
    out->now = (struct pin_record){.tries = before->tries + 1, .digest = digest};
    return is_same && before->is_right ? OK : write_record(attempts->folder, &out->now);
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
    struct pin_record after = tried->before;
    if (outcome == PIN_WRONG) {
        after = tried->now;
        after.is_wrong = true;
    } else if (outcome == PIN_RIGHT) {
        after = (struct pin_record){.is_right = true, .digest = tried->now.digest};
    }
    bool is_known = after.is_right && tried->before.is_right &&
                    memcmp(after.digest.b, tried->before.digest.b, SHA256_SIZE) == 0;
    err_t error = is_known && outcome == PIN_RIGHT ? OK : write_record(attempts->folder, &after);
    (void)close(tried->lock); /* and unlocked */
    return error;
}
