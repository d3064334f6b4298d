/* Signs and stores one CRL (RFC 5280 §5). Entries stay until one list past the end of their certificate
 * (§3.3). Shows nothing to anybody (fleet/publication.c does, after the commit). */
#include "fleet/crl_make.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/certificate_rows.h"
#include "fleet/event.h"
#include "fleet/internal.h"

struct entries {
    struct crl_entry *p;
    size_t count, capacity;
    const char *authority;
    int64_t not_after;
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

/* One snapshot for the row's version and the entries: what is revoked later raises the version. */
static err_t read_entries(struct db_tx *tx, void *arg)
{
    struct entries *entries = arg;
    err_t found = crl_rows_find_state(tx, entries->authority, entries->row);
    if (found.code != ERR_NOT_FOUND) {
        TRY(found);
    }
    entries->count = 0;
    return certificate_rows_list_revoked(tx, entries->authority, entries->not_after, take_entry, entries);
}

struct store {
    const struct crl_row *row;
    size_t count;
    char sha256[2 * SHA256_SIZE + 1];
};

static err_t store(struct db_tx *tx, void *arg)
{
    const struct store *run = arg;
    if (run->row->ver == 0) {
        TRY(crl_rows_insert(tx, run->row));
    } else {
        TRY(crl_rows_replace(tx, run->row));
    }
    struct event event = {.kind = "crl.published", .result = "ok", .actor = "whorld"};
    return event_append(tx, &event,
                        "{\"authority\":\"%s\",\"number\":%lld,\"entries\":%zu,\"sha256\":\"%s\"}",
                        run->row->authority, (long long)run->row->number, run->count, run->sha256);
}

static err_t sign(const struct authority *authority, const struct entries *entries, struct crl_row *row)
{
    struct crl_spec spec = {.number = row->number,
                            .this_update_ms = row->this_update,
                            .next_update_ms = row->next_update,
                            .entries = entries->p,
                            .count = entries->count};
    return authority_sign_crl(authority, &spec, &row->der);
}

err_t crl_make(struct fleet *fleet, const struct authority *authority, int64_t now_ms, struct crl_row *row)
{
    int64_t now_s = now_ms / 1000;
    AUTO_VAL(entries)
    entries = {.authority = authority_id(authority),
               .not_after = now_ms - fleet->options.crl_lifetime_ms,
               .row = row};
    TRY(db_read(fleet->db, read_entries, &entries));
    (void)snprintf(row->authority, sizeof row->authority, "%s", authority_id(authority));
    /* the time as a floor: a restored backup never repeats a number that was shown (I10) */
    row->number = row->number + 1 > now_s ? row->number + 1 : now_s;
    row->this_update = now_s * 1000;
    row->next_update = row->this_update + fleet->options.crl_lifetime_ms / 1000 * 1000;
    row->is_stale = false;
    TRY(sign(authority, &entries, row));
    struct sha256 hash;
    TRY(sha256_of(buf_view(&row->der), &hash));
    struct store run = {.row = row, .count = entries.count};
    hex_encode(BYTES_OF(hash.b), run.sha256);
    return db_write(fleet->db, store, &run);
}
