/* Renews what is published: lists that are missing, stale, past half of their life or from the future are
 * signed, stored, then shown; lists that another process stored are shown. While nothing changes, a run reads
 * one number of each authority, however many shards it has. */
#include <stdlib.h>
#include <string.h>

#include "db/crl_floor_rows.h"
#include "fleet/crl_make.h"
#include "fleet/crl_shards.h"
#include "fleet/internal.h"
#include "fleet/publication_internal.h"

/* A list that took long to sign waits four times as long after a change (not after its time has come): a mass
 * revocation must not keep a core busy. */
enum { CLOCK_STEP_MS = 60000, REST = 4, REST_MAX_MS = 30000 };

/* --- what the inventory says ------------------------------------------------------------------------ */

struct states {
    struct crl_row *rows; /* without DER; those that are not there have number 0 */
    size_t count;
    const char *authority;
    int64_t change; /* of the same snapshot */
    bool is_start;
};

static void states_clear(struct states *states)
{
    free(states->rows);
}
DEFINE_AUTO_VAL(states, states_clear);

/* Of an inventory whose authority had more shards nothing more is shown than this one has. */
static err_t take_state(const struct crl_row *row, void *arg)
{
    struct states *states = arg;
    if (row->list >= 0 && (size_t)row->list < states->count) {
        states->rows[row->list] = *row;
    }
    return OK;
}

/* The inventory is an older copy, and others have seen greater numbers: what is stored is as good as nothing.
 * Only at a start; a stale list is signed at any other time anyway. */
static err_t drop_overtaken(struct db_tx *tx, struct states *states)
{
    for (size_t i = 0; i < states->count; i++) {
        int64_t floor = 0;
        if (states->rows[i].is_stale) {
            TRY(crl_floor_rows_read(tx, states->authority, states->rows[i].list, &floor));
            states->rows[i].number = states->rows[i].number < floor ? 0 : states->rows[i].number;
        }
    }
    return OK;
}

static err_t read_states(struct db_tx *tx, void *arg)
{
    struct states *states = arg;
    for (size_t i = 0; i < states->count; i++) {
        states->rows[i] = (struct crl_row){.list = (int)i};
    }
    TRY(crl_rows_read_change(tx, states->authority, &states->change));
    TRY(crl_rows_each_state(tx, states->authority, take_state, states));
    return states->is_start ? drop_overtaken(tx, states) : OK;
}

static err_t read_change(struct db_tx *tx, void *arg)
{
    struct states *states = arg;
    return crl_rows_read_change(tx, states->authority, &states->change);
}

/* --- one list --------------------------------------------------------------------------------------- */

static int64_t renewal_of(const struct crl_row *row)
{
    return row->this_update + (row->next_update - row->this_update) / 2;
}

/* Missing, past half of its life, or from the future: when a wrong clock was set right, everybody else would
 * refuse the list until its thisUpdate comes. */
static bool is_due(const struct crl_row *row, int64_t now_ms)
{
    return row->number == 0 || row->this_update > now_ms + CLOCK_STEP_MS || now_ms >= renewal_of(row);
}

struct query {
    const char *authority;
    struct crl_row *row;
};

static err_t read_list(struct db_tx *tx, void *arg)
{
    struct query *query = arg;
    return crl_rows_find(tx, query->authority, query->row->list, query->row);
}

/* What a process before this one, or another one, stored. */
static err_t show_stored(struct fleet *fleet, struct shelf *shelf, int list)
{
    AUTO_VAL(crl_row) row = {.list = list};
    struct query query = {.authority = shelf->authority, .row = &row};
    TRY(db_read(fleet->db, read_list, &query));
    return publication_show_crl(fleet->publications, shelf, &row);
}

/* An authority on its shelf. */
struct place {
    const struct authority_member *member;
    struct shelf *shelf;
    bool is_start; /* nobody is served yet: a stored list that is still good is shown as it is */
};

/* Whether a list is signed now. `rest_until_ms` is on the monotonic clock, like `monotonic_ms`. */
static bool is_wanted(const struct place *place, const struct crl_row *row, int64_t now_ms,
                      int64_t monotonic_ms)
{
    if (place->is_start && row->number != 0 && row->this_update <= now_ms + CLOCK_STEP_MS) {
        return now_ms >= row->next_update;
    }
    const struct shown_list *list = &place->shelf->lists[row->list];
    return is_due(row, now_ms) || (row->is_stale && monotonic_ms >= list->rest_until_ms);
}

/* --- several ---------------------------------------------------------------------------------------- */

struct batch {
    struct crl_row rows[CRL_BATCH_MAX];
    size_t count;
};

static void batch_clear(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        crl_row_clear(&batch->rows[i]);
    }
    batch->count = 0;
}
DEFINE_AUTO_VAL(batch, batch_clear);

static void note_rest(struct fleet *fleet, struct shelf *shelf, const struct batch *batch, int64_t began_ms)
{
    int64_t ended_ms = clock_monotonic_ms(fleet->clock);
    int64_t rest_ms = REST * (ended_ms - began_ms) / (int64_t)batch->count;
    for (size_t i = 0; i < batch->count; i++) {
        shelf->lists[batch->rows[i].list].rest_until_ms =
            ended_ms + (rest_ms < REST_MAX_MS ? rest_ms : REST_MAX_MS);
    }
}

