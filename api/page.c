/* The one way in which lists are cut into pages. The check in a cursor finds typing errors and cursors of
 * other lists or filters; it guards nothing: a key made up by the caller only chooses where the caller's own
 * list starts. So it needs no secret, and holds on every node and after a restart. */
#include "api/page.h"

#include <errno.h>
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

/* Each text is followed by a zero byte, which no parameter holds, so that no two lists hash alike. */
static err_t check_of(const struct page *page, struct bytes key, uint8_t out[CHECK_SIZE])
{
    AUTO_VAL(buf) text = {0};
    struct sha256 hash;
    TRY(buf_append_str(&text, "whorl-list-2"));
    TRY(buf_append(&text, page->name, strlen(page->name) + 1));
    TRY(buf_append(&text, page->request->path, strlen(page->request->path) + 1));
    for (const char *const *name = page->filters; *name != NULL; name++) {
        const char *value = http_query(page->request, *name);
        if (value != NULL) {
            TRY(buf_append(&text, *name, strlen(*name) + 1));
            TRY(buf_append(&text, value, strlen(value) + 1));
        }
    }
    TRY(buf_append(&text, "", 1));
    TRY(buf_append_bytes(&text, BYTES_OF(page->tenant.b)));
    TRY(buf_append_bytes(&text, key));
    TRY(sha256_of(buf_view(&text), &hash));
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

err_t page_open_filtered(const struct request *request, const char *name, const char *const *filters,
                         struct page *out)
{
    const char *known[PAGE_FILTERS_MAX + 3] = {"limit", "cursor"};
    size_t count = 2;
    for (const char *const *filter = filters; *filter != NULL; filter++) {
        ENSURE(count < PAGE_FILTERS_MAX + 2, ERR_INTERNAL, "too many filters of %s", name);
        known[count++] = *filter;
    }
    *out = (struct page){
        .name = name, .request = request, .filters = filters, .tenant = request->principal->tenant};
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

err_t page_open(const struct request *request, const char *name, struct page *out)
{
    static const char *const none[] = {NULL};
    return page_open_filtered(request, name, none, out);
}

static err_t read_sort(const char *text, const char *const *sorts, struct page *out)
{
    AUTO_VAL(buf) known = {0};
    const char *name = text;
    if (text == NULL) {
        return OK;
    }
    out->is_descending = text[0] == '-';
    name += out->is_descending ? 1 : 0;
    for (size_t i = 0; sorts[i] != NULL; i++) {
        if (strcmp(name, sorts[i]) == 0) {
            out->order = i;
            return OK;
        }
        TRY(buf_printf(&known, "%s%s", i == 0 ? "" : ", ", sorts[i]));
    }
    return ERR(ERR_BAD_REQUEST, "sort is one of %s; with - before it, downwards", buf_str(&known));
}

err_t page_open_sorted(const struct request *request, const struct page_form *form, struct page *out)
{
    TRY(page_open_filtered(request, form->name, form->filters, out));
    return read_sort(http_query(request, "sort"), form->sorts, out);
}

err_t page_open_named(const struct request *request, const char *name, struct page *out)
{
    static const char *const filters[] = {"sort", NULL};
    static const char *const sorts[] = {[ORDER_ID] = "id", [ORDER_NAME] = "name", [ROW_ORDERS] = NULL};
    const struct page_form form = {.name = name, .filters = filters, .sorts = sorts};
    return page_open_sorted(request, &form, out);
}

struct row_window page_window(const struct page *page)
{
    return (struct row_window){.after = {page->after, page->after_size},
                               .limit = page->limit + 1,
                               .order = page->order == ORDER_NAME ? ORDER_NAME : ORDER_ID,
                               .is_descending = page->is_descending};
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

err_t page_add_named(struct page *page, struct bytes id, const char *name, json_t *item)
{
    return page_add(page, page->order == ORDER_NAME ? bytes_str(name) : id, item);
}

/* RFC 3986 §2.3: everything but the unreserved is escaped. */
static err_t append_escaped(struct buf *out, const char *text)
{
    static const char unreserved[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
    for (const char *c = text; *c != '\0'; c++) {
        if (strchr(unreserved, *c) != NULL) {
            TRY(buf_append(out, c, 1));
        } else {
            TRY(buf_printf(out, "%%%02X", (unsigned)(unsigned char)*c));
        }
    }
    return OK;
}

static err_t write_link(const struct page *page, const char *cursor, struct buf *out)
{
    TRY(buf_printf(out, "<%s?limit=%d", page->request->path, page->limit));
    for (const char *const *name = page->filters; *name != NULL; name++) {
        const char *value = http_query(page->request, *name);
        if (value != NULL) {
            TRY(buf_printf(out, "&%s=", *name));
            TRY(append_escaped(out, value));
        }
    }
    return buf_printf(out, "&cursor=%s>; rel=\"next\"", cursor);
}

static err_t add_next(const struct page *page, json_t *answer, struct response *response)
{
    uint8_t bytes[CURSOR_SIZE];
    char cursor[CURSOR_TEXT_SIZE];
    AUTO_VAL(buf) link = {0};
    memcpy(bytes, page->last, page->last_size);
    TRY(check_of(page, (struct bytes){page->last, page->last_size}, bytes + page->last_size));
    hex_encode((struct bytes){bytes, page->last_size + CHECK_SIZE}, cursor);
    TRY(json_set_text(answer, "next", cursor));
    TRY(write_link(page, cursor, &link));
    /* filters that are too long for a header: `next` in the body says the same */
    return link.n < RESPONSE_VALUE_SIZE ? response_header(response, "Link", buf_str(&link)) : OK;
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
