/* Lists of devices: one text for each filter and each order, up and down, so that the engine plans each on an
 * index of its own (tests/lint/plans.py asks it). */
#include "db/device_columns.h"
#include "db/row_values.h"

/* --- in order of id, filtered --------------------------------------------------------------------------- */

#define LIST(after, down, filter)                                                                            \
    "SELECT " DEVICE_COLUMNS " FROM device WHERE tenant = $1 AND " after filter " ORDER BY id" down          \
    " LIMIT $3"
#define PAIR(name, filter)                                                                                   \
    static const char SQL_LIST##name[] = LIST("id > $2", "", filter);                                        \
    static const char SQL_LIST##name##_DOWN[] = LIST("id < $2", " DESC", filter)
PAIR(, "");
PAIR(_STATE, " AND state = $4");
PAIR(_BATCH, " AND batch = $4");
PAIR(_BATCH_STATE, " AND batch = $4 AND state = $5");
PAIR(_PRODUCT, " AND product = $4");
PAIR(_PRODUCT_STATE, " AND product = $4 AND state = $5");
PAIR(_SERIAL, " AND serial = $4");
#define LIST_LABEL(sign, down)                                                                               \
    "SELECT " DEVICE_COLUMNS " FROM device_label JOIN device ON device.id = device_label.device AND "        \
    "device.tenant = device_label.tenant WHERE device_label.tenant = $1 AND device_label.device " sign       \
    " $2 AND device_label.name = $4 AND device_label.value = $5 ORDER BY device_label.device" down           \
    " LIMIT $3"
static const char SQL_LIST_LABEL[] = LIST_LABEL(">", "");
static const char SQL_LIST_LABEL_DOWN[] = LIST_LABEL("<", " DESC");

#define LIST_RECOVERY(sign, down)                                                                            \
    "SELECT " DEVICE_COLUMNS " FROM device_recovery JOIN device ON device.id = device_recovery.device AND "  \
    "device.tenant = device_recovery.tenant WHERE device_recovery.tenant = $1 AND "                          \
    "device_recovery.device " sign " $2 AND device_recovery.requested_at IS NOT NULL AND device.state = 1 "  \
    "ORDER BY device_recovery.device" down " LIMIT $3"
static const char SQL_LIST_RECOVERY[] = LIST_RECOVERY(">", "");
static const char SQL_LIST_RECOVERY_DOWN[] = LIST_RECOVERY("<", " DESC");

enum filter { NONE, STATE, BATCH, BATCH_STATE, PRODUCT, PRODUCT_STATE, SERIAL, LABEL, RECOVERY };
static const char *const BY_ID[][2] = {
    [NONE] = {SQL_LIST, SQL_LIST_DOWN},
    [STATE] = {SQL_LIST_STATE, SQL_LIST_STATE_DOWN},
    [BATCH] = {SQL_LIST_BATCH, SQL_LIST_BATCH_DOWN},
    [BATCH_STATE] = {SQL_LIST_BATCH_STATE, SQL_LIST_BATCH_STATE_DOWN},
    [PRODUCT] = {SQL_LIST_PRODUCT, SQL_LIST_PRODUCT_DOWN},
    [PRODUCT_STATE] = {SQL_LIST_PRODUCT_STATE, SQL_LIST_PRODUCT_STATE_DOWN},
    [SERIAL] = {SQL_LIST_SERIAL, SQL_LIST_SERIAL_DOWN},
    [LABEL] = {SQL_LIST_LABEL, SQL_LIST_LABEL_DOWN},
    [RECOVERY] = {SQL_LIST_RECOVERY, SQL_LIST_RECOVERY_DOWN},
};

/* --- in another order, all of them ---------------------------------------------------------------------- */

/* The first column is the bound of the index; the OR only sorts out equal ones. */
#define LIST_BY(column, more, sign, down)                                                                    \
    "SELECT " DEVICE_COLUMNS " FROM device WHERE tenant = $1 AND " column " " sign "= $4" more               \
    " AND (" column " " sign " $4 OR id " sign " $2) ORDER BY " column down ", id" down " LIMIT $3"
