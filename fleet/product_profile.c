/* The rules between a product, its certificate profile and the authority that issues by it. Held when one of
 * them changes; what only a device can lack is for its enrolment (enrol_profile.c). */
#include "fleet/product_profile.h"

#include <stdio.h>
#include <string.h>

#include "db/certificate_profile_rows.h"
#include "fleet/authority_set.h"
#include "fleet/names.h"
#include "fleet/policy_words.h"
#include "fleet/profile_cache.h"
#include "fleet/profile_words.h"

/* --- the profile ------------------------------------------------------------------------------------ */

static err_t parse(const struct certificate_profile_version_row *row, void *arg)
{
    return profile_spec_parse(row->body, arg);
}

err_t product_profile_read(struct db_tx *tx, const struct product_row *product, struct profile_spec *out)
{
    const struct built_in_profile *built_in = built_in_profile_find(bytes_str(product->profile));
    const struct certificate_profile_version_row key = {
        .tenant = product->tenant, .name = product->profile, .version = product_profile_version(product)};
    if (built_in != NULL) {
        *out = built_in->spec;
        return OK;
    }
    return certificate_profile_rows_find_version(tx, &key, parse, out);
}

/* The name as it will stand in the row, and the newest version there is. */
static err_t take_name(struct db_tx *tx, struct bytes name, struct product_row *row, struct faults *faults)
{
    struct certificate_profile_row profile = {.version = 0};
    bool is_built_in = name.n > 0 && built_in_profile_find(name) != NULL;
    row->profile[0] = '\0';
    row->profile_version = 0;
    row->profile_newest = 0;
    if (name.n == 0) {
        return OK;
    }
    err_t found = is_built_in ? OK : certificate_profile_rows_find(tx, row->tenant, name, &profile);
    if (found.code == ERR_NOT_FOUND || profile.deleted_at != 0 || name.n >= NAME_SIZE) {
        faults_add(faults, "/profile", "no certificate profile has this name");
        return faults_error(faults);
    }
    TRY(found);
    row->profile_newest = profile.version;
    name_copy(name, row->profile);
    return OK;
}

static void take_version(const struct product_change *change, struct product_row *row, struct faults *faults)
{
    if (!change->has_profile_version) {
        return;
    }
    bool is_built_in = built_in_profile_find(bytes_str(row->profile)) != NULL;
    int64_t newest = is_built_in ? BUILT_IN_VERSION : row->profile_newest;
    row->profile_version = change->profile_version;
    if (row->profile_version != 0 && row->profile[0] == '\0') {
        faults_add(faults, "/profile_version", "there is no profile that it could be a version of");
    } else if (row->profile_version < 0 || row->profile_version > newest) {
        faults_add(faults, "/profile_version", "the profile has the versions 1 to %lld", (long long)newest);
    }
}

/* --- whether they fit ------------------------------------------------------------------------------- */

/* A device that has everything, with the tenant's own words where they are known. */
static bool may_certify(const struct authority *authority, const struct product_row *product,
                        const struct profile_spec *spec)
{
    AUTO_VAL(buf) name = {0};
    const struct device_subject device = {
        .device_id_hex = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
        .serial_number = "s",
        .model = "m",
        .tenant = "t",
        .product = product->name};
    if ((spec->certificate.san_forms & SAN_DNS) == 0) {
        return true;
    }
    err_t filled = dns_template_fill(spec->certificate.dns_template, &device, &name);
    return filled.code == ERR_OK && authority_permits_dns(authority, buf_view(&name));
}

static void check_authority(const struct authority_member *member, const struct product_row *product,
                            const struct profile_spec *spec, struct faults *faults)
{
    if ((spec->certificate.key_purposes & ~authority_key_purposes(member->authority)) != 0) {
        faults_add(faults, "/profile", "its key purposes are more than those of authority %s", member->id);
    }
    if (!may_certify(member->authority, product, spec)) {
        faults_add(faults, "/profile", "authority %s may not certify %.80s: its name constraints forbid it",
                   member->id, spec->certificate.dns_template);
    }
}

/* One that issues to this tenant's devices now; its key may be away for a while. */
static err_t check_issuer(struct fleet *fleet, const struct product_row *product,
                          const struct profile_spec *spec, struct faults *faults)
{
    AUTO_PTR(authority_set) *set = authority_set_take(fleet);
    const struct authority_member *member = NULL;
    err_t found = authority_set_issuer(set, spec->role, &product->tenant, product->authority, &member);
    if (found.code == ERR_UNPROCESSABLE) {
        faults_add(faults, "/authority", "no authority of this name issues to devices here%s",
                   spec->role == AUTHORITY_EDGE ? ", as an edge authority (the profile's role)" : "");
        return OK;
    }
    if (found.code == ERR_UNAVAILABLE) {
        member =
            product->authority[0] != '\0' ? NULL : authority_set_default(set, spec->role, &product->tenant);
    }
    if (member != NULL) {
        check_authority(member, product, spec, faults);
    } else if (spec->role == AUTHORITY_EDGE) {
        faults_add(faults, "/profile", "there is no active authority of the role edge, which issues by it");
    }
    return OK;
}

err_t product_profile_check(struct fleet *fleet, const struct product_row *product,
                            const struct profile_spec *spec, struct faults *faults)
{
    if ((product->key_algorithms & spec->key_algorithms) == 0) {
        char accepted[KEY_ALGORITHMS_TEXT_SIZE];
        key_algorithms_format(spec->key_algorithms, accepted);
        faults_add(faults, "/key_algorithms", "the profile takes keys of %s only", accepted);
    }
    if (!spec->certificate.is_without_end && product->certificate_ttl_s > spec->max_lifetime_s) {
        faults_add(faults, "/certificate_ttl_s", "the profile allows %lld seconds at most",
                   (long long)spec->max_lifetime_s);
    }
    if (spec->is_identity_key_only && !product->identity_key_certificates) {
        faults_add(faults, "/identity_key_certificates",
                   "the profile is for the identity key, which the product does not certify");
    }
    return check_issuer(fleet, product, spec, faults);
}

/* --- changed ---------------------------------------------------------------------------------------- */

static void take_authority(struct bytes id, struct product_row *row, struct faults *faults)
{
    if (id.n >= sizeof row->authority) {
        faults_add(faults, "/authority", "no authority of this name issues to devices here");
        return;
    }
    memset(row->authority, 0, sizeof row->authority);
    if (id.n > 0) {
        memcpy(row->authority, id.p, id.n);
    }
}

static bool touches(const struct product_change *change, const struct product_row *row)
{
    bool is_named = change->has_profile || change->has_profile_version || change->has_authority;
    bool is_about = change->has_certificate_ttl_s || change->has_key_algorithms ||
                    change->has_identity_key_certificates || change->name.p != NULL;
    return is_named || (is_about && row->profile[0] != '\0');
}

err_t product_profile_apply(struct db_tx *tx, struct fleet *fleet, const struct terms *terms,
                            const struct product_change *change, struct product_row *row)
{
    struct profile_spec spec;
    struct faults *faults = terms->faults;
    if (change->has_profile) {
        TRY(take_name(tx, change->profile, row, faults));
    }
    take_version(change, row, faults);
    if (change->has_authority) {
        take_authority(change->authority, row, faults);
    }
    TRY(faults_error(faults));
    if (touches(change, row)) {
        TRY(product_profile_read(tx, row, &spec));
        TRY(product_profile_check(fleet, row, &spec, faults));
    }
    return faults_error(faults);
}
