/* Shared by authority_import_rules.c and authority_import_path.c. */
#ifndef WHORL_FLEET_AUTHORITY_IMPORT_INTERNAL_H
#define WHORL_FLEET_AUTHORITY_IMPORT_INTERNAL_H

#include "fleet/authority_import_rules.h"
#include "pki/ca_certificate.h"

/* A CA certificate that is here already or comes with the bundle. */
struct import_node {
    struct ca_certificate certificate;
    const struct import_known *known; /* whose it is; NULL: a CA that is not here yet */
    bool is_new;                      /* of the bundle */
    bool is_used;                     /* it stands in the path of one of ours */
    size_t item;                      /* of the bundle */
    char id[AUTHORITY_ID_SIZE];       /* of the authority that it is, or will be */
};
struct import_nodes {
    struct import_node *items;
    size_t count;
};

/** Who signed a certificate: by name and key identifiers first, then by the signature. NULL: nobody of these;
 *  itself where it is self-signed. @thread any, like all here */
struct import_node *import_issuer_of(const struct import_nodes *nodes, const struct import_node *node);
/** From a certificate up to its root, every rule held; what it passes becomes used. @errors ERR_UNPROCESSABLE
 */
err_t import_check_path(const struct import_nodes *nodes, struct import_node *node, int64_t now_ms);
/** Whether a list that is here or came along names a certificate, or one above it. @errors ERR_UNPROCESSABLE
 */
err_t import_check_unrevoked(const struct import_nodes *nodes, const struct import_node *node,
                             const struct ca_bundle *bundle);
/** Whether the certificate of an edge CA is bound to the names that its request asks for.
 *  @errors ERR_UNPROCESSABLE */
err_t import_check_names(const struct import_node *node);

#endif
