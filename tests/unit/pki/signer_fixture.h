/* A signer process for tests: the test program itself, started again as one. How it behaves is its argument:
 *   good      as `whorld signer` does, on files
 *   rated     as good, with rates of one a second
 *   decline   says that its passphrase is wrong
 *   silent    says nothing
 *   dies      ends before it says anything
 *   garbage   can work, it says, and answers with nonsense
 *   other     answers every question with another's id
 *   hangs     can work, it says, and never answers
 *   token     as good, and each second signature fails as a token's that was taken out */
#ifndef WHORL_TESTS_SIGNER_FIXTURE_H
#define WHORL_TESTS_SIGNER_FIXTURE_H

#include "tests/unit/pki/pki_fixture.h"

#include <stdatomic.h>

#include "pki/keystore_signer.h"
#include "pki/signer_process.h"
#include "pki/signer_server.h"
#include "pki/signer_stream.h"

static const char test_passphrase[] = "sixteen bytes or more";

/* --- the process ------------------------------------------------------------------------------------ */

static inline void child_answer(int fd, uint64_t id, struct bytes content)
{
    uint8_t head[SIGNER_HEAD_SIZE];
    struct signer_stream stream;
    err_t good = OK;
    signer_stream_init(&stream, fd);
    signer_answer_head(id, &good, content.n, head);
    const struct bytes parts[] = {BYTES_OF(head), content};
    err_ignore(signer_stream_send(&stream, parts, 2, SIGNER_FOR_EVER)); /* the test sees what came */
}

/* Takes questions on its one channel and answers them wrongly, or not. */
static inline int child_misbehave(const char *how)
{
    struct signer_stream stream;
    signer_stream_init(&stream, SIGNER_FIRST_FD + 1);
    child_answer(SIGNER_FIRST_FD, 0, BYTES_NONE);
    for (;;) {
        uint8_t head[SIGNER_HEAD_SIZE];
        struct signer_question question;
        AUTO_VAL(buf) rest = {0};
        if (signer_stream_take(&stream, head, sizeof head, SIGNER_FOR_EVER).code != ERR_OK ||
            signer_question_read(head, &question).code != ERR_OK ||
            signer_stream_take_buf(&stream, question.label_size + question.data_size, SIGNER_FOR_EVER, &rest)
                    .code != ERR_OK) {
            return 0;
        }
        if (strcmp(how, "garbage") == 0) {
            static const uint8_t nonsense[64] = {0xff, 0xff, 0xff, 0xff, 1, 2, 3};
            (void)!write(SIGNER_FIRST_FD + 1, nonsense, sizeof nonsense);
        } else if (strcmp(how, "other") == 0) {
            child_answer(SIGNER_FIRST_FD + 1, question.id + 1, bytes_str("a signature of somebody else's"));
        }
    }
}

static inline int child_serve(const char *folder, int threads, int64_t per_s)
{
    struct keystore *keystore = NULL;
    struct signer_keys *keys = NULL;
    err_t error = keystore_open_files(folder, bytes_str(test_passphrase), random_system(), &keystore);
    const struct signer_keys_options options = {
        .keystore = keystore,
        .folder = folder,
        .rates = {.certificates_per_s = per_s, .firmware_per_s = per_s, .authorities_per_h = 100}};
    error = error.code == ERR_OK ? signer_keys_new(&options, &keys) : error;
    if (error.code != ERR_OK) {
        signer_decline(SIGNER_FIRST_FD, error);
        return 1;
    }
    const struct signer_server_options server = {
        .first_fd = SIGNER_FIRST_FD, .threads = threads, .keys = keys};
    return signer_serve(&server).code == ERR_OK ? 0 : 1;
}

/** What main() of the test calls first. @return whether this is the process; then it has ended already */
static inline bool is_signer_child(int argc, char **argv)
{
    if (argc != 5 || strcmp(argv[1], "signer") != 0) {
        return false;
    }
    const char *how = argv[2];
    if (strcmp(how, "good") == 0) {
        _exit(child_serve(argv[3], atoi(argv[4]), 100000));
    }
    if (strcmp(how, "rated") == 0) {
        _exit(child_serve(argv[3], atoi(argv[4]), 1));
    }
    if (strcmp(how, "decline") == 0) {
        signer_decline(SIGNER_FIRST_FD, ERR(ERR_FORBIDDEN, "the passphrase is wrong"));
        _exit(1);
    }
    if (strcmp(how, "silent") == 0) {
        (void)pause();
    }
    if (strcmp(how, "dies") == 0) {
        _exit(7);
    }
    _exit(child_misbehave(how));
}

/* --- its client ------------------------------------------------------------------------------------- */

struct signer_scene {
    struct test_folder folder;
    char *keys;
    struct keystore *keystore;
};

static inline err_t signer_open(struct signer_scene *s, const char *how, int threads, int64_t timeout_ms)
{
    char count[8];
    (void)snprintf(count, sizeof count, "%d", threads);
    const char *const arguments[] = {"/proc/self/exe", "test", "signer", how, s->keys, count, NULL};
    const struct signer_settings settings = {.arguments = arguments,
                                             .threads = threads,
                                             .queue = 16,
                                             .timeout_ms = timeout_ms,
                                             .random = random_system()};
    return keystore_open_signer(&settings, &s->keystore);
}

static inline void signer_scene_init(struct signer_scene *s)
{
    *s = (struct signer_scene){.keystore = NULL};
    test_folder_init(&s->folder);
    assert_ok(path_join(s->folder.path, "keys", &s->keys));
    err_t made = folder_make(s->keys, 0700);
    assert_true(made.code == ERR_OK || made.code == ERR_CONFLICT);
}

static inline void signer_scene_clear(struct signer_scene *s)
{
    keystore_free(s->keystore);
    heap_free(s->keys);
    test_folder_clear(&s->folder);
}
DEFINE_AUTO_VAL(signer_scene, signer_scene_clear);

#endif
