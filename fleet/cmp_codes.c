/* Codes for CMP while no device shows one: made, looked at, revoked, forgotten. The text is made and sealed
 * before the transaction that stores it with its audit record; an answer that was lost cannot be given again.
 */
#include "fleet/cmp_codes.h"

#include <stdio.h>
#include <string.h>

#include "db/certificate_rows.h"
#include "db/device_rows.h"
#include "db/product_rows.h"
#include "fleet/cmp_codes_internal.h"
#include "fleet/event.h"
#include "fleet/internal.h"
#include "fleet/policy_words.h"
#include "fleet/states.h"
#include "fleet/yield.h"
#include "pki/secret_seal.h"

static const char OP_KIND[] = "cmp_code.make";
static const char PREFIX[] = "whorlcmp_";
static const int64_t LIFETIME_MS = INT64_C(90) * 24 * 3600 * 1000;
static const int64_t LIFETIME_MAX_MS = INT64_C(1827) * 24 * 3600 * 1000;
/* one that has ended can be looked at that long */
static const int64_t KEPT_MS = INT64_C(30) * 24 * 3600 * 1000;
enum { LAST_TRANSACTION_MS = 5 * 60 * 1000, SWEEP_STEP = 500, SWEEP_STEPS_MAX = 50 };

const char *cmp_code_state_name(enum cmp_code_state state)
{
    static const char *const names[] = {[CMP_CODE_ACTIVE] = "active",
                                        [CMP_CODE_BOUND] = "bound",
                                        [CMP_CODE_USED] = "used",
                                        [CMP_CODE_EXPIRED] = "expired",
                                        [CMP_CODE_REVOKED] = "revoked"};
    return names[state];
}

void cmp_reference_format(const uint8_t reference[CMP_REFERENCE_SIZE], char out[CMP_REFERENCE_TEXT_SIZE])
{
    hex_encode((struct bytes){reference, CMP_REFERENCE_SIZE}, out);
}

/* --- sealed ----------------------------------------------------------------------------------------- */

static void owner_of(const struct cmp_code_row *row, uint8_t out[sizeof(struct uuid) + DEVICE_ID_SIZE])
{
    memcpy(out, row->tenant.b, sizeof row->tenant.b);
    memcpy(out + sizeof row->tenant.b, row->device.b, sizeof row->device.b);
}

err_t cmp_code_seal(struct fleet *fleet, struct bytes text, struct cmp_code_row *row)
{
    uint8_t owner[sizeof(struct uuid) + DEVICE_ID_SIZE];
    AUTO_VAL(buf) sealed = {0};
    owner_of(row, owner);
    const struct seal seal = {
        .root = BYTES_OF(fleet->salt_secret), .purpose = "cmp-code", .owner = BYTES_OF(owner)};
    TRY(secret_seal(&seal, fleet->random, text, &sealed));
    ENSURE(sealed.n <= sizeof row->sealed, ERR_INTERNAL, "a sealed code of %zu bytes", sealed.n);
    memcpy(row->sealed, sealed.p, sealed.n);
    row->sealed_size = sealed.n;
    return OK;
}

err_t cmp_code_unseal(const struct fleet *fleet, const struct cmp_code_row *row, struct secret *out)
{
    uint8_t owner[sizeof(struct uuid) + DEVICE_ID_SIZE];
    owner_of(row, owner);
    const struct seal seal = {
        .root = BYTES_OF(fleet->salt_secret), .purpose = "cmp-code", .owner = BYTES_OF(owner)};
    return secret_unseal(&seal, (struct bytes){row->sealed, row->sealed_size}, out);
}

/* --- judged ----------------------------------------------------------------------------------------- */

enum cmp_code_state cmp_code_judge(const struct cmp_code_row *row, int64_t now_ms)
{
    if (row->revoked_at != 0) {
        return CMP_CODE_REVOKED;
    }
    if (row->used_at != 0) {
        return CMP_CODE_USED;
    }
    bool is_in_hand = row->is_bound && now_ms < row->bound_at + LAST_TRANSACTION_MS;
    if (row->sealed_size == 0 || (now_ms >= row->not_after && !is_in_hand)) {
        return CMP_CODE_EXPIRED;
    }
    return row->is_bound ? CMP_CODE_BOUND : CMP_CODE_ACTIVE;
}

