/* The calendar of the simulated years: whose turn it is, what fate has for it, what came of it. */
#include "device/sim/years.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/auto.h"

enum {
    DAY_S = 86400,
    /* one contact in so many meets with … */
    ODDS_POWER_CUT = 8,
    ODDS_LOST_ANSWER = 8,
    ODDS_DRAWER = 90,
    ODDS_WIPE = 400,
    DRAWER_LEAST_S = 30 * DAY_S,
    DRAWER_SPREAD_S = 150 * DAY_S,
    CLOCK_SLACK_S = 5
};

struct resident {
    struct sim_life *life; /* NULL: its chip was refused */
    int64_t next_at_s;
    bool is_well;          /* after its last contact */
    bool is_wiped;         /* since it was well: the only reason for a no of the server */
    enum whorl_deed asked; /* what it asked for last */
    uint64_t certificate;  /* digest of the one in use */
};

struct sim_years {
    struct years_plan plan;
    struct resident *residents;
    struct years_result result;
    int64_t start_s, now_s;
};

DEFINE_AUTO_PTR(sim_years, sim_years_free);

void sim_years_free(struct sim_years *years)
{
    if (years == NULL) {
        return;
    }
    for (size_t i = 0; years->residents != NULL && i < years->plan.count; i++) {
        if (years->residents[i].life != NULL) {
            sim_life_clear(years->residents[i].life);
            free(years->residents[i].life);
        }
    }
    free(years->residents);
    free(years);
}

/* False: out of memory. */
static bool grow(struct sim_years *years, size_t index)
{
    struct sim_life *life = malloc(sizeof *life);
    if (life == NULL) {
        return false;
    }
    if (sim_life_begin(life, &years->plan.world, years->plan.seed_base + index) == WHORL_OK) {
        years->residents[index].life = life;
        years->result.devices++;
    } else {
        sim_life_clear(life);
        free(life);
        years->result.refused_chips++;
    }
    return true;
}

bool sim_years_new(const struct years_plan *plan, struct sim_years **out)
{
    *out = NULL;
    AUTO_PTR(sim_years) *years = calloc(1, sizeof *years);
    if (years == NULL) {
        return false;
    }
    years->plan = *plan;
    years->residents = calloc(plan->count, sizeof *years->residents);
    for (size_t i = 0; i < plan->count; i++) {
        if (years->residents == NULL || !grow(years, i)) {
            return false;
        }
    }
    *out = TAKE(years);
    return true;
}

const struct years_result *sim_years_borrow_result(const struct sim_years *years)
{
    return &years->result;
}

const struct sim_life *sim_years_borrow_life(const struct sim_years *years, size_t index)
{
    return years->residents[index].life;
}

/* --- the clock ---------------------------------------------------------------------------------------- */

/* A new file in place of the old one: whoever reads it meanwhile reads one of them. */
static bool write_clock(const char *path, int64_t now_s)
{
    char temporary[4096];
    char text[32];
    struct tm calendar;
    time_t now = (time_t)now_s;
    int size = snprintf(temporary, sizeof temporary, "%s.new", path);
    if (size <= 0 || (size_t)size >= sizeof temporary || gmtime_r(&now, &calendar) == NULL ||
        strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S\n", &calendar) == 0) {
        return false;
    }
    FILE *file = fopen(temporary, "we");
    if (file == NULL) {
        return false;
    }
    bool is_written = fputs(text, file) >= 0;
    return fclose(file) == 0 && is_written && rename(temporary, path) == 0;
}

static bool set_clock(struct sim_years *years, int64_t at_s)
{
    years->now_s = at_s > years->now_s ? at_s : years->now_s;
    return write_clock(years->plan.clock_file, years->now_s);
}

static void note(struct sim_years *years, const char *what, const struct sim_life *life)
{
    struct years_result *result = &years->result;
    if (result->first_problem[0] != '\0') {
        return;
    }
    (void)snprintf(result->first_problem, sizeof result->first_problem, "%s%s%s", what,
                   life == NULL ? "" : ": ", life == NULL ? "" : life->network.host.problem);
}

static void note_refused(struct sim_years *years, const struct sim_life *life, const struct whorl_run *run)
{
    char what[240];
    (void)snprintf(what, sizeof what, "a device that lost nothing was refused (deed %d, code %u): %u %s",
                   (int)run->deed, run->code, life->device.problem.status, life->device.problem.detail);
    note(years, what, NULL);
}

