/* Statements over the table certificate, and the way from a result row to struct certificate_row. Knows no
 * rule of a certificate's life (fleet/contact.c, fleet/enrol*.c, fleet/revocation.c). */
#include "db/certificate_rows.h"

#include <string.h>

#include "db/certificate_count_rows.h"
#include "db/journal_rows.h"
#include "db/row_values.h"

#define COLUMNS                                                                                              \
    "serial, authority, tenant, device, generation, state, spki_sha256, not_before, not_after, issued_at, "  \
    "confirmed_at, first_used_at, superseded_at, revoked_at, revocation_reason, ver, profile, "              \
    "profile_version"

enum { COLUMN_REASON = 14, COLUMN_VER = 15, COLUMN_PROFILE = 16, COLUMN_DER = 18 };

static const char SQL_FIND[] = "SELECT " COLUMNS " FROM certificate WHERE serial = $1 AND authority = $2";
static const char SQL_FIND_IN_TENANT[] =
    "SELECT " COLUMNS ", der FROM certificate WHERE serial = $1 AND tenant = $2";
static const char SQL_DER[] = "SELECT der FROM certificate WHERE serial = $1 AND authority = $2";
static const char SQL_LIST[] = "SELECT " COLUMNS " FROM certificate WHERE device = $1 AND tenant = $2 "
                               "ORDER BY issued_at DESC, generation DESC, serial LIMIT $3";
static const char SQL_LIST_LIVE[] =
    "SELECT " COLUMNS " FROM certificate WHERE device = $1 AND tenant = $2 AND state IN (0, 1) "
    "ORDER BY issued_at DESC, generation DESC, serial";
/* Sixteen at a time: the caller changes them, so that they fall out, and asks again. */
#define TO_REVOKE(filter)                                                                                    \
    "SELECT " COLUMNS " FROM certificate WHERE device = $1 AND tenant = $2 AND " filter                      \
    " ORDER BY issued_at DESC, generation DESC, serial LIMIT 16"
static const char SQL_UNLISTED_OF_DEVICE[] = TO_REVOKE("revoked_at IS NULL");
static const char SQL_NOT_COMPROMISED[] = TO_REVOKE("(state <> 3 OR revocation_reason <> 1)");
static const char SQL_HISTORY[] =
    "SELECT MAX(CASE WHEN tenant = $2 THEN issued_at END), MAX(CASE WHEN tenant = $2 THEN first_used_at "
    "END), "
    "MAX(CASE WHEN spki_sha256 = $3 AND revocation_reason = 1 THEN 1 ELSE 0 END) "
    "FROM certificate WHERE device = $1";
static const char SQL_INSERT[] = "INSERT INTO certificate (" COLUMNS
                                 ", der, crl_bucket, linked_by, is_stated) VALUES ($1, $2, $3, $4, $5, "
                                 "$6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 1, $20, $21, $16, $17, $18, "
                                 "$19) ON CONFLICT (serial, authority) DO "
                                 "NOTHING";
static const char SQL_UPDATE[] =
    "UPDATE certificate SET state = $4, confirmed_at = $5, first_used_at = $6, superseded_at = $7, "
    "revoked_at = $8, revocation_reason = $9, ver = ver + 1 "
    "WHERE serial = $1 AND authority = $2 AND ver = $3";
static const char SQL_SUPERSEDE_OLDER[] =
    "UPDATE certificate SET state = 2, superseded_at = $3, ver = ver + 1 "
    "WHERE device = $1 AND tenant = $2 AND state IN (0, 1) AND serial <> $4 "
    "AND NOT (state = 0 AND (generation, issued_at) > ($5, $6) AND COALESCE(linked_by, device) = device) "
    "RETURNING " COLUMNS;
static const char SQL_SUPERSEDE_RECOVERY[] =
    "UPDATE certificate SET state = 2, superseded_at = $3, ver = ver + 1 "
    "WHERE device = $1 AND tenant = $2 AND state = 0 AND linked_by = device RETURNING " COLUMNS;
