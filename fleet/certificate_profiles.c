/* The life of certificate profiles: made, changed by a further version, deleted when no product needs them.
 * Each change and its audit record are one transaction. */
#include "fleet/certificate_profiles.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/certificate_profile_rows.h"
#include "db/product_rows.h"
#include "fleet/authority_set.h"
#include "fleet/event.h"
#include "fleet/internal.h"
#include "fleet/names.h"
#include "fleet/product_profile.h"

static const char OP_KIND[] = "certificate_profile.add";

struct profile_run {
    struct fleet *fleet;
    const struct terms *terms;
    const struct profile_change *change;
    struct bytes name;
    struct named_profile *out;
};

/* --- checked ---------------------------------------------------------------------------------------- */

static bool is_issuer(const struct authority_member *member, const struct profile_spec *spec,
                      const struct uuid *tenant)
{
    bool is_visible = !member->has_tenant || uuid_equal(member->tenant, *tenant);
    return member->role == spec->role && member->state == AUTHORITY_ACTIVE && is_visible;
}

/* Some authority of the tenant's could issue by it. Where there is none of the role yet, it may come. */
static void check_authorities(const struct profile_run *run, const struct profile_spec *spec)
{
    AUTO_PTR(authority_set) *set = authority_set_take(run->fleet);
    int64_t now_ms = clock_now_ms(run->fleet->clock);
    bool has_any = false;
    bool has_purposes = false;
    int64_t longest_s = 0;
    const struct authority_member *member = NULL;
    for (size_t i = 0; (member = authority_set_at(set, i)) != NULL; i++) {
        if (is_issuer(member, spec, &run->terms->tenant)) {
            uint32_t lacks = spec->certificate.key_purposes & ~authority_key_purposes(member->authority);
            int64_t left_s = (authority_not_after_ms(member->authority) - now_ms) / 1000;
            has_any = true;
            has_purposes = has_purposes || lacks == 0;
            longest_s = left_s > longest_s ? left_s : longest_s;
        }
    }
    if (has_any && !has_purposes) {
        faults_add(run->terms->faults, "/key_purposes", "no authority of role %s carries all of them",
                   spec->role == AUTHORITY_EDGE ? "edge" : "device");
    }
    if (has_any && run->change->has_max_lifetime_s && spec->max_lifetime_s > longest_s) {
        faults_add(run->terms->faults, "/max_lifetime_s", "the authority that issues ends in %lld seconds",
                   (long long)longest_s);
    }
}

static err_t check(const struct profile_run *run, const struct profile_spec *spec)
{
    TRY(profile_spec_check(spec, run->terms->faults));
    check_authorities(run, spec);
    return faults_error(run->terms->faults);
}

struct followers {
    const struct profile_run *run;
    const struct profile_spec *spec;
};

/* A product that takes every new version must fit this one. */
static err_t check_follower(const struct product_row *product, void *arg)
{
    const struct followers *followers = arg;
    struct faults faults = {.count = 0};
    if (product->profile_version != 0) {
        return OK;
    }
    TRY(product_profile_check(followers->run->fleet, product, followers->spec, &faults));
    if (faults.count > 0) {
        faults_add(followers->run->terms->faults, "", "product %s follows this profile: %s (%s)",
                   product->name, faults.items[0].detail, faults.items[0].pointer);
    }
    return OK;
}

/* --- stored ----------------------------------------------------------------------------------------- */

static err_t write_body(const struct profile_spec *spec, struct buf *out)
{
    AUTO(json_t) *body = json_object();
    TRY(profile_spec_write(spec, body));
    return json_append(out, body);
}

static err_t record(struct db_tx *tx, const struct profile_run *run, const char *kind, const char *body)
{
    struct event event = {.kind = kind,
                          .result = "ok",
                          .actor = run->terms->actor.name,
                          .request_id = run->terms->actor.request_id,
                          .tenant = &run->terms->tenant};
    return event_append(tx, &event, "{\"profile\":\"%s\",\"version\":%lld,\"body\":%s}", run->out->name,
                        (long long)run->out->version, body);
}

