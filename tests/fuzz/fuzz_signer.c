/* Both ends of the signer process, and what it judges: questions and answers of any bytes, texts of any bytes
 * for a CA key. The first byte chooses. */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "pki/openssl.h"
#include "pki/signer_frames.h"
#include "pki/signer_rules.h"
#include "tests/fuzz/fuzz.h"

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

/* What is read is written again as it was. */
static void question(struct bytes in)
{
    struct signer_question read;
    uint8_t again[SIGNER_HEAD_SIZE];
    if (in.n < SIGNER_HEAD_SIZE || signer_question_read(in.p, &read).code != ERR_OK) {
        return;
    }
    must(read.label_size <= SIGNER_LABEL_MAX && read.data_size <= SIGNER_TEXT_MAX);
    struct bytes rest = {in.p + SIGNER_HEAD_SIZE, in.n - SIGNER_HEAD_SIZE};
    if (signer_question_read_rest(rest, &read).code == ERR_OK) {
        must(strlen(read.label) == read.label_size && read.data.n == read.data_size);
        signer_question_head(&read, again);
        must(memcmp(again, in.p, sizeof again) == 0);
    }
}

static void answer(struct bytes in)
{
    struct signer_answer read;
    if (in.n < SIGNER_HEAD_SIZE || signer_answer_read(in.p, 7, &read).code != ERR_OK) {
        return;
    }
    must(read.id == 7 && read.size <= SIGNER_ANSWER_MAX);
    struct bytes rest = {in.p + SIGNER_HEAD_SIZE, in.n - SIGNER_HEAD_SIZE};
    err_t result = signer_answer_result(&read, rest);
    must(utf8_is_valid(bytes_str(result.detail)));
}

static bool is_inside(struct bytes whole, struct bytes part)
{
    return part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n);
}

/* What passes as a certificate, OpenSSL reads too, once it is signed. */
static void text(struct bytes in)
{
    struct tbs_certificate read;
    enum signer_matter matter;
    const struct signer_judged unbound = {.spki = bytes_str("a key"), .alg = KEY_ALG_P256};
    err_t judged = signer_judge(&unbound, in, &matter);
    must(judged.code == ERR_OK || judged.code == ERR_FORBIDDEN);
    if (tbs_certificate_read(in, &read).code == ERR_OK) {
        must(is_inside(in, read.issuer) && is_inside(in, read.spki) && is_inside(in, read.key_purposes) &&
             is_inside(in, read.ski) && is_inside(in, read.aki));
        struct signer_binding held = {.says = read};
        const struct signer_judged bound = {.binding = &held, .spki = read.spki, .alg = KEY_ALG_P256};
        judged = signer_judge(&bound, in, &matter);
        must(judged.code == ERR_OK || judged.code == ERR_FORBIDDEN);
    }
}

static void certificate(struct bytes in)
{
    AUTO_VAL(signer_binding) held = {.is_root = false};
    err_t error = signer_binding_read(in, bytes_str("a key"), &held);
    must(error.code == ERR_BAD_ENCODING || error.code == ERR_UNPROCESSABLE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const targets[])(struct bytes in) = {question, answer, text, certificate};
    if (size > 0 && data[0] < sizeof targets / sizeof targets[0]) {
        targets[data[0]]((struct bytes){data + 1, size - 1});
    }
    return 0;
}