static const char SQL_SUPERSEDE_REKEY[] =
    "UPDATE certificate SET state = 2, superseded_at = $3, ver = ver + 1 "
    "WHERE device = $1 AND tenant = $2 AND state = 0 AND (linked_by IS NULL OR linked_by <> device) "
    "RETURNING " COLUMNS;
static const char SQL_UNLISTED[] =
    "SELECT " COLUMNS " FROM certificate WHERE state = 2 AND revoked_at IS NULL AND superseded_at <= $1 "
    "ORDER BY superseded_at LIMIT $2";
void certificate_row_clear(struct certificate_row *row)
{
    buf_clear(&row->der);
}

static err_t read_facts(const struct db_row *row, void *arg)
{
    struct certificate_row *out = arg;
    *out = (struct certificate_row){0};
    TRY(db_row_copy(row, 0, out->serial, sizeof out->serial));
    TRY(db_row_text(row, 1, out->authority, sizeof out->authority));
    TRY(db_row_copy(row, 2, out->tenant.b, sizeof out->tenant.b));
    TRY(db_row_copy(row, 3, out->device.b, sizeof out->device.b));
    out->generation = db_row_int(row, 4);
    int64_t state = db_row_int(row, 5);
    ENSURE(state >= CERTIFICATE_UNCONFIRMED && state <= CERTIFICATE_REVOKED, ERR_DB,
           "a certificate in state %lld", (long long)state);
    out->state = out->stored_state = (enum certificate_state)state;
    TRY(db_row_copy(row, 6, out->spki_sha256, sizeof out->spki_sha256));
    out->not_before = db_row_int(row, 7);
    out->not_after = db_row_int(row, 8);
    out->issued_at = db_row_int(row, 9);
    out->confirmed_at = db_row_int(row, 10); /* NULL reads as 0 */
    out->first_used_at = db_row_int(row, 11);
    out->superseded_at = db_row_int(row, 12);
    out->revoked_at = db_row_int(row, 13);
    out->revocation_reason = db_row_is_null(row, COLUMN_REASON) ? -1 : (int)db_row_int(row, COLUMN_REASON);
    out->ver = db_row_int(row, COLUMN_VER);
    out->profile_version = db_row_int(row, COLUMN_PROFILE + 1); /* NULL reads as 0 and "" */
    return db_row_text(row, COLUMN_PROFILE, out->profile, sizeof out->profile);
}

/* --- one ---------------------------------------------------------------------- */

static err_t read_with_der(const struct db_row *row, void *arg)
{
    struct certificate_row *out = arg;
    TRY(read_facts(row, out));
    return db_row_append(row, COLUMN_DER, &out->der);
}

err_t certificate_rows_find(struct db_tx *tx, const char *authority,
                            const uint8_t serial[CERTIFICATE_SERIAL_SIZE], struct certificate_row *out)
{
    return db_find(tx, SQL_FIND, DB_VALUES(DB_B(serial, CERTIFICATE_SERIAL_SIZE), DB_T(authority)),
                   read_facts, out, "certificate");
}

err_t certificate_rows_find_in_tenant(struct db_tx *tx, struct uuid tenant,
                                      const uint8_t serial[CERTIFICATE_SERIAL_SIZE],
                                      struct certificate_row *out)
{
    AUTO_VAL(certificate_row) found = {0};
    TRY(db_find(tx, SQL_FIND_IN_TENANT, DB_VALUES(DB_B(serial, CERTIFICATE_SERIAL_SIZE), db_uuid(&tenant)),
                read_with_der, &found, "certificate"));
    certificate_row_clear(out); /* the closure may have run before */
    *out = found;
    found = (struct certificate_row){0};
    return OK;
}

static err_t read_der(const struct db_row *row, void *arg)
{
    return db_row_append(row, 0, arg);
}