static err_t store_version(struct db_tx *tx, const struct profile_run *run, const char *kind)
{
    AUTO_VAL(buf) body = {0};
    const struct named_profile *profile = run->out;
    TRY(write_body(&profile->spec, &body));
    struct certificate_profile_version_row row = {.tenant = run->terms->tenant,
                                                  .name = profile->name,
                                                  .version = profile->version,
                                                  .body = buf_view(&body),
                                                  .created_at = profile->updated_at};
    (void)snprintf(row.actor, sizeof row.actor, "%s", run->terms->actor.name);
    TRY(certificate_profile_rows_insert_version(tx, &row));
    return record(tx, run, kind, buf_str(&body));
}

static void fill(const struct certificate_profile_row *row, struct named_profile *out)
{
    name_copy(bytes_str(row->name), out->name);
    out->version = row->version;
    out->created_at = row->created_at;
    out->updated_at = row->updated_at;
    out->ver = row->ver;
}

struct version_read {
    struct named_profile *out;
    bool is_of_version; /* its own times */
};

static err_t take_version(const struct certificate_profile_version_row *row, void *arg)
{
    const struct version_read *read = arg;
    read->out->version = row->version;
    if (read->is_of_version) {
        read->out->created_at = read->out->updated_at = row->created_at;
        read->out->ver = row->version;
    }
    return profile_spec_parse(row->body, &read->out->spec);
}

static err_t read_version(struct db_tx *tx, struct uuid tenant, int64_t version, bool is_of_version,
                          struct named_profile *out)
{
    const struct certificate_profile_version_row key = {
        .tenant = tenant, .name = out->name, .version = version};
    struct version_read read = {out, is_of_version};
    return certificate_profile_rows_find_version(tx, &key, take_version, &read);
}

/* --- made ------------------------------------------------------------------------------------------- */

static err_t find_repeat(struct db_tx *tx, const struct profile_run *run, bool *is_repeat)
{
    struct op_row op;
    TRY(idempotency_find(tx, &run->terms->idempotency, OP_KIND, &op, is_repeat));
    if (!*is_repeat) {
        return OK;
    }
    name_copy(run->name, run->out->name);
    return read_version(tx, run->terms->tenant, strtoll(op.result, NULL, 10), true, run->out);
}

/* The row of the name: a new one, or that of a profile that was deleted, which goes on counting. */
static err_t store_profile(struct db_tx *tx, const struct profile_run *run)
{
    struct certificate_profile_row row;
    int64_t now_ms = db_tx_now_ms(tx);
    err_t found = certificate_profile_rows_find(tx, run->terms->tenant, run->name, &row);
    if (found.code == ERR_NOT_FOUND) {
        row = (struct certificate_profile_row){
            .tenant = run->terms->tenant, .version = 1, .created_at = now_ms, .updated_at = now_ms, .ver = 1};
        name_copy(run->name, row.name);
        fill(&row, run->out);
        return certificate_profile_rows_insert(tx, &row);
    }
    TRY(found);
    ENSURE(row.deleted_at != 0, ERR_CONFLICT, "a certificate profile named %s is there already", row.name);
    row.deleted_at = 0;
    row.updated_at = now_ms;
    row.version++;
    row.ver++;
    fill(&row, run->out);
    return certificate_profile_rows_update(tx, &row);
}

static err_t add_in(struct db_tx *tx, void *arg)
{
    struct profile_run *run = arg;
    bool is_repeat = false;
    char version[32];
    TRY(find_repeat(tx, run, &is_repeat));
    if (is_repeat) {
        return OK;
    }
    TRY(store_profile(tx, run));
    run->out->spec = built_in_profile_find(BYTES_NONE)->spec;
    profile_change_apply(run->change, &run->out->spec);
    TRY(check(run, &run->out->spec));
    TRY(store_version(tx, run, "certificate_profile.added"));
    (void)snprintf(version, sizeof version, "%lld", (long long)run->out->version);
    return idempotency_keep(tx, &run->terms->idempotency, OP_KIND, version);
}

