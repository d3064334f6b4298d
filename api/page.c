/* The one way in which lists are cut into pages. The check in a cursor finds typing errors and cursors of
 * other lists; it guards nothing: a key made up by the caller only chooses where the caller's own list
 * starts. So it needs no secret, and holds on every node and after a restart. Devices, with their filters,
 * have api/cursor.c. */
#include "api/page.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/reply.h"
#include "base/hash.h"

enum {
    LIMIT_DEFAULT = 100,
    LIMIT_MAX = 1000,
    CHECK_SIZE = 8,
    CURSOR_SIZE = PAGE_KEY_MAX + CHECK_SIZE,
    CURSOR_TEXT_SIZE = 2 * CURSOR_SIZE + 1
};

void page_clear(struct page *page)
{
    json_decref(page->items);
    *page = (struct page){.name = ""};
}

static err_t check_of(const struct page *page, struct bytes key, uint8_t out[CHECK_SIZE])
{
    const struct bytes parts[] = {bytes_str("whorl-list-1"), bytes_str(page->name), bytes_str("\n"),
                                  BYTES_OF(page->tenant.b), key};
    struct sha256 hash;
    TRY(sha256_of_parts(parts, sizeof parts / sizeof parts[0], &hash));
    memcpy(out, hash.b, CHECK_SIZE);
    return OK;
}

static err_t read_limit(const char *text, int *out)
{
    char *end = NULL;
    errno = 0;
    long value = text == NULL ? LIMIT_DEFAULT : strtol(text, &end, 10);
    bool is_whole = text == NULL || (errno == 0 && text[0] >= '0' && text[0] <= '9' && *end == '\0');
    ENSURE(is_whole && value >= 1 && value <= LIMIT_MAX, ERR_BAD_REQUEST, "limit is a number from 1 to %d",
           LIMIT_MAX);
    *out = (int)value;
    return OK;
}

static err_t read_cursor(const char *text, struct page *page)
{
    uint8_t bytes[CURSOR_SIZE];
    uint8_t check[CHECK_SIZE];
    size_t size = strlen(text) / 2;
    ENSURE(size > CHECK_SIZE && size <= CURSOR_SIZE, ERR_BAD_REQUEST, "the cursor is not one of ours");
    err_t error = hex_decode(bytes_str(text), bytes, size);
    ENSURE(error.code == ERR_OK, ERR_BAD_REQUEST, "the cursor is not one of ours");
    page->after_size = size - CHECK_SIZE;
    memcpy(page->after, bytes, page->after_size);
    TRY(check_of(page, (struct bytes){page->after, page->after_size}, check));
    ENSURE(memcmp(check, bytes + page->after_size, CHECK_SIZE) == 0, ERR_BAD_REQUEST,
           "the cursor belongs to another list: start again without it");
    return OK;
}

err_t page_open(const struct request *request, const char *name, struct page *out)
{
    static const char *const known[] = {"limit", "cursor", NULL};
    *out = (struct page){.name = name, .path = request->path, .tenant = request->principal->token.tenant};
    TRY(request_check_query(request, known));
    TRY(read_limit(http_query(request, "limit"), &out->limit));
    const char *cursor = http_query(request, "cursor");
    if (cursor != NULL) {
        TRY(read_cursor(cursor, out));
    }
    out->items = json_array();
    ENSURE(out->items != NULL, ERR_NO_MEMORY, "a list");
    return OK;
}

struct row_window page_window(const struct page *page)
{
    return (struct row_window){.after = {page->after, page->after_size}, .limit = page->limit + 1};
}

err_t page_add(struct page *page, struct bytes key, json_t *item)
{
    AUTO(json_t) *owned = item;
    if (json_array_size(page->items) == (size_t)page->limit) {
        page->has_more = true;
        return OK;
    }
    ENSURE(key.n <= PAGE_KEY_MAX, ERR_INTERNAL, "the key of a list is too long");
    ENSURE(json_array_append_new(page->items, TAKE(owned)) == 0, ERR_NO_MEMORY, "a list");
    memcpy(page->last, key.p, key.n);
    page->last_size = key.n;
    return OK;
}

static err_t add_next(const struct page *page, json_t *answer, struct response *response)
{
    uint8_t bytes[CURSOR_SIZE];
    char cursor[CURSOR_TEXT_SIZE];
    char link[RESPONSE_VALUE_SIZE];
    memcpy(bytes, page->last, page->last_size);
    TRY(check_of(page, (struct bytes){page->last, page->last_size}, bytes + page->last_size));
    hex_encode((struct bytes){bytes, page->last_size + CHECK_SIZE}, cursor);
    (void)snprintf(link, sizeof link, "<%.100s?limit=%d&cursor=%s>; rel=\"next\"", page->path, page->limit,
                   cursor);
    TRY(response_header(response, "Link", link));
    return json_set_text(answer, "next", cursor);
}

err_t page_reply(const struct page *page, struct response *response)
{
    AUTO(json_t) *answer = json_object();
    TRY(json_take(answer, page->name, json_incref(page->items)));
    if (page->has_more) {
        TRY(add_next(page, answer, response));
    }
    return reply_json(response, 200, answer);
}
