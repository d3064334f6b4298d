/* The last transaction of an order: what was signed takes its place among the authorities. */
#ifndef WHORL_FLEET_AUTHORITY_FINISH_H
#define WHORL_FLEET_AUTHORITY_FINISH_H

#include "db/authority_order_rows.h"
#include "fleet/authority_view.h"

struct authority_made {
    struct authority_order_row order;
    struct authority_copy pending;         /* as it was when the signing began */
    bool is_there;                         /* the order */
    struct buf der;                        /* its certificate; or */
    struct buf request;                    /* … a request, where somebody else signs */
    struct buf new_with_old, old_with_new; /* of a root; new_with_old empty where the old key is elsewhere */
};
void authority_made_clear(struct authority_made *made);

/** For db_write(). Nothing when somebody else was faster. @param arg struct authority_made
 *  @errors ERR_BUSY the authority changed meanwhile @thread of tx */
err_t authority_finish(struct db_tx *tx, void *arg);

#endif
