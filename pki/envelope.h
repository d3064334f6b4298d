/* A few bytes for operators: CMS EnvelopedData (RFC 5652 §6) that each of them opens with the private key of
 * his certificate, with `openssl cms -decrypt` too. RSA by OAEP with SHA-256, elliptic curves by ECDH with
 * the X9.63 KDF over SHA-256; the content by AES-256-CBC. It does not prove who made it, nor that nobody
 * changed it: whoever opens it checks that with what was inside. */
#ifndef WHORL_PKI_ENVELOPE_H
#define WHORL_PKI_ENVELOPE_H

#include "base/bytes.h"

enum { ENVELOPE_RECIPIENTS_MAX = 16 };

/* For whom; all borrowed during the call. */
struct recipients {
    const struct bytes *pem; /* a certificate each: the first of its text */
    size_t count;            /* 1 … ENVELOPE_RECIPIENTS_MAX */
};

/** @param[out] der appended
 *  @errors ERR_UNPROCESSABLE no certificate, or a key that nothing can be sealed for (RSA under 2048 bits,
 * Ed25519), ERR_CRYPTO @thread any */
err_t envelope_seal(struct bytes content, const struct recipients *recipients, struct buf *der);
/** The subject of a recipient's certificate, for people, cut to fit. @errors ERR_UNPROCESSABLE */
err_t recipient_name(struct bytes pem, char *out, size_t size);

/* Who opens; all borrowed during the call. */
struct operator_key {
    struct bytes key;         /* PEM */
    struct bytes passphrase;  /* of the key; may be empty */
    struct bytes certificate; /* PEM */
};
/** @param out cleared by the caller
 *  @errors ERR_BAD_ENCODING no such structure, ERR_UNPROCESSABLE the key or the certificate cannot be read or
 * do not belong together, ERR_FORBIDDEN it is sealed for others @thread any */
err_t envelope_open(struct bytes der, const struct operator_key *operator_key, struct secret *out);

#endif
