/* Tests of channel binding (RFC 7030 §3.5, RFC 9266): challengePassword against both values, and the product
 * that asks for it; the size of RSA identities, which is the product's word too. */
#include "tests/unit/fleet/scene.h"

#include "fleet/request_wishes.h"

struct binding_case {
    const char *challenge;
    bool has_exporter;
    size_t unique_size;
    const char *policy_sql;
    err_code expected;
};
/* base64 of 32 bytes 0x11 (exporter) and of 12 bytes 0x22 (tls-unique) */
#define EXPORTER_TEXT "ERERERERERERERERERERERERERERERERERERERERERE="
#define UNIQUE_TEXT   "IiIiIiIiIiIiIiIi"
static const struct binding_case BINDINGS[] = {
    {EXPORTER_TEXT, true, 0, NULL, ERR_OK},
    {UNIQUE_TEXT, false, 12, NULL, ERR_OK},
    {EXPORTER_TEXT, false, 12, NULL, ERR_BAD_CSR},
    {UNIQUE_TEXT, true, 0, NULL, ERR_BAD_CSR},
    {"a password", true, 12, NULL, ERR_BAD_CSR},
    {NULL, true, 0, "UPDATE product SET require_channel_binding = 1, ver = ver + 1", ERR_BAD_CSR},
    {EXPORTER_TEXT, true, 0, NULL, ERR_OK},
};

static void bind_one(struct scene *scene, const struct binding_case *one)
{
    AUTO_VAL(unit) unit;
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(enrolment) out = {0};
    struct channel_binding binding = {.has_exporter = one->has_exporter, .unique_size = one->unique_size};
    memset(binding.exporter, 0x11, sizeof binding.exporter);
    memset(binding.unique, 0x22, sizeof binding.unique);
    if (one->policy_sql != NULL) {
        scene_change(scene, one->policy_sql);
    }
    unit_init(&unit);
    scene_register(scene, 0, &unit.id);
    AUTO_PTR(csr) *csr = make_request(&(struct request_spec){.key = key, .challenge = one->challenge});
    struct peer_identity peer;
    struct contact contact;
    peer_of_identity(&unit, &peer);
    struct contact_facts facts = facts_of(&peer);
    assert_ok(contact_resolve(scene->fleet, &facts, &contact));
    struct enrol_order order = {.contact = &contact,
                                .facts = &facts,
                                .csr = csr,
                                .binding = &binding,
                                .actor = {.name = "device:test", .request_id = ""}};
    assert_int_equal(enrol(scene->fleet, &order, &out).code, one->expected);
    peer_identity_clear(&peer);
}

static void test_channel_binding(void **state)
{
    for (size_t i = 0; i < sizeof BINDINGS / sizeof BINDINGS[0]; i++) {
        bind_one(*state, &BINDINGS[i]);
    }
    struct scene *scene = *state;
    AUTO_VAL(request_wishes) wishes = {0};
    const struct wishes_question question = {.label = "", .address = "", .request_id = ""};
    assert_ok(request_wishes_find(scene->fleet, &question, &wishes));
    assert_true(wishes.wants_channel_binding);
}

static err_t enrol_by_rsa_2048(struct scene *scene)
{
    AUTO_VAL(unit) unit = {.identity = EVP_RSA_gen(2048)};
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(enrolment) out = {0};
    AUTO_PTR(csr) *csr = make_request(&(struct request_spec){.key = key});
    struct sha256 hash;
    struct peer_identity peer;
    spki_of(unit.identity, &unit.spki);
    assert_ok(sha256_of(buf_view(&unit.spki), &hash));
    memcpy(unit.id.b, hash.b, sizeof unit.id.b);
    scene_register(scene, 0, &unit.id);
    peer_of_identity(&unit, &peer);
    peer.certificate.key.alg = KEY_ALG_RSA;
    peer.certificate.key.bits = 2048;
    struct contact_facts facts = facts_of(&peer);
    err_t result = enrol_with(scene, &facts, csr, 0, &out);
    peer_identity_clear(&peer);
    return result;
}

/* TLS lets an RSA-2048 identity in before the product is known; the product has the last word (§0.4). */
static void test_an_identity_of_rsa_2048_needs_the_product(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(enrol_by_rsa_2048(scene).code, ERR_DEVICE_REFUSED);
    assert_int_equal(scene_number(scene, "SELECT count(*) FROM certificate"), 0);
    scene_change(scene, "UPDATE product SET allow_rsa_2048 = 1, ver = ver + 1");
    assert_ok(enrol_by_rsa_2048(scene));
}

int main(void)
{
    const struct CMUnitTest tests[] = {scene_test(test_channel_binding),
                                       scene_test(test_an_identity_of_rsa_2048_needs_the_product)};
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
