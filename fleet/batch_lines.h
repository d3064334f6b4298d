/* The lines of a hand-over, checked and in order of id, before any transaction: what can be refused without
 * the inventory is refused here. */
#ifndef WHORL_FLEET_BATCH_LINES_H
#define WHORL_FLEET_BATCH_LINES_H

#include "fleet/registry.h"
#include "pki/key.h"

struct batch_line {
    struct device_id id;
    size_t index; /* in the order given */
    const struct device_entry *entry;
};

/** Checks every line and sorts by id: neighbours in the tree are then written one after the other, and the
 * hash over all ids is defined. @param[out] out as many as the order has; free(3) @param[out] report what
 * was refused
 *  @errors ERR_UNPROCESSABLE when a line was refused @thread worker */
err_t batch_lines_check(const struct batch_order *order, const struct key_policy *policy,
                        struct batch_report *report, struct batch_line **out);
/** SHA-256 over the sorted ids, one after the other: the audit record commits to the list by it. */
err_t batch_lines_hash(const struct batch_line *lines, size_t count, struct sha256 *out);
/** Checks one line by itself and sets its id. @errors ERR_UNPROCESSABLE, ERR_BAD_JSON, ERR_BAD_ENCODING */
err_t batch_line_check(const struct key_policy *policy, struct batch_line *line);
/** serial, model and attributes of a checked line into a row. */
err_t batch_line_fill(const struct batch_line *line, struct device_row *row);

/** Counts a refused line and keeps it when it is among the first by index. */
void batch_report_refuse(struct batch_report *report, size_t index, err_t why);
/** The error of a whole order, naming its first refused line. @param code of the error */
err_t batch_report_error(const struct batch_report *report, err_code code, size_t count);

#endif