int64_t cmp_code_ends_at(const struct cmp_code_row *row)
{
    return row->not_after + LAST_TRANSACTION_MS;
}

/* --- made ------------------------------------------------------------------------------------------- */

void new_cmp_code_clear(struct new_cmp_code *made)
{
    bytes_wipe(made->text, sizeof made->text);
}

struct code_run {
    const struct terms *terms;
    const struct device_id *device;
    struct cmp_code_row fresh;
    struct cmp_code *out;
};

static err_t check_times(int64_t not_after, int64_t now_ms, struct faults *faults)
{
    if (not_after <= now_ms) {
        faults_add(faults, "/not_after", "a code ends in the future");
    } else if (not_after - now_ms > LIFETIME_MAX_MS) {
        faults_add(faults, "/not_after", "a code lives five years at most");
    }
    return faults_error(faults);
}

static err_t make_text(struct fleet *fleet, struct cmp_code_row *row, char text[CMP_CODE_TEXT_SIZE])
{
    uint8_t secret[CMP_CODE_SECRET_SIZE];
    TRY(random_fill(fleet->random, row->reference, sizeof row->reference));
    TRY(random_fill(fleet->random, secret, sizeof secret));
    memcpy(text, PREFIX, sizeof PREFIX - 1);
    hex_encode(BYTES_OF(secret), text + sizeof PREFIX - 1);
    bytes_wipe(secret, sizeof secret);
    return cmp_code_seal(fleet, bytes_str(text), row);
}

static err_t refuse_repeat(struct db_tx *tx, const struct code_run *run)
{
    struct op_row op;
    bool is_repeat = false;
    TRY(idempotency_find(tx, &run->terms->idempotency, OP_KIND, &op, &is_repeat));
    ENSURE(!is_repeat, ERR_CONFLICT, "done before for the reference %s: codes are shown once", op.result);
    return OK;
}

/* A code admits a device that is listed and that nobody knows otherwise yet. */
static err_t check_device(struct db_tx *tx, const struct code_run *run)
{
    struct device_row device;
    struct product_row product;
    struct certificate_history history;
    TRY(device_rows_find(tx, run->terms->tenant, run->device, &device));
    TRY(certificate_rows_read_history(tx, device.tenant, &device.id, device.id.b, &history));
    ENSURE(!history.has_any, ERR_WRONG_STATE,
           "the device has had a certificate, and is %s: a code admits, it recovers and replaces nothing",
           device_state_name(device.state));
    ENSURE(device.state == DEVICE_REGISTERED, ERR_WRONG_STATE,
           "the device is %s: a code is for one that is %s", device_state_name(device.state),
           device_state_name(DEVICE_REGISTERED));
    TRY(product_rows_find_by_id(tx, device.product, &product));
    ENSURE(product.admission == ADMISSION_TOKEN, ERR_WRONG_STATE,
           "the device's product does not admit by code: its admission is %s, not %s",
           admission_name(product.admission), admission_name(ADMISSION_TOKEN));
    return OK;
}

static err_t check_former(struct db_tx *tx, const struct code_run *run)
{
    struct cmp_code_row former;
    err_t found = cmp_code_rows_find(tx, run->terms->tenant, run->device, &former);
    if (found.code == ERR_NOT_FOUND) {
        return OK;
    }
    TRY(found);
    enum cmp_code_state state = cmp_code_judge(&former, db_tx_now_ms(tx));
    ENSURE(!cmp_code_is_live(state), ERR_WRONG_STATE, "the device has a code that is %s: revoke it first",
           cmp_code_state_name(state));
    run->out->row.ver = former.ver;
    return OK;
}

static err_t record(struct db_tx *tx, const struct code_run *run, const char *kind)
{
    const struct cmp_code_row *row = &run->out->row;
    char reference[CMP_REFERENCE_TEXT_SIZE];
    cmp_reference_format(row->reference, reference);
    struct event event = {.kind = kind,
                          .result = "ok",
                          .actor = run->terms->actor.name,
                          .request_id = run->terms->actor.request_id,
                          .tenant = &row->tenant,
                          .device = &row->device};
    return event_append(tx, &event, "{\"reference\":\"%s\",\"not_after\":%lld}", reference,
                        (long long)row->not_after);
}

