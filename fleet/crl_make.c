/* Signs and stores CRLs (RFC 5280 §5), complete ones and shards. Entries stay until one list past the end of
 * their certificate (§3.3). Shows nothing to anybody (fleet/publication.c does, after the commit). */
#include "fleet/crl_make.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/authority_certificate_rows.h"
#include "db/certificate_rows.h"
#include "db/crl_floor_rows.h"
#include "fleet/crl_shards.h"
#include "fleet/event.h"
#include "fleet/internal.h"

/* --- entries ---------------------------------------------------------------------------------------- */

struct entries {
    struct crl_entry *p;
    size_t count, capacity;
    struct revoked_shard of; /* shards 0: all of the authority */
    int64_t not_after;
    int64_t floor;       /* of an older copy: the number must be greater */
    struct crl_row *row; /* read in the same snapshot */
};

static void entries_clear(struct entries *entries)
{
    free(entries->p);
}
DEFINE_AUTO_VAL(entries, entries_clear);

static err_t take_entry(const struct revoked_serial *revoked, void *arg)
{
    struct entries *entries = arg;
    if (entries->count == entries->capacity) {
        size_t capacity = entries->capacity == 0 ? 64 : 2 * entries->capacity;
        struct crl_entry *grown = reallocarray(entries->p, capacity, sizeof *grown);
        ENSURE(grown != NULL, ERR_NO_MEMORY, "%zu entries of a CRL", capacity);
        entries->p = grown;
        entries->capacity = capacity;
    }
    struct crl_entry *entry = &entries->p[entries->count++];
    *entry = (struct crl_entry){.revoked_at_ms = revoked->revoked_at, .reason = revoked->reason};
    (void)memcpy(entry->serial, revoked->serial, sizeof entry->serial);
    return OK;
}

/* A certificate that this authority gave another one. */
static err_t take_authority(const struct authority_certificate_row *row, void *arg)
{
    struct revoked_serial revoked = {.revoked_at = row->revoked_at, .reason = row->revocation_reason};
    if (row->serial_size != sizeof revoked.serial) {
        return OK; /* not of our making: on the list of whoever keeps that key */
    }
    memcpy(revoked.serial, row->serial, sizeof revoked.serial);
    return take_entry(&revoked, arg);
}

/* One snapshot for the row's version and the entries: what is revoked later raises the version. */
static err_t read_entries(struct db_tx *tx, void *arg)
{
    struct entries *entries = arg;
    err_t found = crl_rows_find_state(tx, entries->of.authority, entries->row->list, entries->row);
    if (found.code != ERR_NOT_FOUND) {
        TRY(found);
    }
    TRY(crl_floor_rows_read(tx, entries->of.authority, entries->row->list, &entries->floor));
    entries->count = 0;
    if (entries->row->list == CRL_COMPLETE) {
        TRY(authority_certificate_rows_each_revoked(tx, entries->of.authority, entries->not_after,
                                                    take_authority, entries));
    }
    if (entries->of.shards == 0) {
        return certificate_rows_list_revoked(tx, entries->of.authority, entries->not_after, take_entry,
                                             entries);
    }
    return certificate_rows_list_revoked_in(tx, &entries->of, entries->not_after, take_entry, entries);
}

/* --- signed ----------------------------------------------------------------------------------------- */

struct made {
    int64_t lifetime_ms; /* given; 0: as the settings say */
    int64_t number_before;
    size_t entries;
    char sha256[2 * SHA256_SIZE + 1];
    bool is_overtaken;
};

/* The one place that numbers a list: strictly rising (RFC 5280 §5.2.3), and never below the floor. The time
 * is one, so that a restored backup repeats no number that was shown (I10). */
static int64_t number_after(int64_t last, int64_t floor)
{
    return last + 1 > floor ? last + 1 : floor;
}

static err_t sign(const struct authority_member *member, const struct entries *entries, struct crl_row *row)
{
    char url[CRL_URL_SIZE];
    struct crl_spec spec = {.number = row->number,
                            .this_update_ms = row->this_update,
                            .next_update_ms = row->next_update,
                            .entries = entries->p,
                            .count = entries->count};
    if (row->list != CRL_COMPLETE) {
        TRY(crl_shard_url(member, row->list - 1, url));
        spec.distribution_point = url;
    }
    return authority_sign_crl(member->authority, &spec, &row->der);
}

