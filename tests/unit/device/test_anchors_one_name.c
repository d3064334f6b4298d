/* A root and its successor that share one name (RFC 5280 §3.2, "self-issued"): what a device takes, leaves
 * and refuses of a set with cross certificates, told by keys alone. */
#include "tests/unit/device/anchors_fixture.h"

#define NAME    "Root CA"
#define CA1     "critical,CA:TRUE,pathlen:1"
#define CA0     "critical,CA:TRUE,pathlen:0"
#define CLIENTS "extendedKeyUsage=clientAuth"

/* the firmware's root in these tests is of the same name, key 41 */
static const struct paper old_with_old = {41, 41, NAME, NAME, CA1, NULL, false, 9, true, false};
static const struct paper new_with_new = {42, 42, NAME, NAME, CA1, NULL, false, 2, true, false};
static const struct paper new_over_old = {42, 41, NAME, NAME, CA1, NULL, false, 2, true, false};
static const struct paper old_under_new = {41, 42, NAME, NAME, CA1, NULL, false, 9, true, false};
static const struct paper third_root = {43, 43, NAME, NAME, CA1, NULL, false, 1, true, false};
static const struct paper third_over_new = {43, 42, NAME, NAME, CA1, NULL, false, 1, true, false};
static const struct paper new_under_third = {42, 43, NAME, NAME, CA1, NULL, false, 2, true, false};
static const struct paper old_device_ca = {50, 41, "Device CA 1", NAME, CA0, CLIENTS, false, 9, true, false};
static const struct paper new_device_ca = {51, 42, "Device CA 2", NAME, CA0, CLIENTS, false, 2, true, false};

/* The whole set of a roll-over, the firmware's root aside. */
#define ROLL_OVER &new_with_new, &new_over_old, &old_under_new, &old_device_ca, &new_device_ca

static void whole_set_of_a_roll_over_is_taken(void **state)
{
    struct anchored a;
    anchored_init_with(&a, *state, &old_with_old);
    GIVE(&a, true, ROLL_OVER);
    struct whorl_anchor_news news = look(&a);
    assert_int_equal(news.result, WHORL_OK);
    assert_int_equal(news.refused, 0); /* the cross certificates are self-issued, and no roots */
    assert_int_equal(news.added, 1);
    assert_int_equal(news.trusted, 2);
    assert_true(trusts(&a, &new_with_new) && trusts(&a, &old_with_old));
    restart(&a);
    assert_true(trusts(&a, &new_with_new) && trusts(&a, &old_with_old));
    assert_int_equal(look(&a).trusted, 0); /* nothing new */
    assert_int_equal(a.b->server.fetched, 1);
    anchored_clear(&a);
}

/* The same without key identifiers: nothing but the signatures tells the two roots apart. */
static void keys_decide_where_nothing_else_does(void **state)
{
    static const struct paper new_bare = {42, 42, NAME, NAME, CA1, NULL, false, 2, false, false};
    static const struct paper over_bare = {42, 41, NAME, NAME, CA1, NULL, false, 2, false, false};
    static const struct paper under_bare = {41, 42, NAME, NAME, CA1, NULL, false, 9, false, false};
    static const struct paper alien_bare = {44, 44, NAME, NAME, CA1, NULL, false, 2, false, false};
    struct anchored a;
    anchored_init_with(&a, *state, &old_with_old);
    GIVE(&a, true, &over_bare, &under_bare, &new_bare, &alien_bare);
    assert_int_equal(look(&a).refused, 1);
    GIVE(&a, true, &under_bare, &new_bare, &over_bare);
    assert_int_equal(look(&a).added, 1);
    assert_false(trusts(&a, &alien_bare));
    anchored_clear(&a);
}

