/* New trust anchors: which root a device takes, which one it refuses, and that the old one stays as long as
 * it is needed. */
#include "tests/unit/device/anchors_fixture.h"

static const struct paper old_root = {41,   41,    "Root", "Root", "critical,CA:TRUE,pathlen:1",
                                      NULL, false, 0,      false,  false};
static const struct paper new_root = {42,   42,    "Root", "Root", "critical,CA:TRUE,pathlen:1",
                                      NULL, false, 0,      false,  false};
static const struct paper newest_root = {43,   43,    "Root", "Root", "critical,CA:TRUE",
                                         NULL, false, 0,      false,  false};
static const struct paper stranger = {70,   70,    "Root", "Root", "critical,CA:TRUE",
                                      NULL, false, 0,      false,  false};
static const struct paper new_with_old = {42,   41,    "Root", "Root", "critical,CA:TRUE,pathlen:1",
                                          NULL, false, 0,      false,  false};
static const struct paper newest_with_new = {43,   42,    "Root", "Root", "critical,CA:TRUE,pathlen:1",
                                             NULL, false, 0,      false,  false};
static const struct paper issuing = {
    50,    41, "Device CA", "Root", "critical,CA:TRUE,pathlen:0", "extendedKeyUsage=clientAuth",
    false, 0,  false,       false};

static void anchored_init(struct anchored *a, struct bench *b)
{
    anchored_init_with(a, b, &old_root);
}

static void same_set_is_fetched_once(void **state)
{
    struct anchored a;
    anchored_init(&a, *state);
    GIVE(&a, true, &issuing);
    struct whorl_anchor_news news = look(&a);
    assert_int_equal(news.result, WHORL_OK);
    assert_int_equal(news.trusted, 1);
    assert_int_equal(news.added + news.dropped + news.refused, 0);
    (void)look(&a);
    restart(&a);
    (void)look(&a);
    assert_int_equal(a.b->server.fetched, 1);
    assert_true(trusts(&a, &old_root));
    anchored_clear(&a);
}

static void new_root_needs_the_old_ones_word(void **state)
{
    struct anchored a;
    anchored_init(&a, *state);
    GIVE(&a, true, &new_root, &issuing);
    struct whorl_anchor_news news = look(&a);
    assert_int_equal(news.result, WHORL_ERROR_ANSWER);
    assert_int_equal(news.refused, 1);
    assert_false(trusts(&a, &new_root));
    assert_true(trusts(&a, &old_root));
    assert_int_equal(a.b->storage.size[WHORL_RECORD_ANCHORS], 0);
    (void)look(&a);
    assert_int_equal(a.b->server.fetched, 2); /* not taken, so looked at again */
    GIVE(&a, true, &new_root, &new_with_old, &issuing);
    news = look(&a);
    assert_int_equal(news.result, WHORL_OK);
    assert_int_equal(news.added, 1);
    assert_int_equal(news.trusted, 2);
    assert_true(trusts(&a, &new_root) && trusts(&a, &old_root));
    restart(&a);
    assert_true(trusts(&a, &new_root) && trusts(&a, &old_root));
    anchored_clear(&a);
}

/* Each of these looks like a NewWithOld to who does not look well. */
static void no_word_of_the_old_root(void **state)
{
    static const struct paper by_another = {42,   44,    "Root", "Root", "critical,CA:TRUE",
                                            NULL, false, 0,      false,  false};
    static const struct paper other_name = {42,    41, "Root other", "Root", "critical,CA:TRUE", NULL,
                                            false, 0,  false,        false};
    static const struct paper other_key = {45,   41,    "Root", "Root", "critical,CA:TRUE",
                                           NULL, false, 0,      false,  false};
    static const struct paper no_ca = {42,   41,    "Root", "Root", "critical,CA:FALSE",
                                       NULL, false, 0,      false,  false};
    static const struct paper nothing = {42, 41, "Root", "Root", NULL, NULL, false, 0, false, false};
    static const struct paper over = {42,   41,   "Root", "Root", "critical,CA:TRUE",
                                      NULL, true, 0,      false,  false};
    static const struct paper leaf_maker = {42,   41,    "Root", "Root", "critical,CA:TRUE,pathlen:0",
                                            NULL, false, 0,      false,  false};
    static const struct paper for_clients = {
        42, 41, "Root", "Root", "critical,CA:TRUE", "extendedKeyUsage=clientAuth", false, 0, false, false};
    static const struct paper for_names = {
        42,    41, "Root", "Root", "critical,CA:TRUE", "nameConstraints=critical,permitted;DNS:example.com",
        false, 0,  false,  false};
    static const struct paper for_policies = {
        42,    41, "Root", "Root", "critical,CA:TRUE", "policyConstraints=critical,requireExplicitPolicy:0",
        false, 0,  false,  false};
    static const struct paper *const fakes[] = {&by_another, &other_name,  &other_key,  &no_ca,
                                                &nothing,    &over,        &leaf_maker, &for_clients,
                                                &for_names,  &for_policies};
    struct anchored a;
    anchored_init(&a, *state);
    for (size_t i = 0; i < sizeof fakes / sizeof fakes[0]; i++) {
        GIVE(&a, true, &new_root, fakes[i]);
        struct whorl_anchor_news news = look(&a);
        if (news.refused != 1 || trusts(&a, &new_root)) {
            fail_msg("number %zu was taken for NewWithOld", i);
        }
    }
    anchored_clear(&a);
}