static err_t make_in(struct db_tx *tx, void *arg)
{
    struct code_run *run = arg;
    char reference[CMP_REFERENCE_TEXT_SIZE];
    *run->out = (struct cmp_code){.state = CMP_CODE_ACTIVE};
    TRY(refuse_repeat(tx, run));
    TRY(check_device(tx, run));
    TRY(check_former(tx, run));
    int64_t ver = run->out->row.ver + 1; /* of a former one in its place, so that no version comes twice */
    run->out->row = run->fresh;
    run->out->row.created_at = db_tx_now_ms(tx);
    run->out->row.ver = ver;
    TRY(cmp_code_rows_put(tx, &run->out->row));
    cmp_reference_format(run->out->row.reference, reference);
    TRY(idempotency_keep(tx, &run->terms->idempotency, OP_KIND, reference));
    return record(tx, run, "cmp_code.created");
}

err_t cmp_code_make(struct fleet *fleet, const struct terms *terms, const struct cmp_code_wish *wish,
                    struct new_cmp_code *out)
{
    int64_t now_ms = clock_now_ms(fleet->clock);
    int64_t not_after = wish->not_after != 0 ? wish->not_after : now_ms + LIFETIME_MS;
    struct code_run run = {.terms = terms,
                           .device = &wish->device,
                           .fresh = {.tenant = terms->tenant, .device = wish->device, .not_after = not_after},
                           .out = &out->code};
    TRY(check_times(not_after, now_ms, terms->faults));
    run.fresh.sweep_at = cmp_code_ends_at(&run.fresh);
    TRY(make_text(fleet, &run.fresh, out->text));
    return db_write(fleet->db, make_in, &run);
}

/* --- read and ended --------------------------------------------------------------------------------- */

static err_t find_own(struct db_tx *tx, const struct code_run *run)
{
    struct device_row device;
    TRY(device_rows_find(tx, run->terms->tenant, run->device, &device));
    TRY(cmp_code_rows_find(tx, run->terms->tenant, run->device, &run->out->row));
    run->out->state = cmp_code_judge(&run->out->row, db_tx_now_ms(tx));
    return terms_check_version(run->terms, run->out->row.ver);
}

static err_t get_in(struct db_tx *tx, void *arg)
{
    return find_own(tx, arg);
}

err_t cmp_code_get(struct fleet *fleet, struct uuid tenant, const struct device_id *device,
                   struct cmp_code *out)
{
    const struct terms terms = {.tenant = tenant};
    struct code_run run = {.terms = &terms, .device = device, .out = out};
    return db_read(fleet->db, get_in, &run);
}

static err_t revoke_in(struct db_tx *tx, void *arg)
{
    struct code_run *run = arg;
    struct cmp_code_row *row = &run->out->row;
    TRY(find_own(tx, run));
    if (!cmp_code_is_live(run->out->state)) {
        return OK;
    }
    bytes_wipe(row->sealed, sizeof row->sealed);
    row->sealed_size = 0;
    row->revoked_at = db_tx_now_ms(tx);
    row->sweep_at = row->revoked_at + KEPT_MS;
    row->ver++;
    run->out->state = CMP_CODE_REVOKED;
    TRY(cmp_code_rows_put(tx, row));
    return record(tx, run, "cmp_code.revoked");
}

err_t cmp_code_revoke(struct fleet *fleet, const struct terms *terms, const struct device_id *device,
                      struct cmp_code *out)
{
    struct code_run run = {.terms = terms, .device = device, .out = out};
    return db_write(fleet->db, revoke_in, &run);
}

err_t cmp_code_spend(struct db_tx *tx, struct uuid tenant, const struct device_id *device)
{
    return cmp_code_rows_spend(tx, tenant, device, db_tx_now_ms(tx) + KEPT_MS);
}

static err_t sweep_in(struct db_tx *tx, void *arg)
{
    return cmp_code_rows_sweep(tx, arg);
}

err_t cmp_code_sweep(struct fleet *fleet, int64_t now_ms)
{
    struct cmp_code_sweep sweep = {.now_ms = now_ms, .kept_ms = KEPT_MS, .limit = SWEEP_STEP};
    for (int i = 0; i < SWEEP_STEPS_MAX; i++) {
        TRY(db_write(fleet->db, sweep_in, &sweep));
        if (sweep.count < SWEEP_STEP) {
            break;
        }
        yield_pause(fleet, YIELD_STEP);
    }
    return OK;
}
