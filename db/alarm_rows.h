/* Standing alarms, one row for each thing that is wrong, and their kept counts. Which kinds there are is in
 * fleet/alarm_kinds.c. */
#ifndef WHORL_DB_ALARM_ROWS_H
#define WHORL_DB_ALARM_ROWS_H

#include "db/db.h"
#include "db/rows.h"

enum { ALARM_KIND_SIZE = 64, ALARM_SUBJECT_SIZE = 129, ALARM_DETAIL_SIZE = 513 };
enum alarm_severity { ALARM_WARNING, ALARM_CRITICAL };
enum { ALARM_SEVERITIES = 2 };

struct alarm_row {
    struct uuid id;
    struct uuid owner; /* a tenant; all zeros: the installation */
    char kind[ALARM_KIND_SIZE], subject[ALARM_SUBJECT_SIZE];
    enum alarm_severity severity;
    char detail[ALARM_DETAIL_SIZE];
    int64_t since, updated_at; /* when it began; when it took its present severity */
};
typedef err_t (*alarm_row_fn)(const struct alarm_row *row, void *arg);

/** @param name owner, kind and subject are read @param[out] out may be `name` @errors ERR_NOT_FOUND
 *  @thread of tx, like all functions here */
err_t alarm_rows_find(struct db_tx *tx, const struct alarm_row *name, struct alarm_row *out);
/** Stores it and counts it. @errors ERR_CONFLICT it stands */
err_t alarm_rows_insert(struct db_tx *tx, const struct alarm_row *row);
/** Stores severity, detail and updated_at. @param before the severity that was counted */
err_t alarm_rows_update(struct db_tx *tx, const struct alarm_row *row, enum alarm_severity before);
err_t alarm_rows_delete(struct db_tx *tx, const struct alarm_row *row);
/** Those of one owner, in order of id: of when they began. */
err_t alarm_rows_list(struct db_tx *tx, struct uuid owner, const struct row_window *window, alarm_row_fn fn,
                      void *arg);

/* How many of a kind stand. */
struct alarm_count {
    char kind[ALARM_KIND_SIZE];
    enum alarm_severity severity;
    int64_t standing;
};
err_t alarm_rows_counts(struct db_tx *tx, err_t (*fn)(const struct alarm_count *count, void *arg), void *arg);

#endif
