/* Back ends with certificates of their own CA, in real handshakes: who is verified, and who only gets in. */
#include "tests/unit/pki/tls_fixture.h"

#include <openssl/pem.h>

static struct test_house house;
static struct tls_server server;

static const int64_t now_ms = 1775000000000; /* 2026-03-31: the time of the handshakes too */

struct ca {
    EVP_PKEY *key;
    X509 *x509;
};

static void add_extension(X509 *x509, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, x509, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(x509, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

struct order {
    const char *name;
    const struct ca *issuer; /* NULL: itself */
    const char *usage, *extended, *digest;
    bool is_ca, is_expired;
};

static X509 *issue(EVP_PKEY *key, const struct order *order)
{
    X509 *x509 = X509_new();
    X509 *issuer = order->issuer == NULL ? x509 : order->issuer->x509;
    assert_non_null(x509);
    assert_int_equal(X509_set_version(x509, 2), 1);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(x509), (long)strlen(order->name) + 7), 1);
    assert_non_null(ASN1_TIME_set(X509_getm_notBefore(x509), house_from_ms / 1000));
    assert_non_null(ASN1_TIME_set(X509_getm_notAfter(x509),
                                  house_from_ms / 1000 + (order->is_expired ? 86400 : 365 * 86400)));
    assert_int_equal(X509_set_pubkey(x509, key), 1);
    assert_int_equal(X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_ASC,
                                                (const unsigned char *)order->name, -1, -1, 0),
                     1);
    assert_int_equal(X509_set_issuer_name(x509, X509_get_subject_name(issuer)), 1);
    add_extension(x509, issuer, NID_basic_constraints,
                  order->is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
    add_extension(x509, issuer, NID_key_usage, order->usage);
    if (order->extended != NULL) {
        add_extension(x509, issuer, NID_ext_key_usage, order->extended);
    }
    const EVP_MD *digest = EVP_get_digestbyname(order->digest == NULL ? "SHA256" : order->digest);
    assert_true(X509_sign(x509, order->issuer == NULL ? key : order->issuer->key, digest) > 0);
    return x509;
}

static struct ca make_ca(const char *name, const struct ca *issuer)
{
    struct ca ca = {.key = ec_key("P-256")};
    ca.x509 =
        issue(ca.key, &(struct order){.name = name, .issuer = issuer, .usage = "keyCertSign", .is_ca = true});
    return ca;
}

static void ca_clear(struct ca *ca)
{
    EVP_PKEY_free(ca->key);
    X509_free(ca->x509);
}

static struct peer_trust *trust_in(const struct ca *a, const struct ca *b)
{
    AUTO_VAL(buf) pem = {0};
    AUTO_VAL(buf) der = {0};
    struct peer_trust *trust = NULL;
    assert_ok(certificate_encode(a->x509, &der));
    assert_ok(certificate_to_pem(buf_view(&der), &pem));
    if (b != NULL) {
        der.n = 0;
        assert_ok(certificate_encode(b->x509, &der));
        assert_ok(certificate_to_pem(buf_view(&der), &pem));
    }
    assert_ok(peer_trust_new_anchors(buf_view(&pem), &policy_rsa_2048, &trust));
    return trust;
}

/* @param link behind the leaf, or NULL @return the kind; PEER_NONE when the handshake failed */
static enum peer_kind shake(const struct peer_trust *trust, X509 *leaf, EVP_PKEY *key, X509 *link)
{
    AUTO_VAL(peer_identity) peer = {0};
    struct tls_pair pair;
    server.trust = trust;
    SSL_CTX *client = tls_client(&server, TLS1_3_VERSION);
    assert_int_equal(SSL_CTX_use_certificate(client, leaf), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(client, key), 1);
    if (link != NULL) {
        assert_int_equal(SSL_CTX_add1_chain_cert(client, link), 1);
    }
    bool is_in = tls_pair_start(&pair, &server, client, NULL);
    if (is_in) {
        assert_ok(peer_identity_read(pair.server, trust, now_ms, &peer));
        assert_int_not_equal(peer.kind, PEER_NONE);
        assert_true(peer.spki.n > 0);
    }
    tls_pair_clear(&pair);
    return peer.kind;
}

static int make_house(void **state)
{
    (void)state;
    test_house_init(&house, KEY_ALG_P256);
    tls_server_init(&server, &house, NULL);
    return 0;
}

static int end_house(void **state)
{
    (void)state;
    tls_server_clear(&server);
    test_house_clear(&house);
    return 0;
}

#define LEAF "digitalSignature"

