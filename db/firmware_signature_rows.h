/* Signatures beside an image, as files of their own would be. */
#ifndef WHORL_DB_FIRMWARE_SIGNATURE_ROWS_H
#define WHORL_DB_FIRMWARE_SIGNATURE_ROWS_H

#include "db/db.h"
#include "db/rows.h"

enum firmware_signature_form {
    FIRMWARE_SIGNATURE_ECDSA,   /* DER, over the SHA-256 (P-256) or SHA-384 (P-384) of all bytes */
    FIRMWARE_SIGNATURE_ED25519, /* over all bytes */
    FIRMWARE_SIGNATURE_RSA
};
enum { FIRMWARE_SIGNATURE_FORMS = 3, FIRMWARE_SIGNATURE_MAX = 1024 };

struct firmware_signature_row {
    struct uuid id, tenant, image;
    enum firmware_signature_form form;
    bool is_brought; /* else made here */
    struct uuid key; /* the boot key under which it verified, or the firmware key that made it */
    uint8_t bytes[FIRMWARE_SIGNATURE_MAX];
    size_t size;
    char created_by[ACTOR_SIZE];
    int64_t created_at;
};
typedef err_t (*firmware_signature_row_fn)(const struct firmware_signature_row *row, void *arg);

err_t firmware_signature_rows_insert(struct db_tx *tx, const struct firmware_signature_row *row);
/** Of one image. @errors ERR_NOT_FOUND also for another tenant's @thread of tx, like all functions here */
err_t firmware_signature_rows_find(struct db_tx *tx, struct uuid tenant, struct uuid image, struct uuid id,
                                   struct firmware_signature_row *out);
/** Of one image, in order of id. */
err_t firmware_signature_rows_list(struct db_tx *tx, struct uuid image, const struct row_window *window,
                                   firmware_signature_row_fn fn, void *arg);

#endif