err_t certificate_rows_read_der(struct db_tx *tx, const char *authority,
                                const uint8_t serial[CERTIFICATE_SERIAL_SIZE], struct buf *out)
{
    return db_find(tx, SQL_DER, DB_VALUES(DB_B(serial, CERTIFICATE_SERIAL_SIZE), DB_T(authority)), read_der,
                   out, "certificate");
}

/* --- many ---------------------------------------------------------------------- */

struct each {
    certificate_row_fn fn;
    void *arg;
};

static err_t take_each(const struct db_row *row, void *arg)
{
    const struct each *each = arg;
    struct certificate_row certificate;
    TRY(read_facts(row, &certificate));
    return each->fn(&certificate, each->arg);
}

err_t certificate_rows_list(struct db_tx *tx, struct uuid tenant, const struct device_id *device, int limit,
                            certificate_row_fn fn, void *arg)
{
    struct each each = {fn, arg};
    return db_run(tx, SQL_LIST,
                  DB_VALUES(DB_B(device->b, sizeof device->b), DB_B(tenant.b, sizeof tenant.b), DB_I(limit)),
                  take_each, &each);
}

err_t certificate_rows_list_live(struct db_tx *tx, struct uuid tenant, const struct device_id *device,
                                 certificate_row_fn fn, void *arg)
{
    struct each each = {fn, arg};
    return db_run(tx, SQL_LIST_LIVE,
                  DB_VALUES(DB_B(device->b, sizeof device->b), DB_B(tenant.b, sizeof tenant.b)), take_each,
                  &each);
}

err_t certificate_rows_list_to_revoke(struct db_tx *tx, const struct device_row *device, bool is_compromised,
                                      certificate_row_fn fn, void *arg)
{
    struct each each = {fn, arg};
    return db_run(tx, is_compromised ? SQL_NOT_COMPROMISED : SQL_UNLISTED_OF_DEVICE,
                  DB_VALUES(DB_B(device->id.b, sizeof device->id.b), db_uuid(&device->tenant)), take_each,
                  &each);
}

err_t certificate_rows_list_unlisted(struct db_tx *tx, int64_t before, int limit, certificate_row_fn fn,
                                     void *arg)
{
    struct each each = {fn, arg};
    return db_run(tx, SQL_UNLISTED, DB_VALUES(DB_I(before), DB_I(limit)), take_each, &each);
}

static err_t take_history(const struct db_row *row, void *arg)
{
    struct certificate_history *history = arg;
    history->has_any = db_row_int(row, 0) > 0;
    history->was_used = db_row_int(row, 1) > 0;
    history->is_key_compromised = db_row_int(row, 2) > 0;
    return OK;
}

err_t certificate_rows_read_history(struct db_tx *tx, struct uuid tenant, const struct device_id *device,
                                    const uint8_t spki_sha256[32], struct certificate_history *out)
{
    return db_run(
        tx, SQL_HISTORY,
        DB_VALUES(DB_B(device->b, sizeof device->b), DB_B(tenant.b, sizeof tenant.b), DB_B(spki_sha256, 32)),
        take_history, out);
}

/* --- changes ---------------------------------------------------------------------- */

