/* Pages of certificates in order of their end, so that those that expire soon come first. One certificate is
 * in certificates.c. */
#include <string.h>

#include "api/page.h"
#include "api/render.h"
#include "api/reply.h"
#include "api/tables.h"
#include "fleet/registry.h"
#include "fleet/states.h"

enum { END_SIZE = 8, KEY_FIXED = END_SIZE + CERTIFICATE_SERIAL_SIZE };

/* --- keys of cursors: end, serial, authority -------------------------------------------------------- */

static size_t key_write(const struct certificate_row *row, uint8_t out[PAGE_KEY_MAX])
{
    size_t n = strlen(row->authority);
    for (size_t i = 0; i < END_SIZE; i++) {
        out[i] = (uint8_t)((uint64_t)row->not_after >> (8 * (END_SIZE - 1 - i)));
    }
    memcpy(out + END_SIZE, row->serial, sizeof row->serial);
    memcpy(out + KEY_FIXED, row->authority, n);
    return KEY_FIXED + n;
}

static void key_read(const struct page *page, struct certificate_range *out)
{
    size_t n = page->after_size - KEY_FIXED;
    uint64_t end = 0;
    if (page->after_size < KEY_FIXED || n >= sizeof out->after_authority) {
        return;
    }
    for (size_t i = 0; i < END_SIZE; i++) {
        end = end << 8 | page->after[i];
    }
    out->has_after = true;
    out->after_end = (int64_t)end;
    memcpy(out->after_serial, page->after + END_SIZE, sizeof out->after_serial);
    memcpy(out->after_authority, page->after + KEY_FIXED, n);
    out->after_authority[n] = '\0';
}

/* --- filters ---------------------------------------------------------------------------------------- */

struct filters {
    struct device_id device;
    enum certificate_state state;
};

static err_t read_filters(const struct request *request, struct filters *filters,
                          struct certificate_range *out)
{
    const char *device = http_query(request, "device");
    const char *state = http_query(request, "state");
    const char *before = http_query(request, "expires_before");
    out->authority = http_query(request, "authority");
    out->expires_before = INT64_MAX;
    if (device != NULL) {
        TRY(request_device_id(device, &filters->device));
        out->device = &filters->device;
    }
    if (state != NULL) {
        err_t error = certificate_state_parse(bytes_str(state), &filters->state);
        ENSURE(error.code == ERR_OK, ERR_BAD_REQUEST, "there is no certificate state '%.32s'", state);
        out->state = &filters->state;
    }
    if (before != NULL) {
        err_t error = time_parse(bytes_str(before), &out->expires_before);
        ENSURE(error.code == ERR_OK, ERR_BAD_REQUEST, "expires_before is a time as 2026-11-22T17:40:39Z");
    }
    return OK;
}

static err_t add_certificate(const struct certificate_row *row, void *arg)
{
    uint8_t key[PAGE_KEY_MAX];
    AUTO(json_t) *certificate = NULL;
    TRY(render_certificate(row, &certificate));
    size_t n = key_write(row, key);
    return page_add(arg, (struct bytes){key, n}, TAKE(certificate));
}

static err_t get_certificates(struct api *api, const struct request *request, struct response *response)
{
    static const char *const known[] = {"device", "authority", "state", "expires_before", NULL};
    AUTO_VAL(page) page = {.name = ""};
    struct filters filters;
    TRY(page_open_filtered(request, "certificates", known, &page));
    struct certificate_range range = {.tenant = page.tenant, .limit = page_window(&page).limit};
    TRY(read_filters(request, &filters, &range));
    key_read(&page, &range);
    err_t error = certificate_list(api->options.fleet, &range, add_certificate, &page);
    ENSURE(error.code != ERR_UNPROCESSABLE, ERR_BAD_REQUEST, "%s", error.detail);
    TRY(error);
    return page_reply(&page, response);
}

const struct route certificate_list_routes[] = {
    {.method = HTTP_GET,
     .path = "/api/v1/certificates",
     .listeners = LISTENER_MANAGEMENT,
     .access = ACCESS_CALLER,
     .scopes = SCOPE_CERTIFICATES_READ,
     .handler = get_certificates},
};
