/* The rules of statements about manifest keys. A statement is read and its signature checked before the
 * transaction, under the key that was in force then; the transaction checks that it still is. */
#include "fleet/firmware_anchors.h"

#include <stdio.h>
#include <string.h>

#include "db/product_rows.h"
#include "db/tenant_rows.h"
#include "fleet/event.h"
#include "fleet/firmware_keys.h"
#include "fleet/internal.h"
#include "pki/anchors_statement.h"
#include "pki/suit.h"

_Static_assert((int)FIRMWARE_ANCHOR_SPKI_SIZE == (int)ANCHORS_SPKI_SIZE, "one size of keys");
_Static_assert((int)FIRMWARE_STATEMENT_SIZE == (int)ANCHORS_STATEMENT_MAX, "one size of statements");

enum { KEYS_AT_ONCE = 100 };

struct anchors_run {
    struct uuid tenant;
    struct bytes product_text;
    const struct terms *terms;
    struct bytes bytes;
    const struct anchors_statement *statement;
    const struct firmware_anchors_row *seen; /* under whose recovery key the signature was checked */
    struct product_row product;
    struct tenant_row owner;
    struct firmware_anchors_row *out;
};

/* --- read ------------------------------------------------------------------------------------------- */

/* An id where the text can be one. @errors ERR_NOT_FOUND also for another tenant's */
static err_t find_product(struct db_tx *tx, struct anchors_run *run)
{
    struct uuid id;
    bool is_id = uuid_parse(run->product_text, &id).code == ERR_OK;
    TRY(is_id ? product_rows_find_by_id(tx, id, &run->product)
              : product_rows_find(tx, run->tenant, run->product_text, &run->product));
    ENSURE(uuid_equal(run->product.tenant, run->tenant), ERR_NOT_FOUND, "no such product");
    return OK;
}

/* What is in force; version 0 for nothing. */
static err_t find_present(struct db_tx *tx, struct uuid product, struct firmware_anchors_row *out)
{
    err_t error = firmware_anchors_rows_find(tx, product, out);
    if (error.code == ERR_NOT_FOUND) {
        *out = (struct firmware_anchors_row){.ver = 0};
        return OK;
    }
    return error;
}

static err_t get_in(struct db_tx *tx, void *arg)
{
    struct anchors_run *run = arg;
    TRY(find_product(tx, run));
    return firmware_anchors_rows_find(tx, run->product.id, run->out);
}

err_t firmware_anchors_get(struct fleet *fleet, struct uuid tenant, struct bytes product,
                           struct firmware_anchors_row *out)
{
    struct anchors_run run = {.tenant = tenant, .product_text = product, .out = out};
    return db_read(fleet->db, get_in, &run);
}

err_t firmware_anchors_check_key(struct db_tx *tx, const struct firmware_key_row *key)
{
    struct firmware_anchors_row row;
    TRY(find_present(tx, key->product, &row));
    bool is_trusted =
        row.ver == 0 || bytes_equal((struct bytes){key->spki, key->spki_size}, BYTES_OF(row.signing_spki));
    ENSURE(is_trusted, ERR_WRONG_STATE,
           "devices of product %s trust another key than %s: statement %lld about their anchors names it",
           key->product_name, key->name, (long long)row.sequence);
    return OK;
}

/* --- judged ----------------------------------------------------------------------------------------- */

static err_t look_in(struct db_tx *tx, void *arg)
{
    struct anchors_run *run = arg;
    TRY(find_product(tx, run));
    TRY(tenant_rows_find_by_id(tx, run->tenant, &run->owner));
    return find_present(tx, run->product.id, run->out);
}

static err_t check_class(const struct anchors_run *run)
{
    struct uuid vendor, class_id;
    TRY(suit_vendor_of(run->owner.name, &vendor));
    TRY(suit_class_of(vendor, run->product.name, "", &class_id));
    ENSURE(uuid_equal(class_id, run->statement->class_id), ERR_UNPROCESSABLE,
           "the statement is for another product than %s", run->product.name);
    return OK;
}

static err_t check_signature(const struct anchors_run *run)
{
    struct anchor_key by = run->statement->recovery;
    if (run->seen->ver > 0) {
        memcpy(by.spki, run->seen->recovery_spki, sizeof by.spki);
    }
    err_t error = anchors_statement_verify(run->bytes, &by);
    ENSURE(error.code != ERR_FORBIDDEN, ERR_FORBIDDEN, "the statement is not signed by the recovery key%s",
           run->seen->ver > 0 ? " in force" : " that it names");
    return error;
}

struct key_search {
    const struct anchors_statement *statement;
    struct uuid last;
    int count;
    bool has_signing, has_recovery; /* an active key of role manifest; any key */
    struct uuid compromised[KEYS_AT_ONCE];
    int compromised_count;
};

static err_t on_key(const struct firmware_key_row *key, void *arg)
{
    struct key_search *search = arg;
    struct bytes spki = {key->spki, key->spki_size};
    bool is_signing = bytes_equal(spki, BYTES_OF(search->statement->signing.spki));
    bool is_manifest = key->role == FIRMWARE_KEY_MANIFEST;
    search->has_recovery |= bytes_equal(spki, BYTES_OF(search->statement->recovery.spki));
    search->has_signing |= is_signing && is_manifest && key->state == FIRMWARE_KEY_ACTIVE;
    if (is_manifest && !is_signing && key->state == FIRMWARE_KEY_COMPROMISED) {
        search->compromised[search->compromised_count++] = key->id;
    }
    search->last = key->id;
    search->count++;
    return OK;
}

