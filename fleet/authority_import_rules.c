/* Recognises each item of a bundle and holds it against the rules. What an item is depends on the others: a
 * company's root is one of ours' issuer only by the path that leads to it. */
#include "fleet/authority_import_rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fleet/authority_import_internal.h"
#include "pki/crl_read.h"
#include "pki/csr.h"

struct run {
    const struct import_view *view;
    const struct ca_bundle *bundle;
    struct import_nodes nodes;
    bool is_here[CA_BUNDLE_ITEMS_MAX]; /* IMPORT_KNOWN */
    struct import_plan *plan;
};

static void run_clear(struct run *run)
{
    for (size_t i = 0; i < run->nodes.count; i++) {
        ca_certificate_clear(&run->nodes.items[i].certificate);
    }
    free(run->nodes.items);
}
DEFINE_AUTO_VAL(run, run_clear);

static struct import_step *add_step(struct run *run, enum import_kind kind, size_t item,
                                    const char *authority)
{
    struct import_step *step = &run->plan->steps[run->plan->count++];
    *step = (struct import_step){.kind = kind, .item = item};
    (void)snprintf(step->authority, sizeof step->authority, "%s", authority);
    return step;
}

/* --- what there is ------------------------------------------------------------------------------------ */

static err_t add_known(struct run *run, const struct import_known *known)
{
    if (known->certificate.n == 0) {
        return OK;
    }
    struct import_node *node = &run->nodes.items[run->nodes.count++];
    node->known = known;
    (void)snprintf(node->id, sizeof node->id, "%s", known->id);
    return ca_certificate_read(known->certificate, &node->certificate);
}

/* @param[out] owner the authority that has this very certificate, "" where it is one beside the first */
static bool is_here(const struct import_view *view, struct bytes der, const char **owner)
{
    *owner = "";
    for (size_t i = 0; i < view->count; i++) {
        if (view->items[i].certificate.n > 0 && bytes_equal(view->items[i].certificate, der)) {
            *owner = view->items[i].id;
            return true;
        }
    }
    for (size_t i = 0; i < view->further_count; i++) {
        if (bytes_equal(view->further[i].certificate, der)) {
            return true;
        }
    }
    return false;
}

err_t authority_import_is_requested(const struct import_known *known,
                                    const struct ca_certificate *certificate, bool *out)
{
    static const struct key_policy policy = {.allow_rsa = true, .allow_rsa_2048 = false};
    AUTO_PTR(csr) *csr = NULL;
    *out = false;
    if (known->state != AUTHORITY_PENDING || known->request.n == 0) {
        return OK;
    }
    TRY(csr_parse(known->request, &policy, &csr));
    *out = bytes_equal(csr_borrow_spki(csr), buf_view(&certificate->spki));
    return OK;
}

/* Whose key the certificate is about. */
static err_t find_owner(struct run *run, struct import_node *node)
{
    for (size_t i = 0; i < run->view->count && node->known == NULL; i++) {
        bool is_pending_one = false;
        TRY(authority_import_is_requested(&run->view->items[i], &node->certificate, &is_pending_one));
        node->known = is_pending_one ? &run->view->items[i] : NULL;
    }
    for (size_t i = 0; i < run->nodes.count && node->known == NULL; i++) {
        const struct import_node *other = &run->nodes.items[i];
        bool is_same_key = !other->is_new &&
                           bytes_equal(buf_view(&other->certificate.spki), buf_view(&node->certificate.spki));
        node->known = is_same_key ? other->known : NULL;
    }
    if (node->known != NULL) {
        (void)snprintf(node->id, sizeof node->id, "%s", node->known->id);
        return OK;
    }
    char digits[2 * SHA256_SIZE + 1];
    hex_encode(BYTES_OF(node->certificate.facts.key.spki_sha256.b), digits);
    (void)snprintf(node->id, sizeof node->id, "external-%.8s", digits);
    return OK;
}

static err_t add_item(struct run *run, size_t item)
{
    const char *owner = "";
    struct bytes der = buf_view(&run->bundle->items[item].der);
    if (run->bundle->items[item].kind == CA_ITEM_CRL) {
        return OK;
    }
    if (is_here(run->view, der, &owner)) {
        run->is_here[item] = true;
        (void)add_step(run, IMPORT_KNOWN, item, owner);
        return OK;
    }
    struct import_node *node = &run->nodes.items[run->nodes.count++];
    node->is_new = true;
    node->item = item;
    TRY(ca_certificate_read(der, &node->certificate));
    return find_owner(run, node);
}

static err_t collect(struct run *run)
{
    size_t most = run->view->count + run->bundle->count;
    run->nodes.items = calloc(most > 0 ? most : 1, sizeof *run->nodes.items);
    ENSURE(run->nodes.items != NULL, ERR_NO_MEMORY, "%zu certificates", most);
    for (size_t i = 0; i < run->view->count; i++) {
        TRY(add_known(run, &run->view->items[i]));
    }
    for (size_t i = 0; i < run->bundle->count; i++) {
        TRY(add_item(run, i));
    }
    return OK;
}

