/* Heads and contents of questions to the signer process and of its answers: written, and read by both ends as
 * if the other were hostile, because either may be the one that was taken over. */
#include "pki/signer_frames.h"

#include <string.h>

#include "base/utf8.h"
#include "pki/key.h"

static void put_number(uint8_t *at, size_t octets, uint64_t value)
{
    for (size_t i = octets; i > 0; i--) {
        at[i - 1] = (uint8_t)value;
        value >>= 8;
    }
}

static uint64_t take_number(const uint8_t *at, size_t octets)
{
    uint64_t value = 0;
    for (size_t i = 0; i < octets; i++) {
        value = (value << 8) | at[i];
    }
    return value;
}

/* --- questions -------------------------------------------------------------------------------------- */

/* How much data an operation takes, and which arguments. */
struct shape {
    bool has_label;
    uint32_t data_min, data_max;
    uint8_t argument_min, argument_max;
};

static const struct shape shapes[] = {
    [SIGNER_PING] = {.has_label = false},
    [SIGNER_HAS] = {.has_label = true},
    [SIGNER_LOAD] = {.has_label = true},
    [SIGNER_GENERATE] = {.has_label = true, .argument_min = KEY_ALG_P256, .argument_max = KEY_ALG_RSA},
    [SIGNER_FORGET] = {.has_label = true},
    [SIGNER_BIND] = {.has_label = true, .data_min = 1, .data_max = SIGNER_CERTIFICATE_MAX},
    [SIGNER_SIGN_TEXT] = {.has_label = true, .data_min = 1, .data_max = SIGNER_TEXT_MAX},
    [SIGNER_SIGN_DIGEST] = {.has_label = true,
                            .data_min = 32,
                            .data_max = SIGNER_DIGEST_MAX,
                            .argument_min = SIGNER_ECDSA,
                            .argument_max = SIGNER_RSA_PKCS1_SHA512},
};
enum { OPS = sizeof shapes / sizeof shapes[0] };

void signer_question_head(const struct signer_question *question, uint8_t head[SIGNER_HEAD_SIZE])
{
    size_t label_size = strlen(question->label);
    put_number(head, 4, label_size + question->data.n);
    put_number(head + 4, 8, question->id);
    head[12] = (uint8_t)question->op;
    head[13] = question->argument;
    head[14] = (uint8_t)label_size;
    head[15] = 0;
}

err_t signer_question_read(const uint8_t head[SIGNER_HEAD_SIZE], struct signer_question *out)
{
    uint64_t size = take_number(head, 4);
    uint8_t op = head[12];
    *out = (struct signer_question){.id = take_number(head + 4, 8), .argument = head[13]};
    ENSURE(op >= SIGNER_PING && op < OPS && head[15] == 0, ERR_BAD_ENCODING, "no question of this protocol");
    const struct shape *shape = &shapes[op];
    out->op = (enum signer_op)op;
    out->label_size = head[14];
    ENSURE(out->label_size <= SIGNER_LABEL_MAX && (out->label_size > 0) == shape->has_label &&
               out->label_size <= size,
           ERR_BAD_ENCODING, "a label of %zu bytes", out->label_size);
    out->data_size = (size_t)size - out->label_size;
    ENSURE(out->data_size >= shape->data_min && out->data_size <= shape->data_max, ERR_BAD_ENCODING,
           "%zu bytes of data for operation %u", out->data_size, op);
    ENSURE(out->argument >= shape->argument_min && out->argument <= shape->argument_max, ERR_BAD_ENCODING,
           "argument %u of operation %u", out->argument, op);
    return OK;
}

static bool is_label_character(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

err_t signer_question_read_rest(struct bytes rest, struct signer_question *question)
{
    ENSURE(rest.n == question->label_size + question->data_size, ERR_BAD_ENCODING, "a question of %zu bytes",
           rest.n);
    for (size_t i = 0; i < question->label_size; i++) {
        ENSURE(is_label_character(rest.p[i]), ERR_BAD_ENCODING, "a label with byte %u", rest.p[i]);
        question->label[i] = (char)rest.p[i];
    }
    question->label[question->label_size] = '\0';
    question->data = question->data_size == 0
                         ? BYTES_NONE
                         : (struct bytes){rest.p + question->label_size, question->data_size};
    return OK;
}

/* --- answers ---------------------------------------------------------------------------------------- */

void signer_answer_head(uint64_t id, const err_t *result, size_t size, uint8_t head[SIGNER_HEAD_SIZE])
{
    put_number(head, 4, size);
    put_number(head + 4, 8, id);
    put_number(head + 12, 2, (uint64_t)result->code);
    put_number(head + 14, 2, (uint64_t)result->retry_after_s);
}

err_t signer_answer_read(const uint8_t head[SIGNER_HEAD_SIZE], uint64_t id, struct signer_answer *out)
{
    *out = (struct signer_answer){.id = take_number(head + 4, 8), .size = (size_t)take_number(head, 4)};
    uint64_t code = take_number(head + 12, 2);
    bool is_error = code != ERR_OK;
    ENSURE(out->id == id, ERR_BAD_ENCODING, "an answer to another question");
    ENSURE(code < ERR_COUNT, ERR_BAD_ENCODING, "code %u", (unsigned)code);
    ENSURE(out->size <= (is_error ? ERR_DETAIL_SIZE - 1 : SIGNER_ANSWER_MAX), ERR_BAD_ENCODING,
           "an answer of %zu bytes", out->size);
    out->result = OK;
    if (is_error) {
        out->result = ERR((err_code)code, "%s", "");
        out->result.retry_after_s = (int)take_number(head + 14, 2);
    }
    return OK;
}

err_t signer_answer_result(const struct signer_answer *answer, struct bytes rest)
{
    err_t result = answer->result;
    ENSURE(rest.n == answer->size, ERR_BAD_ENCODING, "an answer of %zu bytes", rest.n);
    if (result.code == ERR_OK) {
        return OK;
    }
    if (rest.n == 0) {
        return result;
    }
    ENSURE(rest.n < sizeof result.detail && utf8_is_valid(rest) && memchr(rest.p, 0, rest.n) == NULL,
           ERR_BAD_ENCODING, "an answer whose reason is no text");
    memcpy(result.detail, rest.p, rest.n);
    result.detail[rest.n] = '\0';
    return result;
}
