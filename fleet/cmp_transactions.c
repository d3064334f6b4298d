/* Transactions between a request and its certConf, as rows: nothing is in memory only, so the number of open
 * ones costs no memory, a restart loses none, and a device that begins again takes the place of what it had
 * open. */
#include <string.h>

#include "fleet/cmp_internal.h"
#include "fleet/yield.h"

enum { OPEN_MS = 5 * 60 * 1000, SWEEP_STEP = 500 };

static struct bytes key_of(const struct cmp_case *c)
{
    return BYTES_OF(c->key.b);
}

static err_t put_in(struct db_tx *tx, void *arg)
{
    return cmp_rows_put(tx, arg);
}

err_t cmp_transaction_keep(struct cmp_case *c, const struct cmp_result *result)
{
    AUTO_VAL(buf) request = {0};
    TRY(cmp_message_put_bare(&c->request, &request));
    struct cmp_row row = {.id = c->message.transaction_id,
                          .key = key_of(c),
                          .sender = buf_view(&c->peer.der),
                          .request = buf_view(&request),
                          .nonce = {result->nonce, result->nonce_size},
                          .expires_at = c->now_ms + OPEN_MS};
    memcpy(row.authority, c->authority, sizeof row.authority);
    memcpy(row.serial, c->serial, sizeof row.serial);
    return db_write(c->fleet->db, put_in, &row);
}

static err_t take(const struct cmp_row *row, void *arg)
{
    struct cmp_case *c = arg;
    buf_clear(&c->kept);
    buf_clear(&c->nonce);
    TRY(buf_append_bytes(&c->kept, row->request));
    TRY(buf_append_bytes(&c->nonce, row->nonce));
    memcpy(c->authority, row->authority, sizeof c->authority);
    memcpy(c->serial, row->serial, sizeof c->serial);
    return OK;
}

static err_t find_in(struct db_tx *tx, void *arg)
{
    struct cmp_case *c = arg;
    return cmp_rows_find(tx, c->message.transaction_id, key_of(c), c->now_ms, take, c);
}

err_t cmp_transaction_find(struct cmp_case *c)
{
    enum cmp_failure failure;
    TRY(db_read(c->fleet->db, find_in, c));
    return cmp_header_read(buf_view(&c->kept), &c->request, &failure);
}

static err_t end_in(struct db_tx *tx, void *arg)
{
    const struct cmp_case *c = arg;
    return cmp_rows_delete(tx, c->message.transaction_id, key_of(c));
}

err_t cmp_transaction_end(struct cmp_case *c)
{
    return db_write(c->fleet->db, end_in, c);
}

struct sweep {
    int64_t before, count;
};

static err_t sweep_in(struct db_tx *tx, void *arg)
{
    struct sweep *sweep = arg;
    return cmp_rows_sweep(tx, sweep->before, SWEEP_STEP, &sweep->count);
}

err_t cmp_sweep(struct fleet *fleet, int64_t now_ms)
{
    struct sweep sweep = {.before = now_ms};
    TRY(db_write(fleet->db, sweep_in, &sweep));
    while (sweep.count == SWEEP_STEP) {
        yield_pause(fleet, YIELD_STEP);
        TRY(db_write(fleet->db, sweep_in, &sweep));
    }
    return OK;
}
