/* How a number is made of two readings; which ones there are is in top_numbers.c. */
#include "cmd/whorl/top_figures.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char REQUESTS[] = "whorl_http_requests_total";

/* --- two readings ------------------------------------------------------------------------------------- */

/* What both readings have, and its growth. False: not in the second one. */
struct growth {
    double now, by;
    bool is_known; /* it did not fall */
};

static bool grow(const struct cli_top_reading *before, const struct cli_top_reading *now,
                 const struct cli_figure_choice *choice, struct growth *out)
{
    double was = 0;
    *out = (struct growth){.is_known = before != NULL};
    if (!cli_figures_sum(&now->figures, choice, &out->now)) {
        return false;
    }
    if (before != NULL) {
        (void)cli_figures_sum(&before->figures, choice, &was); /* one that is new began at 0 */
        out->by = out->now - was;
        out->is_known = out->by >= 0;
    }
    return true;
}

bool cli_top_is_restarted(const struct cli_top_reading *before, const struct cli_top_reading *now)
{
    static const struct cli_figure_choice start = {.name = "process_start_time_seconds"};
    struct growth growth;
    double was = 0;
    double is = 0;
    if (cli_figures_sum(&before->figures, &start, &was) && cli_figures_sum(&now->figures, &start, &is)) {
        return fabs(is - was) >= 1;
    }
    for (size_t i = 0; i < cli_top_number_count; i++) {
        bool is_counter = cli_top_numbers[i].way == CLI_TOP_GROWTH;
        if (is_counter && grow(before, now, &cli_top_numbers[i].choice, &growth) && !growth.is_known) {
            return true;
        }
    }
    return false;
}

static double seconds_between(const struct cli_top_reading *before, const struct cli_top_reading *now)
{
    int64_t ms = now->at_ms - before->at_ms;
    return ms > 0 ? (double)ms / 1000 : 0;
}

/* --- one number --------------------------------------------------------------------------------------- */

struct found {
    bool is_there; /* the server has the family */
    bool is_known;
    double value;
};

static struct found rate_of(const struct cli_top_reading *before, const struct cli_top_reading *now,
                            const struct cli_figure_choice *choice)
{
    struct growth growth;
    struct found found = {.is_there = grow(before, now, choice, &growth)};
    double seconds = before != NULL ? seconds_between(before, now) : 0;
    found.is_known = found.is_there && growth.is_known && seconds > 0;
    found.value = found.is_known ? growth.by / seconds : 0;
    return found;
}

static struct cli_figure_choice part_of(const struct cli_figure_choice *choice, const char *part,
                                        char name[96])
{
    struct cli_figure_choice chosen = *choice;
    (void)snprintf(name, 96, "%.80s%s", choice->name, part);
    chosen.name = name;
    return chosen;
}

static struct found mean_of(const struct cli_top_reading *before, const struct cli_top_reading *now,
                            const struct cli_figure_choice *choice)
{
    char names[2][96];
    struct growth sum, count;
    const struct cli_figure_choice sums = part_of(choice, "_sum", names[0]);
    const struct cli_figure_choice counts = part_of(choice, "_count", names[1]);
    struct found found = {.is_there = grow(before, now, &sums, &sum) && grow(before, now, &counts, &count)};
    found.is_known = found.is_there && sum.is_known && count.is_known && count.by > 0;
    found.value = found.is_known ? sum.by / count.by : 0;
    return found;
}

/* The growth up to a bound, of all samples of the histogram that have it. */
static bool grow_to(const struct cli_top_reading *before, const struct cli_top_reading *now,
                    const struct cli_figure_choice *buckets, const char *bound, struct growth *out)
{
    const struct cli_figure_choice choice = {.name = buckets->name, .label = "le", .value = bound};
    return grow(before, now, &choice, out);
}

/* The least bound below which 99 of 100 are; infinite ones are not told. */
static struct found p99_of(const struct cli_top_reading *before, const struct cli_top_reading *now,
                           const struct cli_figure_choice *choice)
{
    char name[96];
    struct growth all, part;
    const struct cli_figure_choice buckets = part_of(choice, "_bucket", name);
    struct found found = {.is_there = grow_to(before, now, &buckets, "+Inf", &all)};
    if (!found.is_there || !all.is_known || all.by <= 0) {
        return found;
    }
    for (size_t i = 0; i < now->figures.count; i++) {
        const struct cli_figure *figure = &now->figures.items[i];
        if (!cli_figure_is(figure, &buckets)) {
            continue;
        }
        const char *bound = cli_figure_label(figure, "le");
        double value = strtod(bound, NULL);
        bool is_better = isfinite(value) && (!found.is_known || value < found.value);
        if (is_better && grow_to(before, now, &buckets, bound, &part) && part.is_known &&
            part.by >= 0.99 * all.by) {
            found.is_known = true;
            found.value = value;
        }
    }
    return found;
}

