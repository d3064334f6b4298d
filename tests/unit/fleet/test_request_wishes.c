/* What EST and CMP tell of the next request: by the asker's own product, and to strangers what the tenant's
 * default one says. */
#include "tests/unit/fleet/cmp_talk.h"

#include "fleet/request_wishes.h"

static const char ONLY_P384[] =
    "UPDATE product SET key_algorithms = 2 WHERE tenant = (SELECT tenant FROM device)";

static void ask(struct scene *scene, const struct peer_identity *peer, struct request_wishes *out)
{
    const struct wishes_question question = {
        .peer = peer, .label = scene->tenants[0].name, .address = "192.0.2.7", .request_id = "r-1"};
    request_wishes_clear(out);
    *out = (struct request_wishes){.key = KEY_ALG_NONE};
    assert_ok(request_wishes_find(scene->fleet, &question, out));
}

static void test_strangers_are_told_the_default(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(request_wishes) wishes = {0};
    AUTO_VAL(unit) unit;
    AUTO_VAL(peer_identity) peer = {0};
    ask(scene, NULL, &wishes);
    assert_int_equal(wishes.key, KEY_ALG_P256);
    assert_false(wishes.is_of_device);
    assert_int_equal(wishes.san_forms, SAN_NI_URI);
    unit_init(&unit);
    peer_of_identity(&unit, &peer);
    ask(scene, &peer, &wishes); /* nobody knows this key */
    assert_false(wishes.is_of_device);
    const struct wishes_question nobody = {.label = "nobody", .address = "192.0.2.7", .request_id = "r-1"};
    assert_error(request_wishes_find(scene->fleet, &nobody, &wishes), ERR_NOT_FOUND, "");
}

static void test_a_device_is_told_what_its_product_takes(void **state)
{
    static const struct {
        int taken;
        enum key_alg key;
    } cases[] = {{15, KEY_ALG_P256}, {14, KEY_ALG_P384}, {12, KEY_ALG_ED25519}, {8, KEY_ALG_RSA}};
    struct scene *scene = *state;
    AUTO_VAL(request_wishes) wishes = {0};
    AUTO_VAL(unit) unit;
    AUTO_VAL(peer_identity) peer = {0};
    unit_init(&unit);
    scene_register(scene, 1, &unit.id);
    peer_of_identity(&unit, &peer);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char sql[160];
        (void)snprintf(
            sql, sizeof sql,
            "UPDATE product SET key_algorithms = %d, require_channel_binding = TRUE WHERE tenant = (SELECT "
            "tenant FROM device)",
            cases[i].taken);
        scene_change(scene, sql);
        const struct wishes_question question = {
            .peer = &peer, .label = "", .address = "192.0.2.7", .request_id = "r-1"};
        request_wishes_clear(&wishes);
        wishes = (struct request_wishes){.key = KEY_ALG_NONE};
        assert_ok(request_wishes_find(scene->fleet, &question, &wishes));
        assert_true(wishes.is_of_device && wishes.wants_channel_binding);
        assert_int_equal(wishes.key, cases[i].key);
        assert_int_equal(wishes.rsa_bits, 3072);
        assert_int_equal(wishes.subject.n, 0);
    }
    ask(scene, NULL, &wishes);
    assert_int_equal(wishes.key, KEY_ALG_P256); /* the other tenant's is as it was */
}

static void test_a_profile_is_told(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(request_wishes) wishes = {0};
    AUTO_VAL(unit) unit;
    AUTO_VAL(peer_identity) peer = {0};
    unit_init(&unit);
    scene_register(scene, 0, &unit.id);
    peer_of_identity(&unit, &peer);
    scene_change(scene, "UPDATE product SET profile = 'idevid', identity_key_certificates = TRUE");
    ask(scene, &peer, &wishes);
    assert_true(wishes.is_of_device && wishes.wants_serial_number);
    assert_int_equal(wishes.san_forms, SAN_HARDWARE_MODULE);
    assert_true(wishes.hw_type.n > 0);
}

/* Under a certificate: its own names, which the next request has to have. Asking is no first use. */
static void test_a_certificate_in_force_is_repeated(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(request_wishes) wishes = {0};
    AUTO_VAL(unit) unit;
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(enrolment) first = {0};
    AUTO_VAL(peer_identity) peer = {0};
    unit_init(&unit);
    scene_register(scene, 0, &unit.id);
    assert_ok(enrol_by_identity(scene, &unit, key, 0, &first));
    peer_of_certificate(buf_view(&first.certificate.der), &peer);
    ask(scene, &peer, &wishes);
    assert_true(wishes.is_of_device);
    assert_true(bytes_equal(wishes.subject, buf_view(&peer.certificate.subject)));
    assert_true(bytes_equal(wishes.san, buf_view(&peer.certificate.san)));
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM certificate WHERE first_used_at IS NOT NULL"),
                     0);
    scene_change(scene, "UPDATE product SET profile = 'idevid', key_algorithms = 2");
    ask(scene, &peer, &wishes); /* which keeps its key for life */
    assert_int_equal(wishes.key, KEY_ALG_P256);
    scene_change(scene,
                 "UPDATE certificate SET state = 3, revoked_at = 1780272000000, revocation_reason = 1");
    ask(scene, &peer, &wishes);
    assert_int_equal(wishes.subject.n, 0);
}

