/* Taking rights away from a certificate, in one transaction with its audit record. The CRL is only marked
 * here; fleet/publication.c signs it. A revoked certificate never becomes good again (I6). */
#include "fleet/revocation.h"

#include <stdlib.h>

#include "db/certificate_rows.h"
#include "db/crl_rows.h"
#include "db/device_rows.h"
#include "fleet/certificate_steps.h"
#include "fleet/device_change.h"
#include "fleet/event.h"
#include "fleet/internal.h"
#include "fleet/states.h"

enum { REASON_SUPERSEDED = 4, LISTED_PER_RUN = 500 };

/* --- reasons ---------------------------------------------------------------------------------------- */

/* RFC 5280 §5.3.1 without certificateHold (6) and removeFromCRL (8): nothing here is taken back. */
static const struct {
    int reason;
    const char *name;
} REASONS[] = {{0, "unspecified"},        {1, "keyCompromise"}, {2, "cACompromise"},
               {3, "affiliationChanged"}, {4, "superseded"},    {5, "cessationOfOperation"},
               {9, "privilegeWithdrawn"}, {10, "aACompromise"}};
enum { REASON_COUNT = sizeof REASONS / sizeof REASONS[0] };

err_t revocation_reason_parse(struct bytes text, int *out)
{
    for (size_t i = 0; i < REASON_COUNT; i++) {
        if (bytes_is(text, REASONS[i].name)) {
            *out = REASONS[i].reason;
            return OK;
        }
    }
    return ERR(ERR_UNPROCESSABLE, "'reason' must be unspecified, keyCompromise, cACompromise, "
                                  "affiliationChanged, superseded, cessationOfOperation, "
                                  "privilegeWithdrawn or aACompromise");
}

const char *revocation_reason_name(int reason)
{
    for (size_t i = 0; i < REASON_COUNT; i++) {
        if (REASONS[i].reason == reason) {
            return REASONS[i].name;
        }
    }
    return "unspecified";
}

/* --- revoke ----------------------------------------------------------------------------------------- */

/* The device loses its place with its current certificate. */
static err_t revoke_device(struct db_tx *tx, struct revocation *run, const struct certificate_row *revoked)
{
    struct device_row device;
    TRY(device_rows_find(tx, revoked->tenant, &revoked->device, &device));
    /* who had the revoked key may have asked for the next certificate with it: all that live go together */
    TRY(revocation_of_live(tx, run, &device));
    if (device_action_check(ACTION_REVOKE, device.state).code != ERR_OK) {
        return OK; /* its state is at least as strict already */
    }
    device.reenrol_allowed = false;
    TRY(device_change(tx, &device, DEVICE_REVOKED, BYTES_NONE));
    struct event event = {.kind = "device.revoked",
                          .result = "ok",
                          .actor = run->actor->name,
                          .request_id = run->actor->request_id,
                          .tenant = &device.tenant,
                          .device = &device.id};
    return event_append(tx, &event, "{\"reason\":\"%s\"}", revocation_reason_name(run->reason));
}

struct search {
    int64_t now_ms;
    bool is_found;
};

static err_t take_confirmed(const struct certificate_row *row, void *arg)
{
    struct search *search = arg;
    search->is_found =
        search->is_found || (row->state == CERTIFICATE_CONFIRMED && row->not_after > search->now_ms);
    return OK;
}

/* The current certificate is the confirmed one; before it is confirmed, or after it expired, the one that
 * waits to take its place. */
static err_t find_is_current(struct db_tx *tx, const struct certificate_row *row, bool *out)
{
    struct search other = {.now_ms = db_tx_now_ms(tx)};
    *out = row->state == CERTIFICATE_CONFIRMED;
    if (row->state == CERTIFICATE_UNCONFIRMED) {
        TRY(certificate_rows_list_live(tx, row->tenant, &row->device, take_confirmed, &other));
        *out = !other.is_found;
    }
    return OK;
}

err_t certificate_revoke_in(struct db_tx *tx, struct revocation *run, struct certificate_row *row)
{
    bool is_current = false;
    TRY(find_is_current(tx, row, &is_current));
    TRY(revocation_of_row(tx, run, row));
    return is_current ? revoke_device(tx, run, row) : OK;
}

struct revoke {
    struct revocation revocation;
    const struct revocation_order *order;
    struct certificate_row *out;
};

static err_t revoke(struct db_tx *tx, void *arg)
{
    struct revoke *run = arg;
    run->revocation.count = 0;
    TRY(certificate_rows_find_in_tenant(tx, run->order->tenant, run->order->serial, run->out));
    if (run->out->state == CERTIFICATE_REVOKED) {
        return OK;
    }
    return certificate_revoke_in(tx, &run->revocation, run->out);
}

err_t certificate_revoke(struct fleet *fleet, const struct actor *actor, const struct revocation_order *order,
                         struct certificate_row *out)
{
    *out = (struct certificate_row){0};
    struct revoke run = {.revocation = {.actor = actor, .reason = order->reason}, .order = order, .out = out};
    err_t result = db_write(fleet->db, revoke, &run);
    if (result.code != ERR_OK) {
        certificate_row_clear(out);
        *out = (struct certificate_row){0};
        return result;
    }
    atomic_fetch_add(&fleet->counters.revoked, run.revocation.count);
    return OK;
}

/* --- superseded ones after their overlap ------------------------------------------------------------ */

static err_t list_one(struct db_tx *tx, struct certificate_row *row)
{
    TRY(certificate_step_take(STEP_LIST, row));
    row->revoked_at = db_tx_now_ms(tx);
    row->revocation_reason = REASON_SUPERSEDED;
    TRY(certificate_rows_update(tx, row));
    TRY(crl_rows_mark_stale(tx, row->authority, row->serial));
    char serial[2 * CERTIFICATE_SERIAL_SIZE + 1];
    hex_encode(BYTES_OF(row->serial), serial);
    struct event event = {.kind = "certificate.listed",
                          .result = "ok",
                          .actor = "whorld",
                          .tenant = &row->tenant,
                          .device = &row->device};
    return event_append(tx, &event, "{\"serial\":\"%s\",\"authority\":\"%s\",\"reason\":\"superseded\"}",
                        serial, row->authority);
}

struct list_run {
    int64_t before;
    struct certificate_row rows[LISTED_PER_RUN];
    size_t count;
};

static err_t take_unlisted(const struct certificate_row *row, void *arg)
{
    struct list_run *run = arg;
    run->rows[run->count++] = *row; /* the statement's limit is the array's */
    return OK;
}

static err_t list_superseded(struct db_tx *tx, void *arg)
{
    struct list_run *run = arg;
    run->count = 0;
    TRY(certificate_rows_list_unlisted(tx, run->before, LISTED_PER_RUN, take_unlisted, run));
    for (size_t i = 0; i < run->count; i++) {
        TRY(list_one(tx, &run->rows[i]));
    }
    return OK;
}

err_t revocation_list_superseded(struct fleet *fleet, int64_t now_ms)
{
    struct list_run *run = calloc(1, sizeof *run);
    ENSURE(run != NULL, ERR_NO_MEMORY, "superseded certificates");
    run->before = now_ms - fleet->options.supersede_overlap_ms;
    err_t result = db_write(fleet->db, list_superseded, run);
    free(run);
    return result;
}
