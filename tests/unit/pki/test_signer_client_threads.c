/* The server's end of the signer process, when that one is killed, stopped, says nonsense or nothing: every
 * question ends in time, with a good answer or with "come again". */
#include "tests/unit/pki/signer_fixture.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

enum { THREADS = 8, MANY_MS = 1500 };

static void pause_ms(int64_t ms)
{
    struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    (void)nanosleep(&pause, NULL);
}

/* The process that this one has started and that still runs; 0: there is none. */
static pid_t find_child(void)
{
    char path[64], text[512];
    pid_t found = 0;
    DIR *proc = opendir("/proc");
    assert_non_null(proc);
    for (const struct dirent *e = readdir(proc); e != NULL; e = readdir(proc)) {
        int pid = atoi(e->d_name);
        (void)snprintf(path, sizeof path, "/proc/%d/stat", pid);
        FILE *file = pid > 0 ? fopen(path, "r") : NULL;
        if (file != NULL) {
            size_t n = fread(text, 1, sizeof text - 1, file);
            text[n] = '\0';
            (void)fclose(file);
            const char *at = strrchr(text, ')');
            char state = 0;
            int parent = 0;
            bool is_read = at != NULL && sscanf(at, ") %c %d", &state, &parent) == 2;
            found = is_read && parent == getpid() && state != 'Z' ? pid : found;
        }
    }
    (void)closedir(proc);
    return found;
}

/* --- many at once ----------------------------------------------------------------------------------- */

struct signing {
    const struct private_key *key;
    EVP_PKEY *public_half;
    int64_t until_ms, longest_ms;
    int good, later, other;
    pthread_t thread;
    char why[ERR_DETAIL_SIZE];
};

static void *sign_many(void *arg)
{
    struct signing *s = arg;
    for (uint32_t i = 0; signer_now_ms() < s->until_ms; i++) {
        char text[32];
        AUTO_VAL(buf) signature = {0};
        int64_t began_ms = signer_now_ms();
        (void)snprintf(text, sizeof text, "%p %u", (void *)s, i);
        err_t error = private_key_sign(s->key, bytes_str(text), &signature);
        int64_t took_ms = signer_now_ms() - began_ms;
        bool is_good = error.code == ERR_OK &&
                       signature_verify(s->public_half, signature_algorithm_of(KEY_ALG_P256), bytes_str(text),
                                        buf_view(&signature), ERR(ERR_CRYPTO, "not good"))
                               .code == ERR_OK;
        s->longest_ms = took_ms > s->longest_ms ? took_ms : s->longest_ms;
        s->good += is_good ? 1 : 0;
        s->later += error.code == ERR_UNAVAILABLE && error.retry_after_s > 0 ? 1 : 0;
        if (!is_good && error.code != ERR_UNAVAILABLE) {
            s->other++;
            (void)snprintf(s->why, sizeof s->why, "%s", error.detail);
        }
    }
    return NULL;
}

static void start_many(struct signing *all, const struct private_key *key, EVP_PKEY *public_half)
{
    for (int i = 0; i < THREADS; i++) {
        all[i] =
            (struct signing){.key = key, .public_half = public_half, .until_ms = signer_now_ms() + MANY_MS};
        assert_int_equal(pthread_create(&all[i].thread, NULL, sign_many, &all[i]), 0);
    }
}

/* What goes on beside signatures: figures are read, and keys are looked for and loaded again. */
struct looking {
    struct keystore *keystore;
    int64_t until_ms;
    int wrong;
    pthread_t thread;
};

static void *look_often(void *arg)
{
    struct looking *l = arg;
    int64_t restarts = 0;
    while (signer_now_ms() < l->until_ms) {
        AUTO_PTR(private_key) *again = NULL;
        struct signer_status status;
        bool is_read = keystore_signer_status(l->keystore, &status);
        l->wrong += is_read && status.restarts >= restarts && status.waiting <= THREADS + 1 ? 0 : 1;
        restarts = status.restarts;
        l->wrong += keystore_has(l->keystore, "fw-1") ? 0 : 1; /* while the process is away: as it was */
        l->wrong += keystore_load(l->keystore, "fw-1", &again).code == ERR_OK ? 0 : 1;
        keystore_signer_probe(l->keystore);
    }
    return NULL;
}

