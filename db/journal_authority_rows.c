/* Rows of authorities and entries, both ways. */
#include "db/journal_authority_rows.h"

#include <stdio.h>
#include <string.h>

static void fill(const struct authority_row *row, struct journal_entry *entry)
{
    *entry = (struct journal_entry){.kind = JOURNAL_AUTHORITY, .tenant = row->tenant};
    entry->authority.state = (uint8_t)row->state;
    entry->authority.is_default = row->is_default ? 1 : 0;
    entry->authority.is_external = row->is_external ? 1 : 0;
    entry->authority.has_tenant = row->has_tenant ? 1 : 0;
    entry->authority.crl_shards = row->crl_shards;
    entry->authority.ends_at = row->ends_at;
    entry->authority.key_purposes = row->key_purposes;
    entry->authority.created_at = row->created_at;
    entry->authority.ver = row->ver;
    entry->authority.compromised_at = row->compromised_at;
    entry->authority.rekey_by = row->rekey_by;
    entry->authority.certificate = row->certificate;
    entry->authority.request = row->request;
    entry->authority.crl_base = bytes_str(row->crl_base != NULL ? row->crl_base : "");
    (void)snprintf(entry->authority.role, sizeof entry->authority.role, "%s", row->role);
    memcpy(entry->certificate.authority, row->id, sizeof entry->certificate.authority);
    memcpy(entry->authority.issuer, row->issuer, sizeof entry->authority.issuer);
    memcpy(entry->authority.predecessor, row->predecessor, sizeof entry->authority.predecessor);
}

err_t journal_authority(struct db_tx *tx, const struct authority_row *row)
{
    struct journal_entry entry;
    fill(row, &entry);
    return journal_append(tx, &entry);
}

err_t journal_authority_gone(struct db_tx *tx, const struct authority_row *row)
{
    struct journal_entry entry;
    fill(row, &entry);
    entry.authority.is_gone = 1;
    return journal_append(tx, &entry);
}

err_t journal_read_authority(const struct journal_entry *entry, char crl_base[AUTHORITY_URL_SIZE],
                             struct authority_row *out)
{
    struct bytes base = entry->authority.crl_base;
    ENSURE(base.n < AUTHORITY_URL_SIZE && (base.n == 0 || memchr(base.p, 0, base.n) == NULL),
           ERR_UNPROCESSABLE, "entry %lld of the journal has an address of %zu bytes", (long long)entry->seq,
           base.n);
    ENSURE(entry->authority.state <= AUTHORITY_RETIRING, ERR_UNPROCESSABLE,
           "entry %lld of the journal has an authority in the state %d; use a newer whorld",
           (long long)entry->seq, entry->authority.state);
    (void)snprintf(crl_base, AUTHORITY_URL_SIZE, "%.*s", (int)base.n, base.n > 0 ? (const char *)base.p : "");
    *out = (struct authority_row){.role = entry->authority.role,
                                  .state = (enum authority_state)entry->authority.state,
                                  .certificate = entry->authority.certificate,
                                  .crl_shards = (int)entry->authority.crl_shards,
                                  .crl_base = crl_base,
                                  .has_tenant = entry->authority.has_tenant != 0,
                                  .tenant = entry->tenant,
                                  .is_default = entry->authority.is_default != 0,
                                  .is_external = entry->authority.is_external != 0,
                                  .request = entry->authority.request,
                                  .ends_at = entry->authority.ends_at,
                                  .key_purposes = (uint32_t)entry->authority.key_purposes,
                                  .compromised_at = entry->authority.compromised_at,
                                  .rekey_by = entry->authority.rekey_by,
                                  .created_at = entry->authority.created_at,
                                  .updated_at = entry->at_ms,
                                  .ver = entry->authority.ver};
    if (out->state == AUTHORITY_COMPROMISED && out->compromised_at == 0) { /* told by version 1 */
        out->compromised_at = out->rekey_by = entry->at_ms;
    }
    memcpy(out->id, entry->certificate.authority, sizeof out->id);
    memcpy(out->issuer, entry->authority.issuer, sizeof out->issuer);
    memcpy(out->predecessor, entry->authority.predecessor, sizeof out->predecessor);
    return OK;
}