/* --- by CMP ------------------------------------------------------------------------------------------ */

static bool told(struct talk *talk, const char *oid)
{
    AUTO_VAL(buf) der = {0};
    ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
    unsigned char *encoded = NULL;
    int size = i2d_ASN1_OBJECT(object, &encoded);
    bytes_of_i2d(size, encoded, &der);
    ASN1_OBJECT_free(object);
    return memmem(talk->client.got.p, talk->client.got.n, der.p, der.n) != NULL;
}

/** @return whether the client took the answer */
static bool ask_by_cmp(struct talk *talk)
{
    OSSL_CMP_CTX *context = talk->client.context;
    OSSL_CMP_ITAV *question = OSSL_CMP_ITAV_create(OBJ_txt2obj("1.3.6.1.5.5.7.4.19", 1), NULL);
    assert_int_equal(OSSL_CMP_CTX_reinit(context), 1);
    assert_int_equal(OSSL_CMP_CTX_push0_genm_ITAV(context, question), 1);
    STACK_OF(OSSL_CMP_ITAV) *answers = OSSL_CMP_exec_GENM_ses(context);
    bool is_answered = sk_OSSL_CMP_ITAV_num(answers) == 1;
    sk_OSSL_CMP_ITAV_pop_free(answers, OSSL_CMP_ITAV_free);
    ERR_clear_error();
    return is_answered;
}

static void spoil_signature(struct cmp_client *client, struct buf *der)
{
    struct cmp_header header;
    cmp_read(buf_view(der), &header);
    der->p[(size_t)(header.protection.p - der->p) + header.protection.n - 1] ^= 1;
    (void)client;
}

#define P256 "1.2.840.10045.3.1.7"
#define P384 "1.3.132.0.34"
#define CTRL "1.3.6.1.5.5.7.5.1.11"

/* Its signature says who asks; one that does not hold says nothing, and gets what strangers get. */
static void test_by_a_signed_message(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(talk) talk = {0};
    talk_init(&talk, scene);
    scene_register(scene, 1, &talk.unit.id);
    scene_change(scene, ONLY_P384);
    assert_true(ask_by_cmp(&talk));
    assert_true(told(&talk, CTRL) && told(&talk, P384));
    talk.client.spoil = spoil_signature;
    assert_true(ask_by_cmp(&talk));
    assert_true(told(&talk, CTRL) && !told(&talk, P384));
    talk.client.spoil = NULL;
    assert_int_equal(OSSL_CMP_CTX_set_option(talk.client.context, OSSL_CMP_OPT_UNPROTECTED_SEND, 1), 1);
    assert_true(ask_by_cmp(&talk));
    assert_true(told(&talk, CTRL) && !told(&talk, P384));
}

/* A question without protection is the TLS client's, when there is one. */
static void test_by_the_connection(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(talk) talk = {0};
    AUTO_VAL(peer_identity) peer = {0};
    talk_init(&talk, scene);
    scene_register(scene, 1, &talk.unit.id);
    scene_change(scene, ONLY_P384);
    assert_int_equal(OSSL_CMP_CTX_set_option(talk.client.context, OSSL_CMP_OPT_UNPROTECTED_SEND, 1), 1);
    assert_true(ask_by_cmp(&talk));
    assert_false(told(&talk, P384));
    peer_of_identity(&talk.unit, &peer);
    const struct cmp_question question = {.message = buf_view(&talk.last),
                                          .peer = &peer,
                                          .label = "",
                                          .address = "192.0.2.7",
                                          .request_id = "r-1"};
    buf_clear(&talk.client.got);
    assert_ok(cmp_answer(scene->fleet, &question, &talk.client.got));
    assert_true(told(&talk, CTRL) && told(&talk, P384));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene_test(test_strangers_are_told_the_default),
        scene_test(test_a_device_is_told_what_its_product_takes),
        scene_test(test_a_profile_is_told),
        scene_test(test_a_certificate_in_force_is_repeated),
        scene_test(test_by_a_signed_message),
        scene_test(test_by_the_connection),
    };
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
