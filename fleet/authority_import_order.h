/* What was signed elsewhere for one authority, brought in over REST: its certificate with the CAs above it,
 * or a cross certificate of a root. Who may, once, and with a second person's word where that is asked for;
 * what is acceptable is judged by fleet/authority_import_rules.h, as at the console. */
#ifndef WHORL_FLEET_AUTHORITY_IMPORT_ORDER_H
#define WHORL_FLEET_AUTHORITY_IMPORT_ORDER_H

#include "fleet/approval_kinds.h"
#include "fleet/authority_import_rules.h"
#include "fleet/authority_orders.h"

enum import_what {
    IMPORT_THE_CERTIFICATE, /* of an authority that is pending */
    IMPORT_A_CROSS          /* of a root: with one that it follows, or that follows it */
};
enum {
    IMPORT_ORDER_FILE_MAX = 48 * 1024 /* certificates as text, with the request that waits around them */
};

struct import_order {
    enum import_what what;
    const char *authority; /* id */
    const char *file;      /* PEM, or PKCS #7 as PEM */
};

/** All of it or nothing, or says in terms->guarded that it waits. What is here already changes nothing. A CA
 * of a company that comes along becomes a root for the devices of all tenants: that is the installation's to
 * say.
 *  @param[out] out what was done, step by step
 *  @errors ERR_NOT_FOUND also for another tenant's; ERR_FORBIDDEN the scope; ERR_WRONG_STATE naming the
 * state; ERR_UNPROCESSABLE with a fault at /certificate; ERR_PRECONDITION; ERR_BUSY authorities change all
 * the time
 *  @thread worker */
err_t authority_import_order(struct fleet *fleet, const struct terms *terms,
                             const struct authority_caller *caller, const struct import_order *order,
                             struct import_plan *out);

/** For the table of approval_kinds.c. @thread of tx */
err_t authority_import_subject(struct db_tx *tx, const struct approval_case *this, json_t *out);
/** Verifies a handful of signatures inside the transaction: what was judged when it was asked for may have
 *  changed since, and this happens a few times in years. */
err_t authority_import_execute(struct db_tx *tx, const struct approval_case *this,
                               struct approval_outcome *out);

#endif
