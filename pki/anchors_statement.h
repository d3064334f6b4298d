/* A statement about the two manifest keys that the devices of a product trust: the signing key, which the
 * server has, and the recovery key, which is kept offline. COSE_Sign1 (pki/cose.h) by the recovery key that
 * is in force; its payload is the array ["whorl-anchors", 1, class id of the product, sequence, signing
 * point, recovery point] (docs/firmware.md). Knows no row. */
#ifndef WHORL_PKI_ANCHORS_STATEMENT_H
#define WHORL_PKI_ANCHORS_STATEMENT_H

#include "base/encoding.h"
#include "base/hash.h"

enum { ANCHORS_POINT_SIZE = 65, ANCHORS_SPKI_SIZE = 91, ANCHORS_STATEMENT_MAX = 512 };

/* A P-256 key as the statement has it, and in the form that everybody else knows it by. */
struct anchor_key {
    uint8_t spki[ANCHORS_SPKI_SIZE]; /* DER; the point is its end */
};

struct anchors_statement {
    struct uuid class_id;
    int64_t sequence;
    struct anchor_key signing, recovery;
};

/** Exactly the profile, or nothing; both points lie on the curve; the signature is not checked.
 *  @errors ERR_BAD_ENCODING, ERR_UNPROCESSABLE a point that is none, or the same key twice @thread any, like
 *  all functions here */
err_t anchors_statement_read(struct bytes in, struct anchors_statement *out);
/** Whether the recovery key `by` signed it. @errors ERR_FORBIDDEN another key, or the signature is not good
 */
err_t anchors_statement_verify(struct bytes in, const struct anchor_key *by);

/** A P-256 public key in PEM. @errors ERR_UNPROCESSABLE */
err_t anchor_key_read(struct bytes pem, struct anchor_key *out);
/** The name of a key: SHA-256 of its SubjectPublicKeyInfo. */
err_t anchor_key_id(const struct anchor_key *key, struct sha256 *out);

/* With what a statement is signed; all borrowed. */
struct recovery_key {
    struct bytes pem;        /* the private key */
    struct bytes passphrase; /* of it; may be empty */
};
/** Makes one, far from any server. @param[out] out appended
 *  @errors ERR_UNPROCESSABLE the private key cannot be read or is none on P-256, ERR_CRYPTO */
err_t anchors_statement_make(const struct anchors_statement *statement, const struct recovery_key *key,
                             struct buf *out);

#endif
