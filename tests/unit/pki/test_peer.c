/* Peers in real handshakes over memory: who is let in, as what, and who is not. */
#include "tests/unit/pki/tls_fixture.h"

static struct test_house house;
static struct peer_trust *trust;
static struct tls_server server;

static const int64_t now_ms = 1775000000000; /* 2026-03-31 */

static int make_house(void **state)
{
    (void)state;
    test_house_init(&house, KEY_ALG_P256);
    const struct authority *const authorities[] = {house.device};
    assert_ok(peer_trust_new(authorities, 1, &policy_rsa, &trust));
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

static void test_no_certificate(void **state)
{
    AUTO_VAL(peer_identity) peer = {0};
    struct tls_pair pair;
    (void)state;
    assert_true(tls_pair_init(&pair, &server, NULL, NULL, TLS1_3_VERSION));
    assert_ok(peer_identity_read(pair.server, trust, now_ms, &peer));
    assert_int_equal(peer.kind, PEER_NONE);
    assert_int_equal(peer.der.n, 0);
    tls_pair_clear(&pair);
}

static void test_self_signed(void **state)
{
    static const struct {
        const char *type, *digest;
        enum key_alg alg;
        long version;
    } rows[] = {{"P-256", "SHA256", KEY_ALG_P256, 2},
                {"P-384", "SHA384", KEY_ALG_P384, 2},
                {"P-256", "SHA256", KEY_ALG_P256, 0},
                {"ED25519", NULL, KEY_ALG_ED25519, 2},
                {"RSA", "SHA256", KEY_ALG_RSA, 2}};
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    (void)state;
    for (size_t i = 0; i < 2 * sizeof rows / sizeof rows[0]; i++) {
        AUTO(EVP_PKEY) *key = rows[i / 2].type[0] == 'R'   ? EVP_RSA_gen(3072)
                              : rows[i / 2].type[0] == 'P' ? ec_key(rows[i / 2].type)
                                                           : EVP_PKEY_Q_keygen(NULL, NULL, rows[i / 2].type);
        const struct foreign f = {.key = key, .digest = rows[i / 2].digest, .version = rows[i / 2].version};
        AUTO(X509) *x509 = make_certificate(&f);
        AUTO_VAL(peer_identity) peer = {0};
        AUTO_VAL(buf) spki = {0};
        struct tls_pair pair;
        struct sha256 hash;
        assert_true(tls_pair_init(&pair, &server, x509, key, versions[i % 2]));
        assert_ok(peer_identity_read(pair.server, trust, now_ms, &peer));
        spki_of(key, &spki);
        assert_ok(sha256_of(buf_view(&spki), &hash));
        assert_int_equal(peer.kind, PEER_SELF_SIGNED);
        assert_false(peer.is_expired); /* valid in 1970 only, and that is no matter */
        assert_int_equal(peer.certificate.key.alg, rows[i / 2].alg);
        assert_memory_equal(peer.certificate.key.spki_sha256.b, hash.b, SHA256_SIZE);
        assert_true(bytes_equal(buf_view(&peer.spki), buf_view(&spki)));
        assert_string_equal(peer.authority, "");
        tls_pair_clear(&pair);
    }
}

static void test_issued(void **state)
{
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(issued) issued = {0};
    AUTO(X509) *x509 = NULL;
    AUTO_VAL(peer_identity) peer = {0};
    struct tls_pair pair;
    (void)state;
    issue_device(&house, key, house_from_ms, 365, &issued);
    assert_ok(certificate_decode(buf_view(&issued.der), &x509));
    assert_true(tls_pair_init(&pair, &server, x509, key, TLS1_3_VERSION));
    assert_ok(peer_identity_read(pair.server, trust, now_ms, &peer));
    assert_int_equal(peer.kind, PEER_ISSUED);
    assert_string_equal(peer.authority, "device");
    assert_false(peer.is_expired);
    assert_memory_equal(peer.certificate.serial, issued.serial, SERIAL_SIZE);
    assert_true(bytes_equal(buf_view(&peer.der), buf_view(&issued.der)));
    /* the edges of its validity */
    static const struct {
        int64_t after_ms;
        bool is_expired;
    } rows[] = {{-1000, true}, {0, false}, {365 * 86400000LL, false}, {365 * 86400000LL + 1, true}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_ok(peer_identity_read(pair.server, trust, house_from_ms + rows[i].after_ms, &peer));
        assert_int_equal(peer.is_expired, rows[i].is_expired);
    }
    tls_pair_clear(&pair);
}

/* A peer that was let in as foreign does not become ours because the set of authorities changed behind the
 * handshake. */
static void test_kinds_are_not_upgraded(void **state)
{
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(issued) issued = {0};
    AUTO(X509) *x509 = NULL;
    AUTO_VAL(peer_identity) peer = {0};
    AUTO_PTR(peer_trust) *nobody = NULL;
    struct tls_pair pair;
    (void)state;
    issue_device(&house, key, house_from_ms, 365, &issued);
    assert_ok(certificate_decode(buf_view(&issued.der), &x509));
    assert_ok(peer_trust_new(NULL, 0, &policy_rsa, &nobody));
    server.trust = nobody;
    assert_true(tls_pair_init(&pair, &server, x509, key, TLS1_3_VERSION));
    server.trust = trust;
    assert_ok(peer_identity_read(pair.server, trust, now_ms, &peer));
    assert_int_equal(peer.kind, PEER_FOREIGN);
    assert_string_equal(peer.authority, "");
    tls_pair_clear(&pair);
}

static void test_foreign(void **state)
{
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO(EVP_PKEY) *ca = EVP_RSA_gen(2048);
    const struct foreign f = {
        .key = key, .signer = ca, .issuer = "Vendor CA", .digest = "SHA256", .version = 2};
    AUTO(X509) *x509 = make_certificate(&f);
    AUTO_VAL(peer_identity) peer = {0};
    struct tls_pair pair;
    (void)state;
    assert_true(tls_pair_init(&pair, &server, x509, key, TLS1_3_VERSION));
    assert_ok(peer_identity_read(pair.server, trust, now_ms, &peer));
    assert_int_equal(peer.kind, PEER_FOREIGN);
    assert_true(peer.is_expired);
    assert_int_equal(peer.chain.n, 0);
    tls_pair_clear(&pair);
}

/* What a chip sends along is kept as it came, without its own certificate; of our own devices nothing is. */
static void test_what_was_sent_along(void **state)
{
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO(EVP_PKEY) *ca = ec_key("P-256");
    const struct foreign f = {
        .key = key, .signer = ca, .issuer = "Vendor CA", .digest = "SHA256", .version = 2};
    AUTO(X509) *x509 = make_certificate(&f);
    AUTO(X509) *self = self_signed(key, "SHA256");
    AUTO_VAL(peer_identity) peer = {0};
    AUTO_VAL(buf) twice = {0};
    struct tls_pair pair;
    (void)state;
    server.extra_links = 2;
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    for (size_t i = 0; i < 2; i++) {
        assert_true(tls_pair_init(&pair, &server, x509, key, versions[i]));
        assert_ok(peer_identity_read(pair.server, trust, now_ms, &peer));
        tls_pair_clear(&pair);
        buf_clear(&twice);
        assert_ok(buf_append_bytes(&twice, buf_view(&peer.der)));
        assert_ok(buf_append_bytes(&twice, buf_view(&peer.der)));
        assert_true(bytes_equal(buf_view(&peer.chain), buf_view(&twice)));
    }
    assert_true(tls_pair_init(&pair, &server, self, key, TLS1_3_VERSION));
    assert_ok(peer_identity_read(pair.server, trust, now_ms, &peer));
    assert_int_equal(peer.kind, PEER_SELF_SIGNED);
    assert_int_equal(peer.chain.n, 0);
    tls_pair_clear(&pair);
    server.extra_links = 0;
}

static void test_resumed(void **state)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(issued) issued = {0};
    AUTO(X509) *x509 = NULL;
    (void)state;
    issue_device(&house, key, house_from_ms, 365, &issued);
    assert_ok(certificate_decode(buf_view(&issued.der), &x509));
    for (size_t i = 0; i < 2; i++) {
        AUTO_VAL(peer_identity) peer = {0};
        struct tls_pair pair;
        assert_true(tls_pair_init(&pair, &server, x509, key, versions[i]));
        SSL_SESSION *session = tls_pair_session(&pair);
        tls_pair_clear(&pair);
        int verified = server.verified;
        assert_true(tls_pair_resume(&pair, &server, session, versions[i]));
        assert_int_equal(SSL_session_reused(pair.server), 1);
        assert_int_equal(server.verified, verified); /* the callback does not run: nothing was proved */
        assert_ok(peer_identity_read(pair.server, trust, now_ms, &peer));
        assert_int_equal(peer.kind, PEER_ISSUED);
        assert_memory_equal(peer.certificate.serial, issued.serial, SERIAL_SIZE);
        tls_pair_clear(&pair);
        SSL_SESSION_free(session);
    }
}

