/* certProfile of a request: it has to be the certificate profile that the device's product uses. */
#include "tests/unit/fleet/cmp_talk.h"
#include "tests/unit/fleet/profile_scene.h"

/* OpenSSL knows this kind by its own type from 3.3 on, and takes no other for it. */
static OSSL_CMP_ITAV *info_of(const char *profile)
{
#if OPENSSL_VERSION_NUMBER >= 0x30300000L
    STACK_OF(ASN1_UTF8STRING) *names = sk_ASN1_UTF8STRING_new_null();
    ASN1_UTF8STRING *name = ASN1_UTF8STRING_new();
    assert_int_equal(ASN1_STRING_set(name, profile, (int)strlen(profile)), 1);
    assert_true(sk_ASN1_UTF8STRING_push(names, name) > 0);
    return OSSL_CMP_ITAV_new0_certProfile(names);
#else
    uint8_t der[128] = {0x30, 0, 0x0c}; /* SEQUENCE OF UTF8String with one */
    size_t n = strlen(profile);
    assert_true(n <= 100);
    der[1] = (uint8_t)(n + 2);
    der[3] = (uint8_t)n;
    memcpy(der + 4, profile, n);
    const unsigned char *p = der;
    return OSSL_CMP_ITAV_create(OBJ_txt2obj("1.3.6.1.5.5.7.4.21", 1), d2i_ASN1_TYPE(NULL, &p, (long)(n + 4)));
#endif
}

static void ask_for(struct talk *talk, const char *profile)
{
    OSSL_CMP_ITAV *info = info_of(profile);
    assert_non_null(info);
    assert_int_equal(OSSL_CMP_CTX_reinit(talk->client.context), 1);
    assert_int_equal(OSSL_CMP_CTX_reset_geninfo_ITAVs(talk->client.context), 1);
    assert_int_equal(OSSL_CMP_CTX_push0_geninfo_ITAV(talk->client.context, info), 1);
}

static int64_t certificates(struct scene *scene)
{
    return scene_number(scene, "SELECT COUNT(*) FROM certificate");
}

static void assert_told(struct talk *talk, const char *profile)
{
    char text[160];
    const OSSL_CMP_PKIFREETEXT *told = OSSL_CMP_CTX_get0_statusString(talk->client.context);
    assert_cmp_failure(&talk->client, CMP_FAILURE_BAD_REQUEST);
    assert_true(sk_ASN1_UTF8STRING_num(told) > 0);
    const ASN1_STRING *first = sk_ASN1_UTF8STRING_value(told, 0);
    (void)snprintf(text, sizeof text, "%.*s", ASN1_STRING_length(first),
                   (const char *)ASN1_STRING_get0_data(first));
    assert_non_null(strstr(text, profile));
}

static void begin(struct talk *talk, struct scene *scene)
{
    talk_init(talk, scene);
    scene_register(scene, 0, &talk->unit.id);
}

static void the_one_of_the_product(void **state)
{
    static const char *const OTHERS[] = {"idevid", "ldevid2", "ldevi", "LDevID", "", " ldevid", "no such"};
    struct scene *scene = *state;
    AUTO_VAL(talk) talk = {0};
    begin(&talk, scene);
    for (size_t i = 0; i < sizeof OTHERS / sizeof OTHERS[0]; i++) {
        ask_for(&talk, OTHERS[i]);
        assert_null(ir(&talk));
        assert_told(&talk, "ldevid");
    }
    assert_int_equal(certificates(scene), 0);
    ask_for(&talk, "ldevid"); /* what a product has that names none */
    X509 *got = ir(&talk);
    assert_non_null(got);
    talk_go_on(&talk, got);
    cmp_client_new_key(&talk.client);
    assert_int_equal(OSSL_CMP_CTX_set1_oldCert(talk.client.context, talk.client.certificate), 1);
    ask_for(&talk, "idevid");
    assert_null(OSSL_CMP_exec_certreq(talk.client.context, OSSL_CMP_KUR, NULL));
    assert_told(&talk, "ldevid");
    assert_int_equal(certificates(scene), 1);
    make_profile(scene, "{\"name\":\"field\"}");
    assert_ok(use_profile(scene, "field", false));
    ask_for(&talk, "field");
    assert_non_null(OSSL_CMP_exec_certreq(talk.client.context, OSSL_CMP_KUR, NULL));
    assert_int_equal(
        scene_number(scene, "SELECT COUNT(*) FROM certificate WHERE profile = 'field' AND state = 1"), 1);
}

/* What was lost is given again by the profile that it has, and as no other. */
static void a_certificate_again(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(talk) talk = {0};
    begin(&talk, scene);
    assert_int_equal(OSSL_CMP_CTX_set_option(talk.client.context, OSSL_CMP_OPT_DISABLE_CONFIRM, 1), 1);
    ask_for(&talk, "ldevid");
    assert_non_null(ir(&talk));
    make_profile(scene, "{\"name\":\"field\"}");
    assert_ok(use_profile(scene, "field", false));
    ask_for(&talk, "field");
    assert_null(ir(&talk));
    assert_told(&talk, "ldevid");
    ask_for(&talk, "ldevid");
    assert_non_null(ir(&talk));
    assert_int_equal(certificates(scene), 1);
}

/* Who is not admitted does not learn which profile there is. */
static void a_stranger(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(talk) talk = {0};
    talk_init(&talk, scene);
    ask_for(&talk, "idevid");
    assert_null(ir(&talk));
    assert_cmp_failure(&talk.client, CMP_FAILURE_NOT_AUTHORIZED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene_test(the_one_of_the_product),
        scene_test(a_certificate_again),
        scene_test(a_stranger),
    };
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