static void killed_at_random_moments_nobody_gets_a_wrong_answer(void **state)
{
    AUTO_VAL(signer_scene) s;
    AUTO_PTR(private_key) *key = NULL;
    AUTO(EVP_PKEY) *public_half = NULL;
    struct signing all[THREADS];
    struct signer_status status;
    int good = 0;
    (void)state;
    signer_scene_init(&s);
    assert_ok(signer_open(&s, "good", 3, 4000));
    assert_ok(keystore_generate(s.keystore, "fw-1", KEY_ALG_P256, &key));
    assert_ok(key_open(buf_view(&key->spki), KEY_ALG_P256, &public_half));
    struct looking looking = {.keystore = s.keystore, .until_ms = signer_now_ms() + MANY_MS};
    start_many(all, key, public_half);
    assert_int_equal(pthread_create(&looking.thread, NULL, look_often, &looking), 0);
    for (int i = 0; i < 4; i++) {
        pause_ms(100 + 61 * i);
        pid_t child = find_child();
        if (child > 0) {
            (void)kill(child, SIGKILL);
        }
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(all[i].thread, NULL), 0);
        assert_string_equal(all[i].why, "");
        assert_int_equal(all[i].other, 0);
        assert_in_range(all[i].longest_ms, 0, 9000);
        good += all[i].good;
    }
    assert_int_equal(pthread_join(looking.thread, NULL), 0);
    assert_int_equal(looking.wrong, 0);
    assert_true(good > THREADS);
    assert_true(keystore_signer_status(s.keystore, &status));
    assert_in_range(status.restarts, 1, 4);
    assert_int_equal(status.waiting, 0);
    AUTO_VAL(buf) signature = {0};
    assert_ok(private_key_sign(key, bytes_str("after all that"), &signature));
}

/* It takes no bytes and gives none: its deadline ends it, and those who wait meanwhile do not wait twice. */
static void stopped_it_is_ended_and_started_again(void **state)
{
    AUTO_VAL(signer_scene) s;
    AUTO_PTR(private_key) *key = NULL;
    AUTO_VAL(buf) signature = {0};
    struct signer_status status;
    (void)state;
    signer_scene_init(&s);
    assert_ok(signer_open(&s, "good", 1, 1500));
    assert_ok(keystore_generate(s.keystore, "fw-1", KEY_ALG_P256, &key));
    pid_t child = find_child();
    assert_true(child > 0);
    assert_int_equal(kill(child, SIGSTOP), 0);
    int64_t began_ms = signer_now_ms();
    err_t error = private_key_sign(key, bytes_str("a text"), &signature);
    assert_error(error, ERR_UNAVAILABLE, "no answer in time");
    assert_in_range(signer_now_ms() - began_ms, 1400, 3500);
    assert_true(error.retry_after_s >= 1);
    assert_ok(private_key_sign(key, bytes_str("a text"), &signature));
    assert_true(keystore_signer_status(s.keystore, &status));
    assert_int_equal(status.restarts, 1);
    assert_int_equal(status.outcomes[SIGNER_UNAVAILABLE], 1);
    assert_true(find_child() != child);
}

/* --- it does not start ------------------------------------------------------------------------------ */

static void what_it_says_at_its_start_is_the_error(void **state)
{
    AUTO_VAL(signer_scene) s;
    (void)state;
    signer_scene_init(&s);
    assert_error(signer_open(&s, "decline", 1, 2000), ERR_FORBIDDEN, "passphrase is wrong");
    assert_null(s.keystore);
    assert_error(signer_open(&s, "dies", 1, 2000), ERR_UNAVAILABLE, "exit 7");
    assert_error(signer_open(&s, "silent", 1, 50), ERR_UNAVAILABLE, "no answer in time");
    assert_int_equal(find_child(), 0); /* none is left, also no zombie that lives */
    const char *const arguments[] = {"/nowhere/whorld", "whorld", NULL};
    const struct signer_settings settings = {
        .arguments = arguments, .threads = 1, .queue = 1, .timeout_ms = 1000, .random = random_system()};
    assert_error(keystore_open_signer(&settings, &s.keystore), ERR_IO, "/nowhere/whorld");
}