/* Who has the key of an issuing CA makes himself a root of its name: the root's signature over that CA must
 * not vouch for it. */
static void issuing_authority_is_no_root(void **state)
{
    static const struct paper usurper = {50,   50,    "Device CA", "Device CA", "critical,CA:TRUE",
                                         NULL, false, 0,           false,       false};
    struct anchored a;
    anchored_init(&a, *state);
    GIVE(&a, true, &usurper, &issuing);
    assert_int_equal(look(&a).added, 0);
    assert_false(trusts(&a, &usurper));
    anchored_clear(&a);
}

/* A company's root has another name: it follows none of the device's, and stops no change of these. */
static void a_root_of_another_name_is_left_aside(void **state)
{
    static const struct paper company = {60,   60,    "Company", "Company", "critical,CA:TRUE",
                                         NULL, false, 0,         false,     false};
    static const struct paper vouched = {60,   41,    "Company", "Root", "critical,CA:TRUE",
                                         NULL, false, 0,         false,  false};
    struct anchored a;
    anchored_init(&a, *state);
    GIVE(&a, true, &company, &issuing);
    struct whorl_anchor_news news = look(&a);
    assert_int_equal(news.result, WHORL_OK);
    assert_int_equal(news.refused + news.added, 0);
    assert_false(trusts(&a, &company));
    (void)look(&a);
    assert_int_equal(a.b->server.fetched, 1); /* that set is known */
    GIVE(&a, true, &company, &new_root, &new_with_old);
    assert_int_equal(look(&a).added, 1);
    assert_true(trusts(&a, &new_root));
    assert_false(trusts(&a, &company));
    GIVE(&a, false, &company); /* alone it is nothing to go by */
    news = look(&a);
    assert_int_equal(news.result, WHORL_ERROR_ANSWER);
    assert_true(trusts(&a, &old_root) && trusts(&a, &new_root));
    GIVE(&a, true, &company, &vouched); /* the root itself wants it to be trusted */
    assert_int_equal(look(&a).added, 1);
    assert_true(trusts(&a, &company));
    anchored_clear(&a);
}

static void old_root_goes_when_the_server_left_it(void **state)
{
    struct anchored a;
    anchored_init(&a, *state);
    GIVE(&a, true, &new_root, &new_with_old);
    assert_int_equal(look(&a).trusted, 2);
    a.standing.root = &a.firmware;
    GIVE(&a, false, &newest_root, &newest_with_new, &issuing); /* the old one is gone from the set */
    struct whorl_anchor_news news = look(&a);
    assert_int_equal(news.result, WHORL_OK);
    assert_true(trusts(&a, &old_root)); /* … but the server's own certificate stands on it */
    assert_true(trusts(&a, &newest_root));
    a.standing.root = NULL;
    GIVE(&a, false, &issuing, &stranger); /* all that were trusted are gone, and no one vouches */
    news = look(&a);
    assert_int_equal(news.refused, 1);
    assert_true(trusts(&a, &old_root));
    anchored_clear(&a);
}

/* A device that slept through two changes of the root. */
static void chain_of_changes(void **state)
{
    struct anchored a;
    anchored_init(&a, *state);
    GIVE(&a, false, &newest_root, &newest_with_new, &new_with_old);
    struct whorl_anchor_news news = look(&a);
    assert_int_equal(news.result, WHORL_OK);
    assert_int_equal(news.added, 1);
    assert_int_equal(news.dropped, 1);
    assert_true(trusts(&a, &newest_root));
    assert_false(trusts(&a, &old_root));
    GIVE(&a, false, &newest_root, &newest_with_new);
    news = look(&a); /* another certificate over the key of that root, which vouches for itself */
    assert_int_equal(news.added, 1);
    assert_int_equal(news.dropped, 1);
    GIVE(&a, false, &newest_root, &new_root,
         &new_with_old); /* the way back is closed: the old root is gone */
    assert_int_equal(look(&a).refused, 1);
    anchored_clear(&a);
}