static void test_handshakes_fail_for_the_weak(void **state)
{
    AUTO(EVP_PKEY) *ec = ec_key("P-256");
    AUTO(EVP_PKEY) *p521 = ec_key("P-521");
    AUTO(EVP_PKEY) *rsa = EVP_RSA_gen(1024);
    AUTO(X509) *sha1 = self_signed(ec, "SHA1");
    AUTO(X509) *curve = self_signed(p521, "SHA512");
    AUTO(X509) *small = self_signed(rsa, "SHA256");
    AUTO(X509) *good = self_signed(ec, "SHA256");
    struct tls_pair pair;
    (void)state;
    assert_false(tls_pair_init(&pair, &server, sha1, ec, TLS1_3_VERSION));
    tls_pair_clear(&pair);
    assert_false(tls_pair_init(&pair, &server, curve, p521, TLS1_3_VERSION));
    tls_pair_clear(&pair);
    assert_false(tls_pair_init(&pair, &server, small, rsa, TLS1_2_VERSION));
    tls_pair_clear(&pair);
    server.extra_links = 3; /* four certificates */
    assert_true(tls_pair_init(&pair, &server, good, ec, TLS1_3_VERSION));
    tls_pair_clear(&pair);
    server.extra_links = 4;
    assert_false(tls_pair_init(&pair, &server, good, ec, TLS1_3_VERSION));
    tls_pair_clear(&pair);
    server.extra_links = 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_certificate), cmocka_unit_test(test_self_signed),
        cmocka_unit_test(test_issued),         cmocka_unit_test(test_kinds_are_not_upgraded),
        cmocka_unit_test(test_foreign),        cmocka_unit_test(test_what_was_sent_along),
        cmocka_unit_test(test_resumed),        cmocka_unit_test(test_handshakes_fail_for_the_weak),
    };
    return cmocka_run_group_tests(tests, make_house, end_house);
}
