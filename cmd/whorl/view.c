/* One thing for a person: its members line by line, texts of several lines (PEM) as blocks below, and one
 * list within it as a table. For a program: the object as it came. */
#include <string.h>

#include "cmd/whorl/cli.h"
#include "cmd/whorl/text.h"

enum { NAME_WIDTH_MAX = 40 };

struct view {
    struct cli_output *output;
    const struct cli_command *command;
    struct buf lines, blocks;
    size_t width;
};

static bool is_block(const json_t *value)
{
    return json_is_string(value) && strchr(json_string_value(value), '\n') != NULL;
}

static err_t add_line(struct view *view, const char *name, const json_t *value)
{
    AUTO_VAL(buf) clean = {0};
    AUTO_VAL(buf) text = {0};
    TRY(cli_text_escape(bytes_str(name), false, &clean));
    TRY(cli_value_text(value, &text));
    size_t width = cli_text_width(buf_view(&clean));
    int padding = width < view->width ? (int)(view->width - width) : 0;
    const char *colour = view->output->has_colour ? cli_colour_of(buf_str(&text)) : "";
    return buf_printf(&view->lines, "%s%*s  %s%s%s\n", buf_str(&clean), padding, "", colour, buf_str(&text),
                      colour[0] == '\0' ? "" : CLI_COLOUR_OFF);
}

static err_t add_block(struct view *view, const char *name, const json_t *value)
{
    struct bytes text = {(const uint8_t *)json_string_value(value), json_string_length(value)};
    TRY(buf_append_str(&view->blocks, "\n"));
    TRY(cli_text_escape(bytes_str(name), false, &view->blocks));
    TRY(buf_append_str(&view->blocks, ":\n"));
    TRY(cli_text_escape(text, true, &view->blocks));
    return buf_append_str(&view->blocks, text.n > 0 && text.p[text.n - 1] == '\n' ? "" : "\n");
}

static err_t add_value(struct view *view, const char *name, const json_t *value)
{
    return is_block(value) ? add_block(view, name, value) : add_line(view, name, value);
}

/* Calls `fn` for every member that is a line; an object's members as "name.member". */
static err_t walk(struct view *view, const json_t *thing,
                  err_t (*fn)(struct view *, const char *, const json_t *))
{
    union { /* the iterator only reads */
        const json_t *borrowed;
        json_t *iterated;
    } t = {.borrowed = thing};
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach(t.iterated, name, value)
    {
        const char *inner = NULL;
        json_t *member = NULL;
        if (view->command->inner != NULL && strcmp(name, view->command->inner) == 0) {
            continue;
        }
        if (!json_is_object(value) || json_object_size(value) == 0) {
            TRY(fn(view, name, value));
            continue;
        }
        json_object_foreach(value, inner, member)
        {
            AUTO_VAL(buf) both = {0};
            TRY(buf_printf(&both, "%s.%s", name, inner));
            TRY(fn(view, buf_str(&both), member));
        }
    }
    return OK;
}

static err_t measure(struct view *view, const char *name, const json_t *value)
{
    size_t width = cli_text_width(bytes_str(name));
    if (!is_block(value) && width > view->width && width <= NAME_WIDTH_MAX) {
        view->width = width;
    }
    return OK;
}

static err_t show_inner(struct view *view, const json_t *list)
{
    AUTO_VAL(cli_table) table = {.columns = view->command->inner_columns};
    if (json_array_size(list) == 0) {
        return OK;
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        TRY(cli_table_add(&table, json_array_get(list, i)));
    }
    TRY(cli_put(view->output, bytes_str("\n")));
    return cli_table_flush(&table, view->output);
}

static err_t show_all(struct view *view, const json_t *thing)
{
    TRY(walk(view, thing, measure));
    TRY(walk(view, thing, add_value));
    TRY(cli_put(view->output, buf_view(&view->lines)));
    TRY(cli_put(view->output, buf_view(&view->blocks)));
    const char *inner = view->command->inner;
    return inner == NULL ? OK : show_inner(view, json_object_get(thing, inner));
}

err_t cli_show(struct cli_output *output, const struct cli_command *command, const json_t *thing)
{
    if (output->is_json || !json_is_object(thing)) {
        return cli_put_json(output, thing);
    }
    struct view view = {.output = output, .command = command};
    err_t error = show_all(&view, thing);
    buf_wipe(&view.lines); /* one of them may be a secret */
    buf_clear(&view.blocks);
    return error;
}
