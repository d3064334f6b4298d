/* What the boot loader or updater of a product's devices trusts, registered here so that an image is judged
 * at upload as the devices will judge it (fleet/image_check.h). Public halves only. */
#ifndef WHORL_FLEET_BOOT_KEYS_H
#define WHORL_FLEET_BOOT_KEYS_H

#include "db/boot_key_rows.h"
#include "fleet/terms.h"

enum { BOOT_KEYS_OF_PRODUCT_MAX = 16 }; /* active ones */

const char *boot_key_kind_name(enum boot_key_kind kind);
/** @errors ERR_UNPROCESSABLE naming the known ones @thread any */
err_t boot_key_kind_parse(struct bytes word, enum boot_key_kind *out);

struct boot_key_wish {
    struct bytes name;
    struct bytes product;     /* p NULL: "default" */
    struct bytes public_text; /* PEM */
    bool has_kind;
    enum boot_key_kind kind;
};

/** @errors ERR_UNPROCESSABLE with faults; ERR_CONFLICT the name is taken, or the product has as many as it
 * may have; ERR_NOT_FOUND no such product @thread worker, like all functions here */
err_t boot_key_add(struct fleet *fleet, const struct terms *terms, const struct boot_key_wish *wish,
                   struct boot_key_row *out);
/** For good; again changes nothing. @errors ERR_NOT_FOUND also for another tenant's, ERR_PRECONDITION */
err_t boot_key_revoke(struct fleet *fleet, const struct terms *terms, struct uuid id,
                      struct boot_key_row *out);
/** @errors ERR_NOT_FOUND */
err_t boot_key_find(struct fleet *fleet, struct uuid tenant, struct uuid id, struct boot_key_row *out);
struct boot_key_list {
    struct uuid tenant;
    struct bytes product; /* its name; empty: of all */
    struct row_window window;
};
/** In order of id. @errors ERR_NOT_FOUND no such product */
err_t boot_key_list(struct fleet *fleet, const struct boot_key_list *list, boot_key_row_fn fn, void *arg);

/* The active ones of a product and kind. */
struct boot_keys {
    struct boot_key_row rows[BOOT_KEYS_OF_PRODUCT_MAX];
    size_t count;
};
err_t boot_keys_of_product(struct fleet *fleet, struct uuid tenant, struct uuid product,
                           enum boot_key_kind kind, struct boot_keys *out);

#endif
