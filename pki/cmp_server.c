/* The wall around OSSL_CMP_SRV_CTX. What was measured of it on OpenSSL 3.0 and 3.5 and is met here: a context
 * is one transaction; its callbacks see no peer; any error closes it; an error says badRequest whatever it
 * was, so errors are made by cmp_answer.c from what the error queue tells; a certConf that lists nothing (a
 * refusal, RFC 9810 §5.3.18) calls nobody; the protection's certificates are parsed with the message, each at
 * the cost of a signature, so they are left out of it. */
#include "pki/cmp_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "pki/cmp_server_internal.h"
#include "pki/der.h"
#include "pki/peer_internal.h"

DEFINE_AUTO(ASN1_OCTET_STRING, ASN1_OCTET_STRING_free);

void cmp_outcome_clear(struct cmp_outcome *outcome)
{
    buf_clear(&outcome->certificate);
}

void cmp_result_clear(struct cmp_result *result)
{
    buf_clear(&result->der);
}

void cmp_server_free(struct cmp_server *server)
{
    if (server != NULL) {
        OSSL_CMP_SRV_CTX_free(server->context);
        cmp_signer_unref(server->spec.signer);
        buf_clear(&server->request);
        buf_clear(&server->certificate);
        buf_clear(&server->nonce);
        free(server);
    }
}

/* --- what OpenSSL asks ------------------------------------------------------------------------------ */

static OSSL_CMP_PKISI *status_of(const struct cmp_outcome *outcome)
{
    switch (outcome->verdict) {
    case CMP_GRANTED:
        return OSSL_CMP_STATUSINFO_new(OSSL_CMP_PKISTATUS_accepted, 0, NULL);
    case CMP_WAITING:
        return OSSL_CMP_STATUSINFO_new(OSSL_CMP_PKISTATUS_waiting, 0, NULL);
    case CMP_REJECTED:
        return OSSL_CMP_STATUSINFO_new(OSSL_CMP_PKISTATUS_rejection, 1 << (int)outcome->failure,
                                       outcome->text);
    }
    return NULL;
}

static bool grant(struct cmp_server *server, const struct cmp_outcome *outcome, X509 **certificate,
                  STACK_OF(X509) * *chain, STACK_OF(X509) * *ca_pubs)
{
    struct bytes der = buf_view(&outcome->certificate);
    buf_clear(&server->certificate);
    return buf_append_bytes(&server->certificate, der).code == ERR_OK &&
           cmp_signer_carry(server->spec.signer, der, certificate) &&
           cmp_signer_put_chain(server->spec.signer, outcome, chain, ca_pubs);
}

static OSSL_CMP_PKISI *on_request(OSSL_CMP_SRV_CTX *context, const OSSL_CMP_MSG *message, int id,
                                  const OSSL_CRMF_MSG *request, const X509_REQ *pkcs10, X509 **certificate,
                                  STACK_OF(X509) * *chain, STACK_OF(X509) * *ca_pubs)
{
    (void)message, (void)id, (void)request, (void)pkcs10;
    struct cmp_server *server = OSSL_CMP_SRV_CTX_get0_custom_ctx(context);
    AUTO_VAL(cmp_outcome) asked = {.verdict = CMP_REJECTED};
    const struct cmp_outcome *outcome = server->known;
    server->was_asked = true;
    if (outcome == NULL) {
        server->calls->certify(server->calls->context, &asked);
        outcome = &asked;
    }
    server->result->is_waiting = outcome->verdict == CMP_WAITING;
    server->result->is_open = outcome->verdict != CMP_REJECTED;
    server->result->is_rejected = outcome->verdict == CMP_REJECTED;
    if (outcome->verdict == CMP_GRANTED && !grant(server, outcome, certificate, chain, ca_pubs)) {
        return NULL;
    }
    return status_of(outcome);
}

static OSSL_CMP_PKISI *on_revoke(OSSL_CMP_SRV_CTX *context, const OSSL_CMP_MSG *message,
                                 const X509_NAME *issuer, const ASN1_INTEGER *serial)
{
    (void)message, (void)issuer, (void)serial;
    struct cmp_server *server = OSSL_CMP_SRV_CTX_get0_custom_ctx(context);
    AUTO_VAL(cmp_outcome) outcome = {.verdict = CMP_REJECTED};
    server->was_asked = true;
    server->calls->revoke(server->calls->context, &outcome);
    server->result->is_rejected = outcome.verdict == CMP_REJECTED;
    return status_of(&outcome);
}

