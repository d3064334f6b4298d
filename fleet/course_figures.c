/* Which of them run is in memory; each has one row of numbers. */
#include "fleet/course_figures.h"

#include "db/rollout_rows.h"
#include "fleet/internal.h"
#include "fleet/rekey_live.h"
#include "fleet/rollout_live.h"

/* One that runs, with its devices by what became of them. */
enum { COURSE_FIGURES = 5 };
struct course {
    struct uuid id;
    int64_t devices[COURSE_FIGURES];
};
struct courses {
    struct course items[COURSES_SHOWN];
    size_t count, running;
};

static void show(struct courses *all, const struct uuid *id)
{
    if (all->count < COURSES_SHOWN) {
        all->items[all->count++] = (struct course){.id = *id};
    }
}

/* --- what of it is no more by now is left at zeros -------------------------------------------------- */

static err_t read_rollouts(struct db_tx *tx, void *arg)
{
    struct courses *all = arg;
    for (size_t i = 0; i < all->count; i++) {
        struct rollout_tally_row tally = {.offered = 0};
        err_t found = rollout_tally_rows_find(tx, all->items[i].id, &tally);
        TRY(found.code == ERR_NOT_FOUND ? OK : found);
        const int64_t devices[COURSE_FIGURES] = {tally.waiting, tally.succeeded, tally.unverified,
                                                 tally.failed, tally.cancelled};
        for (int k = 0; k < COURSE_FIGURES; k++) {
            all->items[i].devices[k] = devices[k];
        }
    }
    return OK;
}

static err_t read_plans(struct db_tx *tx, void *arg)
{
    struct courses *all = arg;
    for (size_t i = 0; i < all->count; i++) {
        struct rekey_tally_row tally = {.told = 0};
        err_t found = rekey_tally_rows_find(tx, all->items[i].id, &tally);
        TRY(found.code == ERR_NOT_FOUND ? OK : found);
        const int64_t devices[COURSE_FIGURES] = {tally.waiting, tally.confirmed, tally.failed, tally.skipped};
        for (int k = 0; k < COURSE_FIGURES; k++) {
            all->items[i].devices[k] = devices[k];
        }
    }
    return OK;
}

/* --- written ---------------------------------------------------------------------------------------- */

struct family {
    const char *running, *running_help, *devices, *devices_help, *label;
    const char *states[COURSE_FIGURES]; /* NULL: no more */
};

static const struct family ROLLOUTS = {"whorl_rollouts_running",
                                       "Rollouts that run.",
                                       "whorl_rollout_devices",
                                       "Devices of a rollout that runs, by what became of the offer.",
                                       "rollout",
                                       {"waiting", "succeeded", "unverified", "failed", "cancelled"}};
static const struct family PLANS = {"whorl_rekey_plans_running",
                                    "Rekey campaigns that run.",
                                    "whorl_rekey_plan_devices",
                                    "Devices of a campaign that runs, by what became of the order.",
                                    "plan",
                                    {"waiting", "confirmed", "failed", "skipped", NULL}};

static err_t write(const struct family *family, const struct courses *all, struct buf *out)
{
    TRY(buf_printf(out, "# TYPE %s gauge\n# HELP %s %s\n%s %zu\n# TYPE %s gauge\n# HELP %s %s\n",
                   family->running, family->running, family->running_help, family->running, all->running,
                   family->devices, family->devices, family->devices_help));
    for (size_t i = 0; i < all->count; i++) {
        char id[UUID_TEXT_SIZE];
        uuid_format(all->items[i].id, id);
        for (int k = 0; k < COURSE_FIGURES && family->states[k] != NULL; k++) {
            TRY(buf_printf(out, "%s{%s=\"%s\",state=\"%s\"} %lld\n", family->devices, family->label, id,
                           family->states[k], (long long)all->items[i].devices[k]));
        }
    }
    return OK;
}

static err_t write_rollouts(struct fleet *fleet, struct buf *out)
{
    struct courses all = {.count = 0};
    AUTO_PTR(rollout_live) *live = rollout_live_ref(fleet);
    const struct rollout_live_one *items = live != NULL ? rollout_live_all(live, &all.running) : NULL;
    for (size_t i = 0; i < all.running; i++) {
        show(&all, &items[i].course.id);
    }
    TRY(all.count > 0 ? db_read(fleet->db, read_rollouts, &all) : OK);
    return write(&ROLLOUTS, &all, out);
}

static err_t write_plans(struct fleet *fleet, struct buf *out)
{
    struct courses all = {.count = 0};
    AUTO_PTR(rekey_live) *live = rekey_live_ref(fleet);
    const struct rekey_live_plan *items = live != NULL ? rekey_live_all(live, &all.running) : NULL;
    for (size_t i = 0; i < all.running; i++) {
        show(&all, &items[i].course.id);
    }
    TRY(all.count > 0 ? db_read(fleet->db, read_plans, &all) : OK);
    return write(&PLANS, &all, out);
}

err_t course_figures_write(struct fleet *fleet, struct buf *out)
{
    TRY(write_rollouts(fleet, out));
    return write_plans(fleet, out);
}
