/* Checks the lines of a hand-over one by one and against each other. Reads no inventory; the transaction in
 * batches.c finds what is registered already. */
#include "fleet/batch_lines.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "fleet/names.h"

static err_t check_attributes(struct bytes attributes)
{
    AUTO(json_t) *object = NULL;
    TRY(json_parse(attributes, sizeof(((struct device_row *)NULL)->attributes) - 1, &object));
    ENSURE(json_is_object(object), ERR_UNPROCESSABLE, "attributes must be a JSON object");
    return OK;
}

/* The hash of a registered key is the device's name (canonical DER: key_check_spki refuses every other form).
 */
static err_t name_device(const struct device_entry *entry, const struct key_policy *policy,
                         struct device_id *out)
{
    ENSURE(entry->has_id != (entry->spki.n > 0), ERR_UNPROCESSABLE, "give either id or spki");
    if (entry->has_id) {
        *out = entry->id;
        return OK;
    }
    struct key_info info;
    TRY(key_check_spki(entry->spki, policy, &info));
    memcpy(out->b, info.spki_sha256.b, sizeof(out->b));
    return OK;
}

err_t batch_line_check(const struct key_policy *policy, struct batch_line *line)
{
    struct device_row scratch;
    TRY(name_device(line->entry, policy, &line->id));
    if (line->entry->attributes.n > 0) {
        TRY(check_attributes(line->entry->attributes));
    }
    return batch_line_fill(line, &scratch);
}

err_t batch_line_fill(const struct batch_line *line, struct device_row *row)
{
    const struct device_entry *entry = line->entry;
    struct bytes attributes = entry->attributes.n > 0 ? entry->attributes : bytes_str("{}");
    TRY(text_copy(entry->serial, "serial", row->serial, sizeof(row->serial)));
    TRY(text_copy(entry->model, "model", row->model, sizeof(row->model)));
    return text_copy(attributes, "attributes", row->attributes, sizeof(row->attributes));
}

/* By id, then in the order given, so that of two equal lines the later one is refused. */
static int compare_lines(const void *a, const void *b)
{
    const struct batch_line *left = a, *right = b;
    int order = memcmp(left->id.b, right->id.b, DEVICE_ID_SIZE);
    if (order != 0) {
        return order;
    }
    return left->index < right->index ? -1 : 1;
}

static void refuse_repeats(const struct batch_line *lines, size_t count, struct batch_report *report)
{
    for (size_t i = 1, first = 0; i < count; i++) {
        if (memcmp(lines[i].id.b, lines[first].id.b, DEVICE_ID_SIZE) != 0) {
            first = i;
            continue;
        }
        batch_report_refuse(report, lines[i].index,
                            ERR(ERR_UNPROCESSABLE, "the same id as devices[%zu]", lines[first].index));
    }
}

err_t batch_lines_check(const struct batch_order *order, const struct key_policy *policy,
                        struct batch_report *report, struct batch_line **out)
{
    *out = NULL;
    *report = (struct batch_report){0};
    ENSURE(order->count > 0, ERR_UNPROCESSABLE, "a batch has at least one device");
    ENSURE(order->count <= BATCH_DEVICES_MAX, ERR_TOO_LARGE, "a batch has at most %d devices",
           BATCH_DEVICES_MAX);
    struct batch_line *lines = calloc(order->count, sizeof(*lines));
    ENSURE(lines != NULL, ERR_NO_MEMORY, "%zu lines", order->count);
    for (size_t i = 0; i < order->count; i++) {
        lines[i] = (struct batch_line){.index = i, .entry = &order->devices[i]};
        err_t error = batch_line_check(policy, &lines[i]);
        if (error.code != ERR_OK) {
            batch_report_refuse(report, i, error);
        }
    }
    /* Lines without an id would all be equal; those orders are refused already. */
    if (report->refused == 0) {
        qsort(lines, order->count, sizeof(*lines), compare_lines);
        refuse_repeats(lines, order->count, report);
    }
    if (report->refused > 0) {
        free(lines);
        return batch_report_error(report, ERR_UNPROCESSABLE, order->count);
    }
    *out = lines;
    return OK;
}

err_t batch_lines_hash(const struct batch_line *lines, size_t count, struct sha256 *out)
{
    AUTO_VAL(buf) ids = {0};
    TRY(buf_reserve(&ids, count * DEVICE_ID_SIZE));
    for (size_t i = 0; i < count; i++) {
        TRY(buf_append(&ids, lines[i].id.b, DEVICE_ID_SIZE));
    }
    return sha256_of(buf_view(&ids), out);
}

void batch_report_refuse(struct batch_report *report, size_t index, err_t why)
{
    report->refused++;
    size_t at = report->listed;
    while (at > 0 && report->lines[at - 1].index > index) {
        at--;
    }
    if (at == BATCH_REPORT_MAX) {
        return;
    }
    size_t last = report->listed < BATCH_REPORT_MAX ? report->listed : BATCH_REPORT_MAX - 1;
    memmove(&report->lines[at + 1], &report->lines[at], (last - at) * sizeof(report->lines[0]));
    report->listed = last + 1;
    report->lines[at] = (struct refused_line){.index = index, .code = why.code};
    memcpy(report->lines[at].reason, why.detail, sizeof(report->lines[at].reason));
}

err_t batch_report_error(const struct batch_report *report, err_code code, size_t count)
{
    const struct refused_line *first = &report->lines[0];
    return ERR(code, "%zu of %zu devices refused, none registered; devices[%zu]: %s", report->refused, count,
               first->index, first->reason);
}
