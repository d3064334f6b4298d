/* Certificates that lose their rights, one by one, each with its record. Decides nothing: revocation.c and
 * device_actions.c say which. A revoked one never becomes good again (invariant I6). */
#include "fleet/revoked_rows.h"

#include "db/certificate_rows.h"
#include "db/crl_rows.h"
#include "fleet/certificate_steps.h"
#include "fleet/event.h"
#include "fleet/revocation.h"

err_t revocation_of_row(struct db_tx *tx, struct revocation *run, struct certificate_row *row)
{
    bool was_revoked = row->state == CERTIFICATE_REVOKED;
    TRY(certificate_step_take(STEP_REVOKE, row));
    if (row->revoked_at == 0) { /* a superseded one may be on the list already */
        row->revoked_at = db_tx_now_ms(tx);
    }
    row->revocation_reason = run->reason;
    TRY(certificate_rows_update(tx, row));
    TRY(crl_rows_mark_stale(tx, row->authority, row->serial));
    run->count += was_revoked ? 0 : 1;
    char serial[2 * CERTIFICATE_SERIAL_SIZE + 1];
    hex_encode(BYTES_OF(row->serial), serial);
    struct event event = {.kind = was_revoked ? "certificate.reason_changed" : "certificate.revoked",
                          .result = "ok",
                          .actor = run->actor->name,
                          .request_id = run->actor->request_id,
                          .tenant = &row->tenant,
                          .device = &row->device};
    return event_append(
        tx, &event, "{\"serial\":\"%s\",\"authority\":\"%s\",\"generation\":%lld,\"reason\":\"%s\"}", serial,
        row->authority, (long long)row->generation, revocation_reason_name(row->revocation_reason));
}

struct some {
    struct certificate_row rows[CERTIFICATES_TO_REVOKE];
    size_t count;
};

static err_t take(const struct certificate_row *row, void *arg)
{
    struct some *some = arg;
    if (some->count < CERTIFICATES_TO_REVOKE) {
        some->rows[some->count++] = *row;
    }
    return OK;
}

static err_t revoke_some(struct db_tx *tx, struct revocation *run, struct some *some)
{
    for (size_t i = 0; i < some->count; i++) {
        TRY(revocation_of_row(tx, run, &some->rows[i]));
    }
    return OK;
}

err_t revocation_of_live(struct db_tx *tx, struct revocation *run, const struct device_row *device)
{
    struct some some;
    do {
        some.count = 0;
        TRY(certificate_rows_list_live(tx, device->tenant, &device->id, take, &some));
        TRY(revoke_some(tx, run, &some));
    } while (some.count > 0);
    return OK;
}

static err_t revoke_listed(struct db_tx *tx, struct revocation *run, const struct device_row *device,
                           bool is_compromised)
{
    struct some some;
    do {
        some.count = 0;
        TRY(certificate_rows_list_to_revoke(tx, device, is_compromised, take, &some));
        TRY(revoke_some(tx, run, &some));
    } while (some.count > 0);
    return OK;
}

err_t revocation_of_unlisted(struct db_tx *tx, struct revocation *run, const struct device_row *device)
{
    return revoke_listed(tx, run, device, false);
}

err_t revocation_of_compromised(struct db_tx *tx, struct revocation *run, const struct device_row *device)
{
    return revoke_listed(tx, run, device, true);
}
