/* The rules of boot keys: each change and its audit record in one transaction. A key is never changed: what a
 * device has burnt in does not change either. It can be revoked, after which no signature of its counts. */
#include "fleet/boot_keys.h"

#include <string.h>

#include "db/product_rows.h"
#include "fleet/event.h"
#include "fleet/internal.h"
#include "fleet/names.h"
#include "pki/boot_key.h"

static const char OP_KIND[] = "boot_key.add";
static const char *const kinds[BOOT_KEY_KINDS] = {[BOOT_KEY_MCUBOOT] = "mcuboot",
                                                  [BOOT_KEY_ESP] = "esp",
                                                  [BOOT_KEY_CMS] = "cms",
                                                  [BOOT_KEY_DETACHED] = "detached"};

const char *boot_key_kind_name(enum boot_key_kind kind)
{
    return kinds[kind];
}

err_t boot_key_kind_parse(struct bytes word, enum boot_key_kind *out)
{
    for (int i = 0; i < BOOT_KEY_KINDS; i++) {
        if (bytes_is(word, kinds[i])) {
            *out = (enum boot_key_kind)i;
            return OK;
        }
    }
    return ERR(ERR_UNPROCESSABLE, "a kind is mcuboot, esp, cms or detached");
}

struct run {
    const struct terms *terms;
    const struct boot_key_wish *wish;
    const struct boot_key_row *made; /* what was read of the wish */
    struct uuid id;
    struct boot_key_row *out;
    bool is_product_unknown;
};

/* --- judged ----------------------------------------------------------------------------------------- */

static err_t name_key(enum boot_key_kind kind, struct bytes public_bytes, struct sha256 *out)
{
    switch (kind) {
    case BOOT_KEY_MCUBOOT:
        return boot_key_digest_mcuboot(public_bytes, DIGEST_SHA256, out->b);
    case BOOT_KEY_ESP:
        return boot_key_digest_esp(public_bytes, out);
    case BOOT_KEY_CMS:
    case BOOT_KEY_DETACHED:
        break;
    }
    return sha256_of(public_bytes, out);
}

/* MCUboot is built for RSA-2048 or RSA-3072, and for no other RSA. */
static err_t check_rsa(enum boot_key_kind kind, const struct key_info *info)
{
    ENSURE(kind != BOOT_KEY_MCUBOOT || info->alg != KEY_ALG_RSA || info->bits == 2048 || info->bits == 3072,
           ERR_UNPROCESSABLE, "MCUboot knows RSA keys of 2048 and 3072 bits, this one has %d", info->bits);
    return OK;
}

static err_t read_public(const struct boot_key_wish *wish, struct boot_key_row *out)
{
    AUTO_VAL(buf) found = {0};
    struct key_info info;
    if (wish->kind == BOOT_KEY_CMS) {
        TRY(boot_certificate_read(wish->public_text, &found));
    } else {
        TRY(boot_key_read(wish->public_text, &found, &info));
        TRY(check_rsa(wish->kind, &info));
    }
    ENSURE(found.n <= BOOT_KEY_PUBLIC_SIZE, ERR_UNPROCESSABLE, "it has %zu bytes, %d are possible", found.n,
           BOOT_KEY_PUBLIC_SIZE);
    memcpy(out->public_bytes, found.p, found.n);
    out->public_size = found.n;
    return name_key(wish->kind, buf_view(&found), &out->digest);
}

static err_t check(const struct boot_key_wish *wish, struct faults *faults, struct boot_key_row *made)
{
    if (wish->name.p != NULL) {
        TRY(faults_note(faults, "/name", name_check(wish->name, "name of a boot key")));
    }
    if (wish->product.p != NULL) {
        TRY(faults_note(faults, "/product", name_check(wish->product, "product name")));
    }
    if (wish->public_text.p != NULL && wish->has_kind) {
        TRY(faults_note(faults, "/public", read_public(wish, made)));
    }
    return faults_error(faults);
}

/* --- stored ----------------------------------------------------------------------------------------- */

static err_t record(struct db_tx *tx, const struct run *run, const char *kind)
{
    const struct boot_key_row *row = run->out;
    char id[UUID_TEXT_SIZE], digest[2 * SHA256_SIZE + 1];
    uuid_format(row->id, id);
    hex_encode(BYTES_OF(row->digest.b), digest);
    const struct event event = {.kind = kind,
                                .result = "ok",
                                .actor = run->terms->actor.name,
                                .request_id = run->terms->actor.request_id,
                                .tenant = &row->tenant};
    return event_append(tx, &event,
                        "{\"boot_key\":\"%s\",\"name\":\"%s\",\"product\":\"%s\",\"kind\":\"%s\","
                        "\"digest\":\"%s\",\"ver\":%lld}",
                        id, row->name, row->product_name, boot_key_kind_name(row->kind), digest,
                        (long long)row->ver);
}

struct tally {
    size_t active, all;
};

static err_t count_active(const struct boot_key_row *row, void *arg)
{
    struct tally *tally = arg;
    tally->active += row->is_revoked ? 0 : 1;
    tally->all++;
    return OK;
}

/* Each upload asks all of them, so there are few; revoked ones stay, and are few as well. */
enum { KEPT_MAX = 256 };
static const struct row_window whole = {.after = {NULL, 0}, .limit = KEPT_MAX};

