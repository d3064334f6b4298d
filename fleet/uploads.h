/* Uploads of firmware: bytes come in any number of requests, each going on where the durable ones end; when
 * the last is there, they are checked and become an image. What was acknowledged survives a crash; what is
 * not whole within a day is dropped. */
#ifndef WHORL_FLEET_UPLOADS_H
#define WHORL_FLEET_UPLOADS_H

#include "db/firmware_upload_rows.h"
#include "fleet/images.h"

/* How many one tenant may have open, and how long one lives after its last byte. */
enum { UPLOADS_MAX = 64, UPLOAD_LIFETIME_H = 24 };

/* What is to become of it; texts are borrowed. */
struct upload_order {
    struct bytes product, filename;
    int64_t size; /* -1: as many as come (in one request) */
    bool has_sha256, has_format;
    struct sha256 sha256;
    enum image_format format; /* otherwise it is guessed */
    struct bytes version;     /* p NULL: as the image says; a raw one says nothing */
    bool may_be_unsigned;     /* it is to be signed here */
};

/** Makes the row; no byte yet. @errors ERR_UNPROCESSABLE with faults, ERR_TOO_LARGE, ERR_DISK_FULL it would
 *  not leave the reserve, ERR_CONFLICT too many are open @thread worker, like all functions here */
err_t upload_start(struct fleet *fleet, const struct terms *terms, const struct upload_order *order,
                   struct firmware_upload_row *out);
/** @errors ERR_NOT_FOUND also for another tenant's, and when it has become an image */
err_t upload_get(struct fleet *fleet, struct uuid tenant, struct uuid id, struct firmware_upload_row *out);
/** In order of id. */
err_t upload_list(struct fleet *fleet, struct uuid tenant, const struct row_window *window,
                  firmware_upload_row_fn fn, void *arg);
/** Takes it back. @errors ERR_NOT_FOUND, ERR_CONFLICT a request is adding to it */
err_t upload_drop(struct fleet *fleet, const struct terms *terms, struct uuid id);

/* One request that adds bytes. */
struct upload;
struct upload_place {
    struct uuid tenant, id;
    int64_t at;         /* which must be where the durable ones end */
    bool is_whole;      /* the end of this request is the end of the upload, or nothing of it stays */
    struct actor actor; /* texts are borrowed until upload_open() returns */
};
/** @errors ERR_NOT_FOUND, ERR_CONFLICT at another place, naming the right one; or another request is adding
 */
err_t upload_open(struct fleet *fleet, const struct upload_place *place, struct upload **out);
/** Durable in steps. @errors ERR_TOO_LARGE more than was said, ERR_DISK_FULL, ERR_IO */
err_t upload_write(struct upload *upload, struct bytes piece);

struct upload_outcome {
    bool is_image; /* otherwise it goes on, from `received` */
    int64_t received;
    bool is_new;           /* the tenant had no image of these bytes for this product */
    bool is_version_taken; /* another image of the product has this version */
    struct firmware_image_row image;
};
/** All is durable; with the last byte it becomes an image. What is refused is dropped.
 *  @param faults why @errors ERR_UNPROCESSABLE, ERR_DISK_FULL, ERR_IO */
err_t upload_finish(struct upload *upload, struct faults *faults, struct upload_outcome *out);
/** Keeps what came, unless it had to be whole. Frees nothing that upload_free() does. */
void upload_free(struct upload *upload);
DEFINE_AUTO_PTR(upload, upload_free);

/** What the row says of the image that is to be.
 *  @errors ERR_DB @thread any */
struct upload_words {
    char filename[FIRMWARE_IMAGE_FILENAME_SIZE], version[FIRMWARE_IMAGE_VERSION_SIZE];
    bool has_format, may_be_unsigned;
    enum image_format format;
};
err_t upload_words_read(const struct firmware_upload_row *row, struct upload_words *out);

/** A job: drops those whose time is over. @thread background */
err_t uploads_expire(struct fleet *fleet, int64_t now_ms);

/* The part of struct fleet. */
struct uploads;
err_t uploads_new(struct uploads **out);
void uploads_free(struct uploads *uploads);

#endif
