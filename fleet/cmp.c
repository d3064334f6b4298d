/* One CMP message from bytes to answer: cheap refusals, whose key, one transaction, what is kept. The rules
 * of enrolment are not here (cmp_enrol.c asks for them). */
#include "fleet/cmp.h"

#include <stdio.h>

#include "fleet/authorities.h"
#include "fleet/clock_guard.h"
#include "fleet/cmp_internal.h"
#include "pki/cmp_answer.h"

static const struct cmp_calls calls_of_inventory = {
    .certify = cmp_certify, .confirm = cmp_confirm, .revoke = cmp_revoke};

void cmp_case_clear(struct cmp_case *c)
{
    cmp_ground_unref(c->ground);
    peer_identity_clear(&c->peer);
    cmp_code_proof_clear(&c->code);
    authority_chain_clear(&c->chain);
    buf_clear(&c->kept);
    buf_clear(&c->nonce);
    buf_clear(&c->granted);
}

/* --- errors ----------------------------------------------------------------------------------------- */

static err_t answer_error(const struct cmp_case *c, enum cmp_failure failure, const char *text,
                          struct buf *answer)
{
    const struct cmp_answer_spec spec = {.signer = c->ground->signer,
                                         .request = &c->message,
                                         .random = c->fleet->random,
                                         .now_ms = c->now_ms,
                                         .mac = cmp_case_mac(c)};
    return cmp_answer_error(&spec, failure, text, answer);
}

/* Ours are not told in words; everything else is, in a CMP error. */
static err_t answer_err(const struct cmp_case *c, err_t error, enum cmp_failure failure, struct buf *answer)
{
    if (err_status(error.code) >= 500) {
        return error;
    }
    return answer_error(c, failure, error.detail[0] != '\0' ? error.detail : "refused", answer);
}

/* --- whose key -------------------------------------------------------------------------------------- */

/* A code lets a device in, so it protects an ir and what belongs to it, and nothing that a certificate is
 * there for. Until the MAC held, answers are signed: under the code they would tell a guess from the secret.
 */
static err_t identify_by_code(struct cmp_case *c, enum cmp_failure *failure)
{
    enum cmp_body body = c->message.body;
    *failure = CMP_FAILURE_WRONG_INTEGRITY;
    ENSURE(body == CMP_BODY_IR || body == CMP_BODY_CERTCONF || body == CMP_BODY_POLLREQ, ERR_UNAUTHORIZED,
           "the message must be protected by a signature: a MAC is for ir, certConf and pollReq");
    err_t proved = cmp_code_prove(c->fleet, &c->message, c->question->address, &c->code);
    *failure = proved.code == ERR_TOO_MANY ? CMP_FAILURE_SYSTEM_UNAVAIL : CMP_FAILURE_BAD_MESSAGE_CHECK;
    TRY(proved);
    c->is_by_code = true;
    c->mac = (struct cmp_mac_spec){
        .like = &c->message, .code = buf_view(&c->code.code.bytes), .random = c->fleet->random};
    c->key = c->code.name;
    return OK;
}

/* The certificate whose key protects the message is the first of extraCerts (RFC 9483 §3.3), or one that is
 * known here and that senderKID names, or that of the connection. */
static err_t identify(struct cmp_case *c, enum cmp_failure *failure)
{
    const struct cmp_header *m = &c->message;
    const struct peer_identity *shown = c->question->peer;
    AUTO_VAL(buf) known = {0};
    *failure = CMP_FAILURE_WRONG_INTEGRITY;
    ENSURE(m->protection_kind != CMP_UNPROTECTED, ERR_UNAUTHORIZED, "the message must be protected");
    if (m->protection_kind != CMP_SIGNED) {
        return identify_by_code(c, failure);
    }
    *failure = CMP_FAILURE_BAD_MESSAGE_CHECK;
    TRY(m->extra_count == 0 ? cmp_sender_find(c, &known) : OK);
    struct bytes der = m->extra_count > 0 ? m->extra_certs[0]
                       : known.n > 0      ? buf_view(&known)
                       : shown != NULL    ? buf_view(&shown->der)
                                          : BYTES_NONE;
    ENSURE(der.n > 0, ERR_UNAUTHORIZED,
           "send the certificate whose key protects the message, first of extraCerts");
    size_t more = m->extra_count > 1 ? m->extra_count - 1 : 0;
    TRY(peer_identity_of(c->ground->trust, der, m->extra_certs + 1, more, c->now_ms, &c->peer));
    c->key = c->peer.certificate.key.spki_sha256;
    return OK;
}

/* --- one transaction -------------------------------------------------------------------------------- */

static bool is_request(enum cmp_body body)
{
    return body == CMP_BODY_IR || body == CMP_BODY_CR || body == CMP_BODY_KUR || body == CMP_BODY_P10CR;
}

static bool is_follow_up(enum cmp_body body)
{
    return body == CMP_BODY_CERTCONF || body == CMP_BODY_POLLREQ;
}

