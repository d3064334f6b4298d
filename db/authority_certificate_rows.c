/* Rows of certificates between authorities: statements and reading. No rules here. */
#include "db/authority_certificate_rows.h"

#include "db/authority_rows.h"
#include "db/crl_rows.h"
#include "db/journal_authority_rows.h"
#include "db/row_values.h"

#define COLUMNS                                                                                              \
    "issuer, serial, subject, kind, certificate, not_before, not_after, revoked_at, revocation_reason, "     \
    "created_at, ver"

static const char SQL_INSERT[] =
    "INSERT INTO authority_certificate (" COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) "
    "ON CONFLICT (issuer, serial) DO NOTHING";
static const char SQL_REVOKE[] =
    "UPDATE authority_certificate SET revoked_at = $3, revocation_reason = $4, ver = ver + 1 "
    "WHERE issuer = $1 AND serial = $2 AND revoked_at IS NULL";
static const char SQL_FIND[] =
    "SELECT " COLUMNS " FROM authority_certificate WHERE issuer = $1 AND serial = $2";
static const char SQL_EACH[] = "SELECT " COLUMNS " FROM authority_certificate ORDER BY issuer, serial";
static const char SQL_OF_SUBJECT[] =
    "SELECT " COLUMNS " FROM authority_certificate WHERE subject = $1 ORDER BY issuer";
static const char SQL_REVOKED[] = "SELECT " COLUMNS " FROM authority_certificate WHERE issuer = $1 "
                                  "AND revoked_at IS NOT NULL AND not_after > $2 ORDER BY serial";

static struct bytes serial_of(const struct authority_certificate_row *row)
{
    return (struct bytes){row->serial, row->serial_size};
}

/* A list of ours has serials of one size only. */
static err_t mark_stale(struct db_tx *tx, const struct authority_certificate_row *row)
{
    return row->serial_size == CERTIFICATE_SERIAL_SIZE ? crl_rows_mark_stale(tx, row->issuer, row->serial)
                                                       : OK;
}

err_t authority_certificate_rows_insert(struct db_tx *tx, const struct authority_certificate_row *row)
{
    int64_t changes = 0;
    TRY(db_change(tx, SQL_INSERT,
                  DB_VALUES(DB_T(row->issuer), DB_BYTES(serial_of(row)), DB_T(row->subject), DB_I(row->kind),
                            DB_BYTES(row->certificate), DB_I(row->not_before), DB_I(row->not_after),
                            db_time_or_null(row->revoked_at),
                            row->revoked_at == 0 ? DB_N : DB_I(row->revocation_reason),
                            DB_I(db_tx_now_ms(tx)), DB_I(1)),
                  &changes));
    ENSURE(changes == 1, ERR_CONFLICT, "authority %s has a certificate of this serial already", row->issuer);
    TRY(journal_authority_certificate(tx, row));
    TRY(authority_rows_note_change(tx));
    return row->revoked_at == 0 ? OK : mark_stale(tx, row);
}

err_t authority_certificate_rows_revoke(struct db_tx *tx, const struct authority_certificate_row *row)
{
    int64_t changes = 0;
    bool is_there = false;
    TRY(db_exists(tx, SQL_FIND, DB_VALUES(DB_T(row->issuer), DB_BYTES(serial_of(row))), &is_there));
    ENSURE(is_there, ERR_NOT_FOUND, "no such certificate of an authority");
    TRY(db_change(tx, SQL_REVOKE,
                  DB_VALUES(DB_T(row->issuer), DB_BYTES(serial_of(row)), DB_I(row->revoked_at),
                            DB_I(row->revocation_reason)),
                  &changes));
    ENSURE(changes == 1, ERR_CONFLICT, "the certificate is revoked already");
    struct authority_certificate_row told = *row;
    told.certificate = BYTES_NONE; /* it stands in the entry that came with it */
    TRY(journal_authority_certificate(tx, &told));
    TRY(authority_rows_note_change(tx));
    return mark_stale(tx, row);
}

/* --- reading ---------------------------------------------------------------------------------------- */

struct each {
    authority_certificate_row_fn fn;
    void *arg;
};

static err_t on_each(const struct db_row *row, void *arg)
{
    const struct each *each = arg;
    struct bytes serial = db_row_bytes(row, 1);
    struct authority_certificate_row out = {.serial_size = serial.n,
                                            .kind = (enum authority_certificate_kind)db_row_int(row, 3),
                                            .certificate = db_row_bytes(row, 4),
                                            .not_before = db_row_int(row, 5),
                                            .not_after = db_row_int(row, 6),
                                            .revoked_at = db_row_int(row, 7),
                                            .revocation_reason = (int)db_row_int(row, 8),
                                            .created_at = db_row_int(row, 9),
                                            .ver = db_row_int(row, 10)};
    ENSURE(serial.n <= sizeof out.serial, ERR_DB, "a serial of %zu bytes", serial.n);
    TRY(db_row_copy(row, 1, out.serial, serial.n));
    TRY(db_row_text(row, 0, out.issuer, sizeof(out.issuer)));
    TRY(db_row_text(row, 2, out.subject, sizeof(out.subject)));
    return each->fn(&out, each->arg);
}

err_t authority_certificate_rows_find(struct db_tx *tx, const char *issuer, struct bytes serial,
                                      authority_certificate_row_fn fn, void *arg)
{
    struct each each = {.fn = fn, .arg = arg};
    return db_find(tx, SQL_FIND, DB_VALUES(DB_T(issuer), DB_BYTES(serial)), on_each, &each,
                   "certificate of an authority");
}

err_t authority_certificate_rows_each(struct db_tx *tx, const char *subject, authority_certificate_row_fn fn,
                                      void *arg)
{
    struct each each = {.fn = fn, .arg = arg};
    return subject == NULL ? db_run(tx, SQL_EACH, NULL, 0, on_each, &each)
                           : db_run(tx, SQL_OF_SUBJECT, DB_VALUES(DB_T(subject)), on_each, &each);
}

err_t authority_certificate_rows_each_revoked(struct db_tx *tx, const char *issuer, int64_t not_after,
                                              authority_certificate_row_fn fn, void *arg)
{
    struct each each = {.fn = fn, .arg = arg};
    return db_run(tx, SQL_REVOKED, DB_VALUES(DB_T(issuer), DB_I(not_after)), on_each, &each);
}
