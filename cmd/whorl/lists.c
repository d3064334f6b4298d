/* Lists of the API, page after page; and the id of a thing whose name is known. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/whorl/cli.h"
#include "cmd/whorl/request.h"

enum { PAGE_MAX = 1000, LIMIT_DEFAULT = 100 };

struct listing {
    struct cli *cli;
    const char *path, *items, *parameter;
    int64_t left; /* items still wanted; -1: all */
    struct buf cursor;
    bool is_last;
    int64_t shown;
};

static err_t read_limit(const struct cli_options *options, int64_t *out)
{
    char *end = NULL;
    *out = options->is_all ? -1 : LIMIT_DEFAULT;
    if (options->limit == NULL) {
        return OK;
    }
    ENSURE(!options->is_all, ERR_BAD_REQUEST, "--limit and --all do not go together");
    errno = 0;
    long long number = strtoll(options->limit, &end, 10);
    ENSURE(errno == 0 && end != options->limit && *end == '\0' && number > 0, ERR_BAD_REQUEST,
           "--limit is a number from 1 on");
    *out = number;
    return OK;
}

/* The next page; its cursor is kept for the one after it. @param[out] page caller owns */
static err_t fetch(struct listing *listing, json_t **page)
{
    char limit[24];
    AUTO_VAL(buf) path = {0};
    AUTO_VAL(cli_answer) answer = {.status = 0};
    int64_t size = listing->left < 0 || listing->left > PAGE_MAX ? PAGE_MAX : listing->left;
    (void)snprintf(limit, sizeof limit, "%lld", (long long)size);
    TRY(buf_append_str(&path, listing->path));
    TRY(cli_request_add_query(&path, "limit", limit));
    if (listing->cursor.n > 0) {
        TRY(cli_request_add_query(&path, listing->parameter, buf_str(&listing->cursor)));
    }
    const struct cli_call call = {.method = CLI_GET, .path = buf_str(&path)};
    TRY(cli_call_json(listing->cli, &call, &answer, page));
    const char *next = json_string_value(json_object_get(*page, "next"));
    bool is_same = next != NULL && strcmp(next, buf_str(&listing->cursor)) == 0;
    ENSURE(!is_same, ERR_UNAVAILABLE, "the server's list does not go on");
    buf_clear(&listing->cursor);
    listing->is_last = next == NULL;
    return buf_append_str(&listing->cursor, next == NULL ? "" : next);
}

static err_t show_page(struct listing *listing, const json_t *items, struct cli_table *table)
{
    struct cli_output *output = &listing->cli->output;
    for (size_t i = 0; i < json_array_size(items) && listing->left != 0; i++) {
        const json_t *item = json_array_get(items, i);
        TRY(output->is_json ? cli_put_json(output, item) : cli_table_add(table, item));
        listing->left -= listing->left > 0 ? 1 : 0;
        listing->shown++;
    }
    return output->is_json ? OK : cli_table_flush(table, output);
}

static err_t list_all(struct listing *listing, struct cli_table *table)
{
    while (!listing->is_last && listing->left != 0) {
        AUTO(json_t) *page = NULL;
        TRY(fetch(listing, &page));
        TRY(show_page(listing, json_object_get(page, listing->items), table));
    }
    return OK;
}

err_t cli_list(struct cli *cli, const struct cli_line *line, const char *path)
{
    const struct cli_command *command = line->command;
    AUTO_VAL(cli_table) table = {.columns = command->columns};
    struct listing listing = {.cli = cli,
                              .path = path,
                              .items = command->items,
                              .parameter = command->cursor == NULL ? "cursor" : command->cursor};
    TRY(read_limit(&line->options, &listing.left));
    const char *after = command->cursor == NULL ? NULL : cli_line_text(line, "--after");
    TRY(buf_append_str(&listing.cursor, after == NULL ? "" : after));
    err_t error = list_all(&listing, &table);
    buf_clear(&listing.cursor);
    TRY(error);
    if (listing.shown == 0) {
        cli_note(&cli->output, "no %s", command->items);
    } else if (!listing.is_last) {
        cli_note(&cli->output, "there are more: --all, or --limit N");
    }
    return OK;
}

/* @param list of the API, also the member's name */
static err_t look_on_pages(struct listing *listing, const char *name, struct buf *out)
{
    while (!listing->is_last) {
        AUTO(json_t) *page = NULL;
        size_t i = 0;
        json_t *item = NULL;
        TRY(fetch(listing, &page));
        json_array_foreach(json_object_get(page, listing->items), i, item)
        {
            const char *id = json_string_value(json_object_get(item, "id"));
            const char *candidate = json_string_value(json_object_get(item, "name"));
            if (id != NULL && candidate != NULL && strcmp(candidate, name) == 0) {
                return buf_append_str(out, id);
            }
        }
    }
    return ERR(ERR_NOT_FOUND, "none of the %s is named `%.64s`, and it is no id", listing->items, name);
}

err_t cli_lookup(void *context, const char *list, const char *name, struct buf *out)
{
    AUTO_VAL(buf) path = {0};
    char member[64] = "";
    for (size_t i = 0; list[i] != '\0' && i < sizeof member - 1; i++) {
        member[i] = list[i] == '-' ? '_' : list[i]; /* of vendor-cas it is vendor_cas */
    }
    TRY(buf_printf(&path, "/api/v1/%s", list));
    struct listing listing = {
        .cli = context, .path = buf_str(&path), .items = member, .parameter = "cursor", .left = -1};
    err_t error = look_on_pages(&listing, name, out);
    buf_clear(&listing.cursor);
    return error;
}
