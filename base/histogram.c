/* Buckets are counted apart and summed when they are written: a value costs two relaxed additions. */
#include "base/histogram.h"

#include <inttypes.h>
#include <time.h>

static const struct histogram_bound SECONDS_BOUNDS[] = {
    {100, "0.0001"},  {250, "0.00025"}, {500, "0.0005"},  {1000, "0.001"},  {2500, "0.0025"},
    {5000, "0.005"},  {10000, "0.01"},  {25000, "0.025"}, {50000, "0.05"},  {100000, "0.1"},
    {250000, "0.25"}, {500000, "0.5"},  {1000000, "1.0"}, {2500000, "2.5"}, {10000000, "10.0"}};
static const struct histogram_bound NUMBER_BOUNDS[] = {{1, "1.0"},   {2, "2.0"},     {4, "4.0"},
                                                       {8, "8.0"},   {16, "16.0"},   {32, "32.0"},
                                                       {64, "64.0"}, {128, "128.0"}, {256, "256.0"}};
static const struct histogram_bounds SECONDS = {true, sizeof SECONDS_BOUNDS / sizeof SECONDS_BOUNDS[0],
                                                SECONDS_BOUNDS};
static const struct histogram_bounds NUMBERS = {false, sizeof NUMBER_BOUNDS / sizeof NUMBER_BOUNDS[0],
                                                NUMBER_BOUNDS};
_Static_assert(sizeof SECONDS_BOUNDS / sizeof SECONDS_BOUNDS[0] <= HISTOGRAM_BOUNDS_MAX &&
                   sizeof NUMBER_BOUNDS / sizeof NUMBER_BOUNDS[0] <= HISTOGRAM_BOUNDS_MAX,
               "a histogram has room for its buckets");

const struct histogram_bounds *histogram_seconds(void)
{
    return &SECONDS;
}

const struct histogram_bounds *histogram_numbers(void)
{
    return &NUMBERS;
}

void histogram_add(struct histogram *histogram, const struct histogram_bounds *bounds, int64_t value)
{
    size_t bucket = 0;
    value = value < 0 ? 0 : value;
    while (bucket < bounds->count && value > bounds->items[bucket].most) {
        bucket++;
    }
    atomic_fetch_add_explicit(&histogram->counts[bucket], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&histogram->sum, value, memory_order_relaxed);
}

err_t histogram_write_head(const char *name, const char *help, const struct histogram_bounds *bounds,
                           struct buf *out)
{
    TRY(buf_printf(out, "# TYPE %s histogram\n", name));
    TRY(bounds->is_seconds ? buf_printf(out, "# UNIT %s seconds\n", name) : OK);
    return buf_printf(out, "# HELP %s %s\n", name, help);
}

static long long added_up(const struct histogram_series *series, size_t bucket)
{
    long long total = 0;
    for (size_t i = 0; i < series->part_count; i++) {
        total += atomic_load_explicit(&series->parts[i]->counts[bucket], memory_order_relaxed);
    }
    return total;
}

static err_t write_sum(const struct histogram_series *series, const struct histogram_bounds *bounds,
                       const char *braces[2], struct buf *out)
{
    long long sum = 0;
    for (size_t i = 0; i < series->part_count; i++) {
        sum += atomic_load_explicit(&series->parts[i]->sum, memory_order_relaxed);
    }
    TRY(buf_printf(out, "%s_sum%s%s%s ", series->name, braces[0], series->labels, braces[1]));
    return bounds->is_seconds ? buf_printf(out, "%lld.%06lld\n", sum / 1000000, sum % 1000000)
                              : buf_printf(out, "%lld\n", sum);
}

err_t histogram_write(const struct histogram_series *series, const struct histogram_bounds *bounds,
                      struct buf *out)
{
    bool has_labels = series->labels[0] != '\0';
    const char *braces[] = {has_labels ? "{" : "", has_labels ? "}" : ""};
    long long total = 0;
    for (size_t i = 0; i <= bounds->count; i++) {
        total += added_up(series, i);
        TRY(buf_printf(out, "%s_bucket{%s%sle=\"%s\"} %lld\n", series->name, series->labels,
                       has_labels ? "," : "", i < bounds->count ? bounds->items[i].le : "+Inf", total));
    }
    TRY(write_sum(series, bounds, braces, out));
    return buf_printf(out, "%s_count%s%s%s %lld\n", series->name, braces[0], series->labels, braces[1],
                      total);
}

err_t histogram_write_one(const char *name, const char *help, const struct histogram *histogram,
                          const struct histogram_bounds *bounds, struct buf *out)
{
    const struct histogram_series series = {.name = name, .labels = "", .parts = &histogram, .part_count = 1};
    TRY(histogram_write_head(name, help, bounds, out));
    return histogram_write(&series, bounds, out);
}

int64_t stopwatch_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail with this clock */
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}