static err_t make(struct fleet *fleet, const struct authority_member *member, int64_t now_ms,
                  struct crl_row *row, struct made *made)
{
    int64_t now_s = now_ms / 1000;
    int list = row->list;
    int64_t lifetime_ms = made->lifetime_ms != 0 ? made->lifetime_ms : fleet->options.crl_lifetime_ms;
    struct crl_row read = {.list = list};
    AUTO_VAL(entries)
    entries = {
        .of = {.authority = member->id}, .not_after = now_ms - fleet->options.crl_lifetime_ms, .row = &read};
    if (list != CRL_COMPLETE) {
        entries.of.shard = list - 1;
        entries.of.shards = member->crl_shards;
    }
    TRY(db_read(fleet->db, read_entries, &entries));
    crl_row_clear(row);
    *row = read;
    (void)snprintf(row->authority, sizeof row->authority, "%s", member->id);
    *made = (struct made){
        .lifetime_ms = made->lifetime_ms, .number_before = row->number, .entries = entries.count};
    row->list = list;
    row->number = number_after(row->number, now_s > entries.floor ? now_s : entries.floor + 1);
    row->this_update = now_s * 1000;
    row->next_update = row->this_update + lifetime_ms / 1000 * 1000;
    row->is_stale = false;
    TRY(sign(member, &entries, row));
    struct sha256 hash;
    TRY(sha256_of(buf_view(&row->der), &hash));
    hex_encode(BYTES_OF(hash.b), made->sha256);
    return OK;
}

/* --- stored ----------------------------------------------------------------------------------------- */

struct batch {
    struct crl_row *rows;
    size_t count;
    struct made made[CRL_BATCH_MAX];
};

static err_t record(struct db_tx *tx, const struct crl_row *row, const struct made *made)
{
    char shard[32] = "";
    if (row->list != CRL_COMPLETE) {
        (void)snprintf(shard, sizeof shard, "\"shard\":%d,", row->list - 1);
    }
    struct event event = {.kind = "crl.published", .result = "ok", .actor = "whorld"};
    return event_append(tx, &event,
                        "{\"authority\":\"%s\",%s\"number\":%lld,\"entries\":%zu,\"sha256\":\"%s\"}",
                        row->authority, shard, (long long)row->number, made->entries, made->sha256);
}

static err_t store_one(struct db_tx *tx, const struct crl_row *row, struct made *made)
{
    err_t stored = row->ver == 0 ? crl_rows_insert(tx, row) : crl_rows_replace(tx, row, made->number_before);
    made->is_overtaken = stored.code == ERR_BUSY || stored.code == ERR_CONFLICT;
    if (made->is_overtaken) {
        return OK;
    }
    TRY(stored);
    return record(tx, row, made);
}

static err_t store(struct db_tx *tx, void *arg)
{
    struct batch *batch = arg;
    for (size_t i = 0; i < batch->count; i++) {
        TRY(store_one(tx, &batch->rows[i], &batch->made[i]));
    }
    return OK;
}

static err_t make_all(struct fleet *fleet, const struct authority_member *member, int64_t now_ms,
                      struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        TRY(make(fleet, member, now_ms, &batch->rows[i], &batch->made[i]));
    }
    TRY(db_write(fleet->db, store, batch));
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->made[i].is_overtaken) {
            crl_row_clear(&batch->rows[i]);
        }
    }
    return OK;
}

err_t crl_make(struct fleet *fleet, const struct authority_member *member, int64_t now_ms,
               struct crl_row *rows, size_t count)
{
    struct batch batch = {.rows = rows, .count = count};
    ENSURE(count <= CRL_BATCH_MAX, ERR_INTERNAL, "%zu CRLs at once", count);
    return make_all(fleet, member, now_ms, &batch);
}

err_t crl_make_for(struct fleet *fleet, const struct authority_member *member, int64_t lifetime_ms,
                   struct crl_row *row)
{
    struct batch batch = {.rows = row, .count = 1};
    batch.made[0].lifetime_ms = lifetime_ms;
    TRY(make_all(fleet, member, clock_now_ms(fleet->clock), &batch));
    ENSURE(row->der.n > 0, ERR_BUSY, "somebody else signed a CRL of %s at the same time", member->id);
    return OK;
}
