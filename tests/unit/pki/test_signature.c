/* Signature algorithms: which AlgorithmIdentifiers pass with which key, and what is said of the others. */
#include "tests/unit/pki/pki_fixture.h"

#define TEXT(literal)                                                                                        \
    {                                                                                                        \
        (const uint8_t *)(literal), sizeof(literal) - 1                                                      \
    }

#define ECDSA_SHA256 "\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02"
#define RSA_SHA256   "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b"
#define RSA_PSS      "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a"
#define RSA_SHA1     "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05"
#define ED25519      "\x06\x03\x2b\x65\x70"

static void test_refusals(void **state)
{
    static const struct {
        struct bytes algorithm;
        enum key_alg alg;
        const char *word; /* NULL: accepted */
    } rows[] = {
        {TEXT("\x30\x0a" ECDSA_SHA256), KEY_ALG_P256, NULL},
        {TEXT("\x30\x0a" ECDSA_SHA256), KEY_ALG_P384, NULL},
        {TEXT("\x30\x0a" ECDSA_SHA256), KEY_ALG_RSA, "does not suit"},
        {TEXT("\x30\x0a" ECDSA_SHA256), KEY_ALG_ED25519, "does not suit"},
        {TEXT("\x30\x0a" ECDSA_SHA256), KEY_ALG_NONE, "does not suit"},
        {TEXT("\x30\x0c" ECDSA_SHA256 "\x05\x00"), KEY_ALG_P256, "parameters"},
        {TEXT("\x30\x0d" RSA_SHA256 "\x05\x00"), KEY_ALG_RSA, NULL},
        {TEXT("\x30\x0b" RSA_SHA256), KEY_ALG_RSA, NULL},
        {TEXT("\x30\x0d" RSA_SHA256 "\x30\x00"), KEY_ALG_RSA, "parameters"},
        {TEXT("\x30\x0d" RSA_SHA256 "\x05\x00"), KEY_ALG_P256, "does not suit"},
        {TEXT("\x30\x0d" RSA_SHA1 "\x05\x00"), KEY_ALG_RSA, "SHA-1"},
        {TEXT("\x30\x0d" RSA_PSS "\x30\x00"), KEY_ALG_RSA, "not accepted"},
        {TEXT("\x30\x05" ED25519), KEY_ALG_ED25519, NULL},
        {TEXT("\x30\x07" ED25519 "\x05\x00"), KEY_ALG_ED25519, "parameters"},
        {TEXT("\x30\x00"), KEY_ALG_P256, "not accepted"},
        {TEXT(""), KEY_ALG_P256, "not accepted"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *refusal = signature_refusal(rows[i].algorithm, rows[i].alg);
        if (rows[i].word == NULL) {
            assert_null(refusal);
        } else {
            assert_non_null(refusal);
            assert_has(refusal, rows[i].word);
        }
    }
}

/* Unknown is not weak: a vendor may sign with what we do not use ourselves. */
static void test_weakness(void **state)
{
    static const struct bytes pss = TEXT("\x30\x0d" RSA_PSS "\x30\x00");
    static const struct bytes sha1 = TEXT("\x30\x0d" RSA_SHA1 "\x05\x00");
    (void)state;
    assert_null(signature_weakness(pss));
    assert_non_null(signature_weakness(sha1));
}

/* What we sign with is among what we accept, for every kind of key. */
static void test_own_algorithms(void **state)
{
    static const enum key_alg algs[] = {KEY_ALG_P256, KEY_ALG_P384, KEY_ALG_ED25519, KEY_ALG_RSA};
    (void)state;
    for (size_t i = 0; i < sizeof algs / sizeof algs[0]; i++) {
        assert_null(signature_refusal(signature_algorithm_of(algs[i]), algs[i]));
    }
    assert_int_equal(signature_algorithm_of(KEY_ALG_NONE).n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_weakness),
        cmocka_unit_test(test_own_algorithms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
