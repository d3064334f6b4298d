/* The outside of a CMP message (RFC 9810 §5.1, RFC 9483 §3): header, which body, protection, extraCerts, read
 * from strict DER without a copy and without OpenSSL, so that everything that can be refused is refused
 * before anything costs. What a body says, and whether the protection is good, is not asked here. */
#ifndef WHORL_PKI_CMP_HEADER_H
#define WHORL_PKI_CMP_HEADER_H

#include "base/bytes.h"

enum {
    CMP_MESSAGE_MAX = 65536, /* bytes */
    CMP_ID_MIN = 16,         /* transactionID and nonces: RFC 9483 §3.1 wants 128 bits */
    CMP_ID_MAX = 64,
    CMP_KID_MAX = 64,
    CMP_EXTRA_CERTS_MAX = 8,
    CMP_INFO_MAX = 16,          /* entries of generalInfo */
    CMP_ITERATIONS_MIN = 100,   /* RFC 4211 §4.4 */
    CMP_ITERATIONS_MAX = 10000, /* what a stranger may make us compute */
    CMP_SALT_MIN = 8,           /* the same section */
    CMP_SALT_MAX = 128
};

/* PKIBody: the number of its choice. */
enum cmp_body {
    CMP_BODY_IR = 0,
    CMP_BODY_IP = 1,
    CMP_BODY_CR = 2,
    CMP_BODY_CP = 3,
    CMP_BODY_P10CR = 4,
    CMP_BODY_KUR = 7,
    CMP_BODY_KUP = 8,
    CMP_BODY_RR = 11,
    CMP_BODY_RP = 12,
    CMP_BODY_PKICONF = 19,
    CMP_BODY_NESTED = 20,
    CMP_BODY_GENM = 21,
    CMP_BODY_GENP = 22,
    CMP_BODY_ERROR = 23,
    CMP_BODY_CERTCONF = 24,
    CMP_BODY_POLLREQ = 25,
    CMP_BODY_POLLREP = 26
};

/* PKIFailureInfo (RFC 9810 §5.2.3): the number of the bit. */
enum cmp_failure {
    CMP_FAILURE_BAD_ALG = 0,
    CMP_FAILURE_BAD_MESSAGE_CHECK = 1,
    CMP_FAILURE_BAD_REQUEST = 2,
    CMP_FAILURE_BAD_TIME = 3,
    CMP_FAILURE_BAD_CERT_ID = 4,
    CMP_FAILURE_BAD_DATA_FORMAT = 5,
    CMP_FAILURE_INCORRECT_DATA = 7,
    CMP_FAILURE_BAD_POP = 9,
    CMP_FAILURE_CERT_REVOKED = 10,
    CMP_FAILURE_CERT_CONFIRMED = 11,
    CMP_FAILURE_WRONG_INTEGRITY = 12,
    CMP_FAILURE_BAD_RECIPIENT_NONCE = 13,
    CMP_FAILURE_BAD_CERT_TEMPLATE = 19,
    CMP_FAILURE_TRANSACTION_ID_IN_USE = 21,
    CMP_FAILURE_UNSUPPORTED_VERSION = 22,
    CMP_FAILURE_NOT_AUTHORIZED = 23,
    CMP_FAILURE_SYSTEM_UNAVAIL = 24,
    CMP_FAILURE_SYSTEM_FAILURE = 25,
    CMP_FAILURE_DUPLICATE_CERT_REQ = 26
};

enum cmp_protection {
    CMP_UNPROTECTED,
    CMP_PBM,    /* passwordBasedMac, RFC 9810 §5.1.3.1 */
    CMP_PBMAC1, /* RFC 9481 §6.1.2, RFC 8018 §7.1 */
    CMP_SIGNED  /* any other algorithm: whoever verifies knows which */
};

enum cmp_hash { CMP_SHA1, CMP_SHA256, CMP_SHA384, CMP_SHA512 };

/* How a MAC's key comes from the code; within the limits above when the header was read. */
struct cmp_mac {
    enum cmp_hash derivation; /* owf of PBM, prf of PBKDF2 */
    enum cmp_hash mac;        /* HMAC with this hash */
    struct bytes salt;
    int32_t iterations;
    int32_t key_size; /* PBMAC1: bytes that PBKDF2 makes. PBM: 0, the hash says */
};

/* Everything borrows from the message; BYTES_NONE where a field is not there. */
struct cmp_header {
    int32_t pvno;
    struct bytes sender, recipient; /* GeneralName, DER */
    struct bytes sender_name;       /* Name, DER: of a directoryName; empty (30 00) when no name is known */
    bool has_time;
    int64_t message_time_ms; /* the device's word; whole seconds */
    enum cmp_protection protection_kind;
    struct bytes protection_alg; /* AlgorithmIdentifier, DER */
    struct cmp_mac mac;          /* of PBM and PBMAC1 */
    struct bytes sender_kid, recip_kid;
    struct bytes transaction_id, sender_nonce, recip_nonce;
    bool has_implicit_confirm;
    struct bytes profile; /* text of certProfile (RFC 9483 §3.1): one UTF8String */
    enum cmp_body body;
    struct bytes body_content;         /* inside the [n] */
    struct bytes header_der, body_der; /* the two parts that the protection covers, one behind the other */
    struct bytes protection;           /* the bits */
    struct bytes extra_certs[CMP_EXTRA_CERTS_MAX];
    size_t extra_count;
};

/** Reads a message's outside. DER in its one form, nothing behind it; a protection exactly where an algorithm
 *  is named; transactionID and senderNonce always there (RFC 9483 §3.1).
 *  @param[out] out on an error what was read until then, so that an answer can repeat the transactionID
 *  @param[out] failure on an error: what a CMP error says of it
 *  @errors ERR_TOO_LARGE, ERR_BAD_ENCODING the form, ERR_UNPROCESSABLE a MAC's algorithm or cost,
 *  ERR_BAD_REQUEST a rule of the protocol; each says in which field @thread any, on the loop too */
err_t cmp_header_read(struct bytes der, struct cmp_header *out, enum cmp_failure *failure);

#endif
