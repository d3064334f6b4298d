/* Who signs CMP answers when its certificate cannot be renewed: the present signer, as long as it is good. */
#include "tests/unit/fleet/authority_scene.h"
#include "tests/unit/fleet/cmp_talk.h"

#include "fleet/cmp_internal.h"
#include "pki/openssl.h"

static const int64_t WEEK_MS = 7 * 86400000LL;
static const int64_t SECOND_MS = 1000;

/* The infrastructure authority with a key that is out of reach at times: signatures that do not hold under
 * the public half are those of a token that fails. */
struct lame {
    struct scene *scene;
    struct authority *authority, *former;
    struct private_key *key; /* of the authority */
    EVP_PKEY *other;
};

static void lame_init(struct lame *this, struct scene *scene)
{
    *this =
        (struct lame){.scene = scene, .former = scene->house.infrastructure, .other = EVP_EC_gen("P-256")};
    assert_non_null(this->other);
    assert_ok(keystore_load(scene->house.keystore, "ca-infrastructure", &this->key));
    assert_ok(authority_load("infrastructure", AUTHORITY_INFRASTRUCTURE, authority_borrow_der(this->former),
                             this->key, &this->authority));
    scene_stop(scene);
    scene->house.infrastructure = this->authority;
    scene_start(scene);
}

static void lame_away(struct lame *this, bool is_away)
{
    this->key->proof = is_away ? this->other : NULL;
}

static void lame_clear(struct lame *this)
{
    lame_away(this, false);
    scene_stop(this->scene);
    this->scene->house.infrastructure = this->former;
    scene_start(this->scene);
    authority_free(this->authority);
    EVP_PKEY_free(this->other);
}
DEFINE_AUTO_VAL(lame, lame_clear);

static err_t look(struct scene *scene, struct cmp_ground **out)
{
    return cmp_ground_take(scene->fleet, scene->clock.at_ms, out);
}

/** How often a certificate was made; asked for while there is a signer. */
static int64_t made(struct scene *scene)
{
    AUTO_PTR(cmp_ground) *ground = NULL;
    assert_ok(look(scene, &ground));
    return scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'cmp.signer_certified'");
}

/** From now on a renewal would succeed: how long until it does, to the second. */
static int64_t waits_s(struct scene *scene, int64_t before)
{
    int64_t seconds = 0;
    for (; made(scene) == before && seconds < 1000; seconds++) {
        manual_clock_advance(&scene->clock, SECOND_MS);
    }
    return seconds;
}

static void it_goes_on_at_half_of_its_life(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(lame) lame = {0};
    AUTO_VAL(talk) talk = {0};
    lame_init(&lame, scene);
    assert_int_equal(made(scene), 1);
    lame_away(&lame, true);
    manual_clock_advance(&scene->clock, WEEK_MS / 2 + DAY_MS);
    talk_init(&talk, scene);
    scene_register(scene, 0, &talk.unit.id);
    assert_non_null(ir(&talk)); /* the devices' authority has its key */
    assert_int_equal(made(scene), 1);
    lame_away(&lame, false);
    assert_int_equal(waits_s(scene, 1), 5);
    assert_int_equal(made(scene), 2);
}

static void it_tries_ever_more_seldom(void **state)
{
    static const int64_t WAITS[] = {5, 10, 20, 40, 80, 160, 300, 300, 300};
    struct scene *scene = *state;
    AUTO_VAL(lame) lame = {0};
    lame_init(&lame, scene);
    for (int round = 1; round <= 2; round++) { /* a success begins anew */
        assert_int_equal(made(scene), round);
        lame_away(&lame, true);
        manual_clock_advance(&scene->clock, WEEK_MS / 2 + DAY_MS);
        assert_int_equal(made(scene), round);
        for (size_t i = 0; i + 1 < sizeof WAITS / sizeof WAITS[0]; i++) {
            lame_away(&lame, false); /* a moment before it is tried */
            manual_clock_advance(&scene->clock, WAITS[i] * SECOND_MS - 1);
            assert_int_equal(made(scene), round);
            lame_away(&lame, true);
            manual_clock_advance(&scene->clock, 1);
            assert_int_equal(made(scene), round);
        }
        lame_away(&lame, false);
        assert_int_equal(waits_s(scene, round), 300);
    }
}

static void none_or_one_that_has_ended_is_unavailable(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(lame) lame = {0};
    AUTO_PTR(cmp_ground) *ground = NULL;
    lame_init(&lame, scene);
    lame_away(&lame, true);
    assert_int_equal(look(scene, &ground).code, ERR_UNAVAILABLE);
    lame_away(&lame, false);
    assert_int_equal(made(scene), 1); /* nobody waits for anything: there was no signer */
    assert_ok(look(scene, &ground));
    int64_t end_ms = cmp_signer_facts(ground->signer)->not_after_ms;
    cmp_ground_unref(TAKE(ground));
    lame_away(&lame, true);
    manual_clock_advance(&scene->clock, end_ms - scene->clock.at_ms - 1);
    assert_int_equal(made(scene), 1);
    manual_clock_advance(&scene->clock, 1);
    assert_int_equal(look(scene, &ground).code, ERR_UNAVAILABLE);
    lame_away(&lame, false);
    assert_int_equal(made(scene), 2); /* at once, whatever was to be waited for */
}

/* Authorities change meanwhile: what they say holds at once, and the signer stays until its own authority is
 * not believed any more. */
static void authorities_change_meanwhile(void **state)
{
    struct scene *scene = *state;
    struct authority_scene authorities;
    AUTO_VAL(lame) lame = {0};
    AUTO_PTR(cmp_ground) *first = NULL;
    AUTO_PTR(cmp_ground) *next = NULL;
    AUTO_PTR(cmp_ground) *none = NULL;
    const struct authority_order asked = {
        .verb = AUTHORITY_CREATE, .role = "device", .authority = "spare", .issuer = "root"};
    lame_init(&lame, scene);
    authority_scene_init(&authorities, scene, false);
    assert_ok(look(scene, &first));
    lame_away(&lame, true);
    assert_ok(order_authority(scene, &asked, NULL));
    assert_ok(look(scene, &next));
    assert_true(next->version > first->version);
    assert_true(next->trust != first->trust && next->signer == first->signer);
    assert_true(next->is_stopgap);
    lame_away(&lame, false);
    assert_int_equal(waits_s(scene, 1), 5); /* its extraCerts are of the authorities before */
    lame_away(&lame, true);
    authorities.keys->is_away = true; /* no successor either */
    assert_ok(order_of(scene, AUTHORITY_COMPROMISE, "infrastructure"));
    assert_int_equal(look(scene, &none).code, ERR_UNAVAILABLE);
    authority_scene_clear(&authorities);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene_test(it_goes_on_at_half_of_its_life),
        scene_test(it_tries_ever_more_seldom),
        scene_test(none_or_one_that_has_ended_is_unavailable),
        scene_test(authorities_change_meanwhile),
    };
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
