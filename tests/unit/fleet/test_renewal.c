/* The schedule as arithmetic: windows and their ends, how evenly a batch is spread, keys that grow old,
 * orders, overflow, a clock that goes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "fleet/renewal.h"

enum { BATCH = 10000, BUCKETS = 100 };
static const int64_t at_ms = 1780272000000; /* 2026-06-01 */
static const int64_t day_ms = 86400000;

static const struct product_row plan = {
    .certificate_ttl_s = 90 * 86400, .renew_percent = 66, .renew_spread_percent = 10};

static struct device_id id_of(int i)
{
    struct sha256 hash;
    struct device_id id;
    assert_int_equal(sha256_of((struct bytes){(const uint8_t *)&i, sizeof i}, &hash).code, ERR_OK);
    memcpy(id.b, hash.b, sizeof id.b);
    return id;
}

/* A certificate that was issued at that time for 90 days. */
static struct certificate_row certificate_of(const struct device_id *id, int64_t issued_at)
{
    return (struct certificate_row){.device = *id,
                                    .generation = 1,
                                    .state = CERTIFICATE_CONFIRMED,
                                    .issued_at = issued_at,
                                    .not_before = issued_at - 600000,
                                    .not_after = issued_at + 90 * day_ms};
}

static struct renewal renewal_for(const struct product_row *product, int i)
{
    struct device_id id = id_of(i);
    struct certificate_row certificate = certificate_of(&id, at_ms);
    const struct device_row device = {.id = id};
    return renewal_of(product, &device, &certificate, at_ms);
}

/* --- spread ----------------------------------------------------------------------------------------- */

static double chi_square(const int *buckets)
{
    double sum = 0;
    double expected = (double)BATCH / (double)BUCKETS;
    for (int i = 0; i < BUCKETS; i++) {
        sum += (buckets[i] - expected) * (buckets[i] - expected) / expected;
    }
    return sum;
}

/* Where the times of a batch fall in a window; every one is inside. */
static void fill(const int64_t *times, int64_t opens, int64_t width, int *buckets)
{
    memset(buckets, 0, BUCKETS * sizeof buckets[0]);
    for (int i = 0; i < BATCH; i++) {
        assert_in_range(times[i] - opens, 0, width);
        int64_t bucket = (times[i] - opens) * BUCKETS / (width + 1);
        buckets[bucket]++;
    }
}

