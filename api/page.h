/* Pages of lists: limit and cursor in, items and Link out (RFC 8288). A cursor is the key of the last row of
 * the page before, bound to list and tenant; so page 10,000 costs what page 1 costs. */
#ifndef WHORL_API_PAGE_H
#define WHORL_API_PAGE_H

#include "api/authn.h"
#include "base/json.h"

enum { PAGE_KEY_MAX = 96, PAGE_FILTERS_MAX = 8 };

struct page {
    const char *name;              /* the list's member in the answer: "products" */
    const struct request *request; /* borrowed */
    const char *const *filters;    /* names of query parameters, ending with NULL; borrowed */
    struct uuid tenant;
    int limit;
    size_t order; /* which of the sorts, 0 by default */
    bool is_descending;
    uint8_t after[PAGE_KEY_MAX], last[PAGE_KEY_MAX];
    size_t after_size, last_size;
    json_t *items;
    bool has_more;
};
void page_clear(struct page *page);
DEFINE_AUTO_VAL(page, page_clear);

/** Of a list that takes filters: query parameters of these names, which the caller reads. A cursor holds only
 *  under the filters that it was made under. Otherwise as page_open(). */
err_t page_open_filtered(const struct request *request, const char *name, const char *const *filters,
                         struct page *out);
/** Reads `limit` (1 … 1000, 100) and `cursor`; every other parameter is refused. @param name static text
 *  @param[out] out {0} before; cleared by the caller on failure too @errors ERR_BAD_REQUEST @thread any */
err_t page_open(const struct request *request, const char *name, struct page *out);
/* A list that takes an order: `sort` is one of the sorts, or one behind a minus, to go down. */
struct page_form {
    const char *name;
    const char *const *filters; /* "sort" among them */
    const char *const *sorts;   /* ending with NULL; the first is the default */
};
/** As page_open_filtered(), with page->order and page->is_descending. */
err_t page_open_sorted(const struct request *request, const struct page_form *form, struct page *out);
/** Of a list that is sorted by id, which is the order in which things were made, or by name (enum row_order).
 */
err_t page_open_named(const struct request *request, const char *name, struct page *out);
/** What to ask the service for: one row more than is shown, which says that more follow. */
struct row_window page_window(const struct page *page);
/** Adds a row, or only notes that there is more. @param key of the row, that the list is sorted by
 *  @param item consumed always @errors ERR_NO_MEMORY */
err_t page_add(struct page *page, struct bytes key, json_t *item);
/** Adds a row of a list that is sorted by id or name. */
err_t page_add_named(struct page *page, struct bytes id, const char *name, json_t *item);
/** {"<name>": […], "next": cursor?} with Link. */
err_t page_reply(const struct page *page, struct response *response);

#endif