static void no_successor_without_new_with_old(void **state)
{
    static const struct paper by_thief = {42, 44, NAME, NAME, CA1, NULL, false, 2, true, false};
    static const struct paper over = {42, 41, NAME, NAME, CA1, NULL, true, 2, true, false};
    static const struct paper other_key = {45, 41, NAME, NAME, CA1, NULL, false, 2, true, false};
    static const struct paper early = {42, 41, NAME, NAME, CA1, NULL, false, 10, true, false};
    static const struct paper narrow = {42, 41, NAME, NAME, CA0, NULL, false, 2, true, false};
    static const struct paper for_clients = {42, 41, NAME, NAME, CA1, CLIENTS, false, 2, true, false};
    static const struct paper *const fakes[] = {&by_thief, &over,        &other_key,
                                                &narrow,   &for_clients, &old_under_new};
    struct anchored a;
    anchored_init_with(&a, *state, &old_with_old);
    for (size_t i = 0; i < sizeof fakes / sizeof fakes[0]; i++) {
        GIVE(&a, true, &new_with_new, fakes[i], &old_device_ca, &new_device_ca);
        struct whorl_anchor_news news = look(&a);
        if (news.refused != 1 || news.result != WHORL_ERROR_ANSWER || trusts(&a, &new_with_new)) {
            fail_msg("number %zu was taken for NewWithOld", i);
        }
    }
    /* what has the dates of a root before the pinned one is no successor: left aside, and nothing is refused
     */
    GIVE(&a, true, &new_with_new, &early);
    assert_int_equal(look(&a).result, WHORL_OK);
    assert_false(trusts(&a, &new_with_new));
    anchored_clear(&a);
}

/* Who holds no key of ours makes all that a set can have, under our names. */
static void complete_set_of_an_attacker(void **state)
{
    static const struct paper his_root = {44, 44, NAME, NAME, CA1, NULL, false, 1, true, false};
    static const struct paper his_old = {45, 45, NAME, NAME, CA1, NULL, false, 9, true, false};
    static const struct paper his_new_with_old = {44, 45, NAME, NAME, CA1, NULL, false, 1, true, false};
    static const struct paper his_old_with_new = {45, 44, NAME, NAME, CA1, NULL, false, 9, true, false};
    static const struct paper ours_under_his = {41, 44, NAME, NAME, CA1, NULL, false, 9, true, false};
    static const struct paper his_ca = {46, 44, "Device CA 2", NAME, CA0, CLIENTS, false, 1, true, false};
    struct anchored a;
    anchored_init_with(&a, *state, &old_with_old);
    GIVE(&a, true, &his_root, &his_old, &his_new_with_old, &his_old_with_new, &ours_under_his, &his_ca);
    struct whorl_anchor_news news = look(&a);
    assert_int_equal(news.result, WHORL_ERROR_ANSWER);
    assert_int_equal(news.refused, 2);
    assert_false(trusts(&a, &his_root) || trusts(&a, &his_old));
    GIVE(&a, false, &his_root, &ours_under_his); /* and without ours: */
    assert_int_equal(look(&a).refused, 1);
    assert_true(trusts(&a, &old_with_old));
    assert_int_equal(a.b->storage.size[WHORL_RECORD_ANCHORS], 0);
    anchored_clear(&a);
}

/* A device that was built with the new root takes nothing from the old one: OldWithNew is there for old
 * certificates. Its thief signs a root of his own with it, in vain. */
static void old_key_is_no_way_back(void **state)
{
    static const struct paper thief = {44, 44, NAME, NAME, CA1, NULL, false, 1, true, false};
    static const struct paper thief_over_old = {44, 41, NAME, NAME, CA1, NULL, false, 1, true, false};
    struct anchored a;
    anchored_init_with(&a, *state, &new_with_new);
    GIVE(&a, true, &old_with_old, &new_over_old, &old_under_new, &old_device_ca, &new_device_ca);
    struct whorl_anchor_news news = look(&a);
    assert_int_equal(news.result, WHORL_OK); /* nothing is wrong with the set */
    assert_int_equal(news.added + news.refused, 0);
    assert_false(trusts(&a, &old_with_old));
    GIVE(&a, true, &thief, &thief_over_old, &old_with_old, &old_under_new);
    news = look(&a);
    assert_int_equal(news.result, WHORL_OK);
    assert_int_equal(news.added, 0);
    assert_false(trusts(&a, &thief) || trusts(&a, &old_with_old));
    /* two changes back as well */
    pin_anew(&a, &third_root);
    GIVE(&a, true, &new_with_new, &new_under_third, &old_with_old, &old_under_new, &thief, &thief_over_old);
    news = look(&a);
    assert_int_equal(news.result, WHORL_OK);
    assert_int_equal(news.added + news.refused, 0);
    assert_int_equal(news.trusted, 1);
    anchored_clear(&a);
}

