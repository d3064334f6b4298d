/* Rows of images: what a tenant knows of bytes that it has for a product. */
#ifndef WHORL_DB_FIRMWARE_IMAGE_ROWS_H
#define WHORL_DB_FIRMWARE_IMAGE_ROWS_H

#include "db/db.h"
#include "db/rows.h"

enum {
    FIRMWARE_IMAGE_FILENAME_SIZE = 129,
    FIRMWARE_IMAGE_VERSION_SIZE = 65,
    FIRMWARE_IMAGE_FACTS_SIZE = 4096,
    FIRMWARE_IMAGE_REASON_SIZE = 257
};

enum firmware_image_state {
    FIRMWARE_IMAGE_READY,
    FIRMWARE_IMAGE_WITHDRAWN /* its bytes are not good any more */
};

struct firmware_image_row {
    struct uuid id, tenant, product;
    char product_name[NAME_SIZE]; /* as read; not stored here */
    struct sha256 sha256;
    int64_t size;
    char filename[FIRMWARE_IMAGE_FILENAME_SIZE];
    int64_t format; /* enum image_format */
    char version[FIRMWARE_IMAGE_VERSION_SIZE];
    int64_t counter;                       /* -1: none */
    char facts[FIRMWARE_IMAGE_FACTS_SIZE]; /* a JSON object */
    enum firmware_image_state state;
    bool is_derived; /* derived_from and signing_key are there: the server signed it */
    struct uuid derived_from, signing_key;
    int64_t releases; /* how many name it */
    int64_t hold_until;
    char hold_reason[FIRMWARE_IMAGE_REASON_SIZE];
    char created_by[ACTOR_SIZE];
    int64_t created_at, updated_at, ver;
};

/* Which images of a tenant; what is not there does not filter. */
struct firmware_image_filter {
    const struct uuid *product;
    const int64_t *format;
    const enum firmware_image_state *state;
};

typedef err_t (*firmware_image_row_fn)(const struct firmware_image_row *row, void *arg);

/** @errors ERR_CONFLICT the tenant has these bytes for this product @thread of tx, like all functions here */
err_t firmware_image_rows_insert(struct db_tx *tx, const struct firmware_image_row *row);
/** Stores filename, state, releases and hold if the version is still row->ver, then raises it.
 *  @errors ERR_BUSY somebody else changed it meanwhile */
err_t firmware_image_rows_update(struct db_tx *tx, struct firmware_image_row *row);
/** @errors ERR_NOT_FOUND also for another tenant's */
err_t firmware_image_rows_find(struct db_tx *tx, struct uuid tenant, struct uuid id,
                               struct firmware_image_row *out);
/** @errors ERR_NOT_FOUND */
err_t firmware_image_rows_find_bytes(struct db_tx *tx, struct uuid tenant, struct uuid product,
                                     const struct sha256 *sha256, struct firmware_image_row *out);
/** With the signatures beside it. */
err_t firmware_image_rows_delete(struct db_tx *tx, struct uuid tenant, struct uuid id);
/** In order of id. */
err_t firmware_image_rows_list(struct db_tx *tx, struct uuid tenant,
                               const struct firmware_image_filter *filter, const struct row_window *window,
                               firmware_image_row_fn fn, void *arg);
/** Of all tenants, those with these bytes, in order of id. @param after or NULL */
err_t firmware_image_rows_list_bytes(struct db_tx *tx, const struct sha256 *sha256, const struct uuid *after,
                                     int64_t limit, firmware_image_row_fn fn, void *arg);
/** Those derived from one, in order of id. */
err_t firmware_image_rows_list_derived(struct db_tx *tx, struct uuid from, int64_t limit,
                                       firmware_image_row_fn fn, void *arg);
/** The releases that name it, as it came or as it is given out, each once, in no order. */
err_t firmware_image_rows_releases(struct db_tx *tx, struct uuid image, int64_t limit,
                                   err_t (*fn)(struct uuid release, void *arg), void *arg);
/** What is given out changed: processes that keep it in memory look again. */
err_t firmware_image_rows_tell_rollouts(struct db_tx *tx);
/** Whether another image of the product has this version and format. @param except not this one */
err_t firmware_image_rows_has_version(struct db_tx *tx, const struct firmware_image_row *except, bool *out);

#endif
