/* certConf (RFC 9810 §5.3.18): whether it confirms the certificate that was answered, and what follows.
 * OpenSSL verifies the protection; its server could take the rest only behind the request itself, at the cost
 * of taking and signing that again. */
#include <openssl/err.h>

#include "pki/cmp_answer.h"
#include "pki/cmp_server_internal.h"
#include "pki/der.h"

DEFINE_AUTO(ASN1_OCTET_STRING, ASN1_OCTET_STRING_free);

err_t cmp_server_check(struct cmp_server *server, const struct cmp_header *message)
{
    AUTO_VAL(buf) der = {0};
    AUTO(OSSL_CMP_MSG) *parsed = NULL;
    TRY(cmp_server_parse(server, message, &der, &parsed));
    if (parsed == NULL) {
        return OK;
    }
    if (server->spec.mac != NULL) { /* its MAC was verified before anything else */
        server->result->is_verified = true;
        return OK;
    }
    ERR_clear_error();
    OSSL_CMP_CTX *context = OSSL_CMP_SRV_CTX_get0_cmp_ctx(server->context);
    server->result->is_verified = OSSL_CMP_validate_msg(context, parsed) == 1;
    if (!server->result->is_verified) {
        cmp_server_explain(server);
    }
    openssl_forget_errors();
    return OK;
}

/* It belongs to the answer that is open. */
static bool is_next(struct cmp_server *server, const struct cmp_header *message)
{
    struct cmp_header request;
    enum cmp_failure failure;
    err_t read = cmp_header_read(buf_view(&server->request), &request, &failure);
    if (server->certificate.n == 0 || read.code != ERR_OK) {
        return cmp_server_fail(server, CMP_FAILURE_BAD_REQUEST, "no confirmation was asked for");
    }
    if (!bytes_equal(message->transaction_id, request.transaction_id)) {
        return cmp_server_fail(server, CMP_FAILURE_BAD_REQUEST,
                               "the transactionID is not that of the request");
    }
    if (!bytes_equal(message->recip_nonce, buf_view(&server->nonce))) {
        return cmp_server_fail(server, CMP_FAILURE_BAD_RECIPIENT_NONCE,
                               "recipNonce is not the senderNonce of the last answer");
    }
    return true;
}

/* Which hash a certHash is made with follows from the certificate's signature (RFC 9810 §5.3.18). */
static bool is_hash_of(struct bytes certificate, struct bytes hash)
{
    AUTO(X509) *x509 = NULL;
    err_t error = certificate_decode(certificate, &x509);
    AUTO(ASN1_OCTET_STRING) *own = error.code != ERR_OK ? NULL : X509_digest_sig(x509, NULL, NULL);
    return own != NULL &&
           bytes_equal(hash, (struct bytes){ASN1_STRING_get0_data(own), (size_t)ASN1_STRING_length(own)});
}

/* A list of nothing refuses the certificate. certReqId is 0, as in every request that is taken; a PKCS#10 has
 * none, which clients say by -1. */
static bool is_of_certificate(struct cmp_server *server, const struct cmp_confirmation *confirmation)
{
    if (confirmation->count == 0) {
        return true;
    }
    if (confirmation->id != 0 && confirmation->id != -1) {
        return cmp_server_fail(server, CMP_FAILURE_BAD_REQUEST, "certReqId is not that of the request");
    }
    if (!is_hash_of(buf_view(&server->certificate), confirmation->hash)) {
        return cmp_server_fail(server, CMP_FAILURE_BAD_CERT_ID, "certHash is not that of the certificate");
    }
    return true;
}

static err_t answer(struct cmp_server *server, const struct cmp_header *message)
{
    static const uint8_t null[] = {DER_NULL, 0};
    const struct cmp_answer_spec spec = {.signer = server->spec.signer,
                                         .request = message,
                                         .random = server->spec.random,
                                         .now_ms = server->spec.now_ms,
                                         .mac = server->spec.mac};
    return cmp_answer_sign(&spec, CMP_BODY_PKICONF, BYTES_OF(null), &server->result->der);
}

err_t cmp_server_confirm(struct cmp_server *server, const struct cmp_header *message)
{
    struct cmp_confirmation confirmation;
    enum cmp_failure failure = CMP_FAILURE_BAD_REQUEST;
    err_t form = cmp_confirmation_read(message, &confirmation);
    if (form.code != ERR_OK) {
        (void)cmp_server_fail(server, CMP_FAILURE_BAD_DATA_FORMAT, form.detail);
        return OK;
    }
    TRY(cmp_server_check(server, message));
    if (!server->result->is_verified || !is_next(server, message) ||
        !is_of_certificate(server, &confirmation)) {
        return OK;
    }
    bool is_accepted = confirmation.count > 0 && confirmation.is_accepted;
    err_t error = server->calls->confirm(server->calls->context, is_accepted, &failure);
    if (error.code != ERR_OK) {
        (void)cmp_server_fail(server, failure, error.detail);
        return OK;
    }
    buf_clear(&server->certificate);
    return answer(server, message);
}