static void old_root_goes_when_set_and_connection_left_it(void **state)
{
    struct anchored a;
    anchored_init_with(&a, *state, &old_with_old);
    GIVE(&a, true, ROLL_OVER);
    assert_int_equal(look(&a).trusted, 2);
    a.standing.root = &a.firmware;
    GIVE(&a, false, ROLL_OVER); /* the old root is gone from the set, but the server stands on it */
    assert_int_equal(look(&a).result, WHORL_OK);
    assert_true(trusts(&a, &old_with_old) && trusts(&a, &new_with_new));
    GIVE(&a, false, &new_device_ca, &third_root, &third_over_new, &new_under_third);
    a.standing.root = NULL;
    struct whorl_anchor_news news = look(&a);
    assert_int_equal(news.result, WHORL_OK);
    assert_false(trusts(&a, &old_with_old));
    assert_true(trusts(&a, &third_root));
    anchored_clear(&a);
}

/* Through two changes in one night. */
static void chain_of_one_name(void **state)
{
    struct anchored a;
    anchored_init_with(&a, *state, &old_with_old);
    GIVE(&a, false, &third_root, &third_over_new, &new_over_old);
    struct whorl_anchor_news news = look(&a);
    assert_int_equal(news.result, WHORL_OK);
    assert_int_equal(news.added, 1);
    assert_int_equal(news.dropped, 1);
    GIVE(&a, false, &third_root, &new_over_old); /* another certificate of that root: it vouches for itself */
    assert_int_equal(look(&a).added, 1);
    anchored_clear(&a);
}

/* Every change of the storage is where the power fails once; what is found afterwards is one set or the
 * other, and the next contact brings the rest. */
static void power_cut_at_every_change(void **state)
{
    struct anchored a;
    unsigned cuts = 0;
    anchored_init_with(&a, *state, &old_with_old);
    assert_int_equal(whorl_device_enrol(&a.b->device), WHORL_OK);
    for (unsigned left = 0;; left++) {
        struct whorl_run run;
        bool is_there = left % 2 == 1;                    /* the new root, from the round before */
        a.b->server.renew_after = "2020-01-01T00:00:00Z"; /* the same contact renews */
        if (is_there) {
            GIVE(&a, true, &old_device_ca);
        } else {
            GIVE(&a, true, ROLL_OVER);
        }
        a.b->storage.changes_left = (int)(left / 2);
        enum whorl_result result = whorl_device_run(&a.b->device, &run);
        a.b->storage.changes_left = SIM_NEVER;
        restart(&a);
        assert_true(trusts(&a, &old_with_old));
        bool has_new = trusts(&a, &new_with_new);
        assert_int_equal(has_new, run.anchors.result == WHORL_OK ? !is_there : is_there);
        (void)look(&a);
        assert_int_equal(trusts(&a, &new_with_new), !is_there);
        if (result == WHORL_OK && run.anchors.result == WHORL_OK && is_there) {
            break;
        }
        cuts += run.anchors.result == WHORL_ERROR_STORAGE ? 1 : 0;
    }
    assert_int_equal(cuts, 2); /* the set is one write */
    anchored_clear(&a);
}

