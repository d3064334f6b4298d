/* A channel of the signer process from both ends, with bytes of the other end's choice: what the process does
 * with questions of a server that was taken over, over the whole of its keys, rules and rates; and what the
 * server does with answers of a process that was. The first byte chooses the end; then come pieces, each with
 * its size before it in two bytes, and each on a connection of its own. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "base/utf8.h"
#include "pki/keystore_driver.h"
#include "pki/signer_client_internal.h"
#include "pki/signer_server.h"
#include "tests/fuzz/fuzz.h"

enum { PIECE_MAX = 16384, PIECES_MAX = 16, ANSWERS_MAX = 1 << 17, QUESTION_ID = 7 };

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

/* --- keys: one of each kind, whatever their labels -------------------------------------------------- */

static err_t open_fixed(const char *label, EVP_PKEY **out)
{
    static const uint8_t seed[32] = {1, 2, 3};
    static const uint8_t p256[] = {
        0x30, 0x77, 0x02, 0x01, 0x01, 0x04, 0x20, 0x53, 0x75, 0x58, 0xe4, 0x69, 0x80, 0x47, 0xd1, 0xb4,
        0xc9, 0xe7, 0xc5, 0x44, 0x9b, 0xe6, 0x31, 0xd9, 0xbe, 0xf4, 0x8f, 0x02, 0x7e, 0x44, 0x7a, 0xd8,
        0xdf, 0x19, 0x47, 0xba, 0x47, 0xc3, 0x0d, 0xa0, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d,
        0x03, 0x01, 0x07, 0xa1, 0x44, 0x03, 0x42, 0x00, 0x04, 0x9f, 0x04, 0xa1, 0x57, 0xa8, 0xcb, 0x05,
        0x2a, 0x91, 0x8d, 0xb4, 0xd4, 0x0a, 0x16, 0xe1, 0x6d, 0x90, 0xb6, 0x87, 0x68, 0x4a, 0xe0, 0x4c,
        0x87, 0x43, 0x91, 0x92, 0x4f, 0xb4, 0x11, 0xe8, 0x4a, 0x82, 0x74, 0xf9, 0x48, 0x91, 0x12, 0xfb,
        0xd6, 0x04, 0x69, 0x76, 0x2d, 0x39, 0x98, 0x14, 0x2e, 0xdf, 0xb8, 0x81, 0x3c, 0x1e, 0xe6, 0x04,
        0x0e, 0xf2, 0x83, 0x1a, 0xf5, 0x2a, 0x70, 0xf2, 0xba,
    };
    const unsigned char *at = p256;
    ENSURE(strcmp(label, "ca-x") == 0 || strcmp(label, "fw-1") == 0, ERR_NOT_FOUND, "no such key");
    *out = label[0] == 'f' ? EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof seed)
                           : d2i_AutoPrivateKey(NULL, &at, sizeof p256);
    must(*out != NULL);
    return OK;
}

static err_t fixed_load(void *state, const char *label, EVP_PKEY **out)
{
    (void)state;
    return open_fixed(label, out);
}

static err_t fixed_generate(void *state, const char *label, enum key_alg alg, EVP_PKEY **out)
{
    (void)state;
    (void)label;
    return open_fixed(alg == KEY_ALG_ED25519 ? "fw-1" : "ca-x", out);
}

static bool fixed_has(void *state, const char *label)
{
    (void)state;
    return strcmp(label, "ca-x") == 0 || strcmp(label, "fw-1") == 0;
}

static err_t fixed_forget(void *state, const char *label)
{
    (void)state;
    must(!fixed_has(state, label)); /* none of these was made by this process */
    return OK;
}

static err_t fixed_secret(void *state, const char *label, struct secret *out)
{
    (void)state;
    (void)label;
    (void)out;
    abort(); /* no question asks for one */
}

static void fixed_free(void *state)
{
    (void)state;
}

/* --- connections ------------------------------------------------------------------------------------ */