err_t certificate_rows_insert(struct db_tx *tx, const struct certificate_row *row,
                              const struct certificate_link *link)
{
    int64_t changes = 0;
    TRY(db_change(
        tx, SQL_INSERT,
        DB_VALUES(DB_B(row->serial, sizeof row->serial), DB_T(row->authority),
                  DB_B(row->tenant.b, sizeof row->tenant.b), DB_B(row->device.b, sizeof row->device.b),
                  DB_I(row->generation), DB_I(row->state), DB_B(row->spki_sha256, sizeof row->spki_sha256),
                  DB_I(row->not_before), DB_I(row->not_after), DB_I(row->issued_at),
                  db_time_or_null(row->confirmed_at), db_time_or_null(row->first_used_at),
                  db_time_or_null(row->superseded_at), db_time_or_null(row->revoked_at),
                  row->revocation_reason >= 0 ? DB_I(row->revocation_reason) : DB_N,
                  DB_BYTES(buf_view(&row->der)), DB_I(row->serial[CERTIFICATE_SERIAL_SIZE - 1]),
                  link != NULL ? DB_B(link->by, SHA256_SIZE) : DB_N, db_flag(link != NULL && link->is_stated),
                  DB_T(row->profile), DB_I(row->profile_version)),
        &changes));
    ENSURE(changes == 1, ERR_CONFLICT, "the serial number is taken");
    TRY(certificate_count_rows_add(tx, row));
    return journal_issue(tx, row, link);
}

static enum journal_kind kind_of(const struct certificate_row *row)
{
    if (row->revoked_at != 0) {
        return JOURNAL_REVOKE; /* a superseded one that goes on the list too */
    }
    return row->state == CERTIFICATE_SUPERSEDED ? JOURNAL_SUPERSEDE : JOURNAL_CONFIRM;
}

static err_t tell_change(struct db_tx *tx, const struct certificate_row *row)
{
    struct certificate_change change;
    memcpy(change.authority, row->authority, sizeof change.authority);
    memcpy(change.serial, row->serial, sizeof change.serial);
    return db_tx_tell(tx, (struct bytes){(const uint8_t *)&change, sizeof change});
}

err_t certificate_rows_update(struct db_tx *tx, struct certificate_row *row)
{
    int64_t changes = 0;
    TRY(db_change(tx, SQL_UPDATE,
                  DB_VALUES(DB_B(row->serial, sizeof row->serial), DB_T(row->authority), DB_I(row->ver),
                            DB_I(row->state), db_time_or_null(row->confirmed_at),
                            db_time_or_null(row->first_used_at), db_time_or_null(row->superseded_at),
                            db_time_or_null(row->revoked_at),
                            row->revocation_reason >= 0 ? DB_I(row->revocation_reason) : DB_N),
                  &changes));
    ENSURE(changes == 1, ERR_BUSY, "the certificate was changed at the same time");
    row->ver++;
    TRY(certificate_count_rows_move(tx, row, row->stored_state));
    row->stored_state = row->state;
    TRY(journal_certificate(tx, kind_of(row), row));
    return row->revoked_at != 0 ? tell_change(tx, row) : OK;
}

struct superseding {
    struct db_tx *tx;
    int64_t count;
};

static err_t take_superseded(const struct db_row *row, void *arg)
{
    struct superseding *run = arg;
    struct certificate_row certificate;
    run->count++;
    TRY(read_facts(row, &certificate));
    bool was_confirmed = certificate.confirmed_at != 0; /* the row is told as it is now */
    TRY(certificate_count_rows_move(run->tx, &certificate,
                                    was_confirmed ? CERTIFICATE_CONFIRMED : CERTIFICATE_UNCONFIRMED));
    return journal_certificate(run->tx, JOURNAL_SUPERSEDE, &certificate);
}

err_t certificate_rows_supersede_older(struct db_tx *tx, const struct certificate_row *kept, int64_t at,
                                       int64_t *count)
{
    struct superseding run = {.tx = tx};
    TRY(db_run(tx, SQL_SUPERSEDE_OLDER,
               DB_VALUES(DB_B(kept->device.b, sizeof kept->device.b),
                         DB_B(kept->tenant.b, sizeof kept->tenant.b), DB_I(at),
                         DB_B(kept->serial, sizeof kept->serial), DB_I(kept->generation),
                         DB_I(kept->issued_at)),
               take_superseded, &run));
    if (count != NULL) {
        *count = run.count;
    }
    return OK;
}