/* --- certificates ------------------------------------------------------------------------------------- */

static bool has_serial_of(const struct ca_certificate *a, const struct ca_certificate *b)
{
    return bytes_equal((struct bytes){a->facts.serial, a->facts.serial_size},
                       (struct bytes){b->facts.serial, b->facts.serial_size}) &&
           name_is_same(buf_view(&a->issuer), buf_view(&b->issuer)) &&
           bytes_equal(buf_view(&a->aki), buf_view(&b->aki));
}

/* An issuer gives each number once (RFC 5280 §4.1.2.2): on its CRL two certificates would be one. */
static err_t check_serial(const struct run *run, const struct import_node *node)
{
    char subject[CA_SUBJECT_SHORT + 4];
    ca_certificate_subject(&node->certificate, subject);
    for (size_t i = 0; i < run->nodes.count; i++) {
        const struct import_node *other = &run->nodes.items[i];
        ENSURE(other == node || !has_serial_of(&node->certificate, &other->certificate), ERR_UNPROCESSABLE,
               "the issuer of %s gave the same serial number to another certificate", subject);
    }
    for (size_t i = 0; i < run->view->further_count; i++) {
        AUTO_VAL(ca_certificate) other = {.is_ca = false};
        TRY(ca_certificate_read(run->view->further[i].certificate, &other));
        ENSURE(!has_serial_of(&node->certificate, &other), ERR_UNPROCESSABLE,
               "the issuer of %s gave the same serial number to another certificate", subject);
    }
    return OK;
}

static void fill(struct import_step *step, const struct import_node *node, const struct import_node *issuer)
{
    const struct certificate_facts *facts = &node->certificate.facts;
    (void)snprintf(step->issuer, sizeof step->issuer, "%s", issuer == node ? "" : issuer->id);
    memcpy(step->serial, facts->serial, facts->serial_size);
    step->serial_size = facts->serial_size;
    step->from_ms = facts->not_before_ms;
    step->to_ms = facts->not_after_ms;
}

static err_t take_issued(struct run *run, struct import_node *node)
{
    const struct ca_wish wish = {.role = node->known->role, .key_purposes = node->known->key_purposes};
    ENSURE(wish.role != AUTHORITY_ROOT, ERR_UNPROCESSABLE, "authority %s is a root: it signs itself",
           node->id);
    TRY(ca_certificate_check_issuing(&node->certificate, &wish, run->view->now_ms));
    TRY(import_check_names(node));
    TRY(check_serial(run, node));
    return import_check_path(&run->nodes, node, run->view->now_ms);
}

static err_t take_cross(struct run *run, struct import_node *node)
{
    const struct import_node *issuer = import_issuer_of(&run->nodes, node);
    bool is_between_roots = node->known->role == AUTHORITY_ROOT && issuer != NULL && issuer != node &&
                            issuer->known != NULL && issuer->known->role == AUTHORITY_ROOT &&
                            !node->known->is_external && !issuer->known->is_external;
    ENSURE(is_between_roots, ERR_UNPROCESSABLE,
           "authority %s has its certificate already, and this other one over its key is no cross "
           "certificate of "
           "a root here",
           node->id);
    bool is_new_with_old = strcmp(node->known->predecessor, issuer->id) == 0;
    bool is_old_with_new = strcmp(issuer->known->predecessor, node->id) == 0;
    ENSURE(is_new_with_old || is_old_with_new, ERR_UNPROCESSABLE,
           "a cross certificate of %s by %s: neither root follows the other", node->id, issuer->id);
    TRY(check_serial(run, node));
    TRY(import_check_path(&run->nodes, node, run->view->now_ms));
    fill(add_step(run, is_new_with_old ? IMPORT_NEW_WITH_OLD : IMPORT_OLD_WITH_NEW, node->item, node->id),
         node, issuer);
    return OK;
}

static void note_purposes(struct import_step *step, const struct import_node *node)
{
    if (!node->certificate.has_key_purposes || node->certificate.has_any_purpose) {
        (void)snprintf(
            step->note, sizeof step->note,
            "it has no extendedKeyUsage of its own: whoever stole its key could pose as any server "
            "under the same root");
    }
}

/* Two certificates for one pending authority, or two of one new CA: nobody could say which one is meant. */
static err_t check_once(const struct run *run, const struct import_node *node)
{
    for (size_t i = 0; i < run->nodes.count; i++) {
        const struct import_node *other = &run->nodes.items[i];
        ENSURE(other == node || !other->is_new || strcmp(other->id, node->id) != 0 ||
                   (node->known != NULL && node->known->state != AUTHORITY_PENDING),
               ERR_UNPROCESSABLE, "there are two certificates for authority %s: give one", node->id);
    }
    return OK;
}

