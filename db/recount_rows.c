/* For each table of counts one statement: what is found, less what is kept, by owner. A row that is left is a
 * difference. */
#include "db/recount_rows.h"

#include "db/device_count_rows.h"
#include "db/row_values.h"

static const char SQL_DEVICES[] =
    "SELECT owner FROM (SELECT product AS owner, state, SUM(1) AS n FROM device GROUP BY tenant, product, "
    "state UNION ALL SELECT batch, state, SUM(1) FROM device GROUP BY tenant, batch, state UNION ALL "
    "SELECT $1, state, SUM(1) FROM device GROUP BY tenant, state UNION ALL SELECT owner, state, -n FROM "
    "device_count) AS both_sides GROUP BY owner, state HAVING SUM(n) <> 0 LIMIT 1";
#define TERMS                                                                                                \
    "device_term JOIN device ON device.id = device_term.device AND device.tenant = device_term.tenant"
static const char SQL_TERMS[] =
    "SELECT owner FROM (SELECT product AS owner, term, SUM(1) AS n FROM " TERMS
    " GROUP BY product, term UNION ALL SELECT batch, term, SUM(1) FROM " TERMS
    " GROUP BY batch, term UNION ALL SELECT $1, term, SUM(1) FROM device_term GROUP BY term UNION ALL "
    "SELECT owner, term, -n FROM device_term_count) AS both_sides GROUP BY owner, term HAVING SUM(n) <> 0 "
    "LIMIT 1";
static const char SQL_OVERDUE[] =
    "SELECT owner FROM (SELECT product AS owner, SUM(is_overdue) AS n FROM " TERMS
    " GROUP BY product UNION ALL SELECT batch, SUM(is_overdue) FROM " TERMS
    " GROUP BY batch UNION ALL SELECT $1, SUM(is_overdue) FROM device_term UNION ALL "
    "SELECT owner, -n FROM device_overdue_count) AS both_sides GROUP BY owner HAVING SUM(n) <> 0 LIMIT 1";
static const char SQL_CERTIFICATES[] =
    "SELECT authority FROM (SELECT authority, state, SUM(1) AS n FROM certificate GROUP BY authority, state "
    "UNION ALL SELECT authority, state, -n FROM certificate_count) AS both_sides GROUP BY authority, state "
    "HAVING SUM(n) <> 0 LIMIT 1";
static const char SQL_ENDS[] =
    "SELECT authority FROM (SELECT authority, not_after / 86400000 AS day, SUM(1) AS n FROM certificate "
    "WHERE "
    "state = 1 GROUP BY authority, not_after / 86400000 UNION ALL SELECT authority, day, -n FROM "
    "certificate_end_count) AS both_sides GROUP BY authority, day HAVING SUM(n) <> 0 LIMIT 1";

static const struct recount {
    const char *table, *sql;
    bool has_owner; /* $1 is that of all devices */
} recounts[] = {{"device_count", SQL_DEVICES, true},
                {"device_term_count", SQL_TERMS, true},
                {"device_overdue_count", SQL_OVERDUE, true},
                {"certificate_count", SQL_CERTIFICATES, false},
                {"certificate_end_count", SQL_ENDS, false}};

err_t recount_rows_compare(struct db_tx *tx)
{
    const struct uuid all = device_owner_all();
    const struct db_value owner = db_uuid(&all);
    for (size_t i = 0; i < sizeof recounts / sizeof recounts[0]; i++) {
        bool differs = false;
        TRY(db_exists(tx, recounts[i].sql, &owner, recounts[i].has_owner ? 1 : 0, &differs));
        ENSURE(!differs, ERR_DB, "%s does not say what counting finds", recounts[i].table);
    }
    return OK;
}
