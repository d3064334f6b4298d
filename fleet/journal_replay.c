/* Applies journal entries to rows. Called by the engine while it opens an older copy (db/journal_bring.c);
 * the rows' own functions journal nothing then. */
#include "fleet/journal_replay_internal.h"

#include <stdio.h>
#include <string.h>

#include "db/batch_rows.h"
#include "db/certificate_rows.h"
#include "db/crl_rows.h"
#include "db/device_count_rows.h"
#include "db/device_firmware_rows.h"
#include "db/device_key_rows.h"
#include "db/device_rows.h"
#include "db/firmware_line_rows.h"
#include "db/journal_rows.h"
#include "db/product_rows.h"
#include "fleet/device_change.h"
#include "fleet/device_terms.h"
#include "fleet/event.h"
#include "fleet/registration.h"
#include "fleet/states.h"

err_t journal_replay_record(struct db_tx *tx, const struct journal_entry *entry, const char *object,
                            const char *word)
{
    struct event event = {.kind = "journal.entry_replayed",
                          .result = "ok",
                          .actor = "whorld",
                          .tenant = &entry->tenant,
                          .device = &entry->device};
    return event_append(tx, &event, "{\"entry\":%lld,\"kind\":\"%s\",\"at\":%lld,\"%s\":\"%s\"}",
                        (long long)entry->seq, journal_kind_name((int)entry->kind), (long long)entry->at_ms,
                        object, word);
}

static err_t record_certificate(struct db_tx *tx, const struct journal_entry *entry)
{
    char serial[2 * CERTIFICATE_SERIAL_SIZE + 1];
    hex_encode(BYTES_OF(entry->certificate.serial), serial);
    return journal_replay_record(tx, entry, "serial", serial);
}

/* The counts by term follow the device's certificates. */
static err_t refresh_term(struct db_tx *tx, const struct journal_entry *entry)
{
    struct device_row device;
    err_t found = device_rows_find(tx, entry->tenant, &entry->device, &device);
    if (found.code == ERR_NOT_FOUND) {
        return OK;
    }
    TRY(found);
    return device.state == DEVICE_ENROLLED ? device_term_refresh(tx, &device) : OK;
}

/* --- certificates ----------------------------------------------------------------------------------- */

static err_t claim_key(struct db_tx *tx, const struct certificate_row *row)
{
    struct device_key_row key = {
        .device = row->device, .generation = row->generation, .first_seen_at = row->issued_at};
    memcpy(key.spki_sha256, row->spki_sha256, sizeof key.spki_sha256);
    err_t error = device_key_rows_claim(tx, &key);
    /* of two devices with one key the one that is here keeps it; the certificate is known all the same */
    return error.code == ERR_CONFLICT ? OK : error;
}

static err_t replay_issue(struct db_tx *tx, const struct journal_entry *entry, struct replay_tally *tally)
{
    struct certificate_row known;
    struct certificate_row row;
    journal_read_certificate(entry, &row);
    err_t found = certificate_rows_find(tx, row.authority, row.serial, &known);
    if (found.code != ERR_NOT_FOUND) {
        return found;
    }
    AUTO_VAL(buf) der = {0};
    TRY(buf_append_bytes(&der, entry->certificate.der));
    row.der = der; /* borrowed for the call */
    TRY(claim_key(tx, &row));
    struct certificate_link link;
    bool has_link = journal_read_link(entry, &link);
    TRY(certificate_rows_insert(tx, &row, has_link ? &link : NULL));
    tally->certificates++;
    return record_certificate(tx, entry);
}

/* Forward only: revoked stays revoked, and a date that is known stays (I6). */
static void merge(struct certificate_row *row, const struct certificate_row *told)
{
    row->state = row->state == CERTIFICATE_REVOKED ? row->state : told->state;
    row->confirmed_at = told->confirmed_at != 0 ? told->confirmed_at : row->confirmed_at;
    row->first_used_at = told->first_used_at != 0 ? told->first_used_at : row->first_used_at;
    row->superseded_at = told->superseded_at != 0 ? told->superseded_at : row->superseded_at;
    if (told->revoked_at != 0) {
        row->revoked_at = told->revoked_at;
        row->revocation_reason = told->revocation_reason;
    }
}

