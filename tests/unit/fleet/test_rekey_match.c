/* Whom a filter means, and in which wave a device is. */
#include "tests/unit/base/base_fixture.h"

#include "fleet/policy_words.h"
#include "fleet/rekey_match.h"

static const int64_t AT_MS = 1780272000000;
static const struct uuid PLAN = {{1, 2, 3}};
static const struct uuid PRODUCT = {{9}}, OTHER = {{8}};

struct case_of {
    struct device_row device;
    struct certificate_row certificate;
    struct rekey_spec spec;
    struct rekey_subject subject;
};

static void make(struct case_of *this)
{
    *this = (struct case_of){
        .device = {.product = PRODUCT,
                   .batch = PRODUCT,
                   .state = DEVICE_ENROLLED,
                   .labels = "{\"site\":\"hall-3\",\"ring\":\"0\"}",
                   .enrolled_at = AT_MS - 1000},
        .certificate = {.authority = "device", .generation = 2, .issued_at = AT_MS - 500},
    };
    rekey_spec_init(&this->spec);
    this->subject = (struct rekey_subject){&this->device, &this->certificate, key_algorithm_bit(KEY_ALG_P256),
                                           AT_MS - 500};
}

static enum rekey_verdict judge(struct case_of *this)
{
    const struct rekey_course course = {PLAN, AT_MS, 0};
    return rekey_need_judge(&this->spec, &course, &this->subject);
}

static void test_each_part_of_a_filter(void **state)
{
    struct case_of this;
    struct rekey_filter *filter = &this.spec.filter;
    (void)state;
    make(&this);
    *filter = (struct rekey_filter){.has_product = true,
                                    .product = PRODUCT,
                                    .has_batch = true,
                                    .batch = PRODUCT,
                                    .authority = "device",
                                    .key_algorithms = key_algorithm_bit(KEY_ALG_P256),
                                    .issued_before = AT_MS,
                                    .generation_below = 3,
                                    .labels = {{"site", "hall-3"}, {"ring", "0"}},
                                    .label_count = 2};
    const struct rekey_filter whole = *filter;
    assert_int_equal(judge(&this), REKEY_IS_MEANT);
    filter->product = OTHER;
    assert_int_equal(judge(&this), REKEY_NOT_PRODUCT);
    *filter = whole;
    filter->batch = OTHER;
    assert_int_equal(judge(&this), REKEY_NOT_BATCH);
    *filter = whole;
    filter->labels[1].value[0] = '1';
    assert_int_equal(judge(&this), REKEY_NOT_LABEL);
    *filter = whole;
    filter->authority[0] = 'x';
    assert_int_equal(judge(&this), REKEY_NOT_AUTHORITY);
    *filter = whole;
    filter->key_algorithms = key_algorithm_bit(KEY_ALG_P384);
    assert_int_equal(judge(&this), REKEY_NOT_ALGORITHM);
    *filter = whole;
    filter->issued_before = AT_MS - 500;
    assert_int_equal(judge(&this), REKEY_NOT_ISSUED_BEFORE);
    *filter = whole;
    filter->generation_below = 2;
    assert_int_equal(judge(&this), REKEY_NOT_GENERATION);
}

static void test_states_and_keys(void **state)
{
    struct case_of this;
    (void)state;
    make(&this);
    this.spec.filter.is_all = true;
    for (int device_state = 0; device_state < DEVICE_STATES; device_state++) {
        this.device.state = (enum device_state)device_state;
        bool is_open = device_state == DEVICE_ENROLLED || device_state == DEVICE_REGISTERED;
        assert_int_equal(judge(&this), is_open ? REKEY_IS_MEANT : REKEY_DEVICE_STATE);
    }
    this.device.state = DEVICE_ENROLLED;
    this.subject.certificate = NULL;
    assert_int_equal(judge(&this), REKEY_NO_CERTIFICATE);
    this.subject.certificate = &this.certificate;
    this.subject.key_since = AT_MS;
    assert_int_equal(judge(&this), REKEY_HAS_NEW_KEY);
    this.device.enrolled_at = AT_MS;
    assert_int_equal(judge(&this), REKEY_IS_MEANT); /* late, and such are taken */
    this.spec.has_late_joiners = false;
    assert_int_equal(judge(&this), REKEY_LATE_JOINER);
    this.device.enrolled_at = AT_MS - 1;
    assert_int_equal(judge(&this), REKEY_HAS_NEW_KEY);
}

enum { CROWD = 20000 };

static int64_t wave_of(const struct rekey_spec *spec, struct uuid plan, int number, const char *labels)
{
    struct sha256 hash;
    struct device_row device = {.state = DEVICE_ENROLLED};
    int64_t wave = -1;
    (void)snprintf(device.labels, sizeof device.labels, "%s", labels);
    assert_ok(sha256_of((struct bytes){(const uint8_t *)&number, sizeof number}, &hash));
    memcpy(device.id.b, hash.b, sizeof device.id.b);
    assert_ok(rekey_wave_of(spec, plan, &device, &wave));
    return wave;
}

static void test_waves_are_as_large_as_they_say(void **state)
{
    static const struct uuid another = {{7}};
    struct rekey_spec spec;
    int64_t counts[4] = {0}, same = 0;
    (void)state;
    rekey_spec_init(&spec);
    spec.wave_count = 4;
    spec.waves[0] = (struct rekey_wave){.percent = 1};
    spec.waves[1] = (struct rekey_wave){.percent = 10};
    spec.waves[2] = (struct rekey_wave){.percent = 50};
    spec.waves[3] = (struct rekey_wave){.percent = 100};
    for (int i = 0; i < CROWD; i++) {
        int64_t wave = wave_of(&spec, PLAN, i, "{}");
        counts[wave]++;
        same += wave == wave_of(&spec, another, i, "{}") ? 1 : 0;
    }
    /* 1, 9, 40 and 50 percent of 20,000, within more than five standard deviations */
    assert_in_range(counts[0], 125, 275);
    assert_in_range(counts[1], 1590, 2010);
    assert_in_range(counts[2], 7650, 8350);
    assert_in_range(counts[3], 9640, 10360);
    /* another plan draws others first: 0.01² + 0.09² + 0.4² + 0.5² are equal by chance */
    assert_in_range(same, CROWD * 38 / 100, CROWD * 46 / 100);
}

static void test_canaries_come_first(void **state)
{
    struct rekey_spec spec;
    (void)state;
    rekey_spec_init(&spec);
    spec.wave_count = 2;
    spec.waves[0] = (struct rekey_wave){.label = {"ring", "canary"}};
    spec.waves[1] = (struct rekey_wave){.percent = 100};
    for (int i = 0; i < 100; i++) {
        assert_int_equal(wave_of(&spec, PLAN, i, "{\"ring\":\"canary\"}"), 0);
        assert_int_equal(wave_of(&spec, PLAN, i, "{\"ring\":\"other\"}"), 1);
        assert_int_equal(wave_of(&spec, PLAN, i, ""), 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_part_of_a_filter),
        cmocka_unit_test(test_states_and_keys),
        cmocka_unit_test(test_waves_are_as_large_as_they_say),
        cmocka_unit_test(test_canaries_come_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