err_t certificate_profile_add(struct fleet *fleet, const struct terms *terms, const json_t *document,
                              struct named_profile *out)
{
    struct profile_change change;
    *out = (struct named_profile){.version = 0};
    TRY(profile_change_read(document, true, terms->faults, &change));
    TRY(faults_error(terms->faults));
    struct profile_run run = {
        .fleet = fleet, .terms = terms, .change = &change, .name = bytes_str(change.name), .out = out};
    ENSURE(built_in_profile_find(run.name) == NULL, ERR_CONFLICT, "the certificate profile %s is built in",
           change.name);
    return db_write(fleet->db, add_in, &run);
}

/* --- changed ---------------------------------------------------------------------------------------- */

static err_t find_live(struct db_tx *tx, const struct profile_run *run, struct certificate_profile_row *out)
{
    ENSURE(built_in_profile_find(run->name) == NULL || run->name.n == 0, ERR_WRONG_STATE,
           "a built-in certificate profile never changes: make one of your own");
    TRY(certificate_profile_rows_find(tx, run->terms->tenant, run->name, out));
    ENSURE(out->deleted_at == 0, ERR_NOT_FOUND, "no such certificate profile");
    return terms_check_version(run->terms, out->ver);
}

static err_t change_in(struct db_tx *tx, void *arg)
{
    struct profile_run *run = arg;
    struct certificate_profile_row row;
    struct followers followers = {.run = run, .spec = &run->out->spec};
    TRY(find_live(tx, run, &row));
    fill(&row, run->out);
    TRY(read_version(tx, run->terms->tenant, row.version, false, run->out));
    profile_change_apply(run->change, &run->out->spec);
    TRY(check(run, &run->out->spec));
    TRY(product_rows_of_profile(tx, run->terms->tenant, run->name, check_follower, &followers));
    TRY(faults_error(run->terms->faults));
    row.version++;
    row.ver++;
    row.updated_at = db_tx_now_ms(tx);
    fill(&row, run->out);
    TRY(certificate_profile_rows_update(tx, &row));
    return store_version(tx, run, "certificate_profile.changed");
}

err_t certificate_profile_change(struct fleet *fleet, const struct terms *terms, struct bytes name,
                                 const json_t *document, struct named_profile *out)
{
    struct profile_change change;
    *out = (struct named_profile){.version = 0};
    TRY(profile_change_read(document, false, terms->faults, &change));
    TRY(faults_error(terms->faults));
    struct profile_run run = {.fleet = fleet, .terms = terms, .change = &change, .name = name, .out = out};
    return db_write(fleet->db, change_in, &run);
}

/* --- deleted ---------------------------------------------------------------------------------------- */

static err_t refuse_use(const struct product_row *product, void *arg)
{
    (void)arg;
    return ERR(ERR_WRONG_STATE, "product %s names this certificate profile: give it another one first",
               product->name);
}

static err_t delete_in(struct db_tx *tx, void *arg)
{
    struct profile_run *run = arg;
    struct certificate_profile_row row;
    TRY(find_live(tx, run, &row));
    TRY(product_rows_of_profile(tx, run->terms->tenant, run->name, refuse_use, NULL));
    row.updated_at = row.deleted_at = db_tx_now_ms(tx);
    row.ver++;
    fill(&row, run->out);
    TRY(certificate_profile_rows_update(tx, &row));
    return record(tx, run, "certificate_profile.deleted", "null");
}

err_t certificate_profile_delete(struct fleet *fleet, const struct terms *terms, struct bytes name)
{
    struct named_profile gone = {.version = 0};
    struct profile_run run = {.fleet = fleet, .terms = terms, .name = name, .out = &gone};
    return db_write(fleet->db, delete_in, &run);
}
