/* Who signs a message instead of opening a connection: judged like there, and remembered without its dates.
 */
#include "tests/unit/pki/tls_fixture.h"

#include "pki/peer_internal.h"

static struct test_house house;
static struct peer_trust *strict;            /* judges each time */
static struct peer_trust *mindful;           /* remembers */
static const int64_t now_ms = 1775000000000; /* 2026-03-31 */

static int make_house(void **state)
{
    (void)state;
    test_house_init(&house, KEY_ALG_P256);
    const struct authority *const authorities[] = {house.device};
    assert_ok(peer_trust_new(authorities, 1, &policy_rsa, &strict));
    assert_ok(peer_trust_new(authorities, 1, &policy_rsa, &mindful));
    assert_ok(peer_trust_remember(mindful));
    return 0;
}

static int end_house(void **state)
{
    (void)state;
    peer_trust_free(strict);
    peer_trust_free(mindful);
    test_house_clear(&house);
    return 0;
}

static void is_same(const struct peer_identity *a, const struct peer_identity *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->is_expired, b->is_expired);
    assert_string_equal(a->authority, b->authority);
    assert_true(bytes_equal(buf_view(&a->der), buf_view(&b->der)));
    assert_true(bytes_equal(buf_view(&a->spki), buf_view(&b->spki)));
    assert_true(bytes_equal(buf_view(&a->chain), buf_view(&b->chain)));
    assert_memory_equal(a->certificate.key.spki_sha256.b, b->certificate.key.spki_sha256.b, SHA256_SIZE);
    assert_memory_equal(a->certificate.serial, b->certificate.serial, SERIAL_SIZE);
}

/** Three times by the one that remembers: as the other one says. */
static void judge(struct bytes der, struct bytes chain, int64_t at_ms, struct peer_identity *out)
{
    assert_ok(peer_identity_of(strict, der, &chain, chain.n > 0 ? 1 : 0, at_ms, out));
    for (int i = 0; i < 3; i++) {
        AUTO_VAL(peer_identity) again = {0};
        assert_ok(peer_identity_of(mindful, der, &chain, chain.n > 0 ? 1 : 0, at_ms, &again));
        is_same(&again, out);
        assert_non_null(again.parsed);
    }
}

static void test_self_signed(void **state)
{
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO(X509) *x509 = self_signed(key, "SHA256");
    AUTO_VAL(buf) der = {0};
    AUTO_VAL(peer_identity) peer = {0};
    (void)state;
    assert_ok(certificate_encode(x509, &der));
    judge(buf_view(&der), BYTES_NONE, now_ms, &peer);
    assert_int_equal(peer.kind, PEER_SELF_SIGNED);
    assert_false(peer.is_expired);
    /* the same with its signature spoilt is another certificate */
    der.p[der.n - 1] ^= 1;
    assert_int_equal(peer_identity_of(mindful, buf_view(&der), NULL, 0, now_ms, &peer).code, ERR_FORBIDDEN);
    assert_int_equal(peer_identity_of(mindful, buf_view(&der), NULL, 0, now_ms, &peer).code, ERR_FORBIDDEN);
    assert_null(peer.parsed);
}

static void test_issued_until_it_ends(void **state)
{
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(issued) issued = {0};
    AUTO_VAL(peer_identity) peer = {0};
    (void)state;
    issue_device(&house, key, house_from_ms, 365, &issued);
    static const struct {
        int64_t after_ms;
        bool is_expired;
    } rows[] = {{0, false}, {365 * 86400000LL + 1, true}, {-1000, true}, {365 * 86400000LL, false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        judge(buf_view(&issued.der), BYTES_NONE, house_from_ms + rows[i].after_ms, &peer);
        assert_int_equal(peer.kind, PEER_ISSUED);
        assert_string_equal(peer.authority, "device");
        assert_int_equal(peer.is_expired, rows[i].is_expired);
    }
}

/* What a chip sends along belongs to each message. */
static void test_foreign(void **state)
{
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO(EVP_PKEY) *ca = ec_key("P-256");
    const struct foreign f = {
        .key = key, .signer = ca, .issuer = "Vendor CA", .digest = "SHA256", .version = 2};
    AUTO(X509) *x509 = make_certificate(&f);
    AUTO(X509) *above = self_signed(ca, "SHA256");
    AUTO_VAL(buf) der = {0};
    AUTO_VAL(buf) chain = {0};
    AUTO_VAL(peer_identity) peer = {0};
    (void)state;
    assert_ok(certificate_encode(x509, &der));
    assert_ok(certificate_encode(above, &chain));
    judge(buf_view(&der), buf_view(&chain), now_ms, &peer);
    assert_int_equal(peer.kind, PEER_FOREIGN);
    assert_true(bytes_equal(buf_view(&peer.chain), buf_view(&chain)));
    judge(buf_view(&der), BYTES_NONE, now_ms, &peer);
    assert_int_equal(peer.chain.n, 0);
    assert_int_equal(
        peer_identity_of(mindful, buf_view(&der), (struct bytes[]){BYTES_OF("x")}, 1, now_ms, &peer).code,
        ERR_BAD_ENCODING);
}

/* More than it has places for: each is still what it is. */
static void test_more_than_there_are_places_for(void **state)
{
    enum { COUNT = 700 };
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    (void)state;
    for (int i = 0; i < COUNT; i++) {
        AUTO(X509) *x509 = self_signed(key, "SHA256");
        AUTO_VAL(buf) der = {0};
        AUTO_VAL(peer_identity) peer = {0};
        assert_ok(certificate_encode(x509, &der)); /* its signature differs from the others' */
        assert_ok(peer_identity_of(mindful, buf_view(&der), NULL, 0, now_ms, &peer));
        assert_true(bytes_equal(buf_view(&peer.der), buf_view(&der)));
        assert_int_equal(peer.kind, PEER_SELF_SIGNED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_self_signed), cmocka_unit_test(test_issued_until_it_ends),
        cmocka_unit_test(test_foreign), cmocka_unit_test(test_more_than_there_are_places_for)};
    return cmocka_run_group_tests(tests, make_house, end_house);
}