int cmp_server_fail(struct cmp_server *server, enum cmp_failure failure, const char *text)
{
    server->result->failure = failure;
    (void)snprintf(server->result->text, sizeof server->result->text, "%s", text);
    return 0;
}

/* Asks first: only when there is a certificate the request goes through OpenSSL again. */
static int on_poll(OSSL_CMP_SRV_CTX *context, const OSSL_CMP_MSG *message, int id, OSSL_CMP_MSG **request,
                   int64_t *check_after_s)
{
    (void)message, (void)id;
    struct cmp_server *server = OSSL_CMP_SRV_CTX_get0_custom_ctx(context);
    server->was_asked = true;
    server->calls->certify(server->calls->context, &server->polled);
    *request = NULL;
    *check_after_s = server->polled.check_after_s;
    if (server->polled.verdict == CMP_WAITING) {
        server->result->is_waiting = server->result->is_open = true;
        return 1;
    }
    const uint8_t *der = server->request.p;
    *request = d2i_OSSL_CMP_MSG(NULL, &der, (long)server->request.n);
    server->known = &server->polled;
    return *request != NULL;
}

/* --- life ------------------------------------------------------------------------------------------- */

/* Behind a MAC OpenSSL gets messages without protection, and gives such: it is verified before, and made
 * afterwards. */
static bool set_protection(const struct cmp_server *server, OSSL_CMP_CTX *context, X509 *sender)
{
    if (server->spec.mac == NULL) {
        return OSSL_CMP_CTX_set1_srvCert(context, sender) == 1;
    }
    return OSSL_CMP_SRV_CTX_set_accept_unprotected(server->context, 1) == 1 &&
           OSSL_CMP_CTX_set_option(context, OSSL_CMP_OPT_UNPROTECTED_SEND, 1) == 1;
}

static err_t set_up(const struct cmp_server *server, X509 *sender)
{
    const struct cmp_signer *signer = server->spec.signer;
    OSSL_CMP_CTX *context = OSSL_CMP_SRV_CTX_get0_cmp_ctx(server->context);
    /* its words would go to stderr; what went wrong is in the error queue, which stays as it is then */
    bool is_good = OSSL_CMP_CTX_set_log_verbosity(context, OSSL_CMP_LOG_ALERT) == 1 &&
                   /* first contact: certificates made with any profile that a device's maker liked */
                   OSSL_CMP_CTX_set_option(context, OSSL_CMP_OPT_IGNORE_KEYUSAGE, 1) == 1 &&
                   set_protection(server, context, sender) &&
                   OSSL_CMP_CTX_set1_cert(context, signer->certificate) == 1 &&
                   OSSL_CMP_CTX_set1_pkey(context, signer->key->pkey) == 1 &&
                   OSSL_CMP_CTX_set1_extraCertsOut(context, signer->path) == 1;
    return is_good ? OK : ERR_OPENSSL("preparing a CMP transaction failed");
}

err_t cmp_server_new(const struct cmp_server_spec *spec, struct cmp_server **out)
{
    *out = NULL;
    AUTO_PTR(cmp_server) *server = calloc(1, sizeof *server);
    ENSURE(server != NULL, ERR_NO_MEMORY, "no memory for a CMP transaction");
    server->spec = *spec;
    server->spec.signer = cmp_signer_ref(spec->signer);
    server->spec.sender = NULL; /* lent for this call */
    server->context = OSSL_CMP_SRV_CTX_new(NULL, NULL);
    bool is_made = server->context != NULL &&
                   OSSL_CMP_SRV_CTX_init(server->context, server, on_request, on_revoke, NULL, NULL, NULL,
                                         on_poll) == 1 &&
                   OSSL_CMP_SRV_CTX_set_grant_implicit_confirm(server->context,
                                                               spec->grants_implicit_confirm ? 1 : 0) == 1;
    if (!is_made) {
        return ERR_OPENSSL("making a CMP transaction failed");
    }
    if (spec->mac == NULL) {
        server->sender_alg = spec->sender->certificate.key.alg;
    }
    TRY(set_up(server, spec->mac == NULL ? spec->sender->parsed->x509 : NULL));
    *out = TAKE(server);
    return OK;
}