static struct found sum_of(const struct cli_top_reading *now, const struct cli_figure_choice *choice)
{
    struct found found = {.is_known = true};
    found.is_there = cli_figures_sum(&now->figures, choice, &found.value);
    return found;
}

/* The earliest of times. */
static struct found first_of(const struct cli_top_reading *now, const struct cli_figure_choice *choice)
{
    struct found found = {.is_there = false};
    for (size_t i = 0; i < now->figures.count; i++) {
        const struct cli_figure *figure = &now->figures.items[i];
        bool is_one = cli_figure_is(figure, choice) && isfinite(figure->value);
        if (is_one && (!found.is_there || figure->value < found.value)) {
            found = (struct found){.is_there = true, .is_known = true, .value = figure->value};
        }
    }
    return found;
}

static struct found find(const struct cli_top_reading *before, const struct cli_top_reading *now,
                         const struct cli_top_number *number)
{
    struct found found = {.is_there = false};
    double wall = (double)now->now_ms / 1000;
    switch (number->way) {
    case CLI_TOP_GROWTH:
        return rate_of(before, now, &number->choice);
    case CLI_TOP_SUM:
        return sum_of(now, &number->choice);
    case CLI_TOP_MEAN:
        return mean_of(before, now, &number->choice);
    case CLI_TOP_P99:
        return p99_of(before, now, &number->choice);
    case CLI_TOP_UNTIL:
        found = first_of(now, &number->choice);
        found.value -= wall;
        return found;
    case CLI_TOP_SINCE:
        found = first_of(now, &number->choice);
        found.value = wall - found.value;
        return found;
    }
    return found;
}

/* --- the whole ---------------------------------------------------------------------------------------- */

static json_t *number_json(const struct found *found)
{
    return found->is_known && isfinite(found->value) ? json_real(found->value) : json_null();
}

static err_t put_number(json_t *view, const struct cli_top_number *number, const struct found *found)
{
    json_t *section = json_object_get(view, number->section);
    if (section == NULL) {
        TRY(json_take(view, number->section, json_object()));
        section = json_object_get(view, number->section);
    }
    return json_take(section, number->name, number_json(found));
}

struct route {
    const char *name;
    double rate;
};

static int by_rate(const void *a, const void *b)
{
    const struct route *one = a;
    const struct route *other = b;
    return one->rate > other->rate ? -1 : one->rate < other->rate ? 1 : strcmp(one->name, other->name);
}

/* The busiest so far, in order; what falls off the end is forgotten. */
struct ranking {
    struct route routes[CLI_TOP_ROUTES + 1];
    size_t count;
};

static void rank(struct ranking *ranking, const struct route *route)
{
    ranking->routes[ranking->count++] = *route;
    qsort(ranking->routes, ranking->count, sizeof ranking->routes[0], by_rate);
    ranking->count = ranking->count > CLI_TOP_ROUTES ? CLI_TOP_ROUTES : ranking->count;
}

/* Samples of one route stand together. */
static void rank_all(const struct cli_top_reading *before, const struct cli_top_reading *now,
                     struct ranking *out)
{
    const char *last = "";
    for (size_t i = 0; i < now->figures.count; i++) {
        const struct cli_figure *figure = &now->figures.items[i];
        const char *name = cli_figure_label(figure, "route");
        if (strcmp(figure->name, REQUESTS) != 0 || strcmp(name, last) == 0) {
            continue;
        }
        last = name;
        const struct cli_figure_choice choice = {.name = REQUESTS, .label = "route", .value = name};
        const struct found found = rate_of(before, now, &choice);
        if (found.is_known && found.value > 0) {
            rank(out, &(struct route){.name = name, .rate = found.value});
        }
    }
}

static err_t put_routes(json_t *view, const struct cli_top_reading *before, const struct cli_top_reading *now)
{
    struct ranking ranking = {.count = 0};
    AUTO(json_t) *list = json_array();
    rank_all(before, now, &ranking);
    for (size_t i = 0; i < ranking.count; i++) {
        AUTO(json_t) *route = json_object();
        /* a name that is not UTF-8 is none of ours */
        json_t *name = json_string(ranking.routes[i].name);
        TRY(json_take(route, "route", name != NULL ? name : json_string("?")));
        TRY(json_take(route, "rate", json_real(ranking.routes[i].rate)));
        ENSURE(json_array_append_new(list, TAKE(route)) == 0, ERR_NO_MEMORY, "a view");
    }
    return json_take(view, "routes", TAKE(list));
}

err_t cli_top_view(const struct cli_top_reading *before, const struct cli_top_reading *now, json_t **out)
{
    *out = NULL;
    AUTO(json_t) *view = json_object();
    ENSURE(view != NULL, ERR_NO_MEMORY, "a view");
    for (size_t i = 0; i < cli_top_number_count; i++) {
        const struct found found = find(before, now, &cli_top_numbers[i]);
        TRY(found.is_there ? put_number(view, &cli_top_numbers[i], &found) : OK);
    }
    TRY(put_routes(view, before, now));
    *out = TAKE(view);
    return OK;
}
