/* Peers: who is let through the verify callback and what becomes of them, in real handshakes over memory; and
 * every weak certificate that a permissive callback would let in. */
#include "tests/unit/pki/pki_fixture.h"

#include "pki/peer_tls.h"
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

/* --- certificates that are not ours */

struct foreign {
    EVP_PKEY *key;      /* its own */
    EVP_PKEY *signer;   /* NULL: its own */
    const char *issuer; /* CN; NULL: its own */
    const char *digest;
    long version;      /* 0: v1, 2: v3 */
    const char *usage; /* NULL, or the value of an extKeyUsage */
};

static X509 *make_certificate(const struct foreign *f)
{
    X509 *x509 = X509_new();
    assert_non_null(x509);
    X509_NAME *subject = X509_get_subject_name(x509);
    assert_int_equal(X509_set_version(x509, f->version), 1);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(x509), 7), 1);
    assert_int_equal(
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)"self", -1, -1, 0), 1);
    X509_NAME *issuer = X509_get_issuer_name(x509);
    assert_int_equal(X509_NAME_add_entry_by_txt(
                         issuer, "CN", MBSTRING_ASC,
                         (const unsigned char *)(f->issuer == NULL ? "self" : f->issuer), -1, -1, 0),
                     1);
    assert_non_null(ASN1_TIME_set(X509_getm_notBefore(x509), 0));
    assert_non_null(ASN1_TIME_set(X509_getm_notAfter(x509), 86400));
    assert_int_equal(X509_set_pubkey(x509, f->key), 1);
    if (f->usage != NULL) {
        X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_ext_key_usage, f->usage);
        assert_int_equal(X509_add_ext(x509, extension, -1), 1);
        X509_EXTENSION_free(extension);
    }
    const EVP_MD *digest = f->digest == NULL ? NULL : EVP_get_digestbyname(f->digest);
    assert_true(X509_sign(x509, f->signer == NULL ? f->key : f->signer, digest) > 0);
    return x509;
}

static X509 *self_signed(EVP_PKEY *key, const char *digest)
{
    const struct foreign f = {.key = key, .digest = digest, .version = 2};
    return make_certificate(&f);
}

/* The verdict of the callback on a chain, without TLS. */
static int verdict_on(X509 *leaf, int links)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    STACK_OF(X509) *chain = sk_X509_new_null();
    for (int i = 0; i <= links; i++) {
        sk_X509_push(chain, leaf);
    }
    assert_int_equal(X509_STORE_CTX_init(context, store, leaf, chain), 1);
    int accepted = peer_verify_chain(context, trust);
    int verdict = X509_STORE_CTX_get_error(context);
    assert_int_equal(accepted, verdict == X509_V_OK);
    X509_STORE_CTX_free(context);
    X509_STORE_free(store);
    sk_X509_free(chain);
    return verdict;
}

static int verdict_on_der(struct bytes der)
{
    const unsigned char *p = der.p;
    AUTO(X509) *x509 = d2i_X509(NULL, &p, (long)der.n);
    return x509 == NULL ? X509_V_ERR_UNSPECIFIED : verdict_on(x509, 0);
}

/* --- handshakes */

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
    tls_pair_clear(&pair);
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

/* --- verdicts */

static void test_refuses_weak_keys(void **state)
{
    AUTO(EVP_PKEY) *explicit = ec_key("P-256");
    AUTO(EVP_PKEY) *compressed = ec_key("P-256");
    AUTO(EVP_PKEY) *koblitz = ec_key("secp256k1");
    AUTO(EVP_PKEY) *rsa_1024 = EVP_RSA_gen(1024);
    AUTO(EVP_PKEY) *rsa_2048 = EVP_RSA_gen(2048);
    AUTO(EVP_PKEY) *ed448 = EVP_PKEY_Q_keygen(NULL, NULL, "ED448");
    assert_int_equal(EVP_PKEY_set_utf8_string_param(explicit, OSSL_PKEY_PARAM_EC_ENCODING, "explicit"), 1);
    assert_int_equal(
        EVP_PKEY_set_utf8_string_param(compressed, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "compressed"),
        1);
    EVP_PKEY *const keys[] = {explicit, compressed, koblitz, rsa_1024, rsa_2048, ed448};
    (void)state;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        AUTO(X509) *x509 = self_signed(keys[i], keys[i] == ed448 ? NULL : "SHA256");
        assert_int_equal(verdict_on(x509, 0), X509_V_ERR_EE_KEY_TOO_SMALL);
    }
}

static void test_refuses_weak_digests(void **state)
{
    AUTO(EVP_PKEY) *rsa = EVP_RSA_gen(3072);
    AUTO(EVP_PKEY) *ec = ec_key("P-256");
    static const char *const digests[] = {"SHA1", "MD5", "SHA224"};
    (void)state;
    for (size_t i = 0; i < sizeof digests / sizeof digests[0]; i++) {
        AUTO(X509) *self = self_signed(rsa, digests[i]);
        const struct foreign f = {
            .key = ec, .signer = rsa, .issuer = "Vendor CA", .digest = digests[i], .version = 2};
        AUTO(X509) *foreign = make_certificate(&f);
        assert_int_equal(verdict_on(self, 0), X509_V_ERR_CA_MD_TOO_WEAK);
        assert_int_equal(verdict_on(foreign, 0), X509_V_ERR_CA_MD_TOO_WEAK);
    }
}