/* --- a message -------------------------------------------------------------------------------------- */

err_t cmp_message_put_bare(const struct cmp_header *message, struct buf *out)
{
    struct der_writer w = der_writer(out);
    size_t outer = der_open(&w, DER_SEQUENCE);
    der_put_raw(&w, message->header_der);
    der_put_raw(&w, message->body_der);
    if (message->protection.n > 0) {
        size_t protection = der_open(&w, DER_CONTEXT_CONSTRUCTED | 0);
        der_put_bits(&w, message->protection);
        der_close(&w, protection);
    }
    der_close(&w, outer);
    return der_finish(&w);
}

static bool is_request(enum cmp_body body)
{
    return body == CMP_BODY_IR || body == CMP_BODY_CR || body == CMP_BODY_KUR || body == CMP_BODY_P10CR;
}

/* Our own words stand when a call of ours said them. */
void cmp_server_explain(struct cmp_server *server)
{
    enum cmp_failure failure = CMP_FAILURE_BAD_REQUEST;
    const char *text = cmp_reason_take(&failure);
    if (server->result->text[0] == '\0') {
        (void)cmp_server_fail(server, failure, text);
    }
}

/* A message is verified when OpenSSL asked us, or answered otherwise than by an error. */
static err_t take_answer(struct cmp_server *server, OSSL_CMP_MSG *answer)
{
    struct cmp_result *result = server->result;
    bool is_error = answer == NULL || OSSL_CMP_MSG_get_bodytype(answer) == CMP_BODY_ERROR;
    result->is_verified = server->was_asked || !is_error;
    if (is_error) {
        result->is_open = result->is_waiting = false;
        cmp_server_explain(server);
        return OK;
    }
    openssl_forget_errors();
    unsigned char *der = NULL;
    int size = i2d_OSSL_CMP_MSG(answer, &der);
    if (size <= 0) {
        return ERR_OPENSSL("encoding a CMP answer failed");
    }
    err_t error = buf_append(&result->der, der, (size_t)size);
    OPENSSL_free(der);
    return error;
}

/* What the next message has to repeat, and whether there is one. */
static err_t look_at_answer(struct cmp_result *result)
{
    struct cmp_header header;
    enum cmp_failure failure;
    if (result->der.n == 0 || !result->is_open) {
        return OK;
    }
    err_t error = cmp_header_read(buf_view(&result->der), &header, &failure);
    ENSURE(error.code == ERR_OK && header.sender_nonce.n <= sizeof result->nonce, ERR_CRYPTO,
           "an answer of ours is malformed: %s", error.detail);
    result->is_open = !header.has_implicit_confirm;
    result->nonce_size = header.sender_nonce.n;
    (void)memcpy(result->nonce, header.sender_nonce.p, result->nonce_size);
    return OK;
}

err_t cmp_server_parse(struct cmp_server *server, const struct cmp_header *message, struct buf *der,
                       OSSL_CMP_MSG **parsed)
{
    TRY(server->spec.mac != NULL ? cmp_mac_strip(message, der) : cmp_message_put_bare(message, der));
    ERR_clear_error();
    const uint8_t *p = der->p;
    *parsed = d2i_OSSL_CMP_MSG(NULL, &p, (long)der->n);
    if (*parsed == NULL) {
        openssl_forget_errors();
        (void)cmp_server_fail(server, CMP_FAILURE_BAD_DATA_FORMAT, "the message is malformed");
    }
    return OK;
}

/* What is to be confirmed, and under which nonce. */
static err_t await(struct cmp_server *server)
{
    const struct cmp_result *result = server->result;
    if (!result->is_open || result->is_waiting) {
        buf_clear(&server->certificate);
    }
    buf_clear(&server->nonce);
    return buf_append(&server->nonce, result->nonce, result->nonce_size);
}

