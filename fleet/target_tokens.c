/* Target tokens: made, taken back, judged. A token has 256 bits of its own, so its plain hash is enough. */
#include "fleet/target_tokens.h"

#include <string.h>

#include "db/device_firmware_rows.h"
#include "db/device_rows.h"
#include "db/firmware_controller_rows.h"
#include "db/tenant_rows.h"
#include "fleet/event.h"
#include "fleet/firmware_policy.h"
#include "fleet/internal.h"

/* --- made and taken back ----------------------------------------------------------------------------- */

struct token_run {
    const struct terms *terms;
    const struct device_id *device;
    const struct sha256 *hash; /* NULL: taken back */
};

static err_t record(struct db_tx *tx, const struct token_run *run, const char *kind)
{
    struct event event = {.kind = kind,
                          .result = "ok",
                          .actor = run->terms->actor.name,
                          .request_id = run->terms->actor.request_id,
                          .tenant = &run->terms->tenant,
                          .device = run->device};
    return event_append(tx, &event, "{}");
}

static err_t store_in(struct db_tx *tx, void *arg)
{
    const struct token_run *run = arg;
    struct device_row device;
    struct firmware_policy_row policy;
    struct device_firmware_row row;
    TRY(device_rows_find(tx, run->terms->tenant, run->device, &device));
    TRY(firmware_policy_of(tx, device.tenant, device.product, &policy));
    const struct firmware_owner owner = {.device = device.id, .tenant = device.tenant};
    TRY(device_firmware_rows_read(tx, &owner, &row));
    if (run->hash == NULL) {
        ENSURE(row.has_target_token, ERR_NOT_FOUND, "the device has no target token");
    } else {
        ENSURE(policy.target_tokens, ERR_WRONG_STATE,
               "the product takes no target tokens: its firmware policy says so");
        row.target_token_sha256 = *run->hash;
    }
    row.has_target_token = run->hash != NULL;
    TRY(device_firmware_rows_put(tx, &row));
    return record(tx, run, run->hash != NULL ? "firmware.token_made" : "firmware.token_removed");
}

err_t target_token_make(struct fleet *fleet, const struct terms *terms, const struct device_id *device,
                        char out[TARGET_TOKEN_SIZE])
{
    uint8_t bytes[(TARGET_TOKEN_SIZE - 1) / 2];
    char text[TARGET_TOKEN_SIZE];
    struct sha256 hash;
    TRY(random_fill(fleet->random, bytes, sizeof bytes));
    hex_encode(BYTES_OF(bytes), text);
    bytes_wipe(bytes, sizeof bytes);
    TRY(sha256_of(bytes_str(text), &hash));
    struct token_run run = {.terms = terms, .device = device, .hash = &hash};
    err_t stored = db_write(fleet->db, store_in, &run);
    if (stored.code == ERR_OK) {
        memcpy(out, text, sizeof text);
    }
    bytes_wipe(text, sizeof text);
    return stored;
}

err_t target_token_remove(struct fleet *fleet, const struct terms *terms, const struct device_id *device)
{
    struct token_run run = {.terms = terms, .device = device};
    return db_write(fleet->db, store_in, &run);
}

/* --- judged ------------------------------------------------------------------------------------------ */

struct resolve_run {
    const struct target_token_claim *claim;
    struct sha256 hash; /* of what was shown */
    struct contact *out;
    bool is_good;
};

static bool is_token(struct bytes text)
{
    bool is_alnum = text.n >= TARGET_TOKEN_MIN && text.n <= TARGET_TOKEN_MAX;
    for (size_t i = 0; is_alnum && i < text.n; i++) {
        uint8_t c = text.p[i];
        is_alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    }
    return is_alnum;
}

/* By its id, or by the name that it took; a serial may be two devices' and names none here. */
static err_t find_device(struct db_tx *tx, struct uuid tenant, const char *controller, struct device_row *out)
{
    struct device_id id;
    if (hex_decode(bytes_str(controller), id.b, sizeof id.b).code != ERR_OK) {
        ENSURE(strlen(controller) < FIRMWARE_CONTROLLER_SIZE, ERR_NOT_FOUND, "no such device");
        TRY(firmware_controller_rows_find(tx, tenant, controller, &id));
    }
    return device_rows_find(tx, tenant, &id, out);
}

static err_t judge(struct db_tx *tx, struct resolve_run *run)
{
    struct tenant_row tenant;
    struct device_firmware_row row;
    struct firmware_policy_row policy;
    struct device_row *device = &run->out->device;
    TRY(tenant_rows_find(tx, bytes_str(run->claim->tenant), &tenant));
    TRY(find_device(tx, tenant.id, run->claim->controller, device));
    const struct firmware_owner owner = {.device = device->id, .tenant = device->tenant};
    TRY(device_firmware_rows_read(tx, &owner, &row));
    TRY(firmware_policy_of(tx, device->tenant, device->product, &policy));
    bool is_its =
        row.has_target_token && bytes_equal_ct(BYTES_OF(row.target_token_sha256.b), BYTES_OF(run->hash.b));
    run->is_good = is_its && policy.target_tokens && device->state == DEVICE_ENROLLED;
    return OK;
}

static err_t resolve_in(struct db_tx *tx, void *arg)
{
    struct resolve_run *run = arg;
    run->is_good = false;
    err_t error = judge(tx, run);
    return error.code == ERR_NOT_FOUND ? OK : error;
}

err_t target_token_resolve(struct fleet *fleet, const struct target_token_claim *claim, struct contact *out)
{
    struct resolve_run run = {.claim = claim, .out = out};
    *out = (struct contact){.proof = PROOF_NONE};
    if (is_token(claim->token)) {
        TRY(sha256_of(claim->token, &run.hash));
        TRY(db_read(fleet->db, resolve_in, &run));
    }
    if (!run.is_good) {
        *out = (struct contact){.proof = PROOF_NONE};
        return ERR(ERR_UNAUTHORIZED, "the target token is not good for this device here: without a client "
                                     "certificate, one must be made for it by the management interface");
    }
    out->proof = PROOF_TARGET_TOKEN;
    out->is_known = true;
    return OK;
}
