/* A compromised authority: whoever certified it here says so on its CRL, and an alarm stands. */
#include <string.h>

#include "db/authority_certificate_rows.h"
#include "fleet/alarms.h"
#include "fleet/authority_apply.h"
#include "pki/certificate.h"

enum { REASON_CA_COMPROMISE = 2 /* RFC 5280 §5.3.1 */, CERTIFICATES_MAX = 16 };

/* The certificate in its own row has one here from now on. */
static err_t keep_first(struct db_tx *tx, const struct authority_copy *subject)
{
    AUTO_VAL(certificate_facts) facts = {.serial_size = 0};
    struct authority_certificate_row row = {.kind = AUTHORITY_FIRST, .certificate = subject->row.certificate};
    TRY(certificate_read(subject->row.certificate, &facts));
    ENSURE(facts.serial_size <= sizeof row.serial, ERR_INTERNAL, "the serial of %s is too long",
           subject->row.id);
    memcpy(row.issuer, subject->row.issuer, sizeof row.issuer);
    memcpy(row.subject, subject->row.id, sizeof row.subject);
    memcpy(row.serial, facts.serial, facts.serial_size);
    row.serial_size = facts.serial_size;
    row.not_before = facts.not_before_ms;
    row.not_after = facts.not_after_ms;
    err_t error = authority_certificate_rows_insert(tx, &row);
    return error.code == ERR_CONFLICT ? OK : error;
}

struct found {
    struct authority_certificate_row rows[CERTIFICATES_MAX]; /* without what they borrow */
    size_t count;
};

static err_t take(const struct authority_certificate_row *row, void *arg)
{
    struct found *found = arg;
    if (row->revoked_at == 0 && found->count < CERTIFICATES_MAX) {
        found->rows[found->count] = *row;
        found->rows[found->count++].certificate = BYTES_NONE;
    }
    return OK;
}

static err_t revoke_all(struct db_tx *tx, const char *subject)
{
    struct found found = {.count = 0};
    TRY(authority_certificate_rows_each(tx, subject, take, &found));
    for (size_t i = 0; i < found.count; i++) {
        found.rows[i].revoked_at = db_tx_now_ms(tx);
        found.rows[i].revocation_reason = REASON_CA_COMPROMISE;
        TRY(authority_certificate_rows_revoke(tx, &found.rows[i]));
    }
    return OK;
}

err_t authority_alarm_compromised(struct db_tx *tx, const struct authority_row *row, bool is_ours)
{
    const struct alarm alarm = {
        .kind = "authority.compromised",
        .subject = row->id,
        .tenant = row->has_tenant ? &row->tenant : NULL,
        .severity = ALARM_CRITICAL,
        .detail = is_ours ? "its certificate is revoked; the devices under it must rekey"
                          : "whoever signed its certificate must revoke it; the devices under it must rekey"};
    return alarm_raise(tx, &alarm);
}

err_t authority_revoke(struct db_tx *tx, const struct authority_run *run,
                       const struct authority_copy *subject)
{
    const struct authority_brief *issuer = authority_view_find(&run->view, subject->row.issuer);
    if (issuer != NULL) {
        TRY(keep_first(tx, subject));
    }
    TRY(revoke_all(tx, subject->row.id));
    return authority_alarm_compromised(tx, &subject->row, issuer != NULL && !issuer->is_external);
}