static err_t replay_certificate(struct db_tx *tx, const struct journal_entry *entry,
                                struct replay_tally *tally)
{
    struct certificate_row row;
    struct certificate_row told;
    journal_read_certificate(entry, &told);
    err_t found = certificate_rows_find(tx, told.authority, told.serial, &row);
    if (found.code == ERR_NOT_FOUND) {
        tally->unknown_certificates++;
        return OK;
    }
    TRY(found);
    merge(&row, &told);
    TRY(certificate_rows_update(tx, &row));
    TRY(row.revoked_at != 0 ? crl_rows_mark_stale(tx, row.authority, row.serial) : OK);
    TRY(refresh_term(tx, entry));
    tally->certificate_changes++;
    return record_certificate(tx, entry);
}

/* --- devices ---------------------------------------------------------------------------------------- */

/* The batch of a device; one that was made after the copy gets a new name.
 * @param[out] is_there false: nor is its product */
static err_t find_batch(struct db_tx *tx, const struct device_row *device, struct batch_row *out,
                        bool *is_there)
{
    struct product_row product;
    char id[UUID_TEXT_SIZE];
    *is_there = true;
    err_t found = batch_rows_find(tx, device->tenant, device->batch, out);
    if (found.code != ERR_NOT_FOUND) {
        return found;
    }
    found = product_rows_find_by_id(tx, device->product, &product);
    *is_there = found.code == ERR_OK;
    if (!*is_there) {
        return found.code == ERR_NOT_FOUND ? OK : found;
    }
    int64_t now_ms = db_tx_now_ms(tx);
    *out = (struct batch_row){.id = device->batch,
                              .tenant = device->tenant,
                              .product = device->product,
                              .created_at = now_ms,
                              .updated_at = now_ms,
                              .ver = 1};
    uuid_format(device->batch, id);
    (void)snprintf(out->name, sizeof out->name, "replayed-%s", id);
    TRY(batch_rows_insert(tx, out));
    struct event event = {
        .kind = "batch.registered", .result = "ok", .actor = "whorld", .tenant = &out->tenant};
    return event_append(tx, &event, "{\"batch\":\"%s\",\"name\":\"%s\",\"product\":\"%s\",\"count\":0}", id,
                        out->name, product.name);
}

static err_t make_device(struct db_tx *tx, const struct device_row *told, struct batch_row *batch,
                         struct device_row *out)
{
    *out = *told;
    out->state = DEVICE_REGISTERED; /* where its counts begin */
    out->enrolled_at = 0;
    TRY(registration_insert(tx, out, BYTES_NONE));
    TRY(batch_rows_add_devices(tx, batch, 1));
    return device_count_rows_add(tx, batch, DEVICE_REGISTERED, 1);
}

/* It came to another batch: its counts go with it. */
static err_t move_device(struct db_tx *tx, const struct device_row *told, struct batch_row *batch,
                         struct device_row *device)
{
    struct batch_row before;
    TRY(batch_rows_find(tx, device->tenant, device->batch, &before));
    TRY(device_count_rows_add(tx, &before, device->state, -1));
    TRY(batch_rows_add_devices(tx, &before, -1));
    device->batch = told->batch;
    device->product = told->product;
    device->registered_at = told->registered_at;
    memcpy(device->serial, told->serial, sizeof device->serial);
    memcpy(device->model, told->model, sizeof device->model);
    TRY(device_rows_place(tx, device));
    TRY(batch_rows_add_devices(tx, batch, 1));
    return device_count_rows_add(tx, batch, device->state, 1);
}

static void take_change(const struct device_row *told, struct device_row *device)
{
    device->claim = told->claim > device->claim ? told->claim : device->claim;
    device->key_origin = told->key_origin;
    device->reenrol_allowed = told->reenrol_allowed;
    device->generation = told->generation > device->generation ? told->generation : device->generation;
    device->enrolled_at = told->enrolled_at;
    device->transferred_at = told->transferred_at;
    device->rekey_requested_at = told->rekey_requested_at;
    device->rekey_above = told->rekey_above;
}

