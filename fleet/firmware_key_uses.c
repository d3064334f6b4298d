/* What keys of firmware sign: each use counted and named, in the transaction that keeps what was signed; and
 * the signatures of release manifests. */
#include <stdio.h>
#include <string.h>

#include "db/firmware_key_rows.h"
#include "fleet/event.h"
#include "fleet/firmware_anchors.h"
#include "fleet/firmware_key_handles.h"
#include "fleet/firmware_keys.h"
#include "fleet/firmware_signing.h"
#include "fleet/internal.h"
#include "pki/digest_sign.h"

_Static_assert((int)MANIFEST_SIGNATURE_SIZE == (int)ECDSA_P256_RAW_SIZE,
               "one size of signatures of manifests");

err_t firmware_key_check_use(const struct firmware_key_row *key, enum firmware_key_role role)
{
    ENSURE(key->role == role, ERR_WRONG_STATE, "the key %s is of role %s, not %s", key->name,
           firmware_key_role_name(key->role), firmware_key_role_name(role));
    ENSURE(key->state == FIRMWARE_KEY_ACTIVE, ERR_WRONG_STATE, "the key %s is %s; only an active one signs",
           key->name, firmware_key_state_name(key->state));
    ENSURE(key->uses_max == 0 || key->uses < key->uses_max, ERR_WRONG_STATE,
           "the key %s has signed %lld times, which is all that it may", key->name, (long long)key->uses);
    return OK;
}

static err_t record(struct db_tx *tx, const struct firmware_key_row *key,
                    const struct firmware_key_use_row *use)
{
    char id[UUID_TEXT_SIZE], subject[UUID_TEXT_SIZE], digest[2 * SHA256_SIZE + 1];
    uuid_format(key->id, id);
    uuid_format(use->subject, subject);
    hex_encode(BYTES_OF(use->digest), digest);
    struct event event = {.kind = "firmware_key.used",
                          .result = "ok",
                          .actor = "whorld",
                          .request_id = "",
                          .tenant = &key->tenant};
    return event_append(tx, &event,
                        "{\"firmware_key\":\"%s\",\"name\":\"%s\",\"role\":\"%s\",\"use\":%lld,"
                        "\"%s\":\"%s\",\"signed_sha256\":\"%s\"}",
                        id, key->name, firmware_key_role_name(key->role), (long long)use->n,
                        use->kind == FIRMWARE_USE_MANIFEST ? "release"
                                                           : firmware_key_use_kind_name(use->kind),
                        subject, digest);
}

err_t firmware_key_count_use(struct db_tx *tx, enum firmware_key_role role, struct firmware_key_use_row *use)
{
    struct firmware_key_row key;
    TRY(firmware_key_rows_find(tx, use->tenant, use->key, &key));
    TRY(firmware_key_check_use(&key, role));
    key.uses++;
    key.last_used_at = key.updated_at = db_tx_now_ms(tx);
    key.ver++;
    use->n = key.uses;
    use->at = key.last_used_at;
    TRY(firmware_key_rows_update(tx, &key));
    TRY(firmware_key_use_rows_insert(tx, use));
    return record(tx, &key, use);
}

/* --- the list --------------------------------------------------------------------------------------- */

struct uses {
    const struct firmware_key_use_window *window;
    firmware_key_use_row_fn fn;
    void *arg;
};

static err_t uses_in(struct db_tx *tx, void *arg)
{
    const struct uses *run = arg;
    return firmware_key_use_rows_list(tx, run->window, run->fn, run->arg);
}

err_t firmware_key_uses(struct fleet *fleet, const struct firmware_key_use_window *window,
                        firmware_key_use_row_fn fn, void *arg)
{
    struct uses run = {.window = window, .fn = fn, .arg = arg};
    return db_read(fleet->db, uses_in, &run);
}

/* --- manifests -------------------------------------------------------------------------------------- */

struct count_run {
    enum firmware_key_role role;
    struct firmware_key_use_row use;
};

static err_t count_in(struct db_tx *tx, void *arg)
{
    struct count_run *run = arg;
    struct firmware_key_row key;
    TRY(firmware_key_rows_find(tx, run->use.tenant, run->use.key, &key));
    TRY(firmware_anchors_check_key(tx, &key));
    return firmware_key_count_use(tx, run->role, &run->use);
}

/* Counted before it is given out: a crash in between costs a use, and never hides one. */
err_t firmware_key_sign_manifest(struct fleet *fleet, const struct manifest_order *order,
                                 struct manifest_signature *out)
{
    AUTO_PTR(firmware_key_handle) *handle = NULL;
    struct firmware_key_row key;
    struct sha256 digest;
    struct count_run run = {.role = FIRMWARE_KEY_MANIFEST,
                            .use = {.key = order->key,
                                    .tenant = order->tenant,
                                    .kind = FIRMWARE_USE_MANIFEST,
                                    .subject = order->release}};
    TRY(firmware_key_get(fleet, order->tenant, order->key, &key));
    TRY(firmware_key_check_use(&key, FIRMWARE_KEY_MANIFEST));
    TRY(firmware_key_handle_take(fleet, key.label, &handle));
    TRY(sha256_of(order->to_be_signed, &digest));
    memcpy(run.use.digest, digest.b, sizeof digest.b);
    TRY(text_sign_raw(firmware_key_handle_borrow(handle), order->to_be_signed, out->bytes));
    memcpy(out->kid.b, key.spki_sha256, sizeof out->kid.b);
    err_t counted = db_write(fleet->db, count_in, &run);
    if (counted.code != ERR_OK) {
        bytes_wipe(out, sizeof *out);
    }
    return counted;
}
