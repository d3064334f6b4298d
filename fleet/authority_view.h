/* All authorities as rows at one moment, without their certificates: what rules about them are judged on; and
 * one of them whole. Orders about authorities are rare, and there are AUTHORITIES_MAX at most. */
#ifndef WHORL_FLEET_AUTHORITY_VIEW_H
#define WHORL_FLEET_AUTHORITY_VIEW_H

#include "db/authority_rows.h"
#include "fleet/fleet.h"

enum { AUTHORITY_ROLE_SIZE = 20 };

struct authority_brief {
    char id[AUTHORITY_ID_SIZE], role[AUTHORITY_ROLE_SIZE];
    enum authority_state state;
    bool has_tenant, is_default, is_external;
    bool has_new_with_old; /* of a root: its predecessor vouches for it */
    struct uuid tenant;
    char issuer[AUTHORITY_ID_SIZE], predecessor[AUTHORITY_ID_SIZE]; /* "": none */
    int64_t ends_at, ver;
    uint32_t key_purposes;
    int crl_shards;
};

struct authority_view {
    struct authority_brief *items;
    size_t count;
    size_t crosses; /* cross certificates between roots that are not revoked */
};
void authority_view_clear(struct authority_view *view);
DEFINE_AUTO_VAL(authority_view, authority_view_clear);

/** @param[in,out] out {0} or a view before; cleared by the caller on failure too @thread of tx */
err_t authority_view_read(struct db_tx *tx, struct authority_view *out);
/** NULL: there is none. @thread any, like the next ones */
const struct authority_brief *authority_view_find(const struct authority_view *view, const char *id);
/** The default of a role. @param tenant NULL: the installation's @return NULL: there is none */
const struct authority_brief *authority_view_default(const struct authority_view *view, const char *role,
                                                     const struct uuid *tenant);
/** Whether two have one role and one owner. */
bool authority_brief_is_akin(const struct authority_brief *a, const struct authority_brief *b);

/* One row that lives longer than the callback that lends it. */
struct authority_copy {
    struct authority_row row; /* borrows the rest */
    char role[AUTHORITY_ROLE_SIZE], crl_base[AUTHORITY_URL_SIZE];
    struct buf certificate, request;
};
void authority_copy_clear(struct authority_copy *copy);
DEFINE_AUTO_VAL(authority_copy, authority_copy_clear);
/** @param[in,out] out {0} or a copy before; cleared by the caller on failure too @errors ERR_NOT_FOUND
 * @thread of tx */
err_t authority_copy_find(struct db_tx *tx, const char *id, struct authority_copy *out);

#endif
