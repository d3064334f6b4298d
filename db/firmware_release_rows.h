/* Rows of releases: what is given to the devices of a product and class, and the images that it is made of.
 * What may be done with one is in fleet/releases.h; the lines that it moves are in db/firmware_line_rows.h.
 */
#ifndef WHORL_DB_FIRMWARE_RELEASE_ROWS_H
#define WHORL_DB_FIRMWARE_RELEASE_ROWS_H

#include "base/hash.h"
#include "db/db.h"
#include "db/rows.h"

enum {
    RELEASE_VERSION_SIZE = 65,
    RELEASE_PART_SIZE = 33,
    RELEASE_RECIPE_SIZE = 128,
    RELEASE_URL_SIZE = 513,
    RELEASE_NOTES_SIZE = 2049,
    RELEASE_REASON_SIZE = 257,
    RELEASE_SBOM_TYPE_SIZE = 16,
    RELEASE_IMAGES_MAX = 8
};

enum firmware_release_state { /* as in the column firmware_release.state */
                              RELEASE_DRAFT,
                              RELEASE_SIGNING, /* approved, and not signed yet */
                              RELEASE_APPROVED,
                              RELEASE_PUBLISHED,
                              RELEASE_WITHDRAWN
};
enum { RELEASE_STATES = 5 };
enum firmware_release_kind { RELEASE_FEATURE, RELEASE_SECURITY };

struct firmware_release_row {
    struct uuid id, tenant, product;
    char product_name[NAME_SIZE]; /* as read; not stored here */
    char class[MODEL_SIZE];       /* "": all devices of the product */
    char version[RELEASE_VERSION_SIZE];
    enum firmware_release_state state;
    enum firmware_release_kind kind;
    int64_t sequence, counter; /* counter -1: none */
    int64_t min_sequence;      /* that a device must have before; 0: none */
    bool has_rollback_of, has_manifest_key;
    struct uuid rollback_of, manifest_key;
    bool has_manifest, has_subject, has_sbom;
    struct sha256 manifest_sha256, subject_sha256, sbom_sha256;
    char sbom_type[RELEASE_SBOM_TYPE_SIZE];
    int64_t support_until;
    char csaf_url[RELEASE_URL_SIZE], notes[RELEASE_NOTES_SIZE];
    char reason[RELEASE_REASON_SIZE]; /* why it is withdrawn, or why signing failed; or "" */
    char created_by[ACTOR_SIZE], approved_by[ACTOR_SIZE];
    int64_t approved_at, published_at, withdrawn_at, created_at, updated_at, ver;
};
typedef err_t (*firmware_release_row_fn)(const struct firmware_release_row *row, void *arg);

/** @errors ERR_CONFLICT the version or the sequence is another release's of this product and class @thread of
 *  tx, like all functions here */
err_t firmware_release_rows_insert(struct db_tx *tx, const struct firmware_release_row *row);
/** Everything but id, tenant, product, the manifest's bytes, created_by and created_at, if the version is
 *  still row->ver, then raises it; sets row->updated_at. @errors as above, ERR_BUSY somebody else changed it
 *  meanwhile */
err_t firmware_release_rows_update(struct db_tx *tx, struct firmware_release_row *row);
/** A draft goes, with its images. */
err_t firmware_release_rows_delete(struct db_tx *tx, struct uuid tenant, struct uuid id);
/** @errors ERR_NOT_FOUND also for another tenant's */
err_t firmware_release_rows_find(struct db_tx *tx, struct uuid tenant, struct uuid id,
                                 struct firmware_release_row *out);

struct firmware_release_filter {
    struct uuid tenant;
    bool has_product, has_state;
    struct uuid product;
    enum firmware_release_state state;
};
/** In order of id. */
err_t firmware_release_rows_list(struct db_tx *tx, const struct firmware_release_filter *filter,
                                 const struct row_window *window, firmware_release_row_fn fn, void *arg);
/** Those that wait to be signed, of every tenant, in order of id, `limit` of them at most. */
err_t firmware_release_rows_signing(struct db_tx *tx, int64_t limit, firmware_release_row_fn fn, void *arg);
/** The highest sequence that any release of the product has; 0: none. */
err_t firmware_release_rows_highest(struct db_tx *tx, struct uuid tenant, struct uuid product, int64_t *out);

/** The envelope's bytes, appended; nothing while it has none. @errors ERR_NOT_FOUND */
err_t firmware_release_rows_manifest(struct db_tx *tx, struct uuid tenant, struct uuid id, struct buf *out);
err_t firmware_release_rows_set_manifest(struct db_tx *tx, struct uuid id, struct bytes manifest);

/* --- its images --------------------------------------------------------------------------------------- */

struct firmware_release_image_row {
    struct uuid release;
    int64_t place; /* from 0 */
    struct uuid image;
    bool has_signed;
    struct uuid signed_image; /* what is given out: `image`, or the one made from it by signing */
    char part[RELEASE_PART_SIZE];
    char recipe[RELEASE_RECIPE_SIZE]; /* JSON; "": it is not signed here */
};
/* All images of one release, in order of place. */
struct firmware_release_images {
    struct firmware_release_image_row rows[RELEASE_IMAGES_MAX];
    size_t count;
};
err_t firmware_release_rows_images(struct db_tx *tx, struct uuid release,
                                   struct firmware_release_images *out);
/** In place of those that it has. */
err_t firmware_release_rows_set_images(struct db_tx *tx, struct uuid release,
                                       const struct firmware_release_images *images);
/** Releases that give out or are made of this image, in order of id, `limit` of them at most. */
err_t firmware_release_rows_of_image(struct db_tx *tx, struct uuid image, int64_t limit,
                                     err_t (*fn)(struct uuid release, void *arg), void *arg);

#endif
