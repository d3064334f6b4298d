/* A root whose key goes away from here. The copy of the key and its removal are the caller's, in this order:
 * last list, copy, removal, then telling. */
#ifndef WHORL_FLEET_AUTHORITY_OFFLINE_H
#define WHORL_FLEET_AUTHORITY_OFFLINE_H

#include "fleet/authority_set.h"

struct offline_list {
    int64_t number, next_update_ms;
};
/** Signs and stores the list that is published while the key is elsewhere. @param days its life, 30 … 3653
 * and within the root's
 *  @errors ERR_NOT_FOUND; ERR_WRONG_STATE it is no root, or its key is not here; ERR_UNPROCESSABLE the days;
 *  ERR_BUSY @thread worker, like all functions here */
err_t authority_offline_list(struct fleet *fleet, const char *id, int64_t days, struct offline_list *out);
/** Writes down that the key is gone; a server beside us drops it from its memory within a second. */
err_t authority_offline_tell(struct fleet *fleet, const struct actor *actor, const char *id);

#endif
