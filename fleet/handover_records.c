/* CSV records (RFC 4180): quoted fields with commas, doubled quotes and line ends inside; LF or CRLF; a byte
 * order mark before the first. What a record means is its format's business. */
#include <string.h>

#include "fleet/handover_internal.h"

static const uint8_t byte_order_mark[] = {0xef, 0xbb, 0xbf};

static err_t put(struct csv_reader *csv, uint8_t c)
{
    csv->is_blank = false;
    ENSURE(csv->text.n < HANDOVER_PIECE_MAX, ERR_TOO_LARGE, "the record at line %llu has more than %d bytes",
           (unsigned long long)csv->record_line, HANDOVER_PIECE_MAX);
    return buf_append(&csv->text, &c, 1);
}

static void end_field(struct csv_reader *csv)
{
    csv->place = CSV_START;
    if (csv->count == CSV_FIELDS_MAX) {
        csv->fault = "the record has too many fields (64 are allowed)";
        return;
    }
    csv->ends[csv->count++] = csv->text.n;
}

static struct bytes slice_of(const struct buf *text, const size_t *ends, size_t at)
{
    size_t from = at == 0 ? 0 : ends[at - 1];
    return (struct bytes){text->p + from, ends[at] - from};
}

static void skip_byte_order_mark(struct csv_record *record)
{
    struct bytes *first = &record->fields[0];
    if (first->n >= 3 && memcmp(first->p, byte_order_mark, 3) == 0) {
        *first = (struct bytes){first->p + 3, first->n - 3};
    }
}

static err_t end_record(struct handover *handover)
{
    struct csv_reader *csv = &handover->u.csv;
    err_t error = OK;
    bool is_blank = csv->is_blank;
    end_field(csv);
    if (!is_blank) {
        struct csv_record record = {.line = csv->record_line, .count = csv->count, .fault = csv->fault};
        for (size_t i = 0; i < csv->count; i++) {
            record.fields[i] = csv->text.n == 0 ? BYTES_NONE : slice_of(&csv->text, csv->ends, i);
        }
        if (!csv->is_started) {
            skip_byte_order_mark(&record);
        }
        csv->is_started = true;
        error = csv->has_header ? handover->kind->on_record(handover, &record)
                                : handover->kind->on_header(handover, &record);
        csv->has_header = true;
    }
    csv->text.n = 0;
    csv->count = 0;
    csv->fault = NULL;
    csv->is_blank = true;
    return error;
}

/* One byte where no quotes are open. */
static err_t take_plain(struct handover *handover, uint8_t c)
{
    struct csv_reader *csv = &handover->u.csv;
    if (c == '\n') {
        err_t error = end_record(handover);
        csv->record_line = csv->line + 1;
        return error;
    }
    if (csv->place == CSV_RETURN) {
        csv->fault = "a carriage return that ends no line";
        csv->place = CSV_PLAIN;
    }
    if (c == '\r') {
        csv->place = CSV_RETURN;
        return OK;
    }
    if (c == ',') {
        csv->is_blank = false;
        end_field(csv);
        return OK;
    }
    if (csv->place == CSV_QUOTE) {
        csv->fault = "text behind a closing quote";
    } else if (c == '"') {
        csv->fault = "a quote inside a field that does not begin with one";
    }
    csv->place = CSV_PLAIN;
    return put(csv, c);
}

/* A byte order mark is no text: a quote behind it opens a field. */
static bool is_at_start(const struct csv_reader *csv)
{
    return csv->place == CSV_START || (csv->place == CSV_PLAIN && !csv->is_started && csv->count == 0 &&
                                       csv->text.n == 3 && memcmp(csv->text.p, byte_order_mark, 3) == 0);
}

static err_t take(struct handover *handover, uint8_t c)
{
    struct csv_reader *csv = &handover->u.csv;
    if (csv->place == CSV_QUOTED) {
        if (c == '"') {
            csv->place = CSV_QUOTE;
            return OK;
        }
        return put(csv, c);
    }
    if (c == '"' && csv->place == CSV_QUOTE) {
        csv->place = CSV_QUOTED;
        return put(csv, c);
    }
    if (c == '"' && is_at_start(csv)) {
        csv->place = CSV_QUOTED;
        csv->is_blank = false;
        return OK;
    }
    return take_plain(handover, c);
}

err_t csv_write(struct handover *handover, struct bytes chunk)
{
    for (size_t i = 0; i < chunk.n; i++) {
        TRY(take(handover, chunk.p[i]));
        handover->u.csv.line += chunk.p[i] == '\n';
    }
    return OK;
}

err_t csv_finish(struct handover *handover)
{
    struct csv_reader *csv = &handover->u.csv;
    ENSURE(csv->place != CSV_QUOTED, ERR_UNPROCESSABLE,
           "the record at line %llu has a quote that is never closed", (unsigned long long)csv->record_line);
    TRY(end_record(handover));
    ENSURE(csv->has_header, ERR_UNPROCESSABLE, "the body is empty: a header line is needed");
    return OK;
}

struct bytes csv_name(const struct csv_reader *reader, size_t column)
{
    return slice_of(&reader->names, reader->name_ends, column);
}

static err_t check_name(const struct csv_reader *csv, struct bytes name)
{
    ENSURE(name.n >= 1 && name.n <= NAME_SIZE - 1, ERR_UNPROCESSABLE,
           "column %zu of the header has no name, or one of more than %d bytes", csv->name_count + 1,
           NAME_SIZE - 1);
    for (size_t i = 0; i < csv->name_count; i++) {
        ENSURE(!bytes_equal(csv_name(csv, i), name), ERR_UNPROCESSABLE,
               "columns %zu and %zu have the same name", i + 1, csv->name_count + 1);
    }
    return OK;
}

err_t csv_take_header(struct handover *handover, const struct csv_record *record, const char *const *roles)
{
    struct csv_reader *csv = &handover->u.csv;
    ENSURE(record->fault == NULL, ERR_UNPROCESSABLE, "the header: %s", record->fault);
    for (size_t role = 0; role < CSV_ROLES; role++) {
        csv->roles[role] = -1;
    }
    for (size_t i = 0; i < record->count; i++) {
        TRY(check_name(csv, record->fields[i]));
        TRY(buf_append_bytes(&csv->names, record->fields[i]));
        csv->name_ends[csv->name_count++] = csv->names.n;
        for (size_t role = 0; roles[role] != NULL; role++) {
            if (bytes_is(record->fields[i], roles[role])) {
                csv->roles[role] = (int)i;
            }
        }
    }
    return OK;
}

struct bytes csv_field(const struct handover *handover, const struct csv_record *record, int role)
{
    int column = handover->u.csv.roles[role];
    return column < 0 || (size_t)column >= record->count ? BYTES_NONE : record->fields[column];
}
