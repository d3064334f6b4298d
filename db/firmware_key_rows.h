/* Keys that sign firmware here, and what each of them signed. The private halves are in the keystore. */
#ifndef WHORL_DB_FIRMWARE_KEY_ROWS_H
#define WHORL_DB_FIRMWARE_KEY_ROWS_H

#include "db/db.h"
#include "db/rows.h"

enum firmware_key_role {
    FIRMWARE_KEY_MANIFEST,
    FIRMWARE_KEY_MCUBOOT,
    FIRMWARE_KEY_CMS,
    FIRMWARE_KEY_DETACHED
};
enum firmware_key_state { FIRMWARE_KEY_ACTIVE, FIRMWARE_KEY_RETIRED, FIRMWARE_KEY_COMPROMISED };
enum { FIRMWARE_KEY_ROLES = 4, FIRMWARE_KEY_STATES = 3, FIRMWARE_KEY_USE_KINDS = 3 };
enum {
    FIRMWARE_ALGORITHM_SIZE = 16,
    FIRMWARE_LABEL_SIZE = 65,
    FIRMWARE_SPKI_SIZE = 600, /* RSA-4096 takes 550 */
    FIRMWARE_CERTIFICATE_SIZE = 4096
};

struct firmware_key_row {
    struct uuid id, tenant, product;
    char product_name[NAME_SIZE]; /* as read; not stored here */
    char name[NAME_SIZE];
    enum firmware_key_role role;
    char algorithm[FIRMWARE_ALGORITHM_SIZE];
    char label[FIRMWARE_LABEL_SIZE]; /* in the keystore */
    uint8_t spki[FIRMWARE_SPKI_SIZE];
    size_t spki_size;
    uint8_t spki_sha256[32];
    uint8_t certificate[FIRMWARE_CERTIFICATE_SIZE]; /* DER; of role cms */
    size_t certificate_size;
    enum firmware_key_state state;
    int64_t uses, uses_max; /* 0: without a bound */
    int64_t last_used_at, created_at, updated_at, ver;
};

enum firmware_key_use_kind { FIRMWARE_USE_IMAGE, FIRMWARE_USE_SIGNATURE, FIRMWARE_USE_MANIFEST };
struct firmware_key_use_row {
    struct uuid key, tenant;
    int64_t n; /* the how-manieth use of the key */
    enum firmware_key_use_kind kind;
    struct uuid subject; /* image, signature or release */
    uint8_t digest[32];  /* of what was signed */
    int64_t at;
};

typedef err_t (*firmware_key_row_fn)(const struct firmware_key_row *row, void *arg);
typedef err_t (*firmware_key_use_row_fn)(const struct firmware_key_use_row *row, void *arg);

/** @errors ERR_CONFLICT the product has a key of this name @thread of tx, like all functions here */
err_t firmware_key_rows_insert(struct db_tx *tx, const struct firmware_key_row *row);
/** Certificate, state, uses and their time, with the version of `row`. */
err_t firmware_key_rows_update(struct db_tx *tx, const struct firmware_key_row *row);
/** @errors ERR_NOT_FOUND also for another tenant's */
err_t firmware_key_rows_find(struct db_tx *tx, struct uuid tenant, struct uuid id,
                             struct firmware_key_row *out);
/** In order of id. @param product or NULL: of all */
err_t firmware_key_rows_list(struct db_tx *tx, struct uuid tenant, const struct uuid *product,
                             const struct row_window *window, firmware_key_row_fn fn, void *arg);

err_t firmware_key_use_rows_insert(struct db_tx *tx, const struct firmware_key_use_row *row);
struct firmware_key_use_window {
    struct uuid tenant, key;
    int64_t after, limit; /* uses behind this one */
};
/** In order of n. @errors ERR_NOT_FOUND no such key, also for another tenant's */
err_t firmware_key_use_rows_list(struct db_tx *tx, const struct firmware_key_use_window *window,
                                 firmware_key_use_row_fn fn, void *arg);

#endif
