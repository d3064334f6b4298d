/* The authorities of an installation and of a tenant, to look at. */
#ifndef WHORL_FLEET_AUTHORITIES_H
#define WHORL_FLEET_AUTHORITIES_H

#include "db/authority_certificate_rows.h"
#include "db/authority_rows.h"
#include "fleet/authority_set.h"

/** Lends the row to `fn`. @errors ERR_NOT_FOUND also for another tenant's, of fn @thread worker, like all
 * functions here */
err_t authority_get(struct fleet *fleet, const struct uuid *tenant, const char *id, authority_row_fn fn,
                    void *arg);
/** In order of id: the installation's and the tenant's. */
err_t authority_list(struct fleet *fleet, const struct uuid *tenant, const struct row_window *window,
                     authority_row_fn fn, void *arg);

enum { AUTHORITY_CHAIN_MAX = AUTHORITY_PATH_MAX + 1 };
struct authority_chain {
    struct buf ders[AUTHORITY_CHAIN_MAX]; /* the authority first, then what leads from older roots on, the
                                             root last */
    size_t count;
};
void authority_chain_clear(struct authority_chain *chain);
DEFINE_AUTO_VAL(authority_chain, authority_chain_clear);

/** @param[out] out {0} before @errors ERR_NOT_FOUND; ERR_WRONG_STATE it waits for its certificate */
err_t authority_chain_read(struct fleet *fleet, const struct uuid *tenant, const char *id,
                           struct authority_chain *out);

/** The same of one whose certificates the caller holds anyway: from memory. @errors ERR_NOT_FOUND @thread any
 */
err_t authority_chain_of(struct fleet *fleet, const char *id, struct authority_chain *out);

/** The cross certificates of which it is the subject or the issuer: a handful, in order of issuer and serial.
 *  Lent to `fn`. @errors ERR_NOT_FOUND, of fn */
err_t authority_crosses(struct fleet *fleet, const struct uuid *tenant, const char *id,
                        authority_certificate_row_fn fn, void *arg);
/** "new_with_old", "old_with_new", … @thread any */
const char *authority_certificate_kind_name(enum authority_certificate_kind kind);

/** "active", "retired", … @thread any */
const char *authority_state_name(enum authority_state state);

#endif
