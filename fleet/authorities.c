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
    const char *id;
    const struct row_window *window;
    authority_fn fn;
    void *arg;
};

static err_t get_in(struct db_tx *tx, void *arg)
{
    const struct query *run = arg;
    return authority_rows_find(tx, run->id, run->fn, run->arg);
}

err_t authority_get(struct fleet *fleet, const char *id, authority_fn fn, void *arg)
{
    struct query run = {.id = id, .fn = fn, .arg = arg};
    return db_read(fleet->db, get_in, &run);
}

static err_t list_in(struct db_tx *tx, void *arg)
{
    const struct query *run = arg;
    return authority_rows_list(tx, run->window, run->fn, run->arg);
}

err_t authority_list(struct fleet *fleet, const struct row_window *window, authority_fn fn, void *arg)
{
    struct query run = {.window = window, .fn = fn, .arg = arg};
    return db_read(fleet->db, list_in, &run);
}

struct chain_run {
    struct bytes root;
    struct authority_chain *out;
};

/* Two steps at most: issuing authorities have no authority below them (pathlen 0). */
static err_t on_authority(const struct authority_row *row, void *arg)
{
    const struct chain_run *run = arg;
    TRY(buf_append_bytes(&run->out->ders[0], row->certificate));
    run->out->count = 1;
    if (strcmp(row->role, "root") == 0) {
        return OK;
    }
    TRY(buf_append_bytes(&run->out->ders[1], run->root));
    run->out->count = 2;
    return OK;
}

err_t authority_chain_read(struct fleet *fleet, const char *id, struct authority_chain *out)
{
    struct chain_run run = {.root = authority_borrow_der(fleet->options.root), .out = out};
    return authority_get(fleet, id, on_authority, &run);
}

const char *authority_state_name(enum authority_state state)
{
    static const char *const names[] = {[AUTHORITY_ACTIVE] = "active",
                                        [AUTHORITY_RETIRED] = "retired",
                                        [AUTHORITY_COMPROMISED] = "compromised"};
    return names[state];
}
