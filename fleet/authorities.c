/* Reading authorities and their chains. Signs nothing and changes nothing. */
#include "fleet/authorities.h"

#include <string.h>

#include "fleet/internal.h"

void authority_chain_clear(struct authority_chain *chain)
{
    for (size_t i = 0; i < AUTHORITY_CHAIN_MAX; i++) {
        buf_clear(&chain->ders[i]);
    }
    chain->count = 0;
}

struct query {
    const struct uuid *tenant;
    const char *id;
    const struct row_window *window;
    authority_row_fn fn;
    void *arg;
};

static err_t lend(const struct authority_row *row, void *arg)
{
    const struct query *run = arg;
    ENSURE(!row->has_tenant || uuid_equal(row->tenant, *run->tenant), ERR_NOT_FOUND, "no such authority");
    return run->fn(row, run->arg);
}

static err_t get_in(struct db_tx *tx, void *arg)
{
    struct query *run = arg;
    return authority_rows_find(tx, run->id, lend, run);
}

err_t authority_get(struct fleet *fleet, const struct uuid *tenant, const char *id, authority_row_fn fn,
                    void *arg)
{
    struct query run = {.tenant = tenant, .id = id, .fn = fn, .arg = arg};
    return db_read(fleet->db, get_in, &run);
}

static err_t list_in(struct db_tx *tx, void *arg)
{
    const struct query *run = arg;
    return authority_rows_list(tx, run->tenant, run->window, run->fn, run->arg);
}

err_t authority_list(struct fleet *fleet, const struct uuid *tenant, const struct row_window *window,
                     authority_row_fn fn, void *arg)
{
    struct query run = {.tenant = tenant, .window = window, .fn = fn, .arg = arg};
    return db_read(fleet->db, list_in, &run);
}

/* --- chains ----------------------------------------------------------------------------------------- */

static err_t check_certified(const struct authority_row *row, void *arg)
{
    (void)arg;
    ENSURE(row->certificate.n > 0, ERR_WRONG_STATE, "authority %s is pending: it has no certificate yet",
           row->id);
    return OK;
}

static const struct authority_member *top_of(const struct authority_set *set,
                                             const struct authority_member *member)
{
    for (int i = 0; i < AUTHORITY_PATH_MAX && member != NULL && member->issuer[0] != '\0'; i++) {
        member = authority_set_find(set, bytes_str(member->issuer));
    }
    return member;
}

static err_t add(struct authority_chain *out, struct bytes der)
{
    TRY(buf_append_bytes(&out->ders[out->count], der));
    out->count++;
    return OK;
}

err_t authority_chain_of(struct fleet *fleet, const char *id, struct authority_chain *out)
{
    struct bytes path[AUTHORITY_PATH_MAX];
    AUTO_PTR(authority_set) *set = authority_set_take(fleet);
    const struct authority_member *member = authority_set_find(set, bytes_str(id));
    ENSURE(member != NULL, ERR_NOT_FOUND, "no such authority");
    size_t count = authority_set_path(set, member, path);
    for (size_t i = 0; i < count; i++) {
        TRY(add(out, path[i]));
    }
    const struct authority_member *top = top_of(set, member);
    return top == NULL ? OK : add(out, authority_borrow_der(top->authority));
}

err_t authority_chain_read(struct fleet *fleet, const struct uuid *tenant, const char *id,
                           struct authority_chain *out)
{
    TRY(authority_get(fleet, tenant, id, check_certified, NULL));
    return authority_chain_of(fleet, id, out);
}

/* --- cross certificates --------------------------------------------------------------------------------- */

struct crosses {
    const struct query *query;
    authority_certificate_row_fn fn;
    void *arg;
};

static err_t is_there(const struct authority_row *row, void *arg)
{
    (void)row, (void)arg;
    return OK;
}

static err_t lend_cross(const struct authority_certificate_row *row, void *arg)
{
    const struct crosses *run = arg;
    bool is_its = strcmp(row->subject, run->query->id) == 0 || strcmp(row->issuer, run->query->id) == 0;
    return is_its && row->kind != AUTHORITY_FIRST ? run->fn(row, run->arg) : OK;
}

/* All rows of the table are looked at: there are as many as roots were rolled over and CAs revoked. */
static err_t crosses_in(struct db_tx *tx, void *arg)
{
    struct crosses *run = arg;
    struct query query = *run->query;
    TRY(authority_rows_find(tx, query.id, lend, &query));
    return authority_certificate_rows_each(tx, NULL, lend_cross, run);
}

err_t authority_crosses(struct fleet *fleet, const struct uuid *tenant, const char *id,
                        authority_certificate_row_fn fn, void *arg)
{
    const struct query query = {.tenant = tenant, .id = id, .fn = is_there};
    struct crosses run = {.query = &query, .fn = fn, .arg = arg};
    return db_read(fleet->db, crosses_in, &run);
}

const char *authority_certificate_kind_name(enum authority_certificate_kind kind)
{
    static const char *const names[] = {[AUTHORITY_FIRST] = "first",
                                        [AUTHORITY_NEW_WITH_OLD] = "new_with_old",
                                        [AUTHORITY_OLD_WITH_NEW] = "old_with_new",
                                        [AUTHORITY_FURTHER] = "further"};
    return names[kind];
}

const char *authority_state_name(enum authority_state state)
{
    static const char *const names[] = {
        [AUTHORITY_ACTIVE] = "active",           [AUTHORITY_RETIRED] = "retired",
        [AUTHORITY_COMPROMISED] = "compromised", [AUTHORITY_PENDING] = "pending",
        [AUTHORITY_STANDBY] = "standby",         [AUTHORITY_RETIRING] = "retiring"};
    return names[state];
}