err_t certificate_rows_supersede_unconfirmed(struct db_tx *tx, const struct certificate_row *by,
                                             bool is_by_identity)
{
    struct superseding run = {.tx = tx};
    return db_run(
        tx, is_by_identity ? SQL_SUPERSEDE_RECOVERY : SQL_SUPERSEDE_REKEY,
        DB_VALUES(DB_B(by->device.b, sizeof by->device.b), db_uuid(&by->tenant), DB_I(by->issued_at)),
        take_superseded, &run);
}

/* --- pages ---------------------------------------------------------------------- */

/* The end is the bound of the index; the OR only sorts out equal ends. A comparison of whole rows would look
 * as good to the engine on the index of all certificates as on a filter's own, and read what the filter
 * drops. */
#define PAGE(filter)                                                                                         \
    "SELECT " COLUMNS " FROM certificate WHERE tenant = $1" filter " AND not_after >= $2 AND not_after < $3" \
    " AND (not_after > $2 OR serial > $4 OR (serial = $4 AND authority > $5))"                               \
    " ORDER BY not_after, serial, authority LIMIT $6"
static const char SQL_PAGE[] = PAGE("");
static const char SQL_PAGE_STATE[] = PAGE(" AND state = $7");
static const char SQL_PAGE_AUTHORITY[] = PAGE(" AND authority = $7");
/* A device has few: nothing but its own index may serve here. */
static const char SQL_PAGE_DEVICE[] = PAGE(" AND device = $7");
static const char SQL_PAGE_DEVICE_STATE[] = PAGE(" AND device = $7 AND state = $8");
static const char SQL_PAGE_DEVICE_AUTHORITY[] = PAGE(" AND device = $7 AND authority || '' = $8");
static const char SQL_PAGE_DEVICE_STATE_AUTHORITY[] =
    PAGE(" AND device = $7 AND state = $8 AND authority || '' = $9");

static const char *page_text(const struct certificate_range *range)
{
    if (range->device == NULL) {
        return range->state != NULL       ? SQL_PAGE_STATE
               : range->authority != NULL ? SQL_PAGE_AUTHORITY
                                          : SQL_PAGE;
    }
    if (range->state != NULL) {
        return range->authority != NULL ? SQL_PAGE_DEVICE_STATE_AUTHORITY : SQL_PAGE_DEVICE_STATE;
    }
    return range->authority != NULL ? SQL_PAGE_DEVICE_AUTHORITY : SQL_PAGE_DEVICE;
}

err_t certificate_rows_page(struct db_tx *tx, const struct certificate_range *range, certificate_row_fn fn,
                            void *arg)
{
    struct each each = {fn, arg};
    size_t after_size = range->has_after ? sizeof range->after_serial : 0;
    struct db_value values[9] = {
        db_uuid(&range->tenant),      DB_I(range->has_after ? range->after_end : INT64_MIN),
        DB_I(range->expires_before),  DB_B(range->after_serial, after_size),
        DB_T(range->after_authority), DB_I(range->limit)};
    size_t count = 6;
    if (range->device != NULL) {
        values[count++] = DB_B(range->device->b, sizeof range->device->b);
    }
    if (range->state != NULL) {
        values[count++] = DB_I(*range->state);
    }
    if (range->authority != NULL) {
        values[count++] = DB_T(range->authority);
    }
    return db_run(tx, page_text(range), values, count, take_each, &each);
}

static const char SQL_LAST_END[] = "SELECT not_after FROM certificate WHERE tenant = $1 AND authority = $2 "
                                   "ORDER BY not_after DESC LIMIT 1";

static err_t on_last_end(const struct db_row *row, void *arg)
{
    *(int64_t *)arg = db_row_int(row, 0);
    return OK;
}

err_t certificate_rows_last_end(struct db_tx *tx, struct uuid tenant, const char *authority, int64_t *out)
{
    *out = 0;
    return db_run(tx, SQL_LAST_END, DB_VALUES(db_uuid(&tenant), DB_T(authority)), on_last_end, out);
}