static err_t end_alarms(struct db_tx *tx, struct uuid tenant, const struct key_search *search)
{
    for (int i = 0; i < search->compromised_count; i++) {
        struct firmware_key_row key;
        TRY(firmware_key_rows_find(tx, tenant, search->compromised[i], &key));
        TRY(firmware_key_alarm_clear(tx, &key));
    }
    return OK;
}

/* A product has few keys; they are looked through in steps. */
static err_t look_through_keys(struct db_tx *tx, const struct anchors_run *run, struct key_search *search)
{
    do {
        struct uuid after = search->last;
        const struct row_window window = {.after = search->count == 0 ? BYTES_NONE : BYTES_OF(after.b),
                                          .limit = KEYS_AT_ONCE};
        search->count = 0;
        search->compromised_count = 0;
        TRY(firmware_key_rows_list(tx, run->tenant, &run->product.id, &window, on_key, search));
        TRY(end_alarms(tx, run->tenant, search));
    } while (search->count == KEYS_AT_ONCE);
    return OK;
}

static err_t check_keys(struct db_tx *tx, const struct anchors_run *run)
{
    struct key_search search = {.statement = run->statement};
    TRY(look_through_keys(tx, run, &search));
    ENSURE(search.has_signing, ERR_UNPROCESSABLE,
           "the signing key of the statement is no active manifest key of product %s", run->product.name);
    ENSURE(!search.has_recovery, ERR_UNPROCESSABLE,
           "the recovery key of the statement is in the keystore of this server; it must be kept elsewhere");
    return OK;
}

/* --- stored ----------------------------------------------------------------------------------------- */

static err_t record(struct db_tx *tx, const struct anchors_run *run)
{
    char product[UUID_TEXT_SIZE], signing[2 * SHA256_SIZE + 1], recovery[2 * SHA256_SIZE + 1];
    struct sha256 id;
    uuid_format(run->product.id, product);
    TRY(anchor_key_id(&run->statement->signing, &id));
    hex_encode(BYTES_OF(id.b), signing);
    TRY(anchor_key_id(&run->statement->recovery, &id));
    hex_encode(BYTES_OF(id.b), recovery);
    struct event event = {.kind = "firmware.anchors_changed",
                          .result = "ok",
                          .actor = run->terms->actor.name,
                          .request_id = run->terms->actor.request_id,
                          .tenant = &run->tenant};
    return event_append(tx, &event,
                        "{\"product\":\"%s\",\"name\":\"%s\",\"sequence\":%lld,\"signing_key_sha256\":\"%s\","
                        "\"recovery_key_sha256\":\"%s\"}",
                        product, run->product.name, (long long)run->statement->sequence, signing, recovery);
}

static void fill(const struct anchors_run *run, int64_t now_ms)
{
    struct firmware_anchors_row *row = run->out;
    row->product = run->product.id;
    row->tenant = run->tenant;
    row->sequence = run->statement->sequence;
    memcpy(row->signing_spki, run->statement->signing.spki, sizeof row->signing_spki);
    memcpy(row->recovery_spki, run->statement->recovery.spki, sizeof row->recovery_spki);
    memcpy(row->statement, run->bytes.p, run->bytes.n);
    row->statement_size = run->bytes.n;
    row->updated_at = now_ms;
    row->ver++;
}

/* The same again changes nothing. */
static bool is_in_force(const struct firmware_anchors_row *row, struct bytes statement)
{
    return row->ver > 0 && bytes_equal((struct bytes){row->statement, row->statement_size}, statement);
}

static err_t put_in(struct db_tx *tx, void *arg)
{
    struct anchors_run *run = arg;
    TRY(look_in(tx, run));
    struct firmware_anchors_row *row = run->out;
    TRY(terms_check_version(run->terms, row->ver));
    if (is_in_force(row, run->bytes)) {
        return OK;
    }
    ENSURE(row->ver == run->seen->ver, ERR_CONFLICT, "another statement came in force at the same time");
    ENSURE(run->statement->sequence > row->sequence, ERR_CONFLICT,
           "the sequence of the statement is %lld; that in force has %lld",
           (long long)run->statement->sequence, (long long)row->sequence);
    TRY(faults_note(run->terms->faults, "/statement", check_keys(tx, run)));
    TRY(faults_error(run->terms->faults));
    fill(run, db_tx_now_ms(tx));
    TRY(firmware_anchors_rows_store(tx, row));
    return record(tx, run);
}

static err_t judge(const struct anchors_run *run)
{
    TRY(check_class(run));
    return check_signature(run);
}

err_t firmware_anchors_put(struct fleet *fleet, const struct terms *terms, struct bytes product,
                           struct bytes statement, struct firmware_anchors_row *out)
{
    struct anchors_statement said;
    struct firmware_anchors_row seen;
    struct anchors_run run = {.tenant = terms->tenant,
                              .product_text = product,
                              .terms = terms,
                              .bytes = statement,
                              .statement = &said,
                              .seen = &seen,
                              .out = &seen};
    TRY(db_read(fleet->db, look_in, &run));
    if (is_in_force(&seen, statement)) {
        *out = seen;
        return OK;
    }
    err_t error = anchors_statement_read(statement, &said);
    if (error.code == ERR_BAD_ENCODING) {
        error.code = ERR_UNPROCESSABLE; /* within a body that was read */
    }
    TRY(faults_note(terms->faults, "/statement", error));
    TRY(faults_error(terms->faults));
    TRY(faults_note(terms->faults, "/statement", judge(&run)));
    TRY(faults_error(terms->faults));
    run.out = out;
    return db_write(fleet->db, put_in, &run);
}
