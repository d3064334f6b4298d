/* Images: what a tenant knows of bytes that it has for a product. The bytes are shared by all who have the
 * same (fleet/blobs.h), and nobody is told that. */
#ifndef WHORL_FLEET_IMAGES_H
#define WHORL_FLEET_IMAGES_H

#include "db/firmware_image_rows.h"
#include "firmware_store/image.h"
#include "fleet/terms.h"

/* What a new image is; everything borrowed. */
struct image_new {
    struct uuid tenant, product;
    const char *filename;
    enum image_format format;
    const char *version; /* "" where there is none */
    int64_t counter;     /* -1: none */
    const json_t *facts; /* an object */
    bool is_derived;     /* by signing: derived_from and signing_key are there */
    struct uuid derived_from, signing_key;
    const struct actor *actor;
};

/** In the transaction of blob_commit(): the row of the bytes, the image and its record. The tenant's image of
 *  the same bytes and product, where there is one, is healed and told instead.
 *  @param[out] is_new or NULL @errors ERR_UNPROCESSABLE facts that are too long @thread of tx */
err_t image_insert(struct db_tx *tx, const struct image_new *wanted, const struct blob_digests *digests,
                   struct firmware_image_row *out, bool *is_new);
/** Adds an image whose bytes the server made itself: makes the writer's bytes durable, then the rows.
 *  @param[out] out the new image, or the one that is there with the same bytes
 *  @errors ERR_IO, ERR_DISK_FULL, ERR_DB @thread background, worker */
err_t image_add_derived(struct fleet *fleet, const struct image_new *wanted, struct blob_writer *writer,
                        struct uuid *out);
/** Whether the file name is one: 1 … 128 bytes of UTF-8 without slash and control characters, not "." or
 *  "..". @errors ERR_UNPROCESSABLE @thread any */
err_t image_filename_check(struct bytes name);
/** 1 … 64 bytes of printable ASCII without space. @errors ERR_UNPROCESSABLE */
err_t image_version_check(struct bytes version);

const char *image_state_name(enum firmware_image_state state);
/** @errors ERR_UNPROCESSABLE naming the known ones @thread any */
err_t image_state_parse(struct bytes word, enum firmware_image_state *out);

/** @errors ERR_NOT_FOUND also for another tenant's @thread worker */
err_t image_get(struct fleet *fleet, struct uuid tenant, struct uuid id, struct firmware_image_row *out);
/* Which of a tenant's; what is NULL does not filter. */
struct image_view {
    const char *product; /* its name: one that is not there has no images */
    const enum image_format *format;
    const enum firmware_image_state *state;
};
/** In order of id. @thread worker */
err_t image_list(struct fleet *fleet, struct uuid tenant, const struct image_view *view,
                 const struct row_window *window, firmware_image_row_fn fn, void *arg);
/** The releases that name it, the newest ones: at most `limit` ids in order of id. @thread worker */
err_t image_releases(struct fleet *fleet, struct uuid image, int64_t limit,
                     err_t (*fn)(struct uuid release, void *arg), void *arg);

/* What is asked for; what is not there stays. */
struct image_change {
    bool has_hold_until;
    int64_t hold_until;      /* 0: none */
    const char *hold_reason; /* or NULL */
    bool may_shorten;        /* the caller may end a hold sooner, or take it away */
};
/** @errors ERR_NOT_FOUND, ERR_PRECONDITION, ERR_FORBIDDEN a hold is only made longer, ERR_UNPROCESSABLE with
 * faults @thread worker */
err_t image_change(struct fleet *fleet, const struct terms *terms, struct uuid id,
                   const struct image_change *change, struct firmware_image_row *out);
/** @errors ERR_NOT_FOUND, ERR_PRECONDITION, ERR_WRONG_STATE a release names it, another image was made of it,
 * or it is held @thread worker */
err_t image_delete(struct fleet *fleet, const struct terms *terms, struct uuid id);

/* --- for releases -------------------------------------------------------------------------------------- */

/** One release more (1) or less (-1) names it. @errors ERR_NOT_FOUND, ERR_WRONG_STATE it is withdrawn and
 *  `by` is 1 @thread of tx */
err_t image_count_release(struct db_tx *tx, struct uuid tenant, struct uuid id, int by);
/** It is kept until then at least; a longer hold stays. @param reason short, plain @thread of tx */
err_t image_hold(struct db_tx *tx, struct uuid tenant, struct uuid id, int64_t until, const char *reason);

#endif