static err_t process(struct cmp_server *server, const struct cmp_header *message)
{
    AUTO_VAL(buf) bare = {0};
    AUTO(OSSL_CMP_MSG) *parsed = NULL;
    TRY(cmp_server_parse(server, message, &bare, &parsed));
    if (parsed == NULL) {
        return OK;
    }
    AUTO(OSSL_CMP_MSG) *answer = OSSL_CMP_SRV_process_request(server->context, parsed);
    TRY(take_answer(server, answer));
    if (is_request(message->body)) {
        buf_clear(&server->request);
        server->request = bare; /* moves */
        bare = (struct buf){0};
    }
    TRY(look_at_answer(server->result));
    return await(server);
}

/* A signature of a kind that is not taken in certificates is not taken here either (SHA-1). */
static bool is_algorithm_taken(struct cmp_server *server, const struct cmp_header *message)
{
    const char *refusal = message->protection_kind == CMP_SIGNED
                              ? signature_refusal(message->protection_alg, server->sender_alg)
                              : NULL;
    if (refusal != NULL) {
        (void)cmp_server_fail(server, CMP_FAILURE_BAD_ALG, refusal);
    }
    return refusal == NULL;
}

/* What OpenSSL answered behind a MAC gets its own. */
static err_t process_and_protect(struct cmp_server *server, const struct cmp_header *message)
{
    struct buf *der = &server->result->der;
    TRY(process(server, message));
    if (server->spec.mac == NULL || der->n == 0) {
        return OK;
    }
    AUTO_VAL(buf) bare = *der;
    *der = (struct buf){0};
    return cmp_mac_protect(server->spec.mac, buf_view(&bare), der);
}

err_t cmp_server_take(struct cmp_server *server, const struct cmp_header *message,
                      const struct cmp_calls *calls, struct cmp_result *out)
{
    err_t error = OK;
    server->calls = calls;
    server->result = out;
    server->known = NULL;
    server->was_asked = false;
    if (is_algorithm_taken(server, message)) {
        error = message->body == CMP_BODY_CERTCONF ? cmp_server_confirm(server, message)
                                                   : process_and_protect(server, message);
    }
    cmp_outcome_clear(&server->polled);
    server->polled = (struct cmp_outcome){.verdict = CMP_REJECTED};
    server->known = NULL;
    server->calls = NULL;
    server->result = NULL;
    return error;
}

err_t cmp_server_verify(struct cmp_server *server, const struct cmp_header *message, struct cmp_result *out)
{
    err_t error = OK;
    server->result = out;
    if (is_algorithm_taken(server, message)) {
        error = cmp_server_check(server, message);
    }
    server->result = NULL;
    return error;
}

/* pollReq is OpenSSL's, so it has to see what it answered; a certConf is not. */
static err_t replay_waiting(struct cmp_server *server, const struct cmp_header *message,
                            const struct cmp_outcome *outcome)
{
    AUTO_VAL(cmp_result) result = {0};
    server->result = &result;
    server->known = outcome;
    err_t error = process(server, message);
    server->result = NULL;
    server->known = NULL;
    TRY(error);
    ENSURE(result.der.n > 0, ERR_BAD_ENCODING, "a kept request is not taken again: %s", result.text);
    return OK;
}

err_t cmp_server_replay(struct cmp_server *server, const struct cmp_header *message,
                        const struct cmp_outcome *outcome, struct bytes nonce)
{
    if (outcome->verdict == CMP_GRANTED) {
        TRY(cmp_message_put_bare(message, &server->request));
        TRY(buf_append_bytes(&server->nonce, nonce));
        return buf_append_bytes(&server->certificate, buf_view(&outcome->certificate));
    }
    TRY(replay_waiting(server, message, outcome));
    AUTO(ASN1_OCTET_STRING) *sent = ASN1_OCTET_STRING_new();
    OSSL_CMP_CTX *context = OSSL_CMP_SRV_CTX_get0_cmp_ctx(server->context);
    if (sent == NULL || ASN1_OCTET_STRING_set(sent, nonce.p, (int)nonce.n) != 1 ||
        OSSL_CMP_CTX_set1_senderNonce(context, sent) != 1) {
        return ERR_OPENSSL("replaying a CMP request failed");
    }
    return OK;
}
