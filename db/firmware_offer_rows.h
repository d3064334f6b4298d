/* What an offer needs to know of a release and of its images, in the few reads that a poll may cost.
 * Those tables are written elsewhere. */
#ifndef WHORL_DB_FIRMWARE_OFFER_ROWS_H
#define WHORL_DB_FIRMWARE_OFFER_ROWS_H

#include "db/db.h"
#include "db/rows.h"

enum {
    OFFER_RELEASE_PUBLISHED = 3,
    OFFER_RELEASE_WITHDRAWN = 4,
    OFFER_VERSION_SIZE = 65,
    OFFER_FILENAME_SIZE = 129,
    OFFER_PART_SIZE = 33
};

struct offer_release_row {
    struct uuid id, tenant, product;
    char product_name[NAME_SIZE];
    int state;
    bool is_security;
    char hardware_class[MODEL_SIZE]; /* "": every device of the product */
    char version[OFFER_VERSION_SIZE];
    int64_t sequence, counter, min_sequence;
    bool has_manifest;
    struct sha256 manifest;
};
/** @errors ERR_NOT_FOUND @thread of tx, like all functions here */
err_t firmware_offer_rows_release(struct db_tx *tx, struct uuid release, struct offer_release_row *out);

struct offer_artifact_row {
    struct uuid image;
    struct sha256 sha256;
    uint8_t sha1[20], md5[16];
    int64_t size;
    char filename[OFFER_FILENAME_SIZE], part[OFFER_PART_SIZE];
    bool is_good; /* neither the image nor its bytes were withdrawn */
};
typedef err_t (*offer_artifact_row_fn)(const struct offer_artifact_row *row, void *arg);
/** The images that are given out, in order of their place. */
err_t firmware_offer_rows_artifacts(struct db_tx *tx, struct uuid release, offer_artifact_row_fn fn,
                                    void *arg);

#endif
