/* Brings in what was signed elsewhere: certificates of pending authorities, cross certificates between roots,
 * a company's CAs, CRLs of authorities whose keys are elsewhere. All of a bundle with its records in one
 * transaction, or nothing. */
#ifndef WHORL_FLEET_AUTHORITY_IMPORT_H
#define WHORL_FLEET_AUTHORITY_IMPORT_H

#include "fleet/authority_import_rules.h"
#include "fleet/terms.h"

/** A bundle that is here already changes nothing. What is judged was read before the transaction, which
 *  takes it only while no authority has changed. @param[out] out what was done, step by step
 *  @errors ERR_UNPROCESSABLE with a sentence, ERR_BUSY authorities change all the time, ERR_DB @thread worker
 */
err_t authority_import(struct fleet *fleet, const struct actor *actor, const struct ca_bundle *bundle,
                       struct import_plan *out);
/** One CRL of this authority, and nothing else. @param id its own tenant's or the installation's
 *  @param[out] out its step: IMPORT_CRL, or IMPORT_KNOWN when it is here already @errors as above;
 * ERR_NOT_FOUND
 */
err_t authority_import_crl(struct fleet *fleet, const struct terms *terms, const char *id, struct bytes file,
                           struct import_step *out);

#endif