#define PAIR_BY(name, column, more)                                                                          \
    static const char SQL_LIST_BY_##name[] = LIST_BY(column, more, ">", "");                                 \
    static const char SQL_LIST_BY_##name##_DOWN[] = LIST_BY(column, more, "<", " DESC")
PAIR_BY(REGISTERED, "registered_at", "");
PAIR_BY(ENROLLED, "enrolled_at", " AND enrolled_at IS NOT NULL");
PAIR_BY(SERIAL, "serial", "");
static const char *const BY_ORDER[][2] = {
    [DEVICE_BY_REGISTERED] = {SQL_LIST_BY_REGISTERED, SQL_LIST_BY_REGISTERED_DOWN},
    [DEVICE_BY_ENROLLED] = {SQL_LIST_BY_ENROLLED, SQL_LIST_BY_ENROLLED_DOWN},
    [DEVICE_BY_SERIAL] = {SQL_LIST_BY_SERIAL, SQL_LIST_BY_SERIAL_DOWN},
};

/* --- which one ------------------------------------------------------------------------------------------ */

static enum filter filter_of(const struct device_range *range)
{
    if (range->is_recovery_requested) {
        return RECOVERY;
    }
    if (range->label_name != NULL) {
        return LABEL;
    }
    if (range->serial != NULL) {
        return SERIAL;
    }
    if (range->batch != NULL) {
        return range->state != NULL ? BATCH_STATE : BATCH;
    }
    if (range->product != NULL) {
        return range->state != NULL ? PRODUCT_STATE : PRODUCT;
    }
    return range->state != NULL ? STATE : NONE;
}

/* The values of a filter behind the first three. */
static size_t filter_values(const struct device_range *range, struct db_value values[2])
{
    size_t count = 0;
    if (range->is_recovery_requested) {
        return count; /* of enrolled ones only: it says so itself */
    }
    if (range->label_name != NULL) {
        values[count++] = DB_T(range->label_name);
        values[count++] = DB_T(range->label_value);
        return count;
    }
    if (range->serial != NULL) {
        values[count++] = DB_T(range->serial);
        return count;
    }
    if (range->batch != NULL || range->product != NULL) {
        values[count++] = db_uuid(range->batch != NULL ? range->batch : range->product);
    }
    if (range->state != NULL) {
        values[count++] = DB_I(*range->state);
    }
    return count;
}

/* The fourth value of another order: where to begin. */
static struct db_value order_value(const struct device_range *range)
{
    if (range->order == DEVICE_BY_SERIAL) {
        /* a serial is printable, so nothing of it is beyond U+10FFFF */
        return DB_T(range->after != NULL   ? range->after->serial
                    : range->is_descending ? "\xf4\x8f\xbf\xbf"
                                           : "");
    }
    return DB_I(range->after != NULL ? range->after->at : range->is_descending ? INT64_MAX : INT64_MIN);
}

struct each {
    device_row_fn fn;
    void *arg;
};

static err_t on_each(const struct db_row *row, void *arg)
{
    const struct each *each = arg;
    struct device_row device;
    TRY(device_row_read(row, &device));
    return each->fn(&device, each->arg);
}

err_t device_rows_list(struct db_tx *tx, const struct device_range *range, device_row_fn fn, void *arg)
{
    /* before and behind every 32-byte id */
    static const uint8_t first[1] = {0};
    static const struct device_id last = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                           0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                           0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
    const size_t down = range->is_descending ? 1 : 0;
    struct each each = {.fn = fn, .arg = arg};
    struct db_value values[5] = {db_uuid(&range->tenant), DB_B(first, sizeof first), DB_I(range->limit)};
    if (range->after != NULL) {
        values[1] = DB_B(range->after->id.b, sizeof range->after->id.b);
    } else if (range->is_descending) {
        values[1] = DB_B(last.b, sizeof last.b);
    }
    if (range->order == DEVICE_BY_ID) {
        return db_run(tx, BY_ID[filter_of(range)][down], values, 3 + filter_values(range, values + 3),
                      on_each, &each);
    }
    values[3] = order_value(range);
    return db_run(tx, BY_ORDER[range->order][down], values, 4, on_each, &each);
}
