/* The rules of pinned CAs while no chip calls. The certificate is judged before the transaction; each change
 * and its audit record are one. */
#include "fleet/vendor_cas.h"

#include <stdio.h>
#include <string.h>

#include "db/product_rows.h"
#include "db/vendor_ca_rows.h"
#include "fleet/admission_batch.h"
#include "fleet/event.h"
#include "fleet/internal.h"
#include "fleet/names.h"
#include "pki/vendor_ca.h"

static const char OP_KIND[] = "vendor_ca.add";

struct ca_run {
    const struct terms *terms;
    const struct vendor_ca_change *change;
    const struct vendor_ca *ca; /* of change, read */
    struct uuid id;
    struct vendor_ca_row *out;
};

/* --- checked ---------------------------------------------------------------------------------------- */

static err_t check(const struct vendor_ca_change *change, struct faults *faults)
{
    if (change->name.p != NULL) {
        TRY(faults_note(faults, "/name", name_check(change->name, "vendor CA name")));
    }
    if (change->batch.n > 0) {
        TRY(faults_note(faults, "/batch", name_check(change->batch, "batch name")));
    }
    return OK;
}

/* --- stored ----------------------------------------------------------------------------------------- */

static err_t record(struct db_tx *tx, const struct ca_run *run, const char *kind)
{
    const struct vendor_ca_row *row = run->out;
    char id[UUID_TEXT_SIZE], product[UUID_TEXT_SIZE], batch[UUID_TEXT_SIZE], key[2 * SHA256_SIZE + 1];
    uuid_format(row->id, id);
    uuid_format(row->product, product);
    uuid_format(row->batch, batch);
    hex_encode(BYTES_OF(row->spki_sha256), key);
    struct event event = {.kind = kind,
                          .result = "ok",
                          .actor = run->terms->actor.name,
                          .request_id = run->terms->actor.request_id,
                          .tenant = &row->tenant};
    return event_append(tx, &event,
                        "{\"vendor_ca\":\"%s\",\"name\":\"%s\",\"product\":\"%s\",\"batch\":\"%s\","
                        "\"spki_sha256\":\"%s\",\"admitted\":%lld,\"ver\":%lld}",
                        id, row->name, product, batch, key, (long long)row->admitted, (long long)row->ver);
}

static err_t find_repeat(struct db_tx *tx, const struct ca_run *run, bool *is_repeat)
{
    struct uuid id;
    TRY(idempotency_find_id(tx, &run->terms->idempotency, OP_KIND, &id, is_repeat));
    return *is_repeat ? vendor_ca_rows_find(tx, run->terms->tenant, id, run->out) : OK;
}

static err_t find_product(struct db_tx *tx, const struct ca_run *run, struct product_row *out)
{
    struct bytes name = run->change->product.n > 0 ? run->change->product : bytes_str("default");
    err_t error = product_rows_find(tx, run->terms->tenant, name, out);
    if (error.code == ERR_NOT_FOUND) {
        faults_add(run->terms->faults, "/product", "no product has this name");
        return faults_error(run->terms->faults);
    }
    return error;
}

static void fill(const struct ca_run *run, const struct batch_row *batch, int64_t now_ms)
{
    const struct vendor_ca *ca = run->ca;
    struct vendor_ca_row *row = run->out;
    *row = (struct vendor_ca_row){.tenant = batch->tenant,
                                  .product = batch->product,
                                  .batch = batch->id,
                                  .name_hash = ca->name_hash,
                                  .not_before = ca->not_before_ms,
                                  .not_after = ca->not_after_ms,
                                  .der_size = ca->der.n,
                                  .created_at = now_ms,
                                  .updated_at = now_ms,
                                  .ver = 1};
    name_copy(run->change->name, row->name);
    memcpy(row->spki_sha256, ca->spki_sha256.b, sizeof row->spki_sha256);
    memcpy(row->subject, ca->subject, sizeof row->subject);
    memcpy(row->der, ca->der.p, ca->der.n); /* read: it fits */
}

static err_t add_in(struct db_tx *tx, void *arg)
{
    struct ca_run *run = arg;
    bool is_repeat = false;
    struct product_row product;
    struct batch_row batch;
    char id[UUID_TEXT_SIZE];
    TRY(find_repeat(tx, run, &is_repeat));
    if (is_repeat) {
        return OK;
    }
    TRY(find_product(tx, run, &product));
    TRY(admission_batch_ensure(tx, run->terms, &product, run->change->batch, &batch));
    fill(run, &batch, db_tx_now_ms(tx));
    TRY(db_tx_uuid(tx, &run->out->id));
    TRY(vendor_ca_rows_insert(tx, run->out));
    uuid_format(run->out->id, id);
    TRY(idempotency_keep(tx, &run->terms->idempotency, OP_KIND, id));
    return record(tx, run, "vendor_ca.added");
}

