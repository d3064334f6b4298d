/* One transaction, for the files that go on with it (cmp_server.c, cmp_confirm.c). */
#ifndef WHORL_PKI_CMP_SERVER_INTERNAL_H
#define WHORL_PKI_CMP_SERVER_INTERNAL_H

#include <openssl/cmp.h>

#include "pki/cmp_request.h"
#include "pki/cmp_server.h"
#include "pki/cmp_signer_internal.h"

DEFINE_AUTO(OSSL_CMP_MSG, OSSL_CMP_MSG_free);

struct cmp_server {
    struct cmp_server_spec spec; /* its signer is referenced */
    OSSL_CMP_SRV_CTX *context;
    enum key_alg sender_alg;
    struct buf request;     /* DER of the request without extraCerts */
    struct buf certificate; /* DER, that was answered; empty: none, or nobody asks for its confirmation */
    struct buf nonce;       /* senderNonce of the answer that has it */
    /* of the message that is taken */
    const struct cmp_calls *calls;
    struct cmp_result *result;
    const struct cmp_outcome *known; /* the answer to a request is known already; NULL: ask */
    struct cmp_outcome polled;
    bool was_asked;
};

/** Says in the result what the error is. @return 0, as OpenSSL's callbacks do */
int cmp_server_fail(struct cmp_server *server, enum cmp_failure failure, const char *text);
/** Says what OpenSSL's error queue tells, where no words of ours stand already. */
void cmp_server_explain(struct cmp_server *server);
/** The message without extraCerts, which no protection covers: parsing them would cost a signature each.
 *  @param[out] der appended @param[out] parsed NULL when OpenSSL does not read it: the result says so */
err_t cmp_server_parse(struct cmp_server *server, const struct cmp_header *message, struct buf *der,
                       OSSL_CMP_MSG **parsed);

/* --- cmp_confirm.c */
/** Lets OpenSSL verify the protection; the result says whether it holds. */
err_t cmp_server_check(struct cmp_server *server, const struct cmp_header *message);
/** Takes a certConf. */
err_t cmp_server_confirm(struct cmp_server *server, const struct cmp_header *message);

#endif
