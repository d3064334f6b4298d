/* A small table of profiles under a lock that is held for an exchange of pointers. When it is full, a slot is
 * taken in turn: whoever holds what was there keeps it. */
#include "fleet/profile_cache.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/certificate_profile_rows.h"
#include "fleet/internal.h"

enum { SLOTS = 64 };

struct profile_cache {
    pthread_mutex_t mutex;
    struct kept_profile *slots[SLOTS];
    size_t next;
};

void kept_profile_unref(struct kept_profile *profile)
{
    if (profile != NULL && atomic_fetch_sub(&profile->holders, 1) == 1) {
        compiled_profile_free(profile->compiled);
        free(profile);
    }
}

err_t profile_cache_new(struct profile_cache **out)
{
    *out = calloc(1, sizeof **out);
    ENSURE(*out != NULL, ERR_NO_MEMORY, "the certificate profiles");
    (void)pthread_mutex_init(&(*out)->mutex, NULL);
    return OK;
}

void profile_cache_free(struct profile_cache *cache)
{
    if (cache != NULL) {
        for (size_t i = 0; i < SLOTS; i++) {
            kept_profile_unref(cache->slots[i]);
        }
        (void)pthread_mutex_destroy(&cache->mutex);
        free(cache);
    }
}

/* --- of a product ----------------------------------------------------------------------------------- */

const char *product_profile_name(const struct product_row *product)
{
    const struct built_in_profile *built_in = built_in_profile_find(bytes_str(product->profile));
    return built_in != NULL ? built_in->name : product->profile;
}

int64_t product_profile_version(const struct product_row *product)
{
    if (built_in_profile_find(bytes_str(product->profile)) != NULL) {
        return BUILT_IN_VERSION;
    }
    return product->profile_version != 0 ? product->profile_version : product->profile_newest;
}

bool kept_profile_is_of(const struct kept_profile *profile, const struct product_row *product)
{
    return profile->version == product_profile_version(product) &&
           strcmp(profile->name, product_profile_name(product)) == 0;
}

/* --- taken ------------------------------------------------------------------------------------------ */

struct wanted {
    struct uuid tenant;
    const char *name;
    int64_t version;
    const struct built_in_profile *built_in;
    struct profile_spec spec;
};

static struct kept_profile *find(struct profile_cache *cache, const struct wanted *wanted)
{
    struct kept_profile *found = NULL;
    (void)pthread_mutex_lock(&cache->mutex);
    for (size_t i = 0; i < SLOTS && found == NULL; i++) {
        struct kept_profile *slot = cache->slots[i];
        if (slot != NULL && slot->version == wanted->version && uuid_equal(slot->tenant, wanted->tenant) &&
            strcmp(slot->name, wanted->name) == 0) {
            atomic_fetch_add(&slot->holders, 1);
            found = slot;
        }
    }
    (void)pthread_mutex_unlock(&cache->mutex);
    return found;
}

static void keep(struct profile_cache *cache, struct kept_profile *profile)
{
    atomic_fetch_add(&profile->holders, 1);
    (void)pthread_mutex_lock(&cache->mutex);
    struct kept_profile *dropped = cache->slots[cache->next];
    cache->slots[cache->next] = profile;
    cache->next = (cache->next + 1) % SLOTS;
    (void)pthread_mutex_unlock(&cache->mutex);
    kept_profile_unref(dropped);
}

static err_t parse(const struct certificate_profile_version_row *row, void *arg)
{
    struct wanted *wanted = arg;
    return profile_spec_parse(row->body, &wanted->spec);
}

static err_t read_in(struct db_tx *tx, void *arg)
{
    struct wanted *wanted = arg;
    const struct certificate_profile_version_row key = {
        .tenant = wanted->tenant, .name = wanted->name, .version = wanted->version};
    return certificate_profile_rows_find_version(tx, &key, parse, wanted);
}

static err_t make(const struct wanted *wanted, struct kept_profile **out)
{
    AUTO_PTR(kept_profile) *profile = calloc(1, sizeof *profile);
    ENSURE(profile != NULL, ERR_NO_MEMORY, "a certificate profile");
    atomic_init(&profile->holders, 1);
    profile->tenant = wanted->tenant;
    profile->version = wanted->version;
    profile->spec = wanted->spec;
    (void)snprintf(profile->name, sizeof profile->name, "%s", wanted->name);
    TRY(certificate_profile_compile(&profile->spec.certificate, &profile->compiled));
    *out = TAKE(profile);
    return OK;
}

err_t profile_cache_take(struct fleet *fleet, const struct product_row *product, struct kept_profile **out)
{
    struct wanted wanted = {.name = product_profile_name(product),
                            .version = product_profile_version(product),
                            .built_in = built_in_profile_find(bytes_str(product->profile))};
    if (wanted.built_in == NULL) {
        wanted.tenant = product->tenant;
    }
    *out = find(fleet->profile_cache, &wanted);
    if (*out != NULL) {
        return OK;
    }
    if (wanted.built_in != NULL) {
        wanted.spec = wanted.built_in->spec;
    } else {
        TRY(db_read(fleet->db, read_in, &wanted));
    }
    TRY(make(&wanted, out));
    keep(fleet->profile_cache, *out);
    return OK;
}