static void certificates_of_the_anchor_are_clients(void **state)
{
    (void)state;
    struct ca root = make_ca("root", NULL);
    struct ca other = make_ca("other", NULL);
    AUTO_PTR(peer_trust) *trust = trust_in(&root, NULL);
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    const struct {
        struct order order;
        enum peer_kind kind;
    } table[] = {
        {{"good", &root, LEAF, "clientAuth", NULL, false, false}, PEER_CLIENT},
        {{"sha384", &root, LEAF, "clientAuth,serverAuth", "SHA384", false, false}, PEER_CLIENT},
        {{"any", &root, LEAF, NULL, NULL, false, false}, PEER_CLIENT},
        {{"server", &root, LEAF, "serverAuth", NULL, false, false}, PEER_FOREIGN},
        {{"crl", &root, "cRLSign", "clientAuth", NULL, false, false}, PEER_FOREIGN},
        {{"old", &root, LEAF, "clientAuth", NULL, false, true}, PEER_FOREIGN},
        {{"stranger", &other, LEAF, "clientAuth", NULL, false, false}, PEER_FOREIGN},
        {{"self", NULL, LEAF, "clientAuth", NULL, false, false}, PEER_FOREIGN},
        {{"weak", &root, LEAF, "clientAuth", "SHA1", false, false}, PEER_NONE},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        AUTO(X509) *leaf = issue(key, &table[i].order);
        enum peer_kind kind = shake(trust, leaf, key, NULL);
        if (kind != table[i].kind) {
            fail_msg("%s: %d", table[i].order.name, (int)kind);
        }
    }
    ca_clear(&root);
    ca_clear(&other);
}

/* The name and key identifier of the right CA, signed by another key. */
static void a_forged_signature_does_not_verify(void **state)
{
    (void)state;
    struct ca root = make_ca("root", NULL);
    struct ca forger = make_ca("root", NULL);
    AUTO_PTR(peer_trust) *trust = trust_in(&root, NULL);
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    const struct order order = {"forged", &forger, LEAF, "clientAuth", NULL, false, false};
    AUTO(X509) *leaf = issue(key, &order);
    assert_int_equal(shake(trust, leaf, key, forger.x509), PEER_FOREIGN);
    ca_clear(&root);
    ca_clear(&forger);
}

static void chains_may_have_links_and_anchors_need_no_root(void **state)
{
    (void)state;
    struct ca root = make_ca("root", NULL);
    struct ca other = make_ca("other", NULL);
    struct ca issuing = make_ca("issuing", &root);
    AUTO_PTR(peer_trust) *by_root = trust_in(&other, &root);
    AUTO_PTR(peer_trust) *by_issuing = trust_in(&issuing, NULL);
    AUTO_PTR(peer_trust) *by_other = trust_in(&other, NULL);
    AUTO(EVP_PKEY) *key = ec_key("P-384");
    AUTO(EVP_PKEY) *second = ec_key("P-256");
    const struct order order = {"leaf", &issuing, LEAF, "clientAuth", NULL, false, false};
    AUTO(X509) *leaf = issue(key, &order);
    assert_int_equal(shake(by_root, leaf, key, issuing.x509), PEER_CLIENT);
    assert_int_equal(shake(by_root, leaf, key, NULL), PEER_FOREIGN); /* the link is missing */
    assert_int_equal(shake(by_issuing, leaf, key, NULL), PEER_CLIENT);
    assert_int_equal(shake(by_other, leaf, key, issuing.x509), PEER_FOREIGN);
    /* a leaf is no authority */
    const struct ca fake = {.key = key, .x509 = leaf};
    const struct order below = {"below", &fake, LEAF, "clientAuth", NULL, false, false};
    AUTO(X509) *child = issue(second, &below);
    assert_int_equal(shake(by_issuing, child, second, leaf), PEER_FOREIGN);
    ca_clear(&root);
    ca_clear(&other);
    ca_clear(&issuing);
}

static void weak_keys_do_not_get_in(void **state)
{
    (void)state;
    struct ca root = make_ca("root", NULL);
    AUTO_PTR(peer_trust) *trust = trust_in(&root, NULL);
    AUTO(EVP_PKEY) *small = EVP_RSA_gen(1024);
    AUTO(EVP_PKEY) *good = EVP_RSA_gen(2048);
    const struct order order = {"rsa", &root, LEAF, "clientAuth", NULL, false, false};
    AUTO(X509) *weak = issue(small, &order);
    AUTO(X509) *fine = issue(good, &order);
    assert_int_equal(shake(trust, weak, small, NULL), PEER_NONE);
    assert_int_equal(shake(trust, fine, good, NULL), PEER_CLIENT);
    ca_clear(&root);
}

static void anchors_must_be_certificates(void **state)
{
    (void)state;
    struct peer_trust *trust = NULL;
    static const char *const bad[] = {"", "rubbish",
                                      "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                                      "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_error(peer_trust_new_anchors(bytes_str(bad[i]), &policy_rsa, &trust), ERR_UNPROCESSABLE, "");
        assert_null(trust);
    }
}

/* A client with several certificates learns which one is meant. */
static void anchors_are_named_to_the_client(void **state)
{
    (void)state;
    struct ca root = make_ca("root", NULL);
    struct ca other = make_ca("other", NULL);
    AUTO_PTR(peer_trust) *trust = trust_in(&root, &other);
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    assert_ok(peer_trust_name_anchors(trust, context));
    assert_int_equal(sk_X509_NAME_num(SSL_CTX_get_client_CA_list(context)), 2);
    SSL_CTX_free(context);
    ca_clear(&root);
    ca_clear(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(certificates_of_the_anchor_are_clients),
        cmocka_unit_test(a_forged_signature_does_not_verify),
        cmocka_unit_test(chains_may_have_links_and_anchors_need_no_root),
        cmocka_unit_test(weak_keys_do_not_get_in),
        cmocka_unit_test(anchors_must_be_certificates),
        cmocka_unit_test(anchors_are_named_to_the_client),
    };
    return cmocka_run_group_tests(tests, make_house, end_house);
}