/* 99 degrees of freedom: an even spread is above 149 once in a thousand times, and these ids are fixed. */
static void assert_even(const int64_t *times, int64_t opens, int64_t width)
{
    int buckets[BUCKETS];
    fill(times, opens, width, buckets);
    assert_true(chi_square(buckets) < 149);
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The most that come within one minute. */
static int busiest_minute(int64_t *times)
{
    int most = 0;
    qsort(times, BATCH, sizeof times[0], compare);
    for (int first = 0, last = 0; last < BATCH; last++) {
        while (times[last] - times[first] >= 60000) {
            first++;
        }
        most = last - first + 1 > most ? last - first + 1 : most;
    }
    return most;
}

static void a_batch_of_one_minute_comes_back_evenly_over_its_window(void **state)
{
    (void)state;
    static int64_t times[BATCH];
    for (int i = 0; i < BATCH; i++) {
        times[i] = renewal_for(&plan, i).due_at;
    }
    assert_even(times, at_ms + 90 * day_ms * 56 / 100, 90 * day_ms * 20 / 100);
    assert_true(busiest_minute(times) <= 6); /* 0.4 on average */
}

/* Ids that somebody counted up are spread as well as hashes: nothing depends on the ids being random. */
static void counted_ids_are_spread_too(void **state)
{
    (void)state;
    static int64_t times[BATCH];
    for (int i = 0; i < BATCH; i++) {
        struct device_id id = {.b = {0}};
        id.b[30] = (uint8_t)(i >> 8);
        id.b[31] = (uint8_t)i;
        const struct device_row device = {.id = id};
        struct certificate_row certificate = certificate_of(&id, at_ms);
        times[i] = renewal_of(&plan, &device, &certificate, at_ms).due_at;
    }
    assert_even(times, at_ms + 90 * day_ms * 56 / 100, 90 * day_ms * 20 / 100);
}

static void new_keys_are_spread_apart_from_renewals(void **state)
{
    (void)state;
    static int64_t times[BATCH];
    struct product_row product = plan;
    product.rekey_period_s = 50 * 86400; /* all before the first renewal */
    int together = 0;
    for (int i = 0; i < BATCH; i++) {
        struct renewal renewal = renewal_for(&product, i);
        times[i] = renewal.due_at;
        assert_true(renewal.due_at == renewal.new_key_at);
        assert_true(renewal.new_key_at <= at_ms + 50 * day_ms); /* the period is a promise */
        bool is_early_key = renewal.new_key_at < at_ms + 45 * day_ms;
        bool is_early_renewal = renewal_for(&plan, i).due_at < at_ms + 90 * day_ms * 66 / 100;
        together += is_early_key == is_early_renewal;
    }
    assert_even(times, at_ms + 40 * day_ms, 10 * day_ms);
    assert_in_range(together, BATCH * 48 / 100, BATCH * 52 / 100);
}

static void it_is_a_function_of_plan_and_id_alone(void **state)
{
    (void)state;
    assert_true(renewal_for(&plan, 7).due_at == renewal_for(&plan, 7).due_at);
    assert_true(renewal_for(&plan, 7).due_at != renewal_for(&plan, 8).due_at);
    struct product_row renamed = plan;
    renamed.ver = 9;
    renamed.name[0] = 'x';
    assert_true(renewal_for(&plan, 7).due_at == renewal_for(&renamed, 7).due_at);
}

/* --- boundaries ------------------------------------------------------------------------------------- */

static void the_window_is_cut_to_the_life(void **state)
{
    (void)state;
    static const struct {
        int64_t percent, spread, opens, closes;
    } cases[] = {{1, 49, 1, 50}, {99, 49, 50, 99}, {50, 49, 1, 99}, {5, 10, 1, 15}, {66, 0, 66, 66}};
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        struct product_row product = plan;
        product.renew_percent = cases[c].percent;
        product.renew_spread_percent = cases[c].spread;
        for (int i = 0; i < 200; i++) {
            int64_t after = renewal_for(&product, i).due_at - at_ms;
            assert_true(after >= 90 * day_ms * cases[c].opens / 100);
            assert_true(after <= 90 * day_ms * cases[c].closes / 100);
        }
    }
}

/* The longest life and period there are, at the largest id: nothing overflows (UBSan watches too). */
static void the_longest_lives_do_not_overflow(void **state)
{
    (void)state;
    struct product_row product = plan;
    product.renew_percent = 50;
    product.renew_spread_percent = 49;
    product.rekey_period_s = INT64_C(3650) * 86400;
    product.overdue_alert_after_s = INT64_C(3650) * 86400;
    for (int i = 0; i < 1000; i++) {
        struct device_id id = id_of(i);
        const struct device_row device = {.id = id};
        struct certificate_row certificate = certificate_of(&id, at_ms);
        certificate.not_after = at_ms + 3650 * day_ms;
        struct renewal renewal = renewal_of(&product, &device, &certificate, at_ms);
        assert_true(renewal.due_at > at_ms && renewal.due_at < certificate.not_after);
        assert_true(renewal.new_key_at > at_ms && renewal.new_key_at <= at_ms + 3650 * day_ms);
        assert_true(renewal_overdue_at(&product, renewal.due_at) == renewal.due_at + 3650 * day_ms);
    }
}

