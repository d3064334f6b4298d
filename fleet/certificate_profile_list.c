/* Certificate profiles, looked at: the tenant's own and those that are built in, as one list. */
#include <string.h>

#include "db/certificate_profile_rows.h"
#include "fleet/certificate_profiles.h"
#include "fleet/internal.h"
#include "fleet/names.h"

struct look {
    struct uuid tenant;
    struct bytes name;
    int64_t version; /* 0: the newest one of a profile that is there */
    struct named_profile *out;
};

static void fill_built_in(const struct built_in_profile *built_in, struct named_profile *out)
{
    *out = (struct named_profile){
        .version = BUILT_IN_VERSION, .is_built_in = true, .spec = built_in->spec, .ver = BUILT_IN_VERSION};
    name_copy(bytes_str(built_in->name), out->name);
}

static void fill(const struct certificate_profile_row *row, struct named_profile *out)
{
    *out = (struct named_profile){.version = row->version,
                                  .created_at = row->created_at,
                                  .updated_at = row->updated_at,
                                  .ver = row->ver};
    name_copy(bytes_str(row->name), out->name);
}

static err_t parse(const struct certificate_profile_version_row *row, void *arg)
{
    struct named_profile *out = arg;
    return profile_spec_parse(row->body, &out->spec);
}

static err_t parse_with_times(const struct certificate_profile_version_row *row, void *arg)
{
    struct named_profile *out = arg;
    out->version = out->ver = row->version;
    out->created_at = out->updated_at = row->created_at;
    return parse(row, arg);
}

/* --- one -------------------------------------------------------------------------------------------- */

static err_t look_in(struct db_tx *tx, void *arg)
{
    const struct look *look = arg;
    struct certificate_profile_row row;
    TRY(certificate_profile_rows_find(tx, look->tenant, look->name, &row));
    ENSURE(look->version != 0 || row.deleted_at == 0, ERR_NOT_FOUND, "no such certificate profile");
    fill(&row, look->out);
    const struct certificate_profile_version_row key = {.tenant = look->tenant,
                                                        .name = row.name,
                                                        .version =
                                                            look->version != 0 ? look->version : row.version};
    return certificate_profile_rows_find_version(tx, &key, look->version != 0 ? parse_with_times : parse,
                                                 look->out);
}

static err_t look_at(struct fleet *fleet, struct look *look)
{
    const struct built_in_profile *built_in = look->name.n == 0 ? NULL : built_in_profile_find(look->name);
    if (built_in == NULL) {
        return db_read(fleet->db, look_in, look);
    }
    ENSURE(look->version <= BUILT_IN_VERSION, ERR_NOT_FOUND, "no such version of this certificate profile");
    fill_built_in(built_in, look->out);
    return OK;
}

err_t certificate_profile_get(struct fleet *fleet, struct uuid tenant, struct bytes name,
                              struct named_profile *out)
{
    struct look look = {.tenant = tenant, .name = name, .out = out};
    return look_at(fleet, &look);
}

err_t certificate_profile_get_version(struct fleet *fleet, struct uuid tenant, struct bytes name,
                                      int64_t version, struct named_profile *out)
{
    struct look look = {.tenant = tenant, .name = name, .version = version, .out = out};
    ENSURE(version >= 1, ERR_NOT_FOUND, "no such version of this certificate profile");
    return look_at(fleet, &look);
}

/* --- many ------------------------------------------------------------------------------------------- */

struct walk {
    struct db_tx *tx;
    struct uuid tenant;
    struct bytes name;
    const struct row_window *window;
    size_t built_in; /* the next one */
    int64_t count;
    named_profile_fn fn;
    void *arg;
};

static err_t hand_out(struct walk *walk, const struct named_profile *profile)
{
    if (walk->count == walk->window->limit) {
        return OK;
    }
    walk->count++;
    return walk->fn(profile, walk->arg);
}

/* The built-in ones up to a name; NULL: all that are left. */
static err_t hand_out_built_in(struct walk *walk, const char *before)
{
    const struct built_in_profile *next = NULL;
    while ((next = built_in_profile_at(walk->built_in)) != NULL &&
           (before == NULL || strcmp(next->name, before) < 0)) {
        struct named_profile profile;
        walk->built_in++;
        if (bytes_compare(bytes_str(next->name), walk->window->after) > 0) {
            fill_built_in(next, &profile);
            TRY(hand_out(walk, &profile));
        }
    }
    return OK;
}

static err_t on_profile(const struct certificate_profile_row *row, void *arg)
{
    struct walk *walk = arg;
    struct named_profile profile;
    const struct certificate_profile_version_row key = {
        .tenant = walk->tenant, .name = row->name, .version = row->version};
    TRY(hand_out_built_in(walk, row->name));
    fill(row, &profile);
    TRY(certificate_profile_rows_find_version(walk->tx, &key, parse, &profile));
    return hand_out(walk, &profile);
}

static err_t list_in(struct db_tx *tx, void *arg)
{
    struct walk *walk = arg;
    walk->tx = tx;
    TRY(certificate_profile_rows_list(tx, walk->tenant, walk->window, on_profile, walk));
    return hand_out_built_in(walk, NULL);
}

err_t certificate_profile_list(struct fleet *fleet, struct uuid tenant, const struct row_window *window,
                               named_profile_fn fn, void *arg)
{
    struct walk walk = {.tenant = tenant, .window = window, .fn = fn, .arg = arg};
    return db_read(fleet->db, list_in, &walk);
}

/* --- versions --------------------------------------------------------------------------------------- */

static int64_t number_of(struct bytes big_endian)
{
    uint64_t value = 0;
    for (size_t i = 0; i < big_endian.n && i < sizeof value; i++) {
        value = value << 8 | big_endian.p[i];
    }
    return (int64_t)value;
}

static err_t on_version(const struct certificate_profile_version_row *row, void *arg)
{
    const struct walk *walk = arg;
    struct named_profile profile = {.version = row->version};
    name_copy(bytes_str(row->name), profile.name);
    TRY(parse_with_times(row, &profile));
    return walk->fn(&profile, walk->arg);
}

static err_t versions_in(struct db_tx *tx, void *arg)
{
    struct walk *walk = arg;
    struct certificate_profile_row row;
    TRY(certificate_profile_rows_find(tx, walk->tenant, walk->name, &row));
    const struct certificate_profile_version_row key = {
        .tenant = walk->tenant, .name = row.name, .version = number_of(walk->window->after)};
    return certificate_profile_rows_list_versions(tx, &key, walk->window->limit, on_version, walk);
}

err_t certificate_profile_list_versions(struct fleet *fleet, struct uuid tenant, struct bytes name,
                                        const struct row_window *window, named_profile_fn fn, void *arg)
{
    const struct built_in_profile *built_in = name.n == 0 ? NULL : built_in_profile_find(name);
    struct walk walk = {.tenant = tenant, .name = name, .window = window, .fn = fn, .arg = arg};
    if (built_in == NULL) {
        return db_read(fleet->db, versions_in, &walk);
    }
    struct named_profile profile;
    fill_built_in(built_in, &profile);
    return number_of(window->after) < BUILT_IN_VERSION ? fn(&profile, arg) : OK;
}
