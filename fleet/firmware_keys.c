/* The rules of keys that sign firmware: made, looked at, ended. The pair is made before the transaction, and
 * durable before its row; a pair whose row does not come to be is destroyed. What they sign is counted in
 * firmware_key_uses.c. */
#include "fleet/firmware_keys.h"

#include <stdio.h>
#include <string.h>

#include "db/firmware_anchors_rows.h"
#include "db/product_rows.h"
#include "fleet/alarms.h"
#include "fleet/event.h"
#include "fleet/firmware_key_handles.h"
#include "fleet/internal.h"
#include "fleet/names.h"
#include "pki/code_certificate.h"

static const char OP_KIND[] = "firmware_key.add";
enum { CERTIFICATE_DAYS = 3650, CERTIFICATE_DAYS_MAX = 36500, DAY_MS = 86400000, BEFORE_MS = 300000 };

struct key_run {
    const struct terms *terms;
    const struct firmware_key_order *order;
    struct uuid id;
    bool is_repeat;
    struct firmware_key_row *out;
};

/* --- checked ---------------------------------------------------------------------------------------- */

static err_t check(const struct firmware_key_order *order, struct faults *faults)
{
    TRY(faults_note(faults, "/name", name_check(order->name, "firmware key name")));
    if (order->has_role && order->algorithm.n > 0) {
        TRY(faults_note(faults, "/algorithm", firmware_key_algorithm_check(order->role, order->algorithm)));
    }
    if (order->uses_max < 0) {
        faults_add(faults, "/uses_max", "a bound of uses is 1 or more; 0: none");
    }
    if (order->certificate_days < 0 || order->certificate_days > CERTIFICATE_DAYS_MAX) {
        faults_add(faults, "/certificate_days", "a certificate lives 1 to %d days", CERTIFICATE_DAYS_MAX);
    } else if (order->certificate_days > 0 && order->has_role && order->role != FIRMWARE_KEY_CMS) {
        faults_add(faults, "/certificate_days", "only keys of role cms have a certificate");
    }
    return faults_error(faults);
}

static enum key_alg alg_of(const char *algorithm)
{
    static const struct {
        const char *word;
        enum key_alg alg;
    } rows[] = {{"ecdsa-p256", KEY_ALG_P256},
                {"ecdsa-p384", KEY_ALG_P384},
                {"ed25519", KEY_ALG_ED25519},
                {"rsa-3072", KEY_ALG_RSA}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i].word, algorithm) == 0) {
            return rows[i].alg;
        }
    }
    return KEY_ALG_NONE;
}

/* --- stored ----------------------------------------------------------------------------------------- */

static err_t record(struct db_tx *tx, const struct key_run *run, const char *kind)
{
    const struct firmware_key_row *row = run->out;
    char id[UUID_TEXT_SIZE], product[UUID_TEXT_SIZE], hash[2 * SHA256_SIZE + 1];
    uuid_format(row->id, id);
    uuid_format(row->product, product);
    hex_encode(BYTES_OF(row->spki_sha256), hash);
    struct event event = {.kind = kind,
                          .result = "ok",
                          .actor = run->terms->actor.name,
                          .request_id = run->terms->actor.request_id,
                          .tenant = &row->tenant};
    return event_append(tx, &event,
                        "{\"firmware_key\":\"%s\",\"name\":\"%s\",\"product\":\"%s\",\"role\":\"%s\","
                        "\"algorithm\":\"%s\",\"spki_sha256\":\"%s\",\"state\":\"%s\",\"uses\":%lld,"
                        "\"ver\":%lld}",
                        id, row->name, product, firmware_key_role_name(row->role), row->algorithm, hash,
                        firmware_key_state_name(row->state), (long long)row->uses, (long long)row->ver);
}

static err_t find_product(struct db_tx *tx, const struct key_run *run, struct product_row *out)
{
    struct bytes name = run->order->product.n > 0 ? run->order->product : bytes_str("default");
    err_t error = product_rows_find(tx, run->terms->tenant, name, out);
    if (error.code == ERR_NOT_FOUND) {
        faults_add(run->terms->faults, "/product", "no product has this name");
        return faults_error(run->terms->faults);
    }
    return error;
}

static err_t find_repeat(struct db_tx *tx, struct key_run *run)
{
    struct uuid id;
    TRY(idempotency_find_id(tx, &run->terms->idempotency, OP_KIND, &id, &run->is_repeat));
    return run->is_repeat ? firmware_key_rows_find(tx, run->terms->tenant, id, run->out) : OK;
}

/* Before a pair is made: whether there is reason to. */
static err_t look_in(struct db_tx *tx, void *arg)
{
    struct key_run *run = arg;
    struct product_row product;
    TRY(find_repeat(tx, run));
    return run->is_repeat ? OK : find_product(tx, run, &product);
}

