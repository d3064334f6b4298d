/* What the files about releases share. */
#ifndef WHORL_FLEET_RELEASES_INTERNAL_H
#define WHORL_FLEET_RELEASES_INTERNAL_H

#include "db/firmware_image_rows.h"
#include "db/product_rows.h"
#include "fleet/releases.h"
#include "pki/suit.h"

/* What rules and manifest need of an image. */
struct release_part {
    struct uuid id, product;
    struct sha256 sha256;
    int64_t size, format, counter;
    char version[RELEASE_VERSION_SIZE];
    char part[RELEASE_PART_SIZE];
    bool is_ready;
};
struct release_parts {
    struct release_part list[RELEASE_IMAGES_MAX];
    size_t count;
};

/** Row and images. @errors ERR_NOT_FOUND also for another tenant's @thread of tx, like all that take one */
err_t release_load(struct db_tx *tx, struct uuid tenant, struct uuid id, struct release *out);
/** The images of a release. @param is_given_out those that are given out, not those that they were made from
 *  @errors ERR_NOT_FOUND one is not there */
err_t release_parts_read(struct db_tx *tx, const struct release *release, bool is_given_out,
                         struct release_parts *out);
/** The release's manifest over these images. */
err_t release_manifest_of(struct db_tx *tx, const struct release *release, const struct release_parts *parts,
                          struct suit_manifest *out);
/** SHA-256 of the manifest over the images as they were uploaded: what is approved. */
err_t release_subject(struct db_tx *tx, const struct release *release, struct sha256 *out);

/** Takes a change into `release`, which is new or a draft, and checks it; what is wrong goes to faults.
 *  @param is_new product and rollback_of count */
err_t release_take(struct db_tx *tx, const struct terms *terms, const struct release_change *change,
                   bool is_new, struct release *release);
/** In a published one: what does not stand in the manifest. */
err_t release_take_late(struct db_tx *tx, const struct terms *terms, const struct release_change *change,
                        struct release *release);
/** The counts of images that releases name: `now` in place of `before`. */
err_t release_count_images(struct db_tx *tx, struct uuid tenant, const struct firmware_release_images *before,
                           const struct firmware_release_images *now);

/** The record of a step, with what a reader of the log must know of the release. */
err_t release_record(struct db_tx *tx, const struct firmware_release_row *row, const struct actor *actor,
                     const char *kind);

#endif
