/* Looking up what the registry holds: one device, pages of them, certificates. Changes nothing. */
#include "db/certificate_rows.h"
#include "db/device_rows.h"
#include "fleet/internal.h"
#include "fleet/registry.h"

enum { PAGE_MAX = 1000 };

struct find {
    struct uuid tenant;
    const struct device_id *id;
    struct device_row *out;
};

static err_t find_in(struct db_tx *tx, void *arg)
{
    const struct find *run = arg;
    return device_rows_find(tx, run->tenant, run->id, run->out);
}

err_t device_find(struct fleet *fleet, struct uuid tenant, const struct device_id *id, struct device_row *out)
{
    struct find run = {.tenant = tenant, .id = id, .out = out};
    return db_read(fleet->db, find_in, &run);
}

struct list {
    struct device_range range;
    int64_t limit, seen;
    device_row_fn fn;
    void *arg;
};

/* One row more than was asked for is read, never counted out: it says that more follow. */
static err_t on_device(const struct device_row *row, void *arg)
{
    struct list *run = arg;
    run->seen++;
    return run->seen <= run->limit ? run->fn(row, run->arg) : OK;
}

static err_t list_in(struct db_tx *tx, void *arg)
{
    struct list *run = arg;
    return device_rows_list(tx, &run->range, on_device, run);
}

err_t device_list(struct fleet *fleet, const struct device_filter *filter,
                  err_t (*fn)(const struct device_row *row, void *arg), void *arg, bool *has_more)
{
    bool has_filter = filter->has_batch || filter->has_product || filter->has_state ||
                      filter->serial != NULL || filter->label_name != NULL || filter->is_recovery_requested;
    *has_more = false;
    ENSURE(filter->order == DEVICE_BY_ID || !has_filter, ERR_UNPROCESSABLE,
           "an order other than that of the ids is for the list without filters");
    ENSURE(filter->limit >= 1 && filter->limit <= PAGE_MAX, ERR_UNPROCESSABLE, "a page has 1 to %d devices",
           PAGE_MAX);
    struct list run = {.range = {.tenant = filter->tenant,
                                 .batch = filter->has_batch ? &filter->batch : NULL,
                                 .product = filter->has_product ? &filter->product : NULL,
                                 .serial = filter->serial,
                                 .label_name = filter->label_name,
                                 .label_value = filter->label_value,
                                 .state = filter->has_state ? &filter->state : NULL,
                                 .is_recovery_requested = filter->is_recovery_requested,
                                 .order = filter->order,
                                 .is_descending = filter->is_descending,
                                 .after = filter->after,
                                 .limit = (int64_t)filter->limit + 1},
                       .limit = filter->limit,
                       .fn = fn,
                       .arg = arg};
    TRY(db_read(fleet->db, list_in, &run));
    *has_more = run.seen > run.limit;
    return OK;
}

struct find_certificate {
    struct uuid tenant;
    const uint8_t *serial;
    struct certificate_row *out;
};

static err_t find_certificate_in(struct db_tx *tx, void *arg)
{
    const struct find_certificate *run = arg;
    return certificate_rows_find_in_tenant(tx, run->tenant, run->serial, run->out);
}

err_t certificate_find(struct fleet *fleet, struct uuid tenant, const uint8_t serial[CERTIFICATE_SERIAL_SIZE],
                       struct certificate_row *out)
{
    struct find_certificate run = {.tenant = tenant, .serial = serial, .out = out};
    return db_read(fleet->db, find_certificate_in, &run);
}

struct read_spki {
    const struct device_row *device;
    struct buf *out;
};

static err_t read_spki_in(struct db_tx *tx, void *arg)
{
    const struct read_spki *run = arg;
    run->out->n = 0;
    return device_rows_read_spki(tx, run->device->tenant, &run->device->id, run->out);
}

err_t device_spki(struct fleet *fleet, const struct device_row *device, struct buf *out)
{
    struct read_spki run = {.device = device, .out = out};
    return db_read(fleet->db, read_spki_in, &run);
}

struct list_certificates {
    const struct device_row *device;
    int limit;
    certificate_row_fn fn;
    void *arg;
};

static err_t list_certificates_in(struct db_tx *tx, void *arg)
{
    const struct list_certificates *run = arg;
    return certificate_rows_list(tx, run->device->tenant, &run->device->id, run->limit, run->fn, run->arg);
}

err_t device_certificates(struct fleet *fleet, const struct device_row *device, int limit,
                          err_t (*fn)(const struct certificate_row *row, void *arg), void *arg)
{
    ENSURE(limit >= 1 && limit <= PAGE_MAX, ERR_UNPROCESSABLE, "a page has 1 to %d certificates", PAGE_MAX);
    struct list_certificates run = {.device = device, .limit = limit, .fn = fn, .arg = arg};
    return db_read(fleet->db, list_certificates_in, &run);
}

struct page_certificates {
    const struct certificate_range *range;
    certificate_row_fn fn;
    void *arg;
};

static err_t page_certificates_in(struct db_tx *tx, void *arg)
{
    const struct page_certificates *run = arg;
    return certificate_rows_page(tx, run->range, run->fn, run->arg);
}

err_t certificate_list(struct fleet *fleet, const struct certificate_range *range, certificate_row_fn fn,
                       void *arg)
{
    ENSURE(range->limit >= 1 && range->limit <= PAGE_MAX + 1, ERR_UNPROCESSABLE,
           "a page has 1 to %d certificates", PAGE_MAX);
    ENSURE(range->device != NULL || range->state == NULL || range->authority == NULL, ERR_UNPROCESSABLE,
           "give state or authority, or both beside a device");
    struct page_certificates run = {.range = range, .fn = fn, .arg = arg};
    return db_read(fleet->db, page_certificates_in, &run);
}