/* --- orders ----------------------------------------------------------------------------------------- */

err_t journal_authority_order(struct db_tx *tx, const struct authority_order_row *row)
{
    struct journal_entry entry = {.kind = JOURNAL_AUTHORITY_ORDER};
    entry.order.kind = (uint8_t)row->kind;
    entry.order.is_external = row->is_external ? 1 : 0;
    entry.order.key_algorithm = row->key_algorithm;
    entry.order.lifetime_days = row->lifetime_days;
    entry.order.created_at = row->created_at;
    entry.order.permitted_dns = bytes_str(row->permitted_dns);
    memcpy(entry.certificate.authority, row->authority, sizeof entry.certificate.authority);
    memcpy(entry.order.actor, row->actor, sizeof entry.order.actor);
    memcpy(entry.order.request_id, row->request_id, sizeof entry.order.request_id);
    return journal_append(tx, &entry);
}

err_t journal_read_authority_order(const struct journal_entry *entry, struct authority_order_row *out)
{
    struct bytes names = entry->order.permitted_dns;
    ENSURE(names.n < sizeof out->permitted_dns && entry->order.kind <= AUTHORITY_ORDER_REPLACE,
           ERR_UNPROCESSABLE, "entry %lld of the journal is no order for a key", (long long)entry->seq);
    *out = (struct authority_order_row){.kind = (enum authority_order_kind)entry->order.kind,
                                        .key_algorithm = (uint32_t)entry->order.key_algorithm,
                                        .lifetime_days = entry->order.lifetime_days,
                                        .is_external = entry->order.is_external != 0,
                                        .created_at = entry->order.created_at};
    (void)snprintf(out->permitted_dns, sizeof out->permitted_dns, "%.*s", (int)names.n,
                   names.n > 0 ? (const char *)names.p : "");
    memcpy(out->authority, entry->certificate.authority, sizeof out->authority);
    memcpy(out->actor, entry->order.actor, sizeof out->actor);
    memcpy(out->request_id, entry->order.request_id, sizeof out->request_id);
    return OK;
}

/* --- what they signed for each other ----------------------------------------------------------------- */

err_t journal_authority_certificate(struct db_tx *tx, const struct authority_certificate_row *row)
{
    struct journal_entry entry = {.kind = JOURNAL_AUTHORITY_CERTIFICATE};
    entry.signed_for.kind = (uint8_t)row->kind;
    entry.signed_for.not_before = row->not_before;
    entry.signed_for.not_after = row->not_after;
    entry.signed_for.revoked_at = row->revoked_at;
    entry.signed_for.reason = row->revocation_reason;
    entry.signed_for.serial = (struct bytes){row->serial, row->serial_size};
    entry.signed_for.der = row->certificate;
    memcpy(entry.certificate.authority, row->issuer, sizeof entry.certificate.authority);
    memcpy(entry.signed_for.subject, row->subject, sizeof entry.signed_for.subject);
    return journal_append(tx, &entry);
}

err_t journal_read_authority_certificate(const struct journal_entry *entry,
                                         struct authority_certificate_row *out)
{
    struct bytes serial = entry->signed_for.serial;
    ENSURE(serial.n > 0 && serial.n <= sizeof out->serial && entry->signed_for.kind <= AUTHORITY_FURTHER,
           ERR_UNPROCESSABLE, "entry %lld of the journal is no certificate of an authority",
           (long long)entry->seq);
    *out = (struct authority_certificate_row){.serial_size = serial.n,
                                              .kind = (enum authority_certificate_kind)entry->signed_for.kind,
                                              .certificate = entry->signed_for.der,
                                              .not_before = entry->signed_for.not_before,
                                              .not_after = entry->signed_for.not_after,
                                              .revoked_at = entry->signed_for.revoked_at,
                                              .revocation_reason = (int)entry->signed_for.reason};
    memcpy(out->serial, serial.p, serial.n);
    memcpy(out->issuer, entry->certificate.authority, sizeof out->issuer);
    memcpy(out->subject, entry->signed_for.subject, sizeof out->subject);
    return OK;
}
