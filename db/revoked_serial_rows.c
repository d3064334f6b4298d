/* What belongs on revocation lists, read from the table certificate: serials alone, however many there are.
 */
#include "db/certificate_rows.h"
#include "db/row_values.h"

static const char SQL_REVOKED[] = "SELECT serial, revoked_at, revocation_reason FROM certificate "
                                  "WHERE authority = $1 AND revoked_at IS NOT NULL AND not_after > $2";
static const char SQL_REVOKED_BUCKET[] =
    "SELECT serial, revoked_at, revocation_reason FROM certificate "
    "WHERE authority = $1 AND crl_bucket = $3 AND revoked_at IS NOT NULL AND not_after > $2";

struct each_revoked {
    err_t (*fn)(const struct revoked_serial *entry, void *arg);
    void *arg;
};

static err_t take_revoked(const struct db_row *row, void *arg)
{
    const struct each_revoked *each = arg;
    struct revoked_serial entry = {.revoked_at = db_row_int(row, 1), .reason = (int)db_row_int(row, 2)};
    TRY(db_row_copy(row, 0, entry.serial, sizeof entry.serial));
    return each->fn(&entry, each->arg);
}

err_t certificate_rows_list_revoked(struct db_tx *tx, const char *authority, int64_t not_after,
                                    err_t (*fn)(const struct revoked_serial *entry, void *arg), void *arg)
{
    struct each_revoked each = {fn, arg};
    return db_run(tx, SQL_REVOKED, DB_VALUES(DB_T(authority), DB_I(not_after)), take_revoked, &each);
}

err_t certificate_rows_list_revoked_in(struct db_tx *tx, const struct revoked_shard *shard, int64_t not_after,
                                       err_t (*fn)(const struct revoked_serial *entry, void *arg), void *arg)
{
    struct each_revoked each = {fn, arg};
    for (int bucket = shard->shard; bucket < SERIAL_BUCKETS; bucket += shard->shards) {
        TRY(db_run(tx, SQL_REVOKED_BUCKET, DB_VALUES(DB_T(shard->authority), DB_I(not_after), DB_I(bucket)),
                   take_revoked, &each));
    }
    return OK;
}