static err_t add_in(struct db_tx *tx, void *arg)
{
    struct key_run *run = arg;
    struct product_row product;
    char id[UUID_TEXT_SIZE];
    struct firmware_key_row made = *run->out;
    TRY(find_repeat(tx, run));
    if (run->is_repeat) {
        return OK;
    }
    *run->out = made;
    TRY(find_product(tx, run, &product));
    run->out->product = product.id;
    memcpy(run->out->product_name, product.name, sizeof product.name);
    run->out->created_at = run->out->updated_at = db_tx_now_ms(tx);
    TRY(firmware_key_rows_insert(tx, run->out));
    uuid_format(run->out->id, id);
    TRY(idempotency_keep(tx, &run->terms->idempotency, OP_KIND, id));
    return record(tx, run, "firmware_key.added");
}

/* --- made ------------------------------------------------------------------------------------------- */

static err_t new_id(struct db_tx *tx, void *arg)
{
    return db_tx_uuid(tx, arg);
}

static err_t fill_public(const struct private_key *key, struct firmware_key_row *row)
{
    AUTO_VAL(buf) spki = {0};
    struct sha256 hash;
    TRY(private_key_spki(key, &spki));
    ENSURE(spki.n <= sizeof row->spki, ERR_INTERNAL, "a public key of %zu bytes", spki.n);
    memcpy(row->spki, spki.p, spki.n);
    row->spki_size = spki.n;
    TRY(sha256_of(buf_view(&spki), &hash));
    memcpy(row->spki_sha256, hash.b, sizeof hash.b);
    return OK;
}

static err_t fill_certificate(struct fleet *fleet, const struct private_key *key, int64_t days,
                              struct firmware_key_row *row)
{
    AUTO_VAL(buf) der = {0};
    int64_t now_ms = clock_now_ms(fleet->clock);
    const struct code_subject subject = {.common_name = row->name,
                                         .not_before_ms = now_ms - BEFORE_MS,
                                         .not_after_ms =
                                             now_ms + (days > 0 ? days : CERTIFICATE_DAYS) * DAY_MS,
                                         .random = fleet->random};
    TRY(code_certificate_make(key, &subject, &der));
    ENSURE(der.n <= sizeof row->certificate, ERR_INTERNAL, "a certificate of %zu bytes", der.n);
    memcpy(row->certificate, der.p, der.n);
    row->certificate_size = der.n;
    return OK;
}

static err_t make(struct fleet *fleet, const struct firmware_key_order *order, struct firmware_key_row *row)
{
    AUTO_PTR(private_key) *key = NULL;
    TRY(keystore_generate(fleet->options.keystore, row->label, alg_of(row->algorithm), &key));
    TRY(fill_public(key, row));
    return row->role == FIRMWARE_KEY_CMS ? fill_certificate(fleet, key, order->certificate_days, row) : OK;
}

static err_t make_and_store(struct fleet *fleet, struct key_run *run)
{
    TRY(make(fleet, run->order, run->out));
    return db_write(fleet->db, add_in, run);
}

err_t firmware_key_add(struct fleet *fleet, const struct terms *terms, const struct firmware_key_order *order,
                       struct firmware_key_row *out)
{
    struct key_run run = {.terms = terms, .order = order, .out = out};
    char id[UUID_TEXT_SIZE], label[FIRMWARE_LABEL_SIZE];
    TRY(check(order, terms->faults));
    TRY(db_read(fleet->db, look_in, &run));
    if (run.is_repeat) {
        return OK;
    }
    ENSURE(fleet->options.keystore != NULL, ERR_UNAVAILABLE, "no keystore is open here");
    *out = (struct firmware_key_row){
        .tenant = terms->tenant, .role = order->role, .uses_max = order->uses_max, .ver = 1};
    TRY(db_read(fleet->db, new_id, &out->id));
    uuid_format(out->id, id);
    (void)snprintf(label, sizeof label, "fw-%s", id);
    memcpy(out->label, label, sizeof label);
    name_copy(order->name, out->name);
    struct bytes algorithm = order->algorithm.n > 0 ? order->algorithm : bytes_str("ecdsa-p256");
    (void)snprintf(out->algorithm, sizeof out->algorithm, "%.*s", (int)algorithm.n, algorithm.p);
    err_t error = make_and_store(fleet, &run);
    if (error.code != ERR_OK || run.is_repeat) { /* nobody will ask for it */
        err_t gone = keystore_forget(fleet->options.keystore, label);
        return error.code != ERR_OK ? error : gone;
    }
    return OK;
}

/* --- ended ------------------------------------------------------------------------------------------ */

static err_t find_own(struct db_tx *tx, const struct key_run *run)
{
    TRY(firmware_key_rows_find(tx, run->terms->tenant, run->id, run->out));
    return terms_check_version(run->terms, run->out->ver);
}

static err_t move_to(struct db_tx *tx, const struct key_run *run, enum firmware_key_state state,
                     const char *event)
{
    run->out->state = state;
    run->out->updated_at = db_tx_now_ms(tx);
    run->out->ver++;
    TRY(firmware_key_rows_update(tx, run->out));
    return record(tx, run, event);
}