/* As many certificates as a server ever gives out, each as large as addresses make it. */
static void largest_set_fits(void **state)
{
    static const char padding[] =
        "extendedKeyUsage=clientAuth,1.3.6.1.4.1.99999.1111111.2222222.3333333.4444444.5555555.6666666."
        "1111111.2222222.3333333.4444444.5555555.6666666.1111111.2222222.3333333.4444444.5555555.6666666."
        "1111111.2222222.3333333.4444444.5555555.6666666.1111111.2222222.3333333.4444444.5555555.6666666."
        "1111111.2222222.3333333.4444444.5555555.6666666.1111111.2222222.3333333.4444444.5555555.6666666."
        "1111111.2222222.3333333.4444444.5555555.6666666.1111111.2222222.3333333.4444444.5555555.6666666."
        "1111111.2222222.3333333.4444444.5555555.6666666.1111111.2222222.3333333.4444444.5555555.6666666";
    static const struct paper wide = {
        51, 42, "Device CA of a very long name, number 2", NAME, CA0, padding, false, 2, true, false};
    struct anchored a;
    anchored_init_with(&a, *state, &old_with_old);
    struct whorl_bytes one = der_of(&wide);
    assert_in_range(one.size, 690, 720);
    free_der(one);
    GIVE(&a, true, &new_with_new, &new_over_old, &old_under_new, &wide, &wide, &wide, &wide, &wide, &wide,
         &wide, &wide); /* 12 */
    struct whorl_anchor_news news = look(&a);
    assert_int_equal(news.result, WHORL_OK);
    assert_int_equal(news.trusted, 2);
    GIVE(&a, true, &new_with_new, &new_over_old, &old_under_new, &wide, &old_device_ca, &old_device_ca,
         &old_device_ca, &old_device_ca, &old_device_ca, &old_device_ca, &old_device_ca, &old_device_ca);
    news = look(&a); /* one more */
    assert_int_equal(news.result, WHORL_ERROR_ANSWER);
    assert_int_equal(news.added + news.dropped + news.refused, 0);
    assert_true(trusts(&a, &new_with_new) && trusts(&a, &old_with_old));
    a.b->settings.work.size = 4096; /* a device that lends less says so, and goes on */
    restart(&a);
    GIVE(&a, true, ROLL_OVER, &wide, &wide);
    assert_int_equal(look(&a).result, WHORL_ERROR_SPACE);
    assert_true(trusts(&a, &new_with_new) && trusts(&a, &old_with_old));
    anchored_clear(&a);
}

/* A proof names the root that was taken last, where the server has it, and none that the device does not
 * trust. */
static void challenge_is_asked_for_by_a_trusted_root(void **state)
{
    struct anchored a;
    struct whorl_status status;
    struct whorl_bytes root = der_of(&new_with_new);
    anchored_init_with(&a, *state, &old_with_old);
    struct fake_server *server = &a.b->server;
    server_id_of(root, server->second_id);
    assert_int_equal(whorl_device_status_by_challenge(&a.b->device, &status), WHORL_OK);
    assert_memory_equal(server->answered_id, server->server_id, 32);
    GIVE(&a, true, ROLL_OVER);
    assert_int_equal(look(&a).added, 1);
    assert_int_equal(whorl_device_status_by_challenge(&a.b->device, &status), WHORL_OK);
    assert_memory_equal(server->answered_id, server->second_id,
                        32);          /* the default of the server is the old */
    memset(server->second_id, 0, 32); /* a server that knows the old one only: it is trusted too */
    assert_int_equal(whorl_device_status_by_challenge(&a.b->device, &status), WHORL_OK);
    assert_memory_equal(server->answered_id, server->server_id, 32);
    memset(server->server_id, 0x77, 32);
    assert_int_equal(whorl_device_status_by_challenge(&a.b->device, &status), WHORL_ERROR_ANSWER);
    free_der(root);
    anchored_clear(&a);
}

/* Firmware may be built with both: each of them names the server. */
static void every_root_of_the_firmware_names_the_server(void **state)
{
    struct anchored a;
    struct whorl_status status;
    anchored_init_with(&a, *state, &old_with_old);
    struct whorl_bytes roots[2] = {a.firmware, der_of(&new_with_new)};
    a.b->settings.roots = roots;
    a.b->settings.root_count = 2;
    restart(&a);
    server_id_of(roots[1], a.b->server.server_id); /* the old one is no more */
    assert_int_equal(whorl_device_status_by_challenge(&a.b->device, &status), WHORL_OK);
    a.b->settings.root_count = 1;
    restart(&a);
    assert_int_equal(whorl_device_status_by_challenge(&a.b->device, &status), WHORL_ERROR_ANSWER);
    free_der(roots[1]);
    anchored_clear(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LIFE(whole_set_of_a_roll_over_is_taken),
        LIFE(keys_decide_where_nothing_else_does),
        LIFE(no_successor_without_new_with_old),
        LIFE(complete_set_of_an_attacker),
        LIFE(old_key_is_no_way_back),
        LIFE(old_root_goes_when_set_and_connection_left_it),
        LIFE(chain_of_one_name),
        LIFE(power_cut_at_every_change),
        LIFE(largest_set_fits),
        LIFE(challenge_is_asked_for_by_a_trusted_root),
        LIFE(every_root_of_the_firmware_names_the_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
