/* The authorities of an installation, to look at: they belong to no tenant, and every device is told of them.
 */
#ifndef WHORL_FLEET_AUTHORITIES_H
#define WHORL_FLEET_AUTHORITIES_H

#include "db/authority_rows.h"
#include "fleet/fleet.h"

typedef err_t (*authority_fn)(const struct authority_row *row, void *arg);

/** Lends the row to `fn`. @errors ERR_NOT_FOUND, of fn @thread worker, like all functions here */
err_t authority_get(struct fleet *fleet, const char *id, authority_fn fn, void *arg);
/** In order of id. */
err_t authority_list(struct fleet *fleet, const struct row_window *window, authority_fn fn, void *arg);

enum { AUTHORITY_CHAIN_MAX = 2 };
struct authority_chain {
    struct buf ders[AUTHORITY_CHAIN_MAX]; /* the authority first, the root last */
    size_t count;
};
void authority_chain_clear(struct authority_chain *chain);
DEFINE_AUTO_VAL(authority_chain, authority_chain_clear);

/** @param[out] out {0} before @errors ERR_NOT_FOUND */
err_t authority_chain_read(struct fleet *fleet, const char *id, struct authority_chain *out);

/** "active", "retired", "compromised". @thread any */
const char *authority_state_name(enum authority_state state);

#endif