static err_t check_room(struct db_tx *tx, const struct boot_key_row *row)
{
    struct tally tally = {0};
    TRY(boot_key_rows_list(tx, row->tenant, &row->product, &whole, count_active, &tally));
    ENSURE(tally.active < BOOT_KEYS_OF_PRODUCT_MAX, ERR_CONFLICT,
           "the product has %d active boot keys, which is the most: revoke one first",
           BOOT_KEYS_OF_PRODUCT_MAX);
    ENSURE(tally.all < KEPT_MAX, ERR_CONFLICT, "the product has had %d boot keys, which is the most",
           KEPT_MAX);
    return OK;
}

static err_t add_in(struct db_tx *tx, void *arg)
{
    struct run *run = arg;
    struct product_row product;
    struct uuid former;
    bool is_repeat = false;
    char id[UUID_TEXT_SIZE];
    TRY(idempotency_find_id(tx, &run->terms->idempotency, OP_KIND, &former, &is_repeat));
    if (is_repeat) {
        return boot_key_rows_find(tx, run->terms->tenant, former, run->out);
    }
    struct bytes name = run->wish->product.p == NULL ? bytes_str("default") : run->wish->product;
    err_t error = product_rows_find(tx, run->terms->tenant, name, &product);
    run->is_product_unknown = error.code == ERR_NOT_FOUND;
    TRY(error);
    int64_t now_ms = db_tx_now_ms(tx);
    *run->out = *run->made;
    run->out->tenant = run->terms->tenant;
    run->out->product = product.id;
    memcpy(run->out->product_name, product.name, sizeof product.name);
    run->out->created_at = now_ms;
    run->out->updated_at = now_ms;
    run->out->ver = 1;
    TRY(check_room(tx, run->out));
    TRY(db_tx_uuid(tx, &run->out->id));
    TRY(boot_key_rows_insert(tx, run->out));
    uuid_format(run->out->id, id);
    TRY(idempotency_keep(tx, &run->terms->idempotency, OP_KIND, id));
    return record(tx, run, "boot_key.added");
}

err_t boot_key_add(struct fleet *fleet, const struct terms *terms, const struct boot_key_wish *wish,
                   struct boot_key_row *out)
{
    struct boot_key_row made = {.kind = wish->kind};
    TRY(check(wish, terms->faults, &made));
    name_copy(wish->name, made.name);
    struct run run = {.terms = terms, .wish = wish, .made = &made, .out = out};
    err_t error = db_write(fleet->db, add_in, &run);
    if (run.is_product_unknown) {
        faults_add(terms->faults, "/product", "no product has this name");
        return faults_error(terms->faults);
    }
    return error;
}

static err_t revoke_in(struct db_tx *tx, void *arg)
{
    struct run *run = arg;
    TRY(boot_key_rows_find(tx, run->terms->tenant, run->id, run->out));
    TRY(terms_check_version(run->terms, run->out->ver));
    if (run->out->is_revoked) {
        return OK;
    }
    run->out->is_revoked = true;
    run->out->updated_at = db_tx_now_ms(tx);
    run->out->ver++;
    TRY(boot_key_rows_update(tx, run->out));
    return record(tx, run, "boot_key.revoked");
}

err_t boot_key_revoke(struct fleet *fleet, const struct terms *terms, struct uuid id,
                      struct boot_key_row *out)
{
    struct run run = {.terms = terms, .id = id, .out = out};
    return db_write(fleet->db, revoke_in, &run);
}

/* --- read ------------------------------------------------------------------------------------------- */

struct find {
    struct uuid tenant, id;
    struct boot_key_row *out;
};

static err_t find_in(struct db_tx *tx, void *arg)
{
    const struct find *run = arg;
    return boot_key_rows_find(tx, run->tenant, run->id, run->out);
}

err_t boot_key_find(struct fleet *fleet, struct uuid tenant, struct uuid id, struct boot_key_row *out)
{
    struct find run = {.tenant = tenant, .id = id, .out = out};
    return db_read(fleet->db, find_in, &run);
}

struct list {
    const struct boot_key_list *order;
    boot_key_row_fn fn;
    void *arg;
};

static err_t list_in(struct db_tx *tx, void *arg)
{
    const struct list *run = arg;
    const struct boot_key_list *order = run->order;
    struct product_row product;
    if (order->product.n == 0) {
        return boot_key_rows_list(tx, order->tenant, NULL, &order->window, run->fn, run->arg);
    }
    TRY(product_rows_find(tx, order->tenant, order->product, &product));
    return boot_key_rows_list(tx, order->tenant, &product.id, &order->window, run->fn, run->arg);
}

err_t boot_key_list(struct fleet *fleet, const struct boot_key_list *list, boot_key_row_fn fn, void *arg)
{
    struct list run = {.order = list, .fn = fn, .arg = arg};
    return db_read(fleet->db, list_in, &run);
}

struct gather {
    struct uuid tenant, product;
    enum boot_key_kind kind;
    struct boot_keys *out;
};

static err_t gather_one(const struct boot_key_row *row, void *arg)
{
    const struct gather *run = arg;
    if (row->kind == run->kind && !row->is_revoked && run->out->count < BOOT_KEYS_OF_PRODUCT_MAX) {
        run->out->rows[run->out->count++] = *row;
    }
    return OK;
}

static err_t gather_in(struct db_tx *tx, void *arg)
{
    const struct gather *run = arg;
    run->out->count = 0;
    return boot_key_rows_list(tx, run->tenant, &run->product, &whole, gather_one, arg);
}

err_t boot_keys_of_product(struct fleet *fleet, struct uuid tenant, struct uuid product,
                           enum boot_key_kind kind, struct boot_keys *out)
{
    struct gather run = {.tenant = tenant, .product = product, .kind = kind, .out = out};
    return db_read(fleet->db, gather_in, &run);
}
