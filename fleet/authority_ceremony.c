/* Gathers what an authority must sign into the file that travels to its key. */
#include <stdio.h>
#include <string.h>

#include "db/authority_certificate_rows.h"
#include "db/crl_floor_rows.h"
#include "db/crl_rows.h"
#include "fleet/authority_import_read.h"
#include "fleet/authority_request.h"
#include "fleet/internal.h"

struct gathering {
    struct fleet *fleet;
    const struct ceremony_wish *wish;
    const struct import_world *world;
    struct ceremony *out;
};

static err_t add(struct gathering *run, enum ceremony_kind kind, const char *id, struct bytes der,
                 struct ceremony_certificate **made)
{
    struct ceremony *out = run->out;
    ENSURE(out->certificate_count < CEREMONY_CERTIFICATES_MAX, ERR_UNPROCESSABLE,
           "more than %d certificates at once", CEREMONY_CERTIFICATES_MAX);
    struct ceremony_certificate *wish = &out->certificates[out->certificate_count++];
    *wish = (struct ceremony_certificate){.kind = kind};
    (void)snprintf(wish->authority, sizeof wish->authority, "%s", id);
    *made = wish;
    return buf_append_bytes(&wish->der, der);
}

static err_t add_waiting(struct gathering *run)
{
    for (size_t i = 0; i < run->world->count; i++) {
        const struct import_authority *item = &run->world->items[i];
        struct ceremony_certificate *made = NULL;
        bool waits = item->row.state == AUTHORITY_PENDING && item->request.n > 0 &&
                     strcmp(item->row.issuer, run->wish->issuer) == 0;
        if (waits) {
            TRY(add(run, CEREMONY_ISSUING, item->row.id, buf_view(&item->request), &made));
            TRY(authority_role_parse(item->role, &made->role));
            made->key_purposes = item->row.key_purposes;
            made->lifetime_days = run->wish->lifetime_days;
        }
    }
    return OK;
}

/* --- cross certificates -------------------------------------------------------------------------------- */

static bool is_crossed(const struct authority_set *set, const char *issuer, const char *subject)
{
    const struct authority_cross *cross = NULL;
    for (size_t i = 0; (cross = authority_set_cross_at(set, i)) != NULL; i++) {
        if (strcmp(cross->issuer, issuer) == 0 && strcmp(cross->subject, subject) == 0) {
            return true;
        }
    }
    return false;
}

static err_t add_crosses(struct gathering *run, const struct import_authority *issuer)
{
    AUTO_PTR(authority_set) *set = authority_set_take(run->fleet);
    for (size_t i = 0; i < run->world->count; i++) {
        const struct import_authority *item = &run->world->items[i];
        struct ceremony_certificate *made = NULL;
        bool is_akin = strcmp(item->row.predecessor, issuer->row.id) == 0 ||
                       strcmp(issuer->row.predecessor, item->row.id) == 0;
        bool is_root = strcmp(item->role, "root") == 0 && item->certificate.n > 0 && !item->row.is_external &&
                       item->row.state != AUTHORITY_RETIRED && item->row.state != AUTHORITY_COMPROMISED;
        if (is_akin && is_root && !is_crossed(set, issuer->row.id, item->row.id)) {
            TRY(add(run, CEREMONY_CROSS, item->row.id, buf_view(&item->certificate), &made));
        }
    }
    return OK;
}

/* --- the CRL ------------------------------------------------------------------------------------------- */

static err_t take_revoked(const struct authority_certificate_row *row, void *arg)
{
    const struct gathering *run = arg;
    struct ceremony *out = run->out;
    ENSURE(out->entry_count < CEREMONY_ENTRIES_MAX, ERR_UNPROCESSABLE, "more than %d revoked certificates",
           CEREMONY_ENTRIES_MAX);
    if (row->serial_size != SERIAL_SIZE) {
        return OK; /* not of this issuer's making */
    }
    struct ceremony_entry *entry = &out->entries[out->entry_count++];
    *entry = (struct ceremony_entry){
        .entry = {.revoked_at_ms = row->revoked_at, .reason = row->revocation_reason}};
    memcpy(entry->entry.serial, row->serial, SERIAL_SIZE);
    AUTO_VAL(ca_certificate) certificate = {.is_ca = false};
    TRY(ca_certificate_read(row->certificate, &certificate));
    ca_certificate_subject(&certificate, entry->subject);
    return OK;
}

static err_t read_revoked(struct db_tx *tx, void *arg)
{
    struct gathering *run = arg;
    run->out->entry_count = 0;
    return authority_certificate_rows_each_revoked(tx, run->wish->issuer, db_tx_now_ms(tx), take_revoked,
                                                   run);
}

/* The number as crl_make.c would take it, so that lists of both makers rise together. */
static int64_t next_number(const struct import_authority *issuer, int64_t now_ms)
{
    int64_t last = issuer->crl.number > issuer->floor ? issuer->crl.number : issuer->floor;
    return last + 1 > now_ms / 1000 ? last + 1 : now_ms / 1000;
}

err_t authority_ceremony(struct fleet *fleet, const struct ceremony_wish *wish, struct ceremony **out)
{
    AUTO_VAL(import_world) world = {.count = 0};
    AUTO_PTR(ceremony) *ceremony = NULL;
    *out = NULL;
    TRY(import_world_read(fleet, &world));
    const struct import_authority *issuer = import_world_find(&world, wish->issuer);
    ENSURE(issuer != NULL, ERR_NOT_FOUND, "there is no authority %.32s", wish->issuer);
    ENSURE(strcmp(issuer->role, "root") == 0 && issuer->certificate.n > 0 && !issuer->row.is_external,
           ERR_UNPROCESSABLE,
           "%.32s is no root of this installation: give the requests to whoever signs them", wish->issuer);
    TRY(ceremony_new(&ceremony));
    struct gathering run = {.fleet = fleet, .wish = wish, .world = &world, .out = ceremony};
    ceremony->made_at_ms = clock_now_ms(fleet->clock);
    (void)snprintf(ceremony->issuer, sizeof ceremony->issuer, "%s", wish->issuer);
    (void)snprintf(ceremony->public_url, sizeof ceremony->public_url, "%s", fleet->public_url);
    TRY(buf_append_bytes(&ceremony->issuer_der, buf_view(&issuer->certificate)));
    TRY(add_waiting(&run));
    TRY(add_crosses(&run, issuer));
    TRY(db_read(fleet->db, read_revoked, &run));
    ceremony->has_crl = true;
    ceremony->crl_number = next_number(issuer, ceremony->made_at_ms);
    ceremony->crl_days = wish->crl_days;
    *out = TAKE(ceremony);
    return OK;
}