static bool follows_clock(struct sim_years *years)
{
    int64_t seen_s = (int64_t)time(NULL);
    bool is_followed = seen_s >= years->now_s - CLOCK_SLACK_S && seen_s <= years->now_s + CLOCK_SLACK_S;
    if (!is_followed) {
        note(years, "this process does not follow the clock file: run it under libfaketime (see --help)",
             NULL);
    }
    return is_followed;
}

/* By the status of the first device: the server says what time it has. */
static bool server_follows_clock(struct sim_years *years)
{
    for (size_t i = 0; i < years->plan.count; i++) {
        struct whorl_status status;
        struct sim_life *life = years->residents[i].life;
        if (life == NULL) {
            continue;
        }
        if (whorl_device_status(&life->device, &status) != WHORL_OK) {
            note(years, "the server does not answer", life);
            return false;
        }
        int64_t apart_s = status.server_time_s - years->now_s;
        if (apart_s < -CLOCK_SLACK_S || apart_s > CLOCK_SLACK_S) {
            note(years, "the server does not follow the clock file", NULL);
            return false;
        }
        return true;
    }
    return true;
}

/* --- fate --------------------------------------------------------------------------------------------- */

static uint64_t draw(struct sim_life *life, uint64_t below)
{
    return sim_random_next(&life->luck) % below;
}

/* The last sixth of the time is quiet, so that at its end every wound has healed or never will. */
static bool is_quiet(const struct sim_years *years)
{
    return years->now_s - years->start_s > years->plan.span_s / 6 * 5;
}

static void strike(struct sim_years *years, struct resident *resident)
{
    struct sim_life *life = resident->life;
    if (is_quiet(years)) {
        sim_life_cut_power(life, SIM_NEVER);
        sim_life_lose_answer(life, 0);
        return;
    }
    if (life->storage.changes_left == SIM_NEVER && draw(life, ODDS_POWER_CUT) == 0) {
        sim_life_cut_power(life, (int)draw(life, 5)); /* stays armed until there is something to write */
    }
    if (life->network.lose_in == 0 && draw(life, ODDS_LOST_ANSWER) == 0) {
        sim_life_lose_answer(life, 1 + (unsigned)draw(life, 6));
    }
    if (draw(life, ODDS_WIPE) == 0) {
        sim_life_wipe(life);
        years->result.wipes++;
        resident->is_wiped = true;
        life->generation = 0; /* nothing is held any more */
        (void)sim_life_restart(life);
    }
}

/* --- a contact ---------------------------------------------------------------------------------------- */

static void count_deed(struct years_result *result, enum whorl_deed deed)
{
    switch (deed) {
    case WHORL_DEED_ENROL:
        result->enrolled++;
        break;
    case WHORL_DEED_RENEW:
        result->renewed++;
        break;
    case WHORL_DEED_REKEY:
        result->rekeyed++;
        break;
    case WHORL_DEED_RECOVER:
        result->recovered++;
        break;
    case WHORL_DEED_NONE:
        break;
    }
}

static uint64_t digest_of(const uint8_t *data, size_t size)
{
    uint64_t digest = 0xcbf29ce484222325ULL; /* FNV-1a */
    for (size_t i = 0; i < size; i++) {
        digest = (digest ^ data[i]) * 0x100000001b3ULL;
    }
    return digest;
}

/* Another certificate is in use than before this contact: it came of what was asked for last, which may have
 * been at an earlier contact that was cut short. */
static void watch_certificate(struct sim_years *years, struct resident *resident, const struct whorl_run *run)
{
    const struct sim_storage *storage = &resident->life->storage;
    uint64_t digest =
        digest_of(storage->record[WHORL_RECORD_CREDENTIAL], storage->size[WHORL_RECORD_CREDENTIAL]);
    bool is_new = digest != resident->certificate && storage->size[WHORL_RECORD_CREDENTIAL] != 0;
    resident->asked = run->deed != WHORL_DEED_NONE ? run->deed : resident->asked;
    resident->certificate = digest;
    if (is_new) {
        count_deed(&years->result, resident->asked);
    }
}

/* A device never holds an older key than it held before. */
static void watch_generation(struct sim_years *years, struct sim_life *life, uint32_t generation)
{
    if (generation != 0 && generation < life->generation) {
        years->result.went_back++;
        note(years, "a device went back to an older key", NULL);
    }
    life->generation = generation > life->generation ? generation : life->generation;
}

/* Whoever is put away is back before the end. */
static int64_t drawer(struct sim_years *years, struct sim_life *life)
{
    int64_t back_s = years->now_s + DRAWER_LEAST_S + (int64_t)draw(life, DRAWER_SPREAD_S);
    int64_t latest_s = years->start_s + years->plan.span_s / 12 * 11;
    return back_s < latest_s ? back_s : latest_s;
}