static void a_minute_of_life_is_enough(void **state)
{
    (void)state;
    struct device_id id = id_of(1);
    const struct device_row device = {.id = id};
    struct certificate_row certificate = certificate_of(&id, at_ms);
    certificate.not_after = at_ms + 60000;
    int64_t due = renewal_of(&plan, &device, &certificate, at_ms).due_at;
    assert_true(due >= at_ms + 33600 && due <= at_ms + 45600);
}

/* --- keys and orders -------------------------------------------------------------------------------- */

static void a_key_may_stay_until_its_period_passes(void **state)
{
    (void)state;
    struct product_row product = plan;
    product.rekey_period_s = 365 * 86400;
    product.renew_spread_percent = 0;
    struct device_id id = id_of(3);
    const struct device_row device = {.id = id};
    struct certificate_row certificate = certificate_of(&id, at_ms + 200 * day_ms); /* a renewal */
    struct renewal renewal = renewal_of(&product, &device, &certificate, at_ms);
    assert_true(renewal.due_at == certificate.issued_at + 90 * day_ms * 66 / 100);
    assert_true(renewal.new_key_at == at_ms + 365 * day_ms);
    assert_false(renewal_needs_new_key(&renewal, at_ms + 200 * day_ms));
    /* late for its renewal: meanwhile the key has grown too old */
    assert_false(renewal_needs_new_key(&renewal, at_ms + 365 * day_ms - 1));
    assert_true(renewal_needs_new_key(&renewal, at_ms + 365 * day_ms));
    /* a clock that went back asks for less again */
    assert_false(renewal_needs_new_key(&renewal, at_ms));
    /* renewed with the old key afterwards: due since then, and for a new one */
    certificate = certificate_of(&id, at_ms + 400 * day_ms);
    renewal = renewal_of(&product, &device, &certificate, at_ms);
    assert_true(renewal.due_at == at_ms + 365 * day_ms);
    assert_true(renewal_needs_new_key(&renewal, at_ms + 400 * day_ms));
    /* a period of 0 is no period */
    renewal = renewal_of(&plan, &device, &certificate, 0);
    assert_true(renewal.new_key_at == 0);
    assert_false(renewal_needs_new_key(&renewal, INT64_MAX));
}

static void a_key_is_over_only_where_the_product_says_so(void **state)
{
    (void)state;
    struct product_row product = plan;
    assert_false(renewal_is_key_over(&product, 0, at_ms));
    product.rekey_period_s = 60;
    assert_false(renewal_is_key_over(&product, at_ms, at_ms + 60000));
    product.rekey_required = true;
    assert_false(renewal_is_key_over(&product, at_ms, at_ms + 59999));
    assert_true(renewal_is_key_over(&product, at_ms, at_ms + 60000));
    assert_false(renewal_is_key_over(&product, at_ms, at_ms - 60000));
    product.rekey_period_s = 0; /* a row that the interface does not let in */
    assert_false(renewal_is_key_over(&product, at_ms, at_ms + 1));
}

static void an_order_wins_when_it_is_sooner(void **state)
{
    (void)state;
    struct device_id id = id_of(4);
    struct device_row device = {.id = id, .rekey_requested_at = at_ms + day_ms, .rekey_above = 1};
    struct certificate_row certificate = certificate_of(&id, at_ms);
    struct renewal renewal = renewal_of(&plan, &device, &certificate, at_ms);
    assert_true(renewal.due_at == at_ms + day_ms && renewal.new_key_at == at_ms + day_ms);
    assert_true(renewal_needs_new_key(&renewal, at_ms));
    certificate.generation = 2; /* what was asked for */
    renewal = renewal_of(&plan, &device, &certificate, at_ms);
    assert_true(renewal.due_at > at_ms + day_ms && renewal.new_key_at == 0);
    /* one that came after it was due changes what is asked, not since when */
    certificate.generation = 1;
    device.rekey_requested_at = at_ms + 89 * day_ms;
    renewal = renewal_of(&plan, &device, &certificate, at_ms);
    assert_true(renewal.due_at < at_ms + 70 * day_ms && renewal.new_key_at == at_ms + 89 * day_ms);
    assert_false(renewal_needs_new_key(&renewal, at_ms + 88 * day_ms));
    assert_true(renewal_needs_new_key(&renewal, at_ms + 89 * day_ms));
}

