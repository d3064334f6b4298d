/* Images come and are looked at. Each comes with its audit record and with one use of its bytes, in one
 * transaction. */
#include "fleet/images.h"

#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "db/product_rows.h"
#include "db/row_values.h"
#include "fleet/blobs_internal.h"
#include "fleet/image_event.h"

static const char *const states[] = {"ready", "withdrawn"};

const char *image_state_name(enum firmware_image_state state)
{
    return states[state];
}

err_t image_state_parse(struct bytes word, enum firmware_image_state *out)
{
    for (int i = FIRMWARE_IMAGE_READY; i <= FIRMWARE_IMAGE_WITHDRAWN; i++) {
        if (bytes_is(word, states[i])) {
            *out = (enum firmware_image_state)i;
            return OK;
        }
    }
    return ERR(ERR_UNPROCESSABLE, "a state is ready or withdrawn");
}

err_t image_filename_check(struct bytes name)
{
    ENSURE(name.n >= 1 && name.n < FIRMWARE_IMAGE_FILENAME_SIZE, ERR_UNPROCESSABLE,
           "a file name has 1 to %d bytes", FIRMWARE_IMAGE_FILENAME_SIZE - 1);
    ENSURE(!bytes_is(name, ".") && !bytes_is(name, ".."), ERR_UNPROCESSABLE, "that names a folder");
    for (size_t i = 0; i < name.n; i++) {
        ENSURE(name.p[i] >= 0x20 && name.p[i] != 0x7f && name.p[i] != '/' && name.p[i] != '\\',
               ERR_UNPROCESSABLE, "a file name has no slashes and no control characters");
    }
    ENSURE(utf8_is_valid(name), ERR_UNPROCESSABLE, "a file name is UTF-8");
    return OK;
}

err_t image_version_check(struct bytes version)
{
    ENSURE(version.n >= 1 && version.n < FIRMWARE_IMAGE_VERSION_SIZE, ERR_UNPROCESSABLE,
           "a version has 1 to %d characters", FIRMWARE_IMAGE_VERSION_SIZE - 1);
    for (size_t i = 0; i < version.n; i++) {
        ENSURE(version.p[i] > 0x20 && version.p[i] < 0x7f, ERR_UNPROCESSABLE,
               "a version is printable ASCII without spaces");
    }
    return OK;
}

/* --- added ------------------------------------------------------------------------------------------- */

static err_t fill(struct db_tx *tx, const struct image_new *wanted, const struct blob_digests *digests,
                  struct firmware_image_row *out)
{
    AUTO_VAL(buf) facts = {0};
    int64_t now_ms = db_tx_now_ms(tx);
    *out = (struct firmware_image_row){.tenant = wanted->tenant,
                                       .product = wanted->product,
                                       .sha256 = digests->sha256,
                                       .size = digests->size,
                                       .format = (int64_t)wanted->format,
                                       .counter = wanted->counter,
                                       .is_derived = wanted->is_derived,
                                       .derived_from = wanted->derived_from,
                                       .signing_key = wanted->signing_key,
                                       .created_at = now_ms,
                                       .updated_at = now_ms,
                                       .ver = 1};
    TRY(json_append(&facts, wanted->facts));
    ENSURE(facts.n < sizeof out->facts, ERR_UNPROCESSABLE, "the image says more of itself than %d bytes hold",
           FIRMWARE_IMAGE_FACTS_SIZE - 1);
    memcpy(out->facts, buf_str(&facts), facts.n + 1);
    (void)snprintf(out->filename, sizeof out->filename, "%s", wanted->filename);
    (void)snprintf(out->version, sizeof out->version, "%s", wanted->version);
    (void)snprintf(out->created_by, sizeof out->created_by, "%s", wanted->actor->name);
    return db_tx_uuid(tx, &out->id);
}

