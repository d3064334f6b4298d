/* What the server and its signer process say to each other: questions and answers with a head of 16 bytes and
 * counted contents, one question at a time on each channel. The signer process (`whorld signer`) holds the
 * private keys of authorities and of firmware; pki/signer.h, which signs documents with a key of its own in
 * memory, is another matter.
 *
 *   question   size of the rest (4) · id (8) · op (1) · argument (1) · size of the label (1) · 0
 *              label · data
 *   answer     size of the rest (4) · id (8) · code (2) · come again after s (2)
 *              what was asked for, or why not as text
 *
 * All numbers big-endian. What is not of this form ends the connection; nothing is skipped over. */
#ifndef WHORL_PKI_SIGNER_FRAMES_H
#define WHORL_PKI_SIGNER_FRAMES_H

#include "base/bytes.h"

enum {
    SIGNER_HEAD_SIZE = 16,
    SIGNER_LABEL_MAX = 64,
    SIGNER_TEXT_MAX = 128 << 20, /* to be signed: a CRL of three million entries */
    SIGNER_DIGEST_MAX = 64,
    SIGNER_CERTIFICATE_MAX = 16384,
    SIGNER_ANSWER_MAX = 8192
};

enum signer_op {
    SIGNER_PING = 1,
    SIGNER_HAS,      /* → 1 byte: 0 or 1 */
    SIGNER_LOAD,     /* → DER SubjectPublicKeyInfo */
    SIGNER_GENERATE, /* argument: enum key_alg; → as LOAD */
    SIGNER_FORGET,
    SIGNER_BIND,       /* data: the DER certificate of a CA key */
    SIGNER_SIGN_TEXT,  /* data: all that is to be signed; → the signature */
    SIGNER_SIGN_DIGEST /* argument: enum signer_scheme; data: the digest; → the signature */
};

enum signer_scheme {
    SIGNER_ECDSA = 1,        /* of a digest of 32, 48 or 64 bytes; DER form */
    SIGNER_RSA_PSS_SHA256,   /* MGF1 with SHA-256, salt of 32 bytes */
    SIGNER_RSA_PKCS1_SHA256, /* with its DigestInfo */
    SIGNER_RSA_PKCS1_SHA384,
    SIGNER_RSA_PKCS1_SHA512
};

struct signer_question {
    uint64_t id;
    enum signer_op op;
    uint8_t argument;
    char label[SIGNER_LABEL_MAX + 1]; /* "" of a ping; else [a-z0-9-]{1,64} */
    size_t label_size, data_size;
    struct bytes data; /* borrowed from the frame */
};

/** The head of a question whose op, argument, label and data stand. */
void signer_question_head(const struct signer_question *question, uint8_t head[SIGNER_HEAD_SIZE]);
/** Reads a head, so that the size of the rest is known and bounded before any of it is taken: label_size +
 *  data_size. @errors ERR_BAD_ENCODING @thread any, like all here */
err_t signer_question_read(const uint8_t head[SIGNER_HEAD_SIZE], struct signer_question *out);
/** Reads what follows the head. @param rest of the size that the head told @errors ERR_BAD_ENCODING */
err_t signer_question_read_rest(struct bytes rest, struct signer_question *question);

struct signer_answer {
    uint64_t id;
    size_t size;  /* of the rest */
    err_t result; /* its detail comes with the rest */
};
/** The head of an answer. @param size of what follows: of the result's content, or of its detail */
void signer_answer_head(uint64_t id, const err_t *result, size_t size, uint8_t head[SIGNER_HEAD_SIZE]);
/** @errors ERR_BAD_ENCODING, also an answer to another question than `id` */
err_t signer_answer_read(const uint8_t head[SIGNER_HEAD_SIZE], uint64_t id, struct signer_answer *out);
/** What the answer says: nothing for a good one, whose content is `rest`; else its error, in words that may
 * be logged. @errors ERR_BAD_ENCODING its words are no text */
err_t signer_answer_result(const struct signer_answer *answer, struct bytes rest);

#endif
