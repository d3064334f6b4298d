/* OCSP (RFC 6960, 9919, 9654): requests read, answers signed by a delegate of the authority. Requests are
 * read by hand, because the loop does it for every one of them, and answers are written by hand, because
 * OpenSSL stamps them with the time of the system and not with ours. Knows no inventory and no HTTP. */
#ifndef WHORL_PKI_OCSP_H
#define WHORL_PKI_OCSP_H

#include "base/hash.h"
#include "pki/authority.h"

enum {
    OCSP_REQUEST_MAX = 4096, /* bytes */
    OCSP_CERTS_MAX = 16,     /* RFC 9919 §3.1.1 has clients ask for one at a time */
    OCSP_NONCE_MIN = 16,     /* what is shorter binds nothing: RFC 9654 §2.1 lets it be passed over */
    OCSP_NONCE_MAX = 128
};

/* How the issuer is named in a CertID. */
enum ocsp_hash { OCSP_SHA1, OCSP_SHA256, OCSP_OTHER_HASH };

/* A certificate that is asked for; everything borrowed from the request. */
struct ocsp_cert {
    struct bytes id; /* the CertID as it was sent: the answer repeats it */
    enum ocsp_hash hash;
    bool has_null; /* how the parameters of the hash were written: NULL, or left out */
    struct bytes name_hash, key_hash;
    struct bytes serial; /* content of the INTEGER */
};

struct ocsp_request {
    struct ocsp_cert certs[OCSP_CERTS_MAX];
    size_t count;       /* at least 1 */
    struct bytes nonce; /* BYTES_NONE: there is none */
};

/** Reads a request: DER with nothing behind it, version 1, one to OCSP_CERTS_MAX certificates, a nonce of 1
 * to OCSP_NONCE_MAX octets at most once, no critical extension that is not known here. A signature is not
 * looked at (RFC 9919 §3.1.1). @param[out] out borrows from `der`
 *  @errors ERR_BAD_ENCODING with the reason: answered as malformedRequest @thread any */
err_t ocsp_request_read(struct bytes der, struct ocsp_request *out);
/** The serial as our authorities give them: 16 bytes, positive. false: no authority here gave this one. */
bool ocsp_serial(const struct ocsp_cert *cert, uint8_t out[SERIAL_SIZE]);

/* By what an authority is recognised in requests. */
struct ocsp_issuer {
    uint8_t name_sha1[SHA1_SIZE], key_sha1[SHA1_SIZE];
    struct sha256 name_sha256, key_sha256;
};
/** @errors ERR_CRYPTO @thread init */
err_t ocsp_issuer_of(const struct authority *authority, struct ocsp_issuer *out);
/** @thread any */
bool ocsp_issuer_is(const struct ocsp_issuer *issuer, const struct ocsp_cert *cert);

/* Answers without a signature (RFC 6960 §4.2.1). */
enum ocsp_error {
    OCSP_MALFORMED = 1,
    OCSP_INTERNAL = 2,
    OCSP_TRY_LATER = 3,
    OCSP_UNAUTHORIZED = 6 /* this responder cannot speak for the issuer (RFC 9919 §3.2.1) */
};
/** DER, static. @thread any */
struct bytes ocsp_error_answer(enum ocsp_error error);

enum ocsp_status {
    OCSP_GOOD,
    OCSP_REVOKED,
    OCSP_UNKNOWN,
    OCSP_NEVER_ISSUED /* told as revoked since 1970, certificateHold (RFC 6960 §2.2) */
};
struct ocsp_single {
    struct bytes id; /* DER CertID */
    enum ocsp_status status;
    int64_t revoked_at_ms;
    int reason; /* RFC 5280 §5.3.1; 0 is left out */
};
struct ocsp_content {
    const struct ocsp_single *singles;
    size_t count;
    int64_t produced_at_ms, this_update_ms, next_update_ms; /* whole seconds are told */
    struct bytes nonce;                                     /* BYTES_NONE: there is none */
};

/* The delegate of one authority: a key of its own that lives in memory only, and a short-lived certificate
 * under the authority for signing such answers and nothing else, which says that it is not itself to be
 * checked (id-pkix-ocsp-nocheck). Immutable, counted: threads share it. */
struct ocsp_signer;
struct ocsp_signer_spec {
    const struct random *random;
    int64_t now_ms, life_ms;
};
/** @errors ERR_UNAVAILABLE the authority's key is not here, ERR_UNPROCESSABLE the authority is over,
 * ERR_CRYPTO
 * @thread init, worker */
err_t ocsp_signer_new(const struct authority *authority, const struct ocsp_signer_spec *spec,
                      struct ocsp_signer **out);
struct ocsp_signer *ocsp_signer_ref(struct ocsp_signer *signer);
void ocsp_signer_unref(struct ocsp_signer *signer);
DEFINE_AUTO_PTR(ocsp_signer, ocsp_signer_unref);

struct ocsp_signer_facts {
    uint8_t serial[SERIAL_SIZE];
    int64_t not_before_ms, not_after_ms;
};
const struct ocsp_signer_facts *ocsp_signer_facts(const struct ocsp_signer *signer);
/** A whole OCSPResponse, successful, with the signer's certificate; ResponderID is by key (RFC 9919 §3.2.1).
 *  @param[out] der appended @errors ERR_CRYPTO, ERR_INTERNAL no such reason @thread worker */
err_t ocsp_signer_sign(const struct ocsp_signer *signer, const struct ocsp_content *content, struct buf *der);

#endif
