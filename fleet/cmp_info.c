/* What CMP tells everybody: the CA certificates, what follows a root, and what a request should hold (RFC
 * 9483 §4.3.1 to §4.3.3). It is public, so the question needs no protection; the answer is signed as all are.
 * Who shows who it is, by the message's signature or by TLS, is told what its own product wishes. */
#include <string.h>

#include "db/authority_certificate_rows.h"
#include "fleet/cmp_internal.h"
#include "fleet/registry.h"
#include "fleet/request_wishes.h"
#include "pki/cmp_answer.h"
#include "pki/cmp_info.h"

static err_t put_ca_certs(const struct cmp_case *c, const struct authority_set *set, struct buf *out)
{
    struct bytes ders[CACERTS_MAX];
    struct tenant_row tenant;
    bool has_label = c->question->label[0] != '\0';
    if (has_label) {
        TRY(tenant_find(c->fleet, c->question->label, &tenant));
    }
    size_t count = authority_set_cacerts(set, has_label ? &tenant.id : NULL, ders);
    return cmp_info_put_ca_certs(ders, count, out);
}

static const struct authority_member *root_of(const struct authority_set *set, struct bytes der)
{
    const struct authority_member *member = NULL;
    for (size_t i = 0; (member = authority_set_at(set, i)) != NULL; i++) {
        if (member->role == AUTHORITY_ROOT && bytes_equal(authority_borrow_der(member->authority), der)) {
            return member;
        }
    }
    return NULL;
}

static struct bytes cross(const struct authority_set *set, int kind, const char *subject, const char *issuer)
{
    const struct authority_cross *found = NULL;
    for (size_t i = 0; (found = authority_set_cross_at(set, i)) != NULL; i++) {
        if (found->kind == kind && strcmp(found->subject, subject) == 0 &&
            strcmp(found->issuer, issuer) == 0) {
            return found->der;
        }
    }
    return BYTES_NONE;
}

/* The root that took its place; one that is still waiting to do so counts, since devices shall trust it
 * before. */
static const struct authority_member *follower_of(const struct authority_set *set,
                                                  const struct authority_member *old)
{
    const struct authority_member *member = NULL;
    for (size_t i = 0; (member = authority_set_at(set, i)) != NULL; i++) {
        bool is_usable = member->state != AUTHORITY_RETIRED && member->state != AUTHORITY_COMPROMISED;
        if (member->role == AUTHORITY_ROOT && is_usable && strcmp(member->predecessor, old->id) == 0) {
            return member;
        }
    }
    return NULL;
}

static err_t put_root_update(const struct authority_set *set, struct bytes root, struct buf *out)
{
    const struct authority_member *old = root_of(set, root);
    const struct authority_member *next = old == NULL ? NULL : follower_of(set, old);
    if (next == NULL) {
        return cmp_info_put_root_update(NULL, out);
    }
    const struct cmp_root_update update = {
        .new_with_new = authority_borrow_der(next->authority),
        .new_with_old = cross(set, AUTHORITY_NEW_WITH_OLD, next->id, old->id),
        .old_with_new = cross(set, AUTHORITY_OLD_WITH_NEW, old->id, next->id)};
    return cmp_info_put_root_update(&update, out);
}

static err_t put_template(struct cmp_case *c, struct buf *out)
{
    AUTO_VAL(request_wishes) wishes = {0};
    AUTO_VAL(buf) template = {0};
    bool is_signer = cmp_prove(c);
    const struct wishes_question question = {.peer = is_signer ? &c->peer : c->question->peer,
                                             .is_message = is_signer,
                                             .label = c->question->label,
                                             .address = c->question->address,
                                             .request_id = c->question->request_id};
    TRY(request_wishes_find(c->fleet, &question, &wishes));
    TRY(request_wishes_put_template(&wishes, &template));
    return cmp_info_put_template(buf_view(&template), out);
}

static err_t put_answers(struct cmp_case *c, const struct cmp_info_questions *questions, struct buf *entries)
{
    AUTO_PTR(authority_set) *set = authority_set_take(c->fleet);
    for (size_t i = 0; i < questions->count; i++) {
        const struct cmp_info_question *question = &questions->items[i];
        if (question->kind == CMP_ASKS_CA_CERTS) {
            TRY(put_ca_certs(c, set, entries));
        } else if (question->kind == CMP_ASKS_ROOT) {
            TRY(put_root_update(set, question->value, entries));
        } else if (question->kind == CMP_ASKS_TEMPLATE) {
            TRY(put_template(c, entries));
        }
    }
    ENSURE(entries->n > 0, ERR_BAD_REQUEST,
           "of general messages, caCerts, rootCaCert and certReqTemplate are answered");
    return OK;
}

err_t cmp_inform(struct cmp_case *c, struct buf *answer)
{
    AUTO_VAL(buf) entries = {0};
    AUTO_VAL(buf) content = {0};
    struct cmp_info_questions questions;
    const struct cmp_answer_spec spec = {
        .signer = c->ground->signer, .request = &c->message, .random = c->fleet->random, .now_ms = c->now_ms};
    TRY(cmp_info_read(&c->message, &questions));
    TRY(put_answers(c, &questions, &entries));
    TRY(cmp_info_put_list(buf_view(&entries), &content));
    return cmp_answer_sign(&spec, CMP_BODY_GENP, buf_view(&content), answer);
}