static void power_cut_leaves_one_set_or_the_other(void **state)
{
    struct anchored a;
    struct whorl_run run;
    anchored_init(&a, *state);
    (void)look(&a);
    GIVE(&a, true, &new_root, &new_with_old);
    a.b->storage.changes_left = 0;
    (void)whorl_device_run(&a.b->device, &run);
    assert_int_equal(run.anchors.result, WHORL_ERROR_STORAGE);
    assert_false(trusts(&a, &new_root)); /* not in force before it is stored */
    a.b->storage.changes_left = SIM_NEVER;
    restart(&a);
    assert_true(trusts(&a, &old_root));
    assert_int_equal(look(&a).added, 1);
    anchored_clear(&a);
}

/* The bytes are those that the digest names, and a set. */
static void other_bytes_are_refused(void **state)
{
    struct anchored a;
    anchored_init(&a, *state);
    GIVE(&a, true, &new_root, &new_with_old);
    a.b->server.anchors_sha256[7] ^= 1;
    assert_int_equal(look(&a).result, WHORL_ERROR_ANSWER);
    assert_int_equal(look(&a).trusted, 0);
    for (size_t size = 1; size < a.b->server.cacerts.size; size += 37) {
        struct whorl_bytes whole = a.b->server.cacerts;
        a.b->server.cacerts.size = size;
        assert_int_equal(whorl_sha256(&host_crypto, a.b->server.cacerts, a.b->server.anchors_sha256),
                         WHORL_OK);
        assert_int_equal(look(&a).result, WHORL_ERROR_ANSWER);
        a.b->server.cacerts = whole;
    }
    assert_int_equal(a.standing.used, 0);
    anchored_clear(&a);
}

static void too_many_roots_are_refused(void **state)
{
    static const struct paper more[] = {
        {61, 41, "R1", "Root", "critical,CA:TRUE", NULL, false, 0, false, false},
        {61, 61, "R1", "R1", "critical,CA:TRUE", NULL, false, 0, false, false},
        {62, 41, "R2", "Root", "critical,CA:TRUE", NULL, false, 0, false, false},
        {62, 62, "R2", "R2", "critical,CA:TRUE", NULL, false, 0, false, false},
        {63, 41, "R3", "Root", "critical,CA:TRUE", NULL, false, 0, false, false},
        {63, 63, "R3", "R3", "critical,CA:TRUE", NULL, false, 0, false, false},
        {64, 41, "R4", "Root", "critical,CA:TRUE", NULL, false, 0, false, false},
        {64, 64, "R4", "R4", "critical,CA:TRUE", NULL, false, 0, false, false}};
    struct anchored a;
    anchored_init(&a, *state);
    GIVE(&a, true, &more[0], &more[1], &more[2], &more[3], &more[4], &more[5], &more[6], &more[7]);
    assert_int_equal(look(&a).result, WHORL_ERROR_SPACE);
    assert_true(trusts(&a, &old_root));
    GIVE(&a, true, &more[0], &more[1], &more[2], &more[3], &more[4], &more[5]);
    assert_int_equal(look(&a).trusted, 4);
    anchored_clear(&a);
}

/* A record of another server's roots, or a damaged one, changes nothing. */
static void foreign_record_is_left_alone(void **state)
{
    struct anchored a;
    anchored_init(&a, *state);
    GIVE(&a, true, &new_root, &new_with_old);
    assert_int_equal(look(&a).trusted, 2);
    a.b->storage.record[WHORL_RECORD_ANCHORS][1] ^= 1;
    restart(&a);
    assert_false(trusts(&a, &new_root));
    assert_true(trusts(&a, &old_root));
    a.b->storage.size[WHORL_RECORD_ANCHORS] -= 1;
    restart(&a);
    assert_true(trusts(&a, &old_root));
    anchored_clear(&a);
}

/* The proof of a challenge names the new root once it is trusted. */
static void challenge_names_a_trusted_root(void **state)
{
    struct anchored a;
    struct whorl_status status;
    struct whorl_bytes root = der_of(&new_root);
    anchored_init(&a, *state);
    server_id_of(root, a.b->server.server_id);
    free_der(root);
    assert_int_equal(whorl_device_status_by_challenge(&a.b->device, &status), WHORL_ERROR_ANSWER);
    GIVE(&a, true, &new_root, &new_with_old);
    assert_int_equal(look(&a).trusted, 2);
    assert_int_equal(whorl_device_status_by_challenge(&a.b->device, &status), WHORL_OK);
    anchored_clear(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LIFE(same_set_is_fetched_once),
        LIFE(new_root_needs_the_old_ones_word),
        LIFE(no_word_of_the_old_root),
        LIFE(issuing_authority_is_no_root),
        LIFE(old_root_goes_when_the_server_left_it),
        LIFE(chain_of_changes),
        LIFE(power_cut_leaves_one_set_or_the_other),
        LIFE(a_root_of_another_name_is_left_aside),
        LIFE(other_bytes_are_refused),
        LIFE(too_many_roots_are_refused),
        LIFE(foreign_record_is_left_alone),
        LIFE(challenge_names_a_trusted_root),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
