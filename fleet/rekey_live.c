/* One pointer under a short mutex, and a counted, immutable array behind it. Nothing is read or parsed while
 * the mutex is held. */
#include "fleet/rekey_live.h"

#include <stdlib.h>
#include <string.h>

#include "db/rekey_plan_rows.h"
#include "fleet/internal.h"

struct rekey_live {
    atomic_int references;
    int64_t version;
    size_t count, capacity;
    struct rekey_live_plan *plans;
};

struct rekey_lives {
    pthread_mutex_t mutex;
    struct rekey_live *present; /* NULL: never read */
};

err_t rekey_lives_new(struct rekey_lives **out)
{
    *out = calloc(1, sizeof **out);
    ENSURE(*out != NULL, ERR_NO_MEMORY, "rekey plans");
    (void)pthread_mutex_init(&(*out)->mutex, NULL);
    return OK;
}

void rekey_lives_free(struct rekey_lives *lives)
{
    if (lives != NULL) {
        rekey_live_unref(lives->present);
        (void)pthread_mutex_destroy(&lives->mutex);
        free(lives);
    }
}

void rekey_live_unref(struct rekey_live *live)
{
    if (live != NULL && atomic_fetch_sub(&live->references, 1) == 1) {
        free(live->plans);
        free(live);
    }
}

static struct rekey_live *take(struct rekey_lives *lives)
{
    (void)pthread_mutex_lock(&lives->mutex);
    struct rekey_live *live = lives->present;
    if (live != NULL) {
        atomic_fetch_add(&live->references, 1);
    }
    (void)pthread_mutex_unlock(&lives->mutex);
    return live;
}

/* --- read --------------------------------------------------------------------------------------------- */

static err_t add_plan(const struct rekey_plan_row *row, void *arg)
{
    struct rekey_live *live = arg;
    if (live->count == live->capacity) {
        size_t capacity = live->capacity == 0 ? 8 : 2 * live->capacity;
        struct rekey_live_plan *plans = realloc(live->plans, capacity * sizeof plans[0]);
        ENSURE(plans != NULL, ERR_NO_MEMORY, "rekey plans");
        live->plans = plans;
        live->capacity = capacity;
    }
    struct rekey_live_plan *plan = &live->plans[live->count];
    *plan = (struct rekey_live_plan){.tenant = row->tenant, .course = {row->id, row->started_at, row->wave}};
    memcpy(plan->name, row->name, sizeof plan->name);
    TRY(rekey_spec_parse(row->spec, &plan->spec));
    live->count++;
    return OK;
}

struct reading {
    int64_t known; /* version of the snapshot at hand; -1: none */
    struct rekey_live *live;
};

static err_t read_in(struct db_tx *tx, void *arg)
{
    struct reading *reading = arg;
    TRY(rekey_plan_rows_version(tx, &reading->live->version));
    reading->live->count = 0;
    return reading->live->version == reading->known ? OK
                                                    : rekey_plan_rows_running(tx, add_plan, reading->live);
}

/* Of two that were read at once the newer one stays. */
static void show(struct rekey_lives *lives, struct rekey_live *next)
{
    struct rekey_live *dropped = next;
    (void)pthread_mutex_lock(&lives->mutex);
    if (lives->present == NULL || lives->present->version < next->version) {
        dropped = lives->present;
        lives->present = next;
    }
    (void)pthread_mutex_unlock(&lives->mutex);
    rekey_live_unref(dropped);
}

err_t rekey_live_refresh(struct fleet *fleet)
{
    AUTO_PTR(rekey_live) *known = take(fleet->rekey_lives);
    AUTO_PTR(rekey_live) *next = calloc(1, sizeof *next);
    ENSURE(next != NULL, ERR_NO_MEMORY, "rekey plans");
    atomic_init(&next->references, 1);
    struct reading reading = {.known = known != NULL ? known->version : -1, .live = next};
    TRY(db_read(fleet->db, read_in, &reading));
    if (next->version != reading.known) {
        show(fleet->rekey_lives, TAKE(next));
    }
    return OK;
}

struct rekey_live *rekey_live_ref(struct fleet *fleet)
{
    struct rekey_live *live = take(fleet->rekey_lives);
    if (live != NULL) {
        return live;
    }
    err_t error = rekey_live_refresh(fleet);
    if (error.code != ERR_OK) {
        log_error(fleet->log, "rekey_plans_not_read", "", error);
    }
    return take(fleet->rekey_lives);
}

/* --- looked at ---------------------------------------------------------------------------------------- */

const struct rekey_live_plan *rekey_live_all(const struct rekey_live *live, size_t *count)
{
    *count = live != NULL ? live->count : 0;
    return live != NULL ? live->plans : NULL;
}

/* They are in order of tenant: the first one is found by halving. */
const struct rekey_live_plan *rekey_live_of(const struct rekey_live *live, struct uuid tenant, size_t *count)
{
    size_t all = 0, low = 0;
    const struct rekey_live_plan *plans = rekey_live_all(live, &all);
    for (size_t high = all; low < high;) {
        size_t middle = low + (high - low) / 2;
        bool is_before = memcmp(plans[middle].tenant.b, tenant.b, sizeof tenant.b) < 0;
        low = is_before ? middle + 1 : low;
        high = is_before ? high : middle;
    }
    *count = 0;
    while (low + *count < all && uuid_equal(plans[low + *count].tenant, tenant)) {
        (*count)++;
    }
    return *count > 0 ? &plans[low] : NULL;
}