static void overdue_is_a_matter_of_policy(void **state)
{
    (void)state;
    struct product_row product = plan;
    assert_true(renewal_overdue_at(&product, at_ms) == 0);
    product.overdue_alert_after_s = 1;
    assert_true(renewal_overdue_at(&product, at_ms) == at_ms + 1000);
}

/* --- a compromised authority ------------------------------------------------------------------------ */

/* One in a hundred, one in ten, the rest: each in its part of the time, and even in it. */
static void devices_of_a_compromised_authority_come_in_waves(void **state)
{
    (void)state;
    const struct authority_loss loss = {.compromised_at = at_ms, .rekey_by = at_ms + day_ms};
    int waves[3] = {0}, halves[2] = {0};
    for (int i = 0; i < BATCH; i++) {
        struct device_id id = id_of(i);
        int64_t after = renewal_healing_at(&loss, &id) - at_ms;
        assert_in_range(after, 0, day_ms - 1);
        int wave = after < day_ms / 8 ? 0 : after < day_ms / 4 ? 1 : 2;
        waves[wave]++;
        halves[after >= day_ms * 5 / 8 ? 1 : 0] += wave == 2 ? 1 : 0;
        assert_int_equal(after, renewal_healing_at(&loss, &id) - at_ms); /* nothing is drawn */
    }
    assert_in_range(waves[0], BATCH / 100 - 40, BATCH / 100 + 40);
    assert_in_range(waves[1], BATCH / 10 - 150, BATCH / 10 + 150);
    assert_in_range(halves[0], waves[2] / 2 - 250, waves[2] / 2 + 250);
}

static void a_compromised_authority_asks_for_a_new_key_now(void **state)
{
    (void)state;
    struct device_id id = id_of(3);
    const struct authority_loss none = {.compromised_at = 0};
    const struct authority_loss at_once = {.compromised_at = at_ms, .rekey_by = at_ms};
    const struct renewal planned = renewal_for(&plan, 3);
    struct renewal same = renewal_with_loss(planned, &none, &id);
    assert_int_equal(same.due_at, planned.due_at);
    assert_int_equal(same.new_key_at, 0);
    struct renewal healing = renewal_with_loss(planned, &at_once, &id);
    assert_int_equal(healing.due_at, at_ms);
    assert_true(renewal_needs_new_key(&healing, at_ms));
    /* what is due before stays due before; a time that goes back is no time */
    const struct authority_loss late = {.compromised_at = planned.due_at + day_ms, .rekey_by = 1};
    assert_int_equal(renewal_with_loss(planned, &late, &id).due_at, planned.due_at);
    assert_int_equal(renewal_healing_at(&late, &id), late.compromised_at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(devices_of_a_compromised_authority_come_in_waves),
        cmocka_unit_test(a_compromised_authority_asks_for_a_new_key_now),
        cmocka_unit_test(a_batch_of_one_minute_comes_back_evenly_over_its_window),
        cmocka_unit_test(counted_ids_are_spread_too),
        cmocka_unit_test(new_keys_are_spread_apart_from_renewals),
        cmocka_unit_test(it_is_a_function_of_plan_and_id_alone),
        cmocka_unit_test(the_window_is_cut_to_the_life),
        cmocka_unit_test(the_longest_lives_do_not_overflow),
        cmocka_unit_test(a_minute_of_life_is_enough),
        cmocka_unit_test(a_key_may_stay_until_its_period_passes),
        cmocka_unit_test(a_key_is_over_only_where_the_product_says_so),
        cmocka_unit_test(an_order_wins_when_it_is_sooner),
        cmocka_unit_test(overdue_is_a_matter_of_policy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
