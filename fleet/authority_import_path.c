/* Paths through what is here and what comes along. */
#include "fleet/authority_import_internal.h"

#include "pki/crl_read.h"
#include "pki/name_constraints_read.h"

static bool is_signed_by(const struct import_node *node, const struct import_node *issuer)
{
    return ca_certificate_names_issuer(&node->certificate, &issuer->certificate) &&
           ca_certificate_verify(&node->certificate, &issuer->certificate).code == ERR_OK;
}

/* A root before a cross certificate of the same name and key: the shortest way up. */
struct import_node *import_issuer_of(const struct import_nodes *nodes, const struct import_node *node)
{
    struct import_node *found = NULL;
    for (size_t i = 0; i < nodes->count; i++) {
        struct import_node *issuer = &nodes->items[i];
        bool is_root = ca_certificate_is_self_issued(&issuer->certificate);
        if ((found == NULL || is_root) && is_signed_by(node, issuer)) {
            found = issuer;
        }
    }
    return found;
}

/* Nobody here has signed it: is there one that says so, and did not? */
static err_t no_issuer(const struct import_nodes *nodes, const struct import_node *node)
{
    char subject[CA_SUBJECT_SHORT + 4];
    ca_certificate_subject(&node->certificate, subject);
    for (size_t i = 0; i < nodes->count; i++) {
        if (ca_certificate_names_issuer(&node->certificate, &nodes->items[i].certificate)) {
            return ca_certificate_verify(&node->certificate, &nodes->items[i].certificate);
        }
    }
    return ERR(ERR_UNPROCESSABLE,
               "the issuer of %s is not here: give its certificate too, and all up to the root", subject);
}

err_t import_check_path(const struct import_nodes *nodes, struct import_node *node, int64_t now_ms)
{
    const struct ca_certificate *path[CA_PATH_MAX];
    struct import_node *at = node;
    size_t count = 0;
    for (;;) {
        ENSURE(count < CA_PATH_MAX, ERR_UNPROCESSABLE,
               "the chain is too long: at most %d certificates lead to its root", CA_PATH_MAX);
        path[count++] = &at->certificate;
        at->is_used = true;
        struct import_node *issuer = import_issuer_of(nodes, at);
        if (issuer == NULL) {
            return no_issuer(nodes, at);
        }
        if (issuer == at) {
            return ca_path_verify(path, count, now_ms);
        }
        at = issuer;
    }
}

/* --- revoked -------------------------------------------------------------------------------------------- */

static err_t look_in(struct bytes der, const struct import_node *issuer, struct bytes serial, bool *out)
{
    struct crl_facts crl;
    struct crl_line line;
    TRY(crl_read(der, &crl));
    return crl_verify(&crl, &issuer->certificate).code == ERR_OK ? crl_find(&crl, serial, &line, out) : OK;
}

static err_t is_listed(const struct import_node *issuer, const struct ca_bundle *bundle, struct bytes serial,
                       bool *out)
{
    *out = false;
    struct bytes here = issuer->known != NULL ? issuer->known->crl : BYTES_NONE;
    TRY(here.n > 0 ? look_in(here, issuer, serial, out) : OK);
    for (size_t i = 0; i < bundle->count && !*out; i++) {
        TRY(bundle->items[i].kind == CA_ITEM_CRL
                ? look_in(buf_view(&bundle->items[i].der), issuer, serial, out)
                : OK);
    }
    return OK;
}

err_t import_check_unrevoked(const struct import_nodes *nodes, const struct import_node *node,
                             const struct ca_bundle *bundle)
{
    char subject[CA_SUBJECT_SHORT + 4];
    for (size_t i = 0; i < CA_PATH_MAX; i++) {
        const struct import_node *issuer = import_issuer_of(nodes, node);
        if (issuer == NULL || issuer == node) {
            return OK;
        }
        const struct certificate_facts *facts = &node->certificate.facts;
        bool is_there = false;
        TRY(is_listed(issuer, bundle, (struct bytes){facts->serial, facts->serial_size}, &is_there));
        ca_certificate_subject(&node->certificate, subject);
        ENSURE(!is_there, ERR_UNPROCESSABLE, "the certificate of %s is revoked: the CRL of %s lists it",
               subject, issuer->id);
        node = issuer;
    }
    return OK;
}

/* --- names ---------------------------------------------------------------------------------------------- */

err_t import_check_names(const struct import_node *node)
{
    AUTO_VAL(held_constraints) given = {.excludes_addresses = false};
    AUTO_VAL(held_constraints) asked = {.excludes_addresses = false};
    char subject[CA_SUBJECT_SHORT + 4];
    if (node->known->role != AUTHORITY_EDGE) {
        return OK;
    }
    ca_certificate_subject(&node->certificate, subject);
    TRY(name_constraints_of_request(node->known->request, &asked));
    err_t error = name_constraints_of_certificate(buf_view(&node->certificate.der), &given);
    error = error.code == ERR_OK ? name_constraints_check_within(&given, &asked) : error;
    ENSURE(error.code != ERR_UNPROCESSABLE, ERR_UNPROCESSABLE, "the certificate of %s: %.130s", subject,
           error.detail);
    return error;
}