/* The bytes, and then nothing: the other end is closed. @return our end */
static int connection_with(struct bytes piece, int *theirs)
{
    int fds[2];
    must(signer_stream_pair(fds).code == ERR_OK);
    must(write(fds[0], piece.p, piece.n) == (ssize_t)piece.n);
    must(shutdown(fds[0], SHUT_WR) == 0);
    *theirs = fds[0];
    return fds[1];
}

/* However it was asked, it answers in whole frames of the protocol, and never with a key's private half. */
static void check_answers(int fd)
{
    uint8_t *all = malloc(ANSWERS_MAX);
    must(all != NULL);
    size_t n = 0;
    for (ssize_t got = 1; got > 0 && n<ANSWERS_MAX; n += got> 0 ? (size_t)got : 0) {
        got = recv(fd, all + n, ANSWERS_MAX - n, MSG_DONTWAIT);
    }
    for (size_t at = 0; at < n;) {
        struct signer_answer answer;
        uint64_t id = 0;
        must(n - at >= SIGNER_HEAD_SIZE);
        for (size_t i = 0; i < 8; i++) {
            id = id << 8 | all[at + 4 + i];
        }
        must(signer_answer_read(all + at, id, &answer).code == ERR_OK);
        at += SIGNER_HEAD_SIZE;
        must(n - at >= answer.size);
        err_t result = signer_answer_result(&answer, (struct bytes){all + at, answer.size});
        must(result.code == answer.result.code && result.code != ERR_INTERNAL);
        at += answer.size;
    }
    free(all);
}

static void ask(struct signer_keys *keys, struct bytes piece)
{
    const struct signer_server_options options = {.keys = keys};
    int theirs = -1;
    int ours = connection_with(piece, &theirs);
    err_t error = signer_serve_channel(&options, ours);
    must(error.code == ERR_GONE || error.code == ERR_BAD_ENCODING);
    check_answers(theirs);
    (void)close(ours);
    (void)close(theirs);
}

/* What the server takes from the process: whole and of its form, or the channel is given up. */
static void answer(struct bytes piece)
{
    struct signer_stream stream;
    AUTO_VAL(buf) content = {0};
    err_t result = OK;
    int theirs = -1;
    signer_stream_init(&stream, connection_with(piece, &theirs));
    err_t error = signer_receive(&stream, QUESTION_ID, signer_now_ms() + 60000, &content, &result);
    must(error.code == ERR_OK || error.code == ERR_GONE || error.code == ERR_BAD_ENCODING);
    must(content.n <= SIGNER_ANSWER_MAX && (content.n == 0 || result.code == ERR_OK));
    must(utf8_is_valid(bytes_str(result.detail)) && result.retry_after_s >= 0);
    (void)close(stream.fd);
    (void)close(theirs);
}

static bool take_piece(struct bytes *in, struct bytes *piece)
{
    if (in->n < 2) {
        return false;
    }
    size_t size = ((size_t)in->p[0] << 8 | in->p[1]) % PIECE_MAX;
    size = size > in->n - 2 ? in->n - 2 : size;
    *piece = (struct bytes){in->p + 2, size};
    *in = (struct bytes){in->p + 2 + size, in->n - 2 - size};
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct keystore_driver driver = {.generate = fixed_generate,
                                                  .load = fixed_load,
                                                  .has = fixed_has,
                                                  .forget = fixed_forget,
                                                  .secret = fixed_secret,
                                                  .free = fixed_free};
    struct bytes in = {data + (size > 0), size > 0 ? size - 1 : 0};
    struct bytes piece;
    struct keystore *keystore = NULL;
    struct signer_keys *keys = NULL;
    must(keystore_new(&driver, NULL, &keystore).code == ERR_OK);
    const struct signer_keys_options options = {
        .keystore = keystore,
        .folder = "/nonexistent",
        .rates = {.certificates_per_s = 1, .firmware_per_s = 1, .authorities_per_h = 2}};
    must(signer_keys_new(&options, &keys).code == ERR_OK);
    for (int i = 0; i < PIECES_MAX && take_piece(&in, &piece); i++) {
        if (data[0] % 2 == 0) {
            ask(keys, piece);
        } else {
            answer(piece);
        }
    }
    signer_keys_free(keys);
    keystore_free(keystore);
    return 0;
}
