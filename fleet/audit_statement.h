/* A checkpoint of the audit log, read again: what fleet/audit_checkpoint.h made, by whoever kept it. Needs no
 * server and no inventory. */
#ifndef WHORL_FLEET_AUDIT_STATEMENT_H
#define WHORL_FLEET_AUDIT_STATEMENT_H

#include "base/json.h"
#include "db/audit_chain_rows.h"

struct audit_statement {
    json_t *content; /* owned; its form is checked */
    struct sha256 installation;
    int64_t at_ms;
    char signer[256]; /* the signing certificate's subject */
};
void audit_statement_clear(struct audit_statement *statement);
DEFINE_AUTO_VAL(audit_statement, audit_statement_clear);

/** @param cms DER @param anchors PEM: the installation's ca.pem; BYTES_NONE: who signed is not checked
 *  @param out cleared by the caller
 *  @errors ERR_BAD_ENCODING, ERR_BAD_JSON no checkpoint; ERR_FORBIDDEN signature, signer, another
 *  installation; ERR_UNPROCESSABLE its parts contradict each other @thread any, like all functions here */
err_t audit_statement_open(struct bytes cms, struct bytes anchors, struct audit_statement *out);
/** The ends that it names. @errors of fn */
err_t audit_statement_ends(const struct audit_statement *statement, audit_end_fn fn, void *arg);

#endif