err_t vendor_ca_add(struct fleet *fleet, const struct terms *terms, const struct vendor_ca_change *change,
                    struct vendor_ca_row *out)
{
    AUTO_VAL(vendor_ca) ca = {.name_hash = 0};
    _Static_assert(sizeof out->subject == sizeof ca.subject, "one size of subjects");
    TRY(check(change, terms->faults));
    if (change->pem.p != NULL) {
        TRY(faults_note(terms->faults, "/certificate", vendor_ca_read(change->pem, &ca)));
    }
    TRY(faults_error(terms->faults));
    ENSURE(ca.der.n > 0 && ca.der.n <= sizeof out->der, ERR_INTERNAL, "a CA certificate of %zu bytes",
           ca.der.n);
    struct ca_run run = {.terms = terms, .change = change, .ca = &ca, .out = out};
    return db_write(fleet->db, add_in, &run);
}

/* --- changed, ended --------------------------------------------------------------------------------- */

static err_t find_own(struct db_tx *tx, const struct ca_run *run)
{
    TRY(vendor_ca_rows_find(tx, run->terms->tenant, run->id, run->out));
    return terms_check_version(run->terms, run->out->ver);
}

static err_t move_batch(struct db_tx *tx, const struct ca_run *run)
{
    struct product_row product;
    struct batch_row batch;
    if (run->change->batch.n == 0) {
        return OK;
    }
    TRY(product_rows_find_by_id(tx, run->out->product, &product));
    TRY(admission_batch_ensure(tx, run->terms, &product, run->change->batch, &batch));
    run->out->batch = batch.id;
    return OK;
}

static err_t store(struct db_tx *tx, struct ca_run *run)
{
    run->out->updated_at = db_tx_now_ms(tx);
    run->out->ver++;
    return vendor_ca_rows_update(tx, run->out);
}

static err_t change_in(struct db_tx *tx, void *arg)
{
    struct ca_run *run = arg;
    TRY(find_own(tx, run));
    ENSURE(run->out->retired_at == 0, ERR_WRONG_STATE, "the vendor CA is retired: pin it again");
    TRY(move_batch(tx, run));
    if (run->change->name.p != NULL) {
        name_copy(run->change->name, run->out->name);
    }
    TRY(store(tx, run));
    return record(tx, run, "vendor_ca.changed");
}

err_t vendor_ca_change(struct fleet *fleet, const struct terms *terms, struct uuid id,
                       const struct vendor_ca_change *change, struct vendor_ca_row *out)
{
    TRY(check(change, terms->faults));
    TRY(faults_error(terms->faults));
    struct ca_run run = {.terms = terms, .change = change, .id = id, .out = out};
    return db_write(fleet->db, change_in, &run);
}

static err_t retire_in(struct db_tx *tx, void *arg)
{
    struct ca_run *run = arg;
    TRY(find_own(tx, run));
    if (run->out->retired_at != 0) {
        return OK;
    }
    run->out->retired_at = db_tx_now_ms(tx);
    TRY(store(tx, run));
    return record(tx, run, "vendor_ca.retired");
}

err_t vendor_ca_retire(struct fleet *fleet, const struct terms *terms, struct uuid id,
                       struct vendor_ca_row *out)
{
    struct ca_run run = {.terms = terms, .id = id, .out = out};
    return db_write(fleet->db, retire_in, &run);
}

/* --- read ------------------------------------------------------------------------------------------- */

static err_t get_in(struct db_tx *tx, void *arg)
{
    return find_own(tx, arg);
}

err_t vendor_ca_get(struct fleet *fleet, struct uuid tenant, struct uuid id, struct vendor_ca_row *out)
{
    const struct terms terms = {.tenant = tenant};
    struct ca_run run = {.terms = &terms, .id = id, .out = out};
    return db_read(fleet->db, get_in, &run);
}

struct list {
    struct uuid tenant;
    const struct uuid *product;
    const struct row_window *window;
    vendor_ca_row_fn fn;
    void *arg;
};

static err_t list_in(struct db_tx *tx, void *arg)
{
    const struct list *run = arg;
    return vendor_ca_rows_list(tx, run->tenant, run->product, run->window, run->fn, run->arg);
}

err_t vendor_ca_list(struct fleet *fleet, struct uuid tenant, const struct uuid *product,
                     const struct row_window *window, err_t (*fn)(const struct vendor_ca_row *row, void *arg),
                     void *arg)
{
    struct list run = {.tenant = tenant, .product = product, .window = window, .fn = fn, .arg = arg};
    return db_read(fleet->db, list_in, &run);
}