static err_t judge_certificates(struct run *run)
{
    for (size_t i = 0; i < run->nodes.count; i++) {
        struct import_node *node = &run->nodes.items[i];
        if (!node->is_new) {
            continue;
        }
        TRY(check_once(run, node));
        if (node->known != NULL) {
            TRY(node->known->state == AUTHORITY_PENDING ? take_issued(run, node) : take_cross(run, node));
            TRY(import_check_unrevoked(&run->nodes, node, run->bundle));
        }
    }
    return OK;
}

/* Issuers first: those that stand nearer to the root come later in no path that is good, so they are stored
 * in rounds. */
static err_t add_externals(struct run *run)
{
    for (size_t i = 0; i < run->nodes.count; i++) {
        const struct import_node *node = &run->nodes.items[i];
        if (!node->is_new || node->known != NULL) {
            continue;
        }
        ENSURE(node->is_used, ERR_UNPROCESSABLE,
               "certificate %zu (%.70s) is of no authority here, and issued none of them", node->item + 1,
               node->certificate.facts.subject_text);
        fill(add_step(run, IMPORT_EXTERNAL, node->item, node->id), node, import_issuer_of(&run->nodes, node));
    }
    return OK;
}

static void add_issued(struct run *run)
{
    for (size_t i = 0; i < run->nodes.count; i++) {
        const struct import_node *node = &run->nodes.items[i];
        if (node->is_new && node->known != NULL && node->known->state == AUTHORITY_PENDING) {
            struct import_step *step = add_step(run, IMPORT_ISSUED, node->item, node->id);
            fill(step, node, import_issuer_of(&run->nodes, node));
            note_purposes(step, node);
        }
    }
}

/* --- CRLs --------------------------------------------------------------------------------------------- */

static const struct import_node *signer_of(const struct run *run, const struct crl_facts *crl, err_t *why)
{
    *why = OK;
    for (size_t i = 0; i < run->nodes.count; i++) {
        const struct import_node *node = &run->nodes.items[i];
        bool is_named = name_is_same(crl->issuer, buf_view(&node->certificate.facts.subject));
        err_t verified = is_named ? crl_verify(crl, &node->certificate) : OK;
        if (is_named && verified.code == ERR_OK) {
            return node;
        }
        *why = is_named ? verified : *why;
    }
    return NULL;
}

static err_t check_number(const struct run *run, const struct import_node *node, const struct crl_facts *crl)
{
    ENSURE(node->known == NULL || crl->number > node->known->crl_number, ERR_UNPROCESSABLE,
           "the CRL of %s has the number %lld, and there was one with %lld: numbers only rise", node->id,
           (long long)crl->number, (long long)node->known->crl_number);
    for (size_t i = 0; i < run->plan->count; i++) {
        const struct import_step *step = &run->plan->steps[i];
        ENSURE(step->kind != IMPORT_CRL || strcmp(step->authority, node->id) != 0, ERR_UNPROCESSABLE,
               "there are two CRLs of %s: give the newer one", node->id);
    }
    return OK;
}

static err_t judge_crl(struct run *run, size_t item)
{
    struct crl_facts crl;
    err_t why;
    struct bytes der = buf_view(&run->bundle->items[item].der);
    TRY(crl_read(der, &crl));
    const struct import_node *node = signer_of(run, &crl, &why);
    TRY(why.code != ERR_OK && node == NULL ? why : OK);
    ENSURE(node != NULL, ERR_UNPROCESSABLE, "CRL %zu is of no authority here", item + 1);
    if (node->known != NULL && node->known->crl.n > 0 && bytes_equal(node->known->crl, der)) {
        (void)add_step(run, IMPORT_KNOWN, item, node->id);
        return OK;
    }
    ENSURE(node->known == NULL || !node->known->has_key, ERR_UNPROCESSABLE,
           "the key of %s is here: its CRLs are signed here", node->id);
    TRY(crl_check_dates(&crl, run->view->now_ms));
    TRY(check_number(run, node, &crl));
    struct import_step *step = add_step(run, IMPORT_CRL, item, node->id);
    step->from_ms = crl.this_update_ms;
    step->to_ms = crl.next_update_ms;
    step->number = crl.number;
    step->entries = crl.count;
    return OK;
}

err_t authority_import_judge(const struct import_view *view, const struct ca_bundle *bundle,
                             struct import_plan *out)
{
    struct import_plan plan = {.count = 0};
    AUTO_VAL(run) run = {.view = view, .bundle = bundle, .plan = &plan};
    ENSURE(bundle->count > 0, ERR_UNPROCESSABLE, "there is nothing to import");
    TRY(collect(&run));
    TRY(judge_certificates(&run));
    TRY(add_externals(&run));
    add_issued(&run);
    for (size_t i = 0; i < bundle->count; i++) {
        if (bundle->items[i].kind == CA_ITEM_CRL) {
            TRY(judge_crl(&run, i));
        }
    }
    *out = plan;
    return OK;
}
