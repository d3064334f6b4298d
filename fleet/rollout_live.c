/* One pointer under a short mutex, and a counted, immutable array behind it. Nothing is read or parsed while
 * the mutex is held. */
#include "fleet/rollout_live.h"

#include <stdlib.h>
#include <string.h>

#include "db/firmware_offer_rows.h"
#include "fleet/internal.h"

struct rollout_live {
    atomic_int references;
    int64_t version;
    size_t count, capacity;
    struct rollout_live_one *items;
};

struct rollout_lives {
    pthread_mutex_t mutex;
    struct rollout_live *present; /* NULL: never read */
};

err_t rollout_lives_new(struct rollout_lives **out)
{
    *out = calloc(1, sizeof **out);
    ENSURE(*out != NULL, ERR_NO_MEMORY, "rollouts");
    (void)pthread_mutex_init(&(*out)->mutex, NULL);
    return OK;
}

void rollout_lives_free(struct rollout_lives *lives)
{
    if (lives != NULL) {
        rollout_live_unref(lives->present);
        (void)pthread_mutex_destroy(&lives->mutex);
        free(lives);
    }
}

void rollout_live_unref(struct rollout_live *live)
{
    if (live != NULL && atomic_fetch_sub(&live->references, 1) == 1) {
        free(live->items);
        free(live);
    }
}

static struct rollout_live *take(struct rollout_lives *lives)
{
    (void)pthread_mutex_lock(&lives->mutex);
    struct rollout_live *live = lives->present;
    if (live != NULL) {
        atomic_fetch_add(&live->references, 1);
    }
    (void)pthread_mutex_unlock(&lives->mutex);
    return live;
}

/* --- read --------------------------------------------------------------------------------------------- */

static err_t make_room(struct rollout_live *live)
{
    if (live->count < live->capacity) {
        return OK;
    }
    size_t capacity = live->capacity == 0 ? 8 : 2 * live->capacity;
    struct rollout_live_one *items = realloc(live->items, capacity * sizeof items[0]);
    ENSURE(items != NULL, ERR_NO_MEMORY, "rollouts");
    live->items = items;
    live->capacity = capacity;
    return OK;
}

struct reading {
    int64_t known; /* version of the snapshot at hand; -1: none */
    struct rollout_live *live;
    struct db_tx *tx;
};

static err_t add_rollout(const struct rollout_row *row, void *arg)
{
    const struct reading *reading = arg;
    struct rollout_live *live = reading->live;
    TRY(make_room(live));
    struct rollout_live_one *one = &live->items[live->count];
    *one = (struct rollout_live_one){
        .tenant = row->tenant, .product = row->product, .course = {row->id, row->started_at, row->wave}};
    memcpy(one->name, row->name, sizeof one->name);
    TRY(rollout_spec_parse(row->spec, &one->spec));
    TRY(firmware_offer_rows_release(reading->tx, row->release, &one->release));
    live->count++;
    return OK;
}

/* By tenant and product, then by their start. */
static int compare(const void *left, const void *right)
{
    const struct rollout_live_one *a = left, *b = right;
    int order = memcmp(a->tenant.b, b->tenant.b, sizeof a->tenant.b);
    order = order != 0 ? order : memcmp(a->product.b, b->product.b, sizeof a->product.b);
    if (order != 0) {
        return order;
    }
    if (a->course.started_at != b->course.started_at) {
        return a->course.started_at < b->course.started_at ? -1 : 1;
    }
    return memcmp(a->course.id.b, b->course.id.b, sizeof a->course.id.b);
}

static err_t read_in(struct db_tx *tx, void *arg)
{
    struct reading *reading = arg;
    struct rollout_live *live = reading->live;
    reading->tx = tx;
    TRY(rollout_rows_version(tx, &live->version));
    live->count = 0;
    if (live->version == reading->known) {
        return OK;
    }
    TRY(rollout_rows_running(tx, add_rollout, reading));
    if (live->count > 1) {
        qsort(live->items, live->count, sizeof live->items[0], compare);
    }
    return OK;
}

/* Of two that were read at once the newer one stays. */
static void show(struct rollout_lives *lives, struct rollout_live *next)
{
    struct rollout_live *dropped = next;
    (void)pthread_mutex_lock(&lives->mutex);
    if (lives->present == NULL || lives->present->version < next->version) {
        dropped = lives->present;
        lives->present = next;
    }
    (void)pthread_mutex_unlock(&lives->mutex);
    rollout_live_unref(dropped);
}

err_t rollout_live_refresh(struct fleet *fleet)
{
    AUTO_PTR(rollout_live) *known = take(fleet->rollout_lives);
    AUTO_PTR(rollout_live) *next = calloc(1, sizeof *next);
    ENSURE(next != NULL, ERR_NO_MEMORY, "rollouts");
    atomic_init(&next->references, 1);
    struct reading reading = {.known = known != NULL ? known->version : -1, .live = next};
    TRY(db_read(fleet->db, read_in, &reading));
    if (next->version != reading.known) {
        show(fleet->rollout_lives, TAKE(next));
    }
    return OK;
}

struct rollout_live *rollout_live_ref(struct fleet *fleet)
{
    struct rollout_live *live = take(fleet->rollout_lives);
    if (live != NULL) {
        return live;
    }
    err_t error = rollout_live_refresh(fleet);
    if (error.code != ERR_OK) {
        log_error(fleet->log, "rollouts_not_read", "", error);
    }
    return take(fleet->rollout_lives);
}

/* --- looked at ---------------------------------------------------------------------------------------- */

const struct rollout_live_one *rollout_live_all(const struct rollout_live *live, size_t *count)
{
    *count = live != NULL ? live->count : 0;
    return live != NULL ? live->items : NULL;
}

static int compare_owner(const struct rollout_live_one *one, const struct uuid owner[2])
{
    int order = memcmp(one->tenant.b, owner[0].b, sizeof owner[0].b);
    return order != 0 ? order : memcmp(one->product.b, owner[1].b, sizeof owner[1].b);
}

/* They are in order of tenant and product: the first one is found by halving. */
const struct rollout_live_one *rollout_live_of(const struct rollout_live *live, struct uuid tenant,
                                               struct uuid product, size_t *count)
{
    const struct uuid owner[2] = {tenant, product};
    size_t all = 0, low = 0;
    const struct rollout_live_one *items = rollout_live_all(live, &all);
    for (size_t high = all; low < high;) {
        size_t middle = low + (high - low) / 2;
        bool is_before = compare_owner(&items[middle], owner) < 0;
        low = is_before ? middle + 1 : low;
        high = is_before ? high : middle;
    }
    *count = 0;
    while (low + *count < all && compare_owner(&items[low + *count], owner) == 0) {
        (*count)++;
    }
    return *count > 0 ? &items[low] : NULL;
}
