/* What a fleet that stays says it trusts and holds. */
#include "device/sim/stay_trust.h"
#include "tests/unit/device/anchors_fixture.h"

static const struct paper first = {41,   41,    "Root CA", "Root CA", "critical,CA:TRUE",
                                   NULL, false, 9,         true,      false};
static const struct paper second = {42,   42,    "Root CA", "Root CA", "critical,CA:TRUE",
                                    NULL, false, 2,         true,      false};
static const struct paper way = {42,   41,    "Root CA", "Root CA", "critical,CA:TRUE",
                                 NULL, false, 2,         true,      false};

static const struct stay_count *find(const struct stay_count *counts, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(counts[i].name, name) == 0) {
            return &counts[i];
        }
    }
    return NULL;
}

static void hex_of(const uint8_t bytes[32], char out[65])
{
    for (size_t i = 0; i < 32; i++) {
        (void)snprintf(out + 2 * i, 3, "%02x", bytes[i]);
    }
}

static void a_device_tells_roots_and_issuer(void **state)
{
    struct anchored a;
    struct stay_holding each[3];
    struct stay_holdings all;
    char old[65], new[65];
    uint8_t id[32];
    memset(each, 0, sizeof each);
    anchored_init_with(&a, *state, &first);
    hex_of(a.b->settings.server_id, old);
    struct whorl_bytes root = der_of(&second);
    server_id_of(root, id);
    free_der(root);
    hex_of(id, new);
    stay_holding_read(&a.b->device, &each[0]); /* the firmware's root, and no certificate */
    assert_int_equal(each[0].root_count, 1);
    assert_string_equal(each[0].issuer, "");
    assert_int_equal(whorl_device_enrol(&a.b->device), WHORL_OK);
    GIVE(&a, true, &second, &way);
    assert_int_equal(look(&a).added, 1);
    stay_holding_read(&a.b->device, &each[1]);
    assert_int_equal(each[1].root_count, 2);
    stay_holdings_count(each, 3, &all); /* the third chip was refused: it trusts nobody */
    assert_int_equal(all.root_count, 2);
    assert_int_equal(find(all.roots, all.root_count, old)->devices, 2);
    assert_int_equal(find(all.roots, all.root_count, new)->devices, 1);
    assert_int_equal(all.issuer_count, 1);
    assert_string_equal(all.issuers[0].name, each[1].issuer);
    assert_int_equal(all.issuers[0].devices, 1);
    assert_int_equal(all.bare, 1);
    anchored_clear(&a);
}

static void more_names_than_room(void **state)
{
    (void)state;
    static struct stay_holding each[STAY_NAMES + 4];
    struct stay_holdings all;
    for (size_t i = 0; i < STAY_NAMES + 4; i++) {
        each[i].root_count = 1;
        (void)snprintf(each[i].issuer, sizeof each[i].issuer, "CA %zu", i);
    }
    stay_holdings_count(each, STAY_NAMES + 4, &all);
    assert_int_equal(all.issuer_count, STAY_NAMES);
    assert_int_equal(all.root_count, 1);
    assert_int_equal(all.roots[0].devices, STAY_NAMES + 4);
    assert_int_equal(all.bare, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LIFE(a_device_tells_roots_and_issuer),
        cmocka_unit_test(more_names_than_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