static bool is_taken(enum cmp_body body)
{
    return is_request(body) || is_follow_up(body) || body == CMP_BODY_RR;
}

/* Puts the transaction where it stood when its request, or the last pollReq, had been answered. */
static err_t resume(struct cmp_case *c, struct cmp_server *server, enum cmp_failure *failure)
{
    AUTO_VAL(cmp_outcome) before = {.verdict = CMP_WAITING};
    *failure = CMP_FAILURE_BAD_REQUEST;
    err_t found = cmp_transaction_find(c);
    ENSURE(found.code != ERR_NOT_FOUND, ERR_BAD_REQUEST,
           "no transaction of this sender has this transactionID, or it has ended");
    TRY(found);
    TRY(cmp_granted_before(c, &before));
    return cmp_server_replay(server, &c->request, &before, buf_view(&c->nonce));
}

/* What is kept is durable before it is answered. */
static err_t settle(struct cmp_case *c, const struct cmp_result *result)
{
    if (result->is_open) {
        return cmp_transaction_keep(c, result);
    }
    bool is_over = is_follow_up(c->message.body) && result->der.n > 0;
    return is_over ? cmp_transaction_end(c) : OK;
}

static err_t open_server(const struct cmp_case *c, struct cmp_server **out)
{
    const struct cmp_server_spec spec = {.signer = c->ground->signer,
                                         .sender = c->is_by_code ? NULL : &c->peer,
                                         .mac = cmp_case_mac(c),
                                         .grants_implicit_confirm = true,
                                         .random = c->fleet->random,
                                         .now_ms = c->now_ms};
    return cmp_server_new(&spec, out);
}

bool cmp_prove(struct cmp_case *c)
{
    enum cmp_failure failure;
    AUTO_PTR(cmp_server) *server = NULL;
    AUTO_VAL(cmp_result) result = {.is_verified = false};
    bool is_shown = c->message.protection_kind == CMP_SIGNED && identify(c, &failure).code == ERR_OK &&
                    open_server(c, &server).code == ERR_OK;
    return is_shown && cmp_server_verify(server, &c->message, &result).code == ERR_OK && result.is_verified;
}

static err_t run(struct cmp_case *c, struct cmp_result *result, enum cmp_failure *failure)
{
    struct cmp_calls calls = calls_of_inventory;
    AUTO_PTR(cmp_server) *server = NULL;
    calls.context = c;
    TRY(open_server(c, &server));
    if (is_follow_up(c->message.body)) {
        TRY(resume(c, server, failure));
    }
    TRY(cmp_server_take(server, &c->message, &calls, result));
    return settle(c, result);
}

static err_t take(struct cmp_case *c, struct buf *answer)
{
    enum cmp_failure failure = CMP_FAILURE_BAD_REQUEST;
    AUTO_VAL(cmp_result) result = {.failure = CMP_FAILURE_BAD_REQUEST};
    if (c->message.body == CMP_BODY_GENM) {
        err_t informed = cmp_inform(c, answer);
        return informed.code == ERR_OK ? OK : answer_err(c, informed, CMP_FAILURE_BAD_REQUEST, answer);
    }
    err_t error = identify(c, &failure);
    if (error.code == ERR_OK && !is_taken(c->message.body)) {
        failure = CMP_FAILURE_BAD_REQUEST;
        error = ERR(ERR_BAD_REQUEST, "ir, cr, kur, p10cr, rr, certConf, pollReq and genm are taken here");
    }
    if (error.code == ERR_OK) {
        c->request = c->message;
        error = run(c, &result, &failure);
    }
    if (error.code != ERR_OK) {
        return answer_err(c, error, failure, answer);
    }
    c->is_earned = result.der.n > 0 && !result.is_rejected;
    return result.der.n > 0 ? buf_append_bytes(answer, buf_view(&result.der))
                            : answer_error(c, result.failure, result.text, answer);
}

err_t cmp_answer(struct fleet *fleet, const struct cmp_question *question, struct buf *answer)
{
    enum cmp_failure failure = CMP_FAILURE_BAD_DATA_FORMAT;
    AUTO_VAL(cmp_case) c = {.fleet = fleet, .question = question, .now_ms = clock_guard_now_ms(fleet)};
    TRY(clock_guard_check(fleet)); /* its dates would be wrong */
    err_t read = cmp_header_read(question->message, &c.message, &failure);
    bool has_name = c.message.transaction_id.n >= CMP_ID_MIN && c.message.transaction_id.n <= CMP_ID_MAX;
    if (read.code != ERR_OK && !has_name) {
        return read;
    }
    TRY(cmp_source_check(&c));
    TRY(cmp_ground_take(fleet, c.now_ms, &c.ground));
    err_t answered = read.code != ERR_OK ? answer_err(&c, read, failure, answer) : take(&c, answer);
    if (answered.code == ERR_OK && !c.is_earned) {
        cmp_source_charge(&c);
    }
    return answered;
}
