/* Key sets: what is taken, what is passed over, what is no set at all. */
#include "tests/unit/pki/jwt_fixture.h"

static void assert_refused(const char *text, const char *why)
{
    struct jwk_set *set = NULL;
    err_t error = jwk_set_read(bytes_str(text), &set);
    if (error.code != ERR_UNPROCESSABLE || strstr(error.detail, why) == NULL) {
        fail_msg("%.60s: %s %s", text, err_slug(error.code), error.detail);
    }
    assert_null(set);
}

static void what_is_no_set_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "[]", "{}", "null", "{\"keys\":{}}", "{\"keys\":null}", "<html>", "{\"keys\":[}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_refused(bad[i], "the issuer's key set");
    }
    static const char *const none[] = {
        "{\"keys\":[]}",
        "{\"keys\":[null,1,\"x\",[],{}]}",
        "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\",\"kid\":\"a\"}]}",
        "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AAAA\",\"kid\":\"a\"}]}",
        "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\",\"kid\":\"a\"}]}",
        "{\"keys\":[{\"kty\":\"RSA\",\"n\":1,\"e\":\"AQAB\",\"kid\":\"a\"}]}",
        "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"AA\",\"kid\":\"a\"}]}",
        "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-521\",\"x\":\"AA\",\"y\":\"AA\",\"kid\":\"a\"}]}"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        assert_refused(none[i], "no usable signature key");
    }
}

static void one_key(EVP_PKEY *key, const char *id, const char *more, bool is_usable)
{
    AUTO_VAL(buf) text = {0};
    AUTO_PTR(jwk_set) *set = NULL;
    assert_ok(buf_append_str(&text, "{\"keys\":["));
    jwk_append(&text, key, id, more);
    assert_ok(buf_append_str(&text, "]}"));
    err_t error = jwk_set_read(buf_view(&text), &set);
    if ((error.code == ERR_OK) != is_usable) {
        fail_msg("%s %s: %s", id, more, error.detail);
    }
}

static void keys_are_judged_by_what_they_are_for(void **state)
{
    (void)state;
    AUTO(EVP_PKEY) *p256 = jwt_ec("P-256");
    static const struct {
        const char *id, *more;
        bool is_usable;
    } table[] = {
        {"a", "", true},
        {"a", ",\"use\":\"sig\",\"key_ops\":[\"verify\"],\"alg\":\"ES256\",\"x5c\":[\"junk\"]", true},
        {NULL, "", false},
        {"", "", false},
        {"a", ",\"use\":\"enc\"", false},
        {"a", ",\"use\":1", false},
        {"a", ",\"key_ops\":[\"encrypt\"]", false},
        {"a", ",\"key_ops\":\"verify\"", false},
        {"a", ",\"alg\":\"RS256\"", false},
        {"a", ",\"alg\":\"ES384\"", false},
        {"a", ",\"alg\":\"none\"", false},
        {"a", ",\"alg\":7", false},
        {"a", ",\"d\":\"AAAA\"", false},
        {"a", ",\"k\":\"AAAA\"", false},
        {"012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678"
         "9"
         "01234567890123456789012345678",
         "", false},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        one_key(p256, table[i].id, table[i].more, table[i].is_usable);
    }
}

static void weak_keys_are_passed_over(void **state)
{
    (void)state;
    AUTO(EVP_PKEY) *small = jwt_rsa(1024);
    AUTO(EVP_PKEY) *odd_size = jwt_rsa(2040);
    AUTO(EVP_PKEY) *good = jwt_rsa(2048);
    one_key(small, "a", "", false);
    one_key(odd_size, "a", "", false);
    one_key(good, "a", ",\"alg\":\"PS256\"", true);
    one_key(good, "a", ",\"alg\":\"RS384\"", false);
    one_key(good, "a", ",\"p\":\"AAAA\"", false);
    AUTO_VAL(buf) n = {0};
    AUTO_VAL(buf) text = {0};
    number_append(&n, good, OSSL_PKEY_PARAM_RSA_N, 0);
    static const char *const exponents[] = {"",     "AQ",     "Ag",
                                            "AQAA", "AAEAAQ", "AQAAAAE"}; /* 1, 2, even, padded, long */
    for (size_t i = 0; i < sizeof exponents / sizeof exponents[0]; i++) {
        text.n = 0;
        assert_ok(buf_printf(&text, "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"a\",\"e\":\"%s\",\"n\":\"%s\"}]}",
                             exponents[i], buf_str(&n)));
        assert_refused(buf_str(&text), "no usable");
    }
    text.n = 0;
    assert_ok(buf_printf(&text, "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"a\",\"e\":\"Aw\",\"n\":\"%s\"}]}",
                         buf_str(&n)));
    AUTO_PTR(jwk_set) *set = NULL;
    assert_ok(jwk_set_read(buf_view(&text), &set));
}

static void points_off_the_curve_are_passed_over(void **state)
{
    (void)state;
    assert_refused("{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"a\","
                   "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
                   "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a4\"}]}",
                   "no usable");
    AUTO_PTR(jwk_set) *set = NULL;
    assert_ok(jwk_set_read(bytes_str("{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"a\","
                                     "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
                                     "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}]}"),
                           &set));
    assert_int_equal(jwk_set_count(set), 1);
}

static void sets_have_an_end(void **state)
{
    (void)state;
    AUTO(EVP_PKEY) *p256 = jwt_ec("P-256");
    AUTO_VAL(buf) text = {0};
    AUTO_PTR(jwk_set) *set = NULL;
    AUTO_PTR(jwk_set) *none = NULL;
    for (int count = JWK_SET_KEYS_MAX; count <= JWK_SET_KEYS_MAX + 1; count++) {
        text.n = 0;
        assert_ok(buf_append_str(&text, "{\"keys\":["));
        for (int i = 0; i < count; i++) {
            char id[16];
            (void)snprintf(id, sizeof id, "k%d", i);
            assert_ok(buf_append_str(&text, i == 0 ? "" : ","));
            jwk_append(&text, p256, id, "");
        }
        assert_ok(buf_append_str(&text, "]}"));
        if (count == JWK_SET_KEYS_MAX) {
            assert_ok(jwk_set_read(buf_view(&text), &set));
            assert_int_equal(jwk_set_count(set), JWK_SET_KEYS_MAX);
        } else {
            assert_error(jwk_set_read(buf_view(&text), &none), ERR_UNPROCESSABLE, "more than 64");
        }
    }
    assert_ok(buf_reserve(&text, JWK_SET_SIZE_MAX));
    memset(text.p + text.n, ' ', JWK_SET_SIZE_MAX);
    text.n += JWK_SET_SIZE_MAX;
    assert_error(jwk_set_read(buf_view(&text), &none), ERR_TOO_LARGE, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_set_is_refused), cmocka_unit_test(keys_are_judged_by_what_they_are_for),
        cmocka_unit_test(weak_keys_are_passed_over), cmocka_unit_test(points_off_the_curve_are_passed_over),
        cmocka_unit_test(sets_have_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
