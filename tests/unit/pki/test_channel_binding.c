/* Channel bindings: both ends see the same value, other connections another one, and there is none where it
 * would prove nothing. */
#include "tests/unit/pki/tls_fixture.h"

static struct test_house house;
static struct peer_trust *trust;
static struct tls_server server;

static int make_house(void **state)
{
    (void)state;
    test_house_init(&house, KEY_ALG_P256);
    const struct authority *const authorities[] = {house.device};
    assert_ok(peer_trust_new(authorities, 1, &policy_strict, &trust));
    tls_server_init(&server, &house, trust);
    return 0;
}

static int end_house(void **state)
{
    (void)state;
    tls_server_clear(&server);
    peer_trust_free(trust);
    test_house_clear(&house);
    return 0;
}

static void test_exporter_on_1_3(void **state)
{
    struct channel_binding bindings[2];
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct tls_pair pair;
        struct channel_binding client;
        uint8_t without_context[32];
        assert_true(tls_pair_init(&pair, &server, NULL, NULL, TLS1_3_VERSION));
        channel_binding_read(pair.server, &bindings[i]);
        channel_binding_read(pair.client, &client);
        assert_true(bindings[i].has_exporter);
        assert_int_equal(bindings[i].unique_size, 0);
        assert_memory_equal(bindings[i].exporter, client.exporter, sizeof client.exporter);
        /* RFC 9266 §2 by hand; on 1.3 no context and an empty one are the same (RFC 8446 §7.5) */
        assert_int_equal(SSL_export_keying_material(pair.client, without_context, 32,
                                                    "EXPORTER-Channel-Binding", 24, NULL, 0, 0),
                         1);
        assert_memory_equal(bindings[i].exporter, without_context, 32);
        tls_pair_clear(&pair);
    }
    assert_memory_not_equal(bindings[0].exporter, bindings[1].exporter, 32);
}

static void test_unique_on_1_2(void **state)
{
    struct tls_pair pair;
    struct channel_binding ours;
    struct channel_binding client;
    uint8_t finished[64];
    (void)state;
    assert_true(tls_pair_init(&pair, &server, NULL, NULL, TLS1_2_VERSION));
    channel_binding_read(pair.server, &ours);
    channel_binding_read(pair.client, &client);
    assert_int_equal(ours.unique_size, 12);
    assert_int_equal(client.unique_size, 12);
    assert_memory_equal(ours.unique, client.unique, 12);
    /* the client's Finished, the first of a full handshake (RFC 5929 §3.1) */
    assert_int_equal(SSL_get_finished(pair.client, finished, sizeof finished), 12);
    assert_memory_equal(ours.unique, finished, 12);
    assert_true(ours.has_exporter);
    assert_memory_equal(ours.exporter, client.exporter, 32);
    tls_pair_clear(&pair);
}

static void test_none_on_a_resumed_session(void **state)
{
    struct tls_pair pair;
    struct channel_binding binding;
    (void)state;
    assert_true(tls_pair_init(&pair, &server, NULL, NULL, TLS1_2_VERSION));
    SSL_SESSION *session = tls_pair_session(&pair);
    tls_pair_clear(&pair);
    assert_true(tls_pair_resume(&pair, &server, session, TLS1_2_VERSION));
    assert_int_equal(SSL_session_reused(pair.server), 1);
    channel_binding_read(pair.server, &binding);
    assert_int_equal(binding.unique_size, 0);
    tls_pair_clear(&pair);
    SSL_SESSION_free(session);
}

static void test_none_without_extended_master_secret(void **state)
{
    struct tls_pair pair;
    struct channel_binding binding;
    (void)state;
    server.client_options = SSL_OP_NO_EXTENDED_MASTER_SECRET;
    assert_true(tls_pair_init(&pair, &server, NULL, NULL, TLS1_2_VERSION));
    channel_binding_read(pair.server, &binding);
    assert_int_equal(binding.unique_size, 0);
    assert_false(binding.has_exporter);
    tls_pair_clear(&pair);
    server.client_options = 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exporter_on_1_3),
        cmocka_unit_test(test_unique_on_1_2),
        cmocka_unit_test(test_none_on_a_resumed_session),
        cmocka_unit_test(test_none_without_extended_master_secret),
    };
    return cmocka_run_group_tests(tests, make_house, end_house);
}