/* --- it answers wrongly ----------------------------------------------------------------------------- */

static void nonsense_ends_the_connection_and_never_is_an_answer(void **state)
{
    static const char *const ways[] = {"garbage", "other"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        AUTO_VAL(signer_scene) s;
        AUTO_PTR(private_key) *key = NULL;
        struct signer_status status;
        signer_scene_init(&s);
        assert_ok(signer_open(&s, ways[i], 1, 2000));
        assert_error(keystore_load(s.keystore, "fw-1", &key), ERR_UNAVAILABLE, "");
        assert_null(key);
        assert_false(keystore_has(s.keystore, "fw-1"));
        assert_true(keystore_signer_status(s.keystore, &status));
        assert_int_equal(status.outcomes[SIGNER_ANSWERED], 0);
        assert_true(status.reason[0] != '\0');
    }
}

/* More than may wait are told so at once. */
struct asking {
    struct keystore *keystore;
    int64_t took_ms;
    err_code code;
    pthread_t thread;
};

static void *ask(void *arg)
{
    struct asking *a = arg;
    AUTO_PTR(private_key) *key = NULL;
    int64_t began_ms = signer_now_ms();
    a->code = keystore_load(a->keystore, "fw-1", &key).code;
    a->took_ms = signer_now_ms() - began_ms;
    return NULL;
}

static void only_so_many_wait_for_one_that_hangs(void **state)
{
    enum { ASKERS = 40, QUEUE = 16 };
    AUTO_VAL(signer_scene) s;
    struct asking askers[ASKERS];
    int quick = 0;
    (void)state;
    signer_scene_init(&s);
    assert_ok(signer_open(&s, "hangs", 1, 1500));
    for (int i = 0; i < ASKERS; i++) {
        askers[i] = (struct asking){.keystore = s.keystore};
        assert_int_equal(pthread_create(&askers[i].thread, NULL, ask, &askers[i]), 0);
    }
    for (int i = 0; i < ASKERS; i++) {
        assert_int_equal(pthread_join(askers[i].thread, NULL), 0);
        assert_int_equal(askers[i].code, ERR_UNAVAILABLE);
        assert_in_range(askers[i].took_ms, 0, 3500);
        quick += askers[i].took_ms < 1200 ? 1 : 0;
    }
    assert_true(quick >= ASKERS - QUEUE - 2);
}

/* The server ends: whoever waits for a process that hangs is told so now, and the process is gone at once. */
static void abandoned_it_is_waited_for_no_more(void **state)
{
    AUTO_VAL(signer_scene) s;
    struct asking before = {0};
    struct asking after = {0};
    const struct timespec pause = {.tv_nsec = 100000000};
    (void)state;
    signer_scene_init(&s);
    assert_ok(signer_open(&s, "hangs", 1, 60000));
    before.keystore = after.keystore = s.keystore;
    assert_int_equal(pthread_create(&before.thread, NULL, ask, &before), 0);
    (void)nanosleep(&pause, NULL);
    int64_t began_ms = signer_now_ms();
    keystore_signer_abandon(s.keystore);
    assert_int_equal(pthread_join(before.thread, NULL), 0);
    (void)ask(&after);
    assert_int_equal(before.code, ERR_UNAVAILABLE);
    assert_int_equal(after.code, ERR_UNAVAILABLE);
    keystore_free(TAKE(s.keystore));
    assert_in_range(signer_now_ms() - began_ms, 0, 5000);
    keystore_signer_abandon(NULL);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_at_random_moments_nobody_gets_a_wrong_answer),
        cmocka_unit_test(stopped_it_is_ended_and_started_again),
        cmocka_unit_test(what_it_says_at_its_start_is_the_error),
        cmocka_unit_test(nonsense_ends_the_connection_and_never_is_an_answer),
        cmocka_unit_test(only_so_many_wait_for_one_that_hangs),
        cmocka_unit_test(abandoned_it_is_waited_for_no_more),
    };
    return is_signer_child(argc, argv) ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