err_t image_insert(struct db_tx *tx, const struct image_new *wanted, const struct blob_digests *digests,
                   struct firmware_image_row *out, bool *is_new)
{
    struct product_row product;
    err_t error = firmware_image_rows_find_bytes(tx, wanted->tenant, wanted->product, &digests->sha256, out);
    bool is_there = error.code == ERR_OK;
    if (is_new != NULL) {
        *is_new = !is_there;
    }
    if (is_there) {
        TRY(blob_take(tx, digests, false));
        return firmware_image_rows_find(tx, out->tenant, out->id, out); /* perhaps it was healed */
    }
    ENSURE(error.code == ERR_NOT_FOUND, error.code, "%s", error.detail);
    TRY(product_rows_find_by_id(tx, wanted->product, &product));
    TRY(fill(tx, wanted, digests, out));
    memcpy(out->product_name, product.name, sizeof out->product_name);
    TRY(blob_take(tx, digests, true));
    TRY(firmware_image_rows_insert(tx, out));
    return image_event(tx, "firmware.image_added", wanted->actor, out);
}

struct derive {
    const struct image_new *wanted;
    struct blob_digests digests;
    struct firmware_image_row row;
};

static err_t derive_in(struct db_tx *tx, void *arg)
{
    struct derive *derive = arg;
    return image_insert(tx, derive->wanted, &derive->digests, &derive->row, NULL);
}

err_t image_add_derived(struct fleet *fleet, const struct image_new *wanted, struct blob_writer *writer,
                        struct uuid *out)
{
    struct derive derive = {.wanted = wanted};
    TRY(blob_commit(fleet, writer, &derive.digests, derive_in, &derive));
    *out = derive.row.id;
    return OK;
}

/* --- read ------------------------------------------------------------------------------------------- */

struct find {
    struct uuid tenant, id;
    struct firmware_image_row *out;
};

static err_t find_in(struct db_tx *tx, void *arg)
{
    const struct find *run = arg;
    return firmware_image_rows_find(tx, run->tenant, run->id, run->out);
}

err_t image_get(struct fleet *fleet, struct uuid tenant, struct uuid id, struct firmware_image_row *out)
{
    struct find run = {.tenant = tenant, .id = id, .out = out};
    return db_read(fleet->db, find_in, &run);
}

struct list {
    struct uuid tenant;
    const struct image_view *view;
    const struct row_window *window;
    firmware_image_row_fn fn;
    void *arg;
};

static err_t list_in(struct db_tx *tx, void *arg)
{
    const struct list *run = arg;
    const struct image_view *view = run->view;
    struct product_row product;
    int64_t format = view->format == NULL ? 0 : (int64_t)*view->format;
    struct firmware_image_filter filter = {.format = view->format == NULL ? NULL : &format,
                                           .state = view->state};
    if (view->product != NULL) {
        err_t error = product_rows_find(tx, run->tenant, bytes_str(view->product), &product);
        if (error.code == ERR_NOT_FOUND) {
            return OK;
        }
        TRY(error);
        filter.product = &product.id;
    }
    return firmware_image_rows_list(tx, run->tenant, &filter, run->window, run->fn, run->arg);
}

err_t image_list(struct fleet *fleet, struct uuid tenant, const struct image_view *view,
                 const struct row_window *window, firmware_image_row_fn fn, void *arg)
{
    struct list run = {.tenant = tenant, .view = view, .window = window, .fn = fn, .arg = arg};
    return db_read(fleet->db, list_in, &run);
}

struct release_list {
    struct uuid image;
    int64_t limit;
    err_t (*fn)(struct uuid release, void *arg);
    void *arg;
};

static err_t releases_in(struct db_tx *tx, void *arg)
{
    const struct release_list *run = arg;
    return firmware_image_rows_releases(tx, run->image, run->limit, run->fn, run->arg);
}

err_t image_releases(struct fleet *fleet, struct uuid image, int64_t limit,
                     err_t (*fn)(struct uuid release, void *arg), void *arg)
{
    struct release_list run = {.image = image, .limit = limit, .fn = fn, .arg = arg};
    return db_read(fleet->db, releases_in, &run);
}
