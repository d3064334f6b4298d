/* openssl.c: what is good is not called bad because OpenSSL had no memory to look at it. The allocator is
 * OpenSSL's from its first call on, so this program is one of its own. */
#include "tests/unit/pki/pki_fixture.h"

static size_t refused_at, calls;

static void *allocate(size_t n, const char *file, int line)
{
    (void)file;
    (void)line;
    return ++calls == refused_at ? NULL : malloc(n);
}

static void *grow(void *p, size_t n, const char *file, int line)
{
    (void)file;
    (void)line;
    return ++calls == refused_at ? NULL : realloc(p, n);
}

static void give_back(void *p, const char *file, int line)
{
    (void)file;
    (void)line;
    free(p);
}

struct sample {
    struct buf spki, certificate;
};

static err_t look_at_key(const struct sample *sample)
{
    struct key_info info;
    return key_check_spki(buf_view(&sample->spki), &policy_rsa, &info);
}

static err_t look_at_certificate(const struct sample *sample)
{
    AUTO(X509) *x509 = NULL;
    return certificate_decode(buf_view(&sample->certificate), &x509);
}

static void is_never_called_bad(err_t (*look)(const struct sample *), const struct sample *sample)
{
    err_t error = look(sample); /* what OpenSSL keeps from its first look is there */
    assert_ok(error);
    calls = 0;
    assert_ok(look(sample));
    size_t last = calls;
    assert_true(last > 3);
    for (size_t at = 1; at <= last; at++) {
        calls = 0;
        refused_at = at;
        error = look(sample);
        refused_at = 0;
        /* ERR_CRYPTO: a step that cannot fail for bad input did; told as ours too */
        bool is_ours = error.code == ERR_OK || error.code == ERR_NO_MEMORY || error.code == ERR_CRYPTO;
        if (!is_ours) {
            fail_msg("call %zu of %zu: %s", at, last, error.detail);
        }
    }
}

static void test_looks(void **state)
{
    (void)state;
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    struct sample sample = {0};
    AUTO(X509) *x509 = X509_new();
    spki_of(key, &sample.spki);
    assert_true(ASN1_INTEGER_set(X509_get_serialNumber(x509), 7) == 1);
    assert_true(X509_gmtime_adj(X509_getm_notBefore(x509), 0) != NULL);
    assert_true(X509_gmtime_adj(X509_getm_notAfter(x509), 1000) != NULL);
    assert_true(X509_set_pubkey(x509, key) == 1 && X509_sign(x509, key, EVP_sha256()) > 0);
    unsigned char *der = NULL;
    int size = i2d_X509(x509, &der);
    bytes_of_i2d(size, der, &sample.certificate);
    is_never_called_bad(look_at_key, &sample);
    is_never_called_bad(look_at_certificate, &sample);
    buf_clear(&sample.spki);
    buf_clear(&sample.certificate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_looks)};
    if (CRYPTO_set_mem_functions(allocate, grow, give_back) != 1) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
