/* Certificate profiles as they are issued by: read and compiled once and then kept, since a version never
 * changes. */
#ifndef WHORL_FLEET_PROFILE_CACHE_H
#define WHORL_FLEET_PROFILE_CACHE_H

#include <stdatomic.h>

#include "db/product_row.h"
#include "fleet/fleet.h"
#include "fleet/profile_spec.h"

struct profile_cache;
/** @thread init */
err_t profile_cache_new(struct profile_cache **out);
void profile_cache_free(struct profile_cache *cache);

/* Immutable and counted. */
struct kept_profile {
    atomic_int holders;
    struct uuid tenant; /* zeros for a built-in one */
    char name[NAME_SIZE];
    int64_t version;
    struct profile_spec spec;
    struct compiled_profile *compiled;
};
void kept_profile_unref(struct kept_profile *profile);
DEFINE_AUTO_PTR(kept_profile, kept_profile_unref);

/** The version that the product's next certificate is made by. @thread any */
int64_t product_profile_version(const struct product_row *product);
/** "ldevid" where the product names none. */
const char *product_profile_name(const struct product_row *product);
/** Whether it is still what the product's next certificate is made by. */
bool kept_profile_is_of(const struct kept_profile *profile, const struct product_row *product);

/** By name and version, of a tenant or built in. @param[out] out held by the caller
 *  @errors ERR_NOT_FOUND, ERR_DB @thread worker; not from inside a transaction */
err_t profile_cache_take(struct fleet *fleet, const struct product_row *product, struct kept_profile **out);

#endif