static void test_refuses_bad_signatures(void **state)
{
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO(EVP_PKEY) *other = ec_key("P-256");
    const struct foreign f = {.key = key, .signer = other, .digest = "SHA256", .version = 2};
    AUTO(X509) *not_self = make_certificate(&f);
    AUTO_VAL(issued) issued = {0};
    (void)state;
    assert_int_equal(verdict_on(not_self, 0), X509_V_ERR_CERT_SIGNATURE_FAILURE);
    issue_device(&house, key, house_from_ms, 365, &issued);
    assert_int_equal(verdict_on_der(buf_view(&issued.der)), X509_V_OK);
    issued.der.p[issued.der.n - 1] ^= 1;
    assert_int_equal(verdict_on_der(buf_view(&issued.der)), X509_V_ERR_CERT_SIGNATURE_FAILURE);
    issued.der.p[issued.der.n - 1] ^= 1;
    uint8_t *serial_number = memmem(issued.der.p, issued.der.n, "SN-1", 4);
    assert_non_null(serial_number);
    serial_number[3] = '2';
    assert_int_equal(verdict_on_der(buf_view(&issued.der)), X509_V_ERR_CERT_SIGNATURE_FAILURE);
}

/* Signed by our device authority, but for another purpose: no device. */
static void test_refuses_other_purposes(void **state)
{
    static const char *const hosts[] = {"whorl.example"};
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(buf) spki = {0};
    AUTO_VAL(issued) issued = {0};
    struct peer_trust *both = NULL;
    struct peer_trust *first = trust;
    const struct authority *const authorities[] = {house.device, house.infrastructure};
    const struct certificate_spec spec = {.not_before_ms = house_from_ms,
                                          .not_after_ms = house_from_ms + year_ms,
                                          .publication = test_publication};
    (void)state;
    spki_of(key, &spki);
    assert_ok(authority_issue_server(house.infrastructure, buf_view(&spki), hosts, 1, &spec, &issued));
    assert_int_equal(verdict_on_der(buf_view(&issued.der)),
                     X509_V_OK); /* foreign: not of the device authority */
    assert_ok(peer_trust_new(authorities, 2, &policy_rsa, &both));
    trust = both;
    assert_int_equal(verdict_on_der(buf_view(&issued.der)), X509_V_ERR_INVALID_PURPOSE);
    trust = first;
    peer_trust_free(both);
}

/* The name of our authority alone makes nobody ours: the key identifier and the signature decide. */
static void test_a_borrowed_issuer_name(void **state)
{
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO(X509) *ca = NULL;
    AUTO(X509) *x509 = self_signed(key, "SHA256");
    (void)state;
    assert_ok(certificate_decode(authority_borrow_der(house.device), &ca));
    assert_int_equal(X509_set_issuer_name(x509, X509_get_subject_name(ca)), 1);
    assert_true(X509_sign(x509, key, EVP_sha256()) > 0);
    assert_int_not_equal(verdict_on(x509, 0), X509_V_OK);
}

static void test_refuses_sizes(void **state)
{
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO(X509) *good = self_signed(key, "SHA256");
    AUTO(X509) *big = self_signed(key, "SHA256");
    AUTO_VAL(buf) text = {0};
    (void)state;
    assert_int_equal(verdict_on(good, 3), X509_V_OK);
    assert_int_equal(verdict_on(good, 4), X509_V_ERR_CERT_CHAIN_TOO_LONG);
    for (int i = 0; i < 900; i++) {
        assert_ok(buf_append_str(&text, "123456789 "));
    }
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_netscape_comment, buf_str(&text));
    assert_int_equal(X509_add_ext(big, extension, -1), 1);
    X509_EXTENSION_free(extension);
    assert_true(X509_sign(big, key, EVP_sha256()) > 0);
    assert_int_equal(verdict_on(big, 0), X509_V_ERR_CERT_CHAIN_TOO_LONG);
}

static void test_refuses_malformed_extensions(void **state)
{
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO(X509) *x509 = self_signed(key, "SHA256");
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    (void)state;
    assert_int_equal(ASN1_OCTET_STRING_set(value, (const unsigned char *)"\x30\x05nope", 6), 1);
    X509_EXTENSION *extension = X509_EXTENSION_create_by_NID(NULL, NID_basic_constraints, 1, value);
    assert_int_equal(X509_add_ext(x509, extension, -1), 1);
    X509_EXTENSION_free(extension);
    ASN1_OCTET_STRING_free(value);
    assert_true(X509_sign(x509, key, EVP_sha256()) > 0);
    assert_int_equal(verdict_on(x509, 0), X509_V_ERR_INVALID_EXTENSION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_certificate),
        cmocka_unit_test(test_self_signed),
        cmocka_unit_test(test_issued),
        cmocka_unit_test(test_foreign),
        cmocka_unit_test(test_resumed),
        cmocka_unit_test(test_handshakes_fail_for_the_weak),
        cmocka_unit_test(test_refuses_weak_keys),
        cmocka_unit_test(test_refuses_weak_digests),
        cmocka_unit_test(test_refuses_bad_signatures),
        cmocka_unit_test(test_refuses_other_purposes),
        cmocka_unit_test(test_a_borrowed_issuer_name),
        cmocka_unit_test(test_refuses_sizes),
        cmocka_unit_test(test_refuses_malformed_extensions),
    };
    return cmocka_run_group_tests(tests, make_house, end_house);
}
