/* All authorities as they stand, for the import: values that outlive the transaction that read them. */
#ifndef WHORL_FLEET_AUTHORITY_IMPORT_READ_H
#define WHORL_FLEET_AUTHORITY_IMPORT_READ_H

#include "db/crl_rows.h"
#include "fleet/authority_import_rules.h"
#include "fleet/fleet.h"

struct import_authority {
    struct authority_row row; /* borrows what follows */
    char role[AUTHORITY_ID_SIZE], crl_base[AUTHORITY_URL_SIZE];
    struct buf certificate, request;
    struct crl_row crl; /* the complete list; number 0: none */
    int64_t floor;      /* below which none may be */
};
struct import_world {
    int64_t change; /* authority_rows_read_change() */
    struct import_authority *items;
    struct buf *further;
    size_t count, further_count;
    struct import_known *known; /* the same as values for the rules */
    struct import_further *further_known;
};
void import_world_clear(struct import_world *world);
DEFINE_AUTO_VAL(import_world, import_world_clear);

/** @param[out] out {0} before; cleared by the caller on failure too @thread worker */
err_t import_world_read(struct fleet *fleet, struct import_world *out);
/** The same inside a transaction, to judge certificates: whose keys are here, of which CRLs depend, is not
 *  told. @thread of tx */
err_t import_world_read_in(struct db_tx *tx, struct import_world *out);
/** What the rules look at; borrows. @thread any */
struct import_view import_world_view(const struct import_world *world, int64_t now_ms);
/** NULL: there is none. @thread any */
const struct import_authority *import_world_find(const struct import_world *world, const char *id);

#endif
