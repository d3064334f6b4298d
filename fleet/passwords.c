/* Rules of passwords after NIST SP 800-63B §5.1.1.2 (length counts, composition does not), and the gate
 * before their hashing: each takes 19 MiB and some tens of milliseconds of a core. */
#include "fleet/passwords.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/utf8.h"
#include "fleet/internal.h"

enum {
    RUNNING_MAX = 2, /* 38 MiB together */
    WAITING_MAX = 6, /* workers that a flood can hold */
    BUSY_RETRY_S = 2
};

struct password_gate {
    pthread_mutex_t mutex;
    pthread_cond_t is_free;
    int running, waiting;
};

err_t password_gate_new(struct password_gate **out)
{
    *out = calloc(1, sizeof **out);
    ENSURE(*out != NULL, ERR_NO_MEMORY, "the gate of passwords");
    (void)pthread_mutex_init(&(*out)->mutex, NULL);
    (void)pthread_cond_init(&(*out)->is_free, NULL);
    return OK;
}

void password_gate_free(struct password_gate *gate)
{
    if (gate != NULL) {
        (void)pthread_cond_destroy(&gate->is_free);
        (void)pthread_mutex_destroy(&gate->mutex);
        free(gate);
    }
}

static err_t gate_enter(struct password_gate *gate)
{
    bool is_full = false;
    (void)pthread_mutex_lock(&gate->mutex);
    if (gate->running >= RUNNING_MAX) {
        is_full = gate->waiting >= WAITING_MAX;
        gate->waiting += is_full ? 0 : 1;
        while (!is_full && gate->running >= RUNNING_MAX) {
            (void)pthread_cond_wait(&gate->is_free, &gate->mutex);
        }
        gate->waiting -= is_full ? 0 : 1;
    }
    gate->running += is_full ? 0 : 1;
    (void)pthread_mutex_unlock(&gate->mutex);
    if (!is_full) {
        return OK;
    }
    err_t error = ERR(ERR_BUSY, "too many passwords are checked at once");
    error.retry_after_s = BUSY_RETRY_S;
    return error;
}

static void gate_leave(struct password_gate *gate)
{
    (void)pthread_mutex_lock(&gate->mutex);
    gate->running--;
    (void)pthread_cond_signal(&gate->is_free);
    (void)pthread_mutex_unlock(&gate->mutex);
}

err_t password_make(struct fleet *fleet, struct bytes password, char out[PASSWORD_PHC_SIZE])
{
    TRY(gate_enter(fleet->password_gate));
    err_t error = password_hash_make(password, fleet->random, out);
    gate_leave(fleet->password_gate);
    return error;
}

err_t password_check(struct fleet *fleet, struct bytes password, const char *phc, bool *is_same)
{
    char nobody[PASSWORD_PHC_SIZE];
    bool is_nobody = phc[0] == '\0';
    password_hash_nobody(nobody);
    TRY(gate_enter(fleet->password_gate));
    err_t error = password_hash_check(password, is_nobody ? nobody : phc, is_same);
    gate_leave(fleet->password_gate);
    *is_same = *is_same && !is_nobody;
    return error;
}

/* --- rules ------------------------------------------------------------------------------------------ */

/* What lists of stolen passwords begin with, of those that are long enough; lower case. */
static const char *const USUAL[] = {
    "123456789012",
    "1234567890123",
    "12345678901234",
    "123456789012345",
    "1234567890123456",
    "123123123123",
    "012345678901",
    "987654321098",
    "qwertyuiop12",
    "qwertyuiop123",
    "qwertyuiop[]",
    "qwertyuiopasdf",
    "qwertyqwerty",
    "1q2w3e4r5t6y",
    "1qaz2wsx3edc",
    "q1w2e3r4t5y6",
    "asdfghjkl123",
    "zaq12wsxcde3",
    "passwordpassword",
    "password1234",
    "password12345",
    "password123456",
    "password1234567",
    "passw0rd1234",
    "p@ssw0rd1234",
    "administrator",
    "administrator1",
    "adminadminadmin",
    "admin1234567",
    "admin12345678",
    "welcome12345",
    "welcome123456",
    "letmeinletmein",
    "changemechangeme",
    "changeme1234",
    "iloveyou1234",
    "iloveyouiloveyou",
    "abcdefghijkl",
    "abcdefghijklm",
    "abcd1234abcd",
    "abc123abc123",
    "correcthorsebatterystaple",
    "correct horse battery staple",
    "defaultdefault",
    "whorlwhorlwhorl",
    "unknownunknown",
    "trustno1trustno1",
    "superman1234",
    "football1234",
    "sunshine1234",
    "princess1234",
    "monkeymonkey",
    "secretsecret",
    "supersecret1",
    "mypassword12",
    "mypassword123",
    "testtesttest",
    "temporary123",
};

static size_t characters_of(struct bytes text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.n; i++) {
        count += (text.p[i] & 0xc0) != 0x80; /* not a continuation of UTF-8 */
    }
    return count;
}

static bool is_all_one(struct bytes text)
{
    for (size_t i = 1; i < text.n; i++) {
        if (text.p[i] != text.p[0]) {
            return false;
        }
    }
    return true;
}

static bool is_word(struct bytes text, const char *word)
{
    return text.n == strlen(word) && strncasecmp((const char *)text.p, word, text.n) == 0;
}

err_t password_rules(struct bytes password, const char *name, const char *tenant)
{
    ENSURE(utf8_is_valid(password), ERR_UNPROCESSABLE, "a password is UTF-8");
    size_t characters = characters_of(password);
    ENSURE(characters >= PASSWORD_LENGTH_MIN && characters <= PASSWORD_LENGTH_MAX, ERR_UNPROCESSABLE,
           "a password has %d to %d characters", PASSWORD_LENGTH_MIN, PASSWORD_LENGTH_MAX);
    ENSURE(!is_word(password, name) && !is_word(password, tenant), ERR_UNPROCESSABLE,
           "the password is the name of its user or tenant");
    bool is_usual = is_all_one(password);
    for (size_t i = 0; i < sizeof USUAL / sizeof USUAL[0]; i++) {
        is_usual = is_usual || is_word(password, USUAL[i]);
    }
    ENSURE(!is_usual, ERR_UNPROCESSABLE, "the password is one of those that everybody tries first");
    return OK;
}
