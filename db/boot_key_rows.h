/* Rows of boot keys: what the boot loader or updater of a product's devices trusts. */
#ifndef WHORL_DB_BOOT_KEY_ROWS_H
#define WHORL_DB_BOOT_KEY_ROWS_H

#include "db/db.h"
#include "db/rows.h"

enum boot_key_kind { BOOT_KEY_MCUBOOT, BOOT_KEY_ESP, BOOT_KEY_CMS, BOOT_KEY_DETACHED };
enum { BOOT_KEY_KINDS = 4, BOOT_KEY_PUBLIC_SIZE = 4096 };

struct boot_key_row {
    struct uuid id, tenant, product;
    char name[NAME_SIZE];
    char product_name[NAME_SIZE]; /* read along, not stored */
    enum boot_key_kind kind;
    uint8_t public_bytes[BOOT_KEY_PUBLIC_SIZE]; /* DER SubjectPublicKeyInfo; of kind cms a certificate */
    size_t public_size;
    struct sha256 digest;
    bool is_revoked;
    int64_t created_at, updated_at, ver;
};
static inline struct bytes boot_key_public(const struct boot_key_row *row)
{
    return (struct bytes){row->public_bytes, row->public_size};
}

typedef err_t (*boot_key_row_fn)(const struct boot_key_row *row, void *arg);

/** @errors ERR_CONFLICT the product has one of this name @thread of tx, like all functions here */
err_t boot_key_rows_insert(struct db_tx *tx, const struct boot_key_row *row);
/** State, time and version. */
err_t boot_key_rows_update(struct db_tx *tx, const struct boot_key_row *row);
/** @errors ERR_NOT_FOUND also for another tenant's */
err_t boot_key_rows_find(struct db_tx *tx, struct uuid tenant, struct uuid id, struct boot_key_row *out);
/** In order of id, revoked ones too. @param product or NULL: of all */
err_t boot_key_rows_list(struct db_tx *tx, struct uuid tenant, const struct uuid *product,
                         const struct row_window *window, boot_key_row_fn fn, void *arg);

#endif
