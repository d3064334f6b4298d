/* Rows and entries, both ways. */
#include "db/journal_rows.h"

#include <stdio.h>
#include <string.h>

enum { LINK_KNOWN = 1, LINK_STATED = 3 };

static void fill_certificate(const struct certificate_row *row, struct journal_entry *entry)
{
    *entry = (struct journal_entry){.kind = entry->kind, .device = row->device, .tenant = row->tenant};
    entry->certificate.generation = row->generation;
    entry->certificate.state = (uint8_t)row->state;
    entry->certificate.not_before = row->not_before;
    entry->certificate.not_after = row->not_after;
    entry->certificate.issued_at = row->issued_at;
    entry->certificate.confirmed_at = row->confirmed_at;
    entry->certificate.first_used_at = row->first_used_at;
    entry->certificate.superseded_at = row->superseded_at;
    entry->certificate.revoked_at = row->revoked_at;
    entry->certificate.reason = row->revocation_reason;
    entry->certificate.der = buf_view(&row->der);
    memcpy(entry->certificate.serial, row->serial, sizeof entry->certificate.serial);
    memcpy(entry->certificate.spki_sha256, row->spki_sha256, sizeof entry->certificate.spki_sha256);
    memcpy(entry->certificate.authority, row->authority, sizeof entry->certificate.authority);
}

err_t journal_certificate(struct db_tx *tx, enum journal_kind kind, const struct certificate_row *row)
{
    struct journal_entry entry = {.kind = kind};
    fill_certificate(row, &entry);
    return journal_append(tx, &entry);
}

err_t journal_issue(struct db_tx *tx, const struct certificate_row *row, const struct certificate_link *link)
{
    struct journal_entry entry = {.kind = JOURNAL_ISSUE};
    fill_certificate(row, &entry);
    entry.certificate.profile_version = row->profile_version;
    memcpy(entry.certificate.profile, row->profile, sizeof entry.certificate.profile);
    if (link != NULL) {
        entry.certificate.link = link->is_stated ? LINK_STATED : LINK_KNOWN;
        memcpy(entry.certificate.linked_by, link->by, sizeof entry.certificate.linked_by);
    }
    return journal_append(tx, &entry);
}

bool journal_read_link(const struct journal_entry *entry, struct certificate_link *out)
{
    *out = (struct certificate_link){.by = entry->certificate.linked_by,
                                     .is_stated = entry->certificate.link == LINK_STATED};
    return entry->certificate.link != 0;
}

void journal_read_certificate(const struct journal_entry *entry, struct certificate_row *out)
{
    *out = (struct certificate_row){.tenant = entry->tenant,
                                    .device = entry->device,
                                    .generation = entry->certificate.generation,
                                    .state = (enum certificate_state)entry->certificate.state,
                                    .not_before = entry->certificate.not_before,
                                    .not_after = entry->certificate.not_after,
                                    .issued_at = entry->certificate.issued_at,
                                    .confirmed_at = entry->certificate.confirmed_at,
                                    .first_used_at = entry->certificate.first_used_at,
                                    .superseded_at = entry->certificate.superseded_at,
                                    .revoked_at = entry->certificate.revoked_at,
                                    .revocation_reason = (int)entry->certificate.reason,
                                    .profile_version = entry->certificate.profile_version,
                                    .ver = 1};
    memcpy(out->serial, entry->certificate.serial, sizeof out->serial);
    memcpy(out->spki_sha256, entry->certificate.spki_sha256, sizeof out->spki_sha256);
    memcpy(out->authority, entry->certificate.authority, sizeof out->authority);
    memcpy(out->profile, entry->certificate.profile, sizeof out->profile);
}

err_t journal_device(struct db_tx *tx, const struct device_row *row, struct bytes spki)
{
    struct journal_entry entry = {.kind = JOURNAL_DEVICE, .device = row->id, .tenant = row->tenant};
    entry.change.batch = row->batch;
    entry.change.product = row->product;
    entry.change.state = (uint8_t)row->state;
    entry.change.claim = (uint8_t)row->claim;
    entry.change.key_origin = (uint8_t)row->key_origin;
    entry.change.reenrol_allowed = row->reenrol_allowed ? 1 : 0;
    entry.change.generation = row->generation;
    entry.change.registered_at = row->registered_at;
    entry.change.enrolled_at = row->enrolled_at;
    entry.change.transferred_at = row->transferred_at;
    entry.change.rekey_requested_at = row->rekey_requested_at;
    entry.change.rekey_above = row->rekey_above;
    entry.change.spki = spki;
    memcpy(entry.change.serial, row->serial, sizeof entry.change.serial);
    memcpy(entry.change.model, row->model, sizeof entry.change.model);
    return journal_append(tx, &entry);
}

void journal_read_device(const struct journal_entry *entry, struct device_row *out)
{
    *out = (struct device_row){.id = entry->device,
                               .tenant = entry->tenant,
                               .batch = entry->change.batch,
                               .product = entry->change.product,
                               .state = (enum device_state)entry->change.state,
                               .claim = (enum device_claim)entry->change.claim,
                               .key_origin = (enum key_origin)entry->change.key_origin,
                               .reenrol_allowed = entry->change.reenrol_allowed != 0,
                               .generation = entry->change.generation,
                               .attributes = "{}",
                               .labels = "{}",
                               .rekey_requested_at = entry->change.rekey_requested_at,
                               .rekey_above = entry->change.rekey_above,
                               .transferred_at = entry->change.transferred_at,
                               .registered_at = entry->change.registered_at,
                               .enrolled_at = entry->change.enrolled_at,
                               .updated_at = entry->at_ms,
                               .ver = 1};
    memcpy(out->serial, entry->change.serial, sizeof out->serial);
    memcpy(out->model, entry->change.model, sizeof out->model);
}

err_t journal_crl(struct db_tx *tx, const char *authority, int64_t shard, int64_t number)
{
    struct journal_entry entry = {.kind = JOURNAL_CRL, .shard = shard, .number = number};
    (void)snprintf(entry.certificate.authority, sizeof entry.certificate.authority, "%s", authority);
    return journal_append(tx, &entry);
}

err_t journal_line(struct db_tx *tx, const struct firmware_line_row *row)
{
    struct journal_entry entry = {.kind = JOURNAL_LINE, .tenant = row->tenant};
    entry.line.product = row->product;
    entry.line.release = row->release;
    entry.line.sequence = row->sequence;
    entry.line.counter = row->counter;
    memcpy(entry.line.class, row->class, sizeof entry.line.class);
    memcpy(entry.line.version, row->version, sizeof entry.line.version);
    return journal_append(tx, &entry);
}

void journal_read_line(const struct journal_entry *entry, struct firmware_line_row *out)
{
    *out = (struct firmware_line_row){.product = entry->line.product,
                                      .tenant = entry->tenant,
                                      .release = entry->line.release,
                                      .sequence = entry->line.sequence,
                                      .counter = entry->line.counter};
    memcpy(out->class, entry->line.class, sizeof out->class);
    memcpy(out->version, entry->line.version, sizeof out->version);
}
