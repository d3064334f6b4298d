/* Cells, widths and colours. What an item is, and which columns show it, is for the command tables. */
#include "cmd/whorl/table.h"

#include <stdlib.h>
#include <string.h>

#include "cmd/whorl/text.h"

void cli_table_clear(struct cli_table *table)
{
    buf_clear(&table->text);
    free(table->cells);
    *table = (struct cli_table){.columns = NULL};
}

const json_t *cli_value_at(const json_t *item, const char *path)
{
    while (item != NULL) {
        size_t size = strcspn(path, ".");
        item = json_object_getn(item, path, size);
        if (path[size] == '\0') {
            return item;
        }
        path += size + 1;
    }
    return NULL;
}

/* jansson's iterators take a json_t *, but only read. */
static json_t *iterated(const json_t *value)
{
    union {
        const json_t *borrowed;
        json_t *iterated;
    } v = {.borrowed = value};
    return v.iterated;
}

/* Within a list or an object: no deeper than this, the rest as JSON. */
static err_t append_plain(const json_t *value, struct buf *out)
{
    if (json_is_string(value)) {
        return cli_text_escape(
            (struct bytes){(const uint8_t *)json_string_value(value), json_string_length(value)}, false, out);
    }
    AUTO_VAL(buf) text = {0};
    TRY(json_append(&text, value));
    return cli_text_escape(buf_view(&text), false, out);
}

static err_t append_list(const json_t *list, struct buf *out)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        TRY(buf_append_str(out, i == 0 ? "" : ","));
        TRY(append_plain(json_array_get(list, i), out));
    }
    return OK;
}

static err_t append_object(const json_t *object, struct buf *out)
{
    json_t *o = iterated(object);
    bool is_first = true;
    for (void *i = json_object_iter(o); i != NULL; i = json_object_iter_next(o, i)) {
        TRY(buf_append_str(out, is_first ? "" : ","));
        TRY(cli_text_escape(bytes_str(json_object_iter_key(i)), false, out));
        TRY(buf_append_str(out, "="));
        TRY(append_plain(json_object_iter_value(i), out));
        is_first = false;
    }
    return OK;
}

err_t cli_value_text(const json_t *value, struct buf *out)
{
    size_t before = out->n;
    if (json_is_array(value)) {
        TRY(append_list(value, out));
    } else if (json_is_object(value)) {
        TRY(append_object(value, out));
    } else if (value != NULL && !json_is_null(value)) {
        TRY(append_plain(value, out));
    }
    return out->n > before ? OK : buf_append_str(out, "-");
}

static err_t add_cell(struct cli_table *table, struct cli_cell cell)
{
    if (table->cell_count == table->cell_capacity) {
        size_t capacity = table->cell_capacity == 0 ? 256 : 2 * table->cell_capacity;
        struct cli_cell *cells = reallocarray(table->cells, capacity, sizeof *cells);
        ENSURE(cells != NULL, ERR_NO_MEMORY, "no memory for a table");
        table->cells = cells;
        table->cell_capacity = capacity;
    }
    table->cells[table->cell_count++] = cell;
    return OK;
}

static void widen(struct cli_table *table, size_t column, struct bytes text)
{
    size_t width = cli_text_width(text);
    table->widths[column] = width > table->widths[column] ? width : table->widths[column];
}

err_t cli_table_add(struct cli_table *table, const json_t *item)
{
    for (size_t i = 0; i < CLI_COLUMNS_MAX && table->columns[i].title != NULL; i++) {
        size_t at = table->text.n;
        TRY(cli_value_text(cli_value_at(item, table->columns[i].path), &table->text));
        size_t size = table->text.n - at;
        widen(table, i, (struct bytes){table->text.p + at, size});
        TRY(add_cell(table, (struct cli_cell){at, size}));
    }
    return OK;
}

const char *cli_colour_of(const char *word)
{
    static const struct {
        const char *word, *colour;
    } colours[] = {
        {"enrolled", "\033[32m"},    {"active", "\033[32m"},    {"confirmed", "\033[32m"},
        {"approved", "\033[32m"},    {"delivered", "\033[32m"}, {"enabled", "\033[32m"},
        {"quarantined", "\033[33m"}, {"pending", "\033[33m"},   {"superseded", "\033[33m"},
        {"expired", "\033[33m"},     {"revoked", "\033[31m"},   {"compromised", "\033[31m"},
        {"refused", "\033[31m"},     {"rejected", "\033[31m"},  {"failed", "\033[31m"},
        {"disabled", "\033[31m"},    {"retired", "\033[2m"},
    };
    for (size_t i = 0; i < sizeof colours / sizeof colours[0]; i++) {
        if (strcmp(colours[i].word, word) == 0) {
            return colours[i].colour;
        }
    }
    return "";
}

/* Padding goes between columns, never behind the last. */
static err_t append_padding(const struct cli_table *table, size_t column, struct bytes text, struct buf *out)
{
    if (table->columns[column + 1].title == NULL) {
        return OK;
    }
    size_t width = cli_text_width(text);
    return buf_printf(out, "%*s", (int)(table->widths[column] - width + 2), "");
}

static err_t append_head(struct cli_table *table, const struct cli_output *output, struct buf *out)
{
    TRY(buf_append_str(out, output->has_colour ? CLI_COLOUR_BOLD : ""));
    for (size_t i = 0; table->columns[i].title != NULL; i++) {
        TRY(buf_append_str(out, table->columns[i].title));
        TRY(append_padding(table, i, bytes_str(table->columns[i].title), out));
    }
    TRY(buf_append_str(out, output->has_colour ? CLI_COLOUR_OFF : ""));
    table->has_head = true;
    return buf_append_str(out, "\n");
}

static err_t append_cell(const struct cli_table *table, size_t column, struct bytes text,
                         const struct cli_output *output, struct buf *out)
{
    char word[16] = "";
    if (output->has_colour && text.n < sizeof word) {
        memcpy(word, text.p, text.n);
    }
    const char *colour = cli_colour_of(word);
    TRY(buf_append_str(out, colour));
    TRY(buf_append_bytes(out, text));
    TRY(buf_append_str(out, colour[0] == '\0' ? "" : CLI_COLOUR_OFF));
    return append_padding(table, column, text, out);
}

err_t cli_table_flush(struct cli_table *table, struct cli_output *output)
{
    AUTO_VAL(buf) out = {0};
    size_t columns = 0;
    while (columns < CLI_COLUMNS_MAX && table->columns[columns].title != NULL) {
        widen(table, columns, bytes_str(table->columns[columns].title));
        columns++;
    }
    if (table->cell_count > 0 && !table->has_head) {
        TRY(append_head(table, output, &out));
    }
    for (size_t i = 0; i < table->cell_count; i++) {
        struct bytes text = {table->text.p + table->cells[i].at, table->cells[i].size};
        TRY(append_cell(table, i % columns, text, output, &out));
        TRY(buf_append_str(&out, (i + 1) % columns == 0 ? "\n" : ""));
    }
    table->cell_count = 0;
    table->text.n = 0;
    return cli_put(output, buf_view(&out));
}