/* Signs what the batch names, shows it, and empties the batch. */
static err_t make_batch(struct fleet *fleet, const struct place *place, int64_t now_ms, struct batch *batch)
{
    struct shelf *shelf = place->shelf;
    if (batch->count == 0) {
        return OK;
    }
    int64_t began_ms = clock_monotonic_ms(fleet->clock);
    TRY(crl_make(fleet, place->member, now_ms, batch->rows, batch->count));
    note_rest(fleet, shelf, batch, began_ms);
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->rows[i].der.n > 0) {
            TRY(publication_show_crl(fleet->publications, shelf, &batch->rows[i]));
        }
    }
    batch_clear(batch);
    return OK;
}

/* Where the key is elsewhere, and where an authority has ended, what is stored is shown as it is. */
static bool signs(const struct authority_member *member)
{
    return member->has_key && member->state != AUTHORITY_RETIRED;
}

/* Shards first: certificates point to them.
 * @param[out] is_settled nothing is left to be done before the times of the shelf */
static err_t refresh_lists(struct fleet *fleet, const struct place *place, int64_t now_ms,
                           const struct states *states, bool *is_settled)
{
    struct shelf *shelf = place->shelf;
    AUTO_VAL(batch) batch = {.count = 0};
    int64_t monotonic_ms = clock_monotonic_ms(fleet->clock);
    *is_settled = true;
    shelf->settled_from_ms = INT64_MIN;
    shelf->settled_to_ms = INT64_MAX;
    for (size_t i = 0; i < states->count; i++) {
        const struct crl_row *row = &states->rows[(i + 1) % states->count];
        const struct shown_list *list = &shelf->lists[row->list];
        int64_t from_ms = row->this_update - CLOCK_STEP_MS;
        shelf->settled_from_ms = from_ms > shelf->settled_from_ms ? from_ms : shelf->settled_from_ms;
        shelf->settled_to_ms =
            renewal_of(row) < shelf->settled_to_ms ? renewal_of(row) : shelf->settled_to_ms;
        if (is_wanted(place, row, now_ms, monotonic_ms) && signs(place->member)) {
            batch.rows[batch.count++].list = row->list;
        } else if (list->number < row->number) {
            TRY(show_stored(fleet, shelf, row->list));
        }
        *is_settled = *is_settled && !place->is_start && (!row->is_stale || !signs(place->member));
        if (batch.count == CRL_BATCH_MAX) {
            TRY(make_batch(fleet, place, now_ms, &batch));
        }
    }
    return make_batch(fleet, place, now_ms, &batch);
}

static bool is_quiet(const struct place *place, const struct states *states, int64_t now_ms)
{
    const struct shelf *shelf = place->shelf;
    bool is_in_time = now_ms >= shelf->settled_from_ms && now_ms < shelf->settled_to_ms;
    return shelf->is_settled && states->change == shelf->seen && (is_in_time || !signs(place->member));
}

static err_t refresh_shelf(struct fleet *fleet, const struct place *place, int64_t now_ms)
{
    struct shelf *shelf = place->shelf;
    AUTO_VAL(states)
    states = {.count = shelf->count, .authority = shelf->authority, .is_start = place->is_start};
    TRY(publication_show_certificate(fleet->publications, shelf,
                                     authority_borrow_der(place->member->authority)));
    TRY(db_read(fleet->db, read_change, &states));
    if (is_quiet(place, &states, now_ms)) {
        return OK;
    }
    states.rows = calloc(states.count, sizeof *states.rows);
    ENSURE(states.rows != NULL, ERR_NO_MEMORY, "the states of CRLs");
    TRY(db_read(fleet->db, read_states, &states));
    shelf->is_settled = false;
    shelf->seen = states.change; /* what is stored here raises it: the next run looks once more */
    return refresh_lists(fleet, place, now_ms, &states, &shelf->is_settled);
}

static err_t refresh_member(struct fleet *fleet, struct place *place, int64_t now_ms)
{
    TRY(publication_shelf(fleet->publications, place->member, &place->shelf));
    err_t result = refresh_shelf(fleet, place, now_ms);
    place->shelf->is_settled = place->shelf->is_settled && result.code == ERR_OK;
    return result;
}

/* Of those that are made here. */
static bool has_list(struct fleet *fleet, const struct authority_member *member)
{
    int64_t from = 0;
    int64_t to = 0;
    return !signs(member) || publication_span(fleet, bytes_str(member->id), &from, &to).code == ERR_OK;
}

static err_t refresh_all(struct fleet *fleet, int64_t now_ms, bool is_start)
{
    err_t first = OK; /* one authority that fails leaves the others their lists */
    bool is_whole = true;
    AUTO_PTR(authority_set) *set = authority_set_take(fleet);
    const struct authority_member *member = NULL;
    (void)pthread_mutex_lock(&fleet->publications->refreshing);
    for (size_t i = 0; (member = authority_set_at(set, i)) != NULL; i++) {
        struct place place = {.member = member, .is_start = is_start};
        err_t result = refresh_member(fleet, &place, now_ms);
        first = first.code == ERR_OK ? result : first;
        is_whole = is_whole && has_list(fleet, member);
    }
    if (is_whole) {
        atomic_store(&fleet->publications->has_begun, true);
    }
    (void)pthread_mutex_unlock(&fleet->publications->refreshing);
    return first;
}

err_t publication_start(struct fleet *fleet, int64_t now_ms)
{
    return refresh_all(fleet, now_ms, true);
}

err_t publication_refresh(struct fleet *fleet, int64_t now_ms)
{
    return refresh_all(fleet, now_ms, false);
}