static err_t retire_in(struct db_tx *tx, void *arg)
{
    const struct key_run *run = arg;
    TRY(find_own(tx, run));
    ENSURE(run->out->state != FIRMWARE_KEY_COMPROMISED, ERR_WRONG_STATE,
           "the key is compromised, which is for good");
    return run->out->state == FIRMWARE_KEY_RETIRED
               ? OK
               : move_to(tx, run, FIRMWARE_KEY_RETIRED, "firmware_key.retired");
}

static struct alarm alarm_of(const struct firmware_key_row *key, char id[UUID_TEXT_SIZE])
{
    uuid_format(key->id, id);
    return (struct alarm){.kind = "firmware_key.compromised",
                          .subject = id,
                          .tenant = &key->tenant,
                          .severity = ALARM_CRITICAL};
}

static err_t compromised_in(struct db_tx *tx, void *arg)
{
    const struct key_run *run = arg;
    char id[UUID_TEXT_SIZE], detail[256];
    TRY(find_own(tx, run));
    if (run->out->state == FIRMWARE_KEY_COMPROMISED) {
        return OK;
    }
    struct alarm alarm = alarm_of(run->out, id);
    (void)snprintf(detail, sizeof detail, "key %s (%s) of product %s signed %lld times", run->out->name,
                   firmware_key_role_name(run->out->role), run->out->product_name, (long long)run->out->uses);
    alarm.detail = detail;
    TRY(alarm_raise(tx, &alarm));
    return move_to(tx, run, FIRMWARE_KEY_COMPROMISED, "firmware_key.compromised");
}

err_t firmware_key_alarm_clear(struct db_tx *tx, const struct firmware_key_row *key)
{
    char id[UUID_TEXT_SIZE];
    struct alarm alarm = alarm_of(key, id);
    return alarm_clear(tx, &alarm);
}

/* Devices that follow the statement in force still take what it signs. */
static err_t check_not_anchored(struct db_tx *tx, const struct firmware_key_row *key)
{
    struct firmware_anchors_row row;
    err_t found = firmware_anchors_rows_find(tx, key->product, &row);
    if (found.code == ERR_NOT_FOUND) {
        return OK;
    }
    TRY(found);
    ENSURE(!bytes_equal((struct bytes){key->spki, key->spki_size}, BYTES_OF(row.signing_spki)),
           ERR_WRONG_STATE,
           "the anchors in force of product %s name the key: put a statement that names "
           "another in force first",
           key->product_name);
    return OK;
}

static err_t replaced_in(struct db_tx *tx, void *arg)
{
    const struct key_run *run = arg;
    TRY(find_own(tx, run));
    ENSURE(run->out->state == FIRMWARE_KEY_COMPROMISED, ERR_WRONG_STATE,
           "the key is %s; only a compromised one has an alarm to end",
           firmware_key_state_name(run->out->state));
    TRY(check_not_anchored(tx, run->out));
    return firmware_key_alarm_clear(tx, run->out);
}

static err_t end(struct fleet *fleet, db_fn fn, struct key_run *run)
{
    TRY(db_write(fleet->db, fn, run));
    firmware_key_handle_drop(fleet, run->out->label);
    return OK;
}

err_t firmware_key_retire(struct fleet *fleet, const struct terms *terms, struct uuid id,
                          struct firmware_key_row *out)
{
    struct key_run run = {.terms = terms, .id = id, .out = out};
    return end(fleet, retire_in, &run);
}

err_t firmware_key_compromised(struct fleet *fleet, const struct terms *terms, struct uuid id,
                               struct firmware_key_row *out)
{
    struct key_run run = {.terms = terms, .id = id, .out = out};
    return end(fleet, compromised_in, &run);
}

err_t firmware_key_replaced(struct fleet *fleet, const struct terms *terms, struct uuid id,
                            struct firmware_key_row *out)
{
    struct key_run run = {.terms = terms, .id = id, .out = out};
    return end(fleet, replaced_in, &run);
}

/* --- read ------------------------------------------------------------------------------------------- */

static err_t get_in(struct db_tx *tx, void *arg)
{
    return find_own(tx, arg);
}

err_t firmware_key_get(struct fleet *fleet, struct uuid tenant, struct uuid id, struct firmware_key_row *out)
{
    const struct terms terms = {.tenant = tenant};
    struct key_run run = {.terms = &terms, .id = id, .out = out};
    return db_read(fleet->db, get_in, &run);
}

struct list {
    const struct firmware_key_list *of;
    firmware_key_row_fn fn;
    void *arg;
};

static err_t list_in(struct db_tx *tx, void *arg)
{
    const struct list *run = arg;
    struct product_row product;
    bool is_of_one = run->of->product.n > 0;
    if (is_of_one) {
        TRY(product_rows_find(tx, run->of->tenant, run->of->product, &product));
    }
    return firmware_key_rows_list(tx, run->of->tenant, is_of_one ? &product.id : NULL, &run->of->window,
                                  run->fn, run->arg);
}

err_t firmware_key_list(struct fleet *fleet, const struct firmware_key_list *list, firmware_key_row_fn fn,
                        void *arg)
{
    struct list run = {.of = list, .fn = fn, .arg = arg};
    return db_read(fleet->db, list_in, &run);
}
