/* One CMP transaction (RFC 9810 §5.2, RFC 9483 §4.1) on OpenSSL's server: verifies the protection under the
 * one key that was pinned and the proof of possession, and makes and signs ip, cp, kup, rp, pkiConf and
 * pollRep.
 * Who may get what is asked of its calls. A transaction that ended in an error is over: whoever kept the
 * request makes a new one and replays it. */
#ifndef WHORL_PKI_CMP_SERVER_H
#define WHORL_PKI_CMP_SERVER_H

#include "pki/cmp_mac.h"
#include "pki/cmp_signer.h"
#include "pki/peer.h"

enum { CMP_TEXT_SIZE = 160 };

enum cmp_verdict { CMP_GRANTED, CMP_WAITING, CMP_REJECTED };

/* What becomes of a request. */
struct cmp_outcome {
    enum cmp_verdict verdict;
    struct buf certificate;    /* DER, of CMP_GRANTED */
    const struct bytes *chain; /* from its issuer up, without the root; lent for the call */
    size_t chain_count;
    enum cmp_failure failure; /* of CMP_REJECTED */
    char text[CMP_TEXT_SIZE];
    int check_after_s; /* of CMP_WAITING */
};
void cmp_outcome_clear(struct cmp_outcome *outcome);
DEFINE_AUTO_VAL(cmp_outcome, cmp_outcome_clear);

/* Asked when protection and possession hold. */
struct cmp_calls {
    void *context;
    /** ir, cr, kur or p10cr. @param[out] out cleared by the caller */
    void (*certify)(void *context, struct cmp_outcome *out);
    /** certConf for the certificate of this transaction. @errors become a CMP error by `failure` */
    err_t (*confirm)(void *context, bool is_accepted, enum cmp_failure *failure);
    /** rr. @param[out] out cleared by the caller; granted, without a certificate: it is revoked */
    void (*revoke)(void *context, struct cmp_outcome *out);
};

struct cmp_server_spec {
    struct cmp_signer *signer;          /* a reference of its own is taken */
    const struct peer_identity *sender; /* of peer_identity_of(): whose key alone protects the messages */
    /* instead: the MAC of every message was verified before, and answers get one; or NULL. Lent as long as
       the transaction */
    const struct cmp_mac_spec *mac;
    bool grants_implicit_confirm;
    const struct random *random;
    int64_t now_ms;
};

struct cmp_server; /* used by one thread at a time */

/** @errors ERR_CRYPTO, ERR_NO_MEMORY @thread worker */
err_t cmp_server_new(const struct cmp_server_spec *spec, struct cmp_server **out);
void cmp_server_free(struct cmp_server *server);
DEFINE_AUTO_PTR(cmp_server, cmp_server_free);

struct cmp_result {
    struct buf der;           /* the signed answer; empty: `failure` and `text` say what the error is */
    enum cmp_failure failure; /* of an error */
    char text[CMP_TEXT_SIZE];
    bool is_verified;          /* the protection held */
    bool is_rejected;          /* the answer is a rejection, by what the calls said */
    bool is_open;              /* certConf or pollReq is to come */
    bool is_waiting;           /* pollReq */
    uint8_t nonce[CMP_ID_MAX]; /* the answer's senderNonce, of an open one */
    size_t nonce_size;
};
void cmp_result_clear(struct cmp_result *result);
DEFINE_AUTO_VAL(cmp_result, cmp_result_clear);

/** Takes one message: ir, cr, kur, p10cr first, then certConf or pollReq; or an rr, which stands alone.
 * @param message of bytes that were read by cmp_header_read() @param[out] out cleared by the caller
 *  @errors ERR_NO_MEMORY, ERR_CRYPTO ours; everything of the sender is told in `out` @thread worker */
err_t cmp_server_take(struct cmp_server *server, const struct cmp_header *message,
                      const struct cmp_calls *calls, struct cmp_result *out);

/** The message without extraCerts, which no protection covers: what is to be kept of it. @param[out] der
 * appended */
err_t cmp_message_put_bare(const struct cmp_header *message, struct buf *der);

/** Whether the protection holds, and no more: of a message that is answered otherwise (genm).
 *  @param[out] out cleared by the caller; is_verified, or `failure` and `text` @errors ERR_NO_MEMORY,
 * ERR_CRYPTO ours @thread worker */
err_t cmp_server_verify(struct cmp_server *server, const struct cmp_header *message, struct cmp_result *out);

/** Puts a new transaction where another one stood when it had answered `message`.
 *  @param outcome what that answer was: granted, or waiting
 *  @param nonce its senderNonce @errors ERR_BAD_ENCODING the message is not what it was @thread worker */
err_t cmp_server_replay(struct cmp_server *server, const struct cmp_header *message,
                        const struct cmp_outcome *outcome, struct bytes nonce);

#endif