static int64_t next_contact(struct sim_years *years, struct resident *resident, uint32_t wait_s)
{
    struct sim_life *life = resident->life;
    int64_t every_s = years->plan.contact_every_s;
    if (!resident->is_well) { /* not every retry of a device that policy keeps out for weeks is of interest */
        return years->now_s + ((int64_t)wait_s > every_s / 8 ? (int64_t)wait_s : every_s / 8);
    }
    if (!is_quiet(years) && draw(life, ODDS_DRAWER) == 0) {
        years->result.drawers++;
        (void)sim_life_restart(life);
        return drawer(years, life);
    }
    return years->now_s + every_s / 2 + (int64_t)draw(life, (uint64_t)every_s);
}

static void contact(struct sim_years *years, struct resident *resident)
{
    struct sim_life *life = resident->life;
    struct years_result *result = &years->result;
    struct whorl_run run;
    size_t losses = life->network.losses;
    strike(years, resident);
    enum whorl_result got = whorl_device_run(&life->device, &run);
    result->contacts++;
    result->lost_answers += life->network.losses - losses;
    watch_generation(years, life, run.generation);
    watch_certificate(years, resident, &run);
    if (got == WHORL_ERROR_REFUSED) {
        result->refused++;
        if (!resident->is_wiped) {
            note_refused(years, life, &run);
        }
    } else if (got != WHORL_OK && got != WHORL_ERROR_COMMUNICATION && got != WHORL_ERROR_STORAGE) {
        note(years, "a contact ended as none should", life);
    } else if (got == WHORL_ERROR_COMMUNICATION && life->network.losses == losses) {
        note(years, "no answer, and none was lost on purpose", life);
    }
    if (life->storage.changes_left ==
        0) { /* also where the failed write was one that the core can do without */
        result->power_cuts++;
        if (sim_life_restart(life) != WHORL_OK) {
            note(years, "a device does not start any more", NULL);
        }
    }
    bool is_by_certificate = run.code == WHORL_CODE_ENROLLED && !run.is_by_identity;
    resident->is_well = got == WHORL_OK && (is_by_certificate || run.deed != WHORL_DEED_NONE);
    resident->is_wiped = resident->is_wiped && !(resident->is_well && sim_life_is_settled(life));
    resident->next_at_s = next_contact(years, resident, run.wait_s);
}

/* The one whose time comes first. */
static struct resident *next_resident(struct sim_years *years)
{
    struct resident *next = NULL;
    for (size_t i = 0; i < years->plan.count; i++) {
        struct resident *resident = &years->residents[i];
        if (resident->life != NULL && (next == NULL || resident->next_at_s < next->next_at_s)) {
            next = resident;
        }
    }
    return next;
}

/* Everybody is asked once more. */
static void take_stock(struct sim_years *years)
{
    for (size_t i = 0; i < years->plan.count; i++) {
        struct sim_life *life = years->residents[i].life;
        struct whorl_status status;
        if (life == NULL) {
            continue;
        }
        uint32_t generation = life->generation;
        bool is_well = whorl_device_status(&life->device, &status) == WHORL_OK &&
                       status.code == WHORL_CODE_ENROLLED && !status.is_by_identity &&
                       sim_life_is_settled(life) && status.generation == generation;
        years->result.well += is_well ? 1 : 0;
        years->result.generations += generation;
        if (!is_well) {
            note(years, "a device is not well at the end", life);
        }
    }
}

static double real_s(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* which libfaketime leaves alone */
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

bool sim_years_run(struct sim_years *years)
{
    double began = real_s();
    years->start_s = years->now_s = (int64_t)time(NULL);
    /* an hour at once: more than could pass by itself, or stand apart by chance */
    if (!set_clock(years, years->start_s + 3600) || !follows_clock(years) || !server_follows_clock(years)) {
        note(years, "the clock file cannot be written", NULL);
        return false;
    }
    for (size_t i = 0; i < years->plan.count; i++) {
        struct sim_life *life = years->residents[i].life;
        years->residents[i].next_at_s =
            life == NULL ? 0 : years->now_s + (int64_t)draw(life, (uint64_t)years->plan.contact_every_s);
    }
    for (struct resident *next = next_resident(years);
         next != NULL && next->next_at_s <= years->start_s + years->plan.span_s;
         next = next_resident(years)) {
        if (!set_clock(years, next->next_at_s)) {
            note(years, "the clock file cannot be written", NULL);
            return false;
        }
        contact(years, next);
    }
    take_stock(years);
    years->result.run_s = real_s() - began;
    return true;
}