/* The row that the entry is about, made or moved where it must be. @param[out] is_there false: its product is
 * not in this copy */
static err_t place_device(struct db_tx *tx, const struct device_row *told, struct device_row *device,
                          bool *is_there, struct replay_tally *tally)
{
    struct batch_row batch;
    err_t found = device_rows_find(tx, told->tenant, &told->id, device);
    bool is_new = found.code == ERR_NOT_FOUND;
    TRY(is_new ? OK : found);
    *is_there = true;
    if (!is_new && uuid_equal(device->batch, told->batch)) {
        return OK;
    }
    TRY(find_batch(tx, told, &batch, is_there));
    if (!*is_there) {
        return OK;
    }
    tally->devices += is_new ? 1 : 0;
    return is_new ? make_device(tx, told, &batch, device) : move_device(tx, told, &batch, device);
}

static err_t replay_device(struct db_tx *tx, const struct journal_entry *entry, struct replay_tally *tally)
{
    struct device_row told;
    struct device_row device;
    bool is_there = false;
    journal_read_device(entry, &told);
    TRY(place_device(tx, &told, &device, &is_there, tally));
    if (!is_there) {
        tally->unknown_devices++;
        return OK;
    }
    bool is_final = device.state == DEVICE_COMPROMISED; /* I9 */
    take_change(&told, &device);
    TRY(device_change(tx, &device, is_final ? device.state : told.state, entry->change.spki));
    tally->device_changes++;
    return journal_replay_record(tx, entry, "state", device_state_name(device.state));
}

/* What a device was told under this id is not known any more; that it was told is. */
static err_t replay_action(struct db_tx *tx, const struct journal_entry *entry)
{
    const struct firmware_owner owner = {.device = entry->device, .tenant = entry->tenant};
    return device_firmware_rows_had_action(tx, &owner, entry->number);
}

/* --- firmware --------------------------------------------------------------------------------------- */

/* Also where the release itself came after the copy: below its sequence nothing is published any more. */
static err_t replay_line(struct db_tx *tx, const struct journal_entry *entry, struct replay_tally *tally)
{
    char product[UUID_TEXT_SIZE];
    struct firmware_line_row line;
    journal_read_line(entry, &line);
    TRY(firmware_line_rows_raise(tx, &line));
    uuid_format(line.product, product);
    tally->lines++;
    struct event event = {
        .kind = "journal.entry_replayed", .result = "ok", .actor = "whorld", .tenant = &entry->tenant};
    return event_append(tx, &event,
                        "{\"entry\":%lld,\"kind\":\"%s\",\"at\":%lld,\"product\":\"%s\",\"sequence\":%lld}",
                        (long long)entry->seq, journal_kind_name((int)entry->kind), (long long)entry->at_ms,
                        product, (long long)line.sequence);
}

err_t journal_replay_entry(struct db_tx *tx, const struct journal_entry *entry, void *arg)
{
    struct replay_tally *tally = arg;
    switch (entry->kind) {
    case JOURNAL_ISSUE:
        return replay_issue(tx, entry, tally);
    case JOURNAL_CONFIRM:
    case JOURNAL_SUPERSEDE:
    case JOURNAL_REVOKE:
        return replay_certificate(tx, entry, tally);
    case JOURNAL_DEVICE:
        return replay_device(tx, entry, tally);
    case JOURNAL_ACTION:
        return replay_action(tx, entry);
    case JOURNAL_LINE:
        return replay_line(tx, entry, tally);
    case JOURNAL_AUTHORITY:
        return journal_replay_authority(tx, entry, tally);
    case JOURNAL_AUTHORITY_ORDER:
        return journal_replay_authority_order(tx, entry);
    case JOURNAL_AUTHORITY_CERTIFICATE:
        return journal_replay_authority_certificate(tx, entry, tally);
    case JOURNAL_EPOCH:
    case JOURNAL_CRL:
    case JOURNAL_ROLLBACK:
    case JOURNAL_REPLAY:
        break; /* the engine's own */
    }
    return OK;
}
