/* Tokens: the four algorithms, every way to be none, and what claims must say. */
#include "tests/unit/pki/jwt_fixture.h"

#define PAYLOAD "{\"iss\":\"https://issuer.test\",\"sub\":\"anna\"}"

struct issuer {
    EVP_PKEY *rsa, *other, *p256, *p384;
    struct jwk_set *keys;
};

static int issuer_setup(void **state)
{
    struct issuer *i = calloc(1, sizeof *i);
    AUTO_VAL(buf) set = {0};
    assert_non_null(i);
    i->rsa = jwt_rsa(2048);
    i->other = jwt_rsa(2048);
    i->p256 = jwt_ec("P-256");
    i->p384 = jwt_ec("P-384");
    assert_ok(buf_append_str(&set, "{\"keys\":["));
    jwk_append(&set, i->rsa, "rsa", ",\"use\":\"sig\"");
    assert_ok(buf_append_str(&set, ","));
    jwk_append(&set, i->rsa, "rs256", ",\"alg\":\"RS256\",\"x5t\":\"abc\"");
    assert_ok(buf_append_str(&set, ","));
    jwk_append(&set, i->p256, "p256", ",\"key_ops\":[\"verify\"]");
    assert_ok(buf_append_str(&set, ","));
    jwk_append(&set, i->p384, "p384", "");
    assert_ok(buf_append_str(&set, ","));
    jwk_append(&set, i->p256, "twice", "");
    assert_ok(buf_append_str(&set, ","));
    jwk_append(&set, i->rsa, "twice", "");
    assert_ok(buf_append_str(&set, "]}"));
    assert_ok(jwk_set_read(buf_view(&set), &i->keys));
    assert_int_equal(jwk_set_count(i->keys), 6);
    *state = i;
    return 0;
}

static int issuer_teardown(void **state)
{
    struct issuer *i = *state;
    jwk_set_unref(i->keys);
    EVP_PKEY_free(i->rsa);
    EVP_PKEY_free(i->other);
    EVP_PKEY_free(i->p256);
    EVP_PKEY_free(i->p384);
    free(i);
    return 0;
}

static err_t open_text(const struct issuer *i, const char *text)
{
    AUTO(json_t) *claims = NULL;
    err_t error = jwt_open(bytes_str(text), i->keys, &claims);
    assert_true((claims != NULL) == (error.code == ERR_OK));
    return error;
}

static void the_four_algorithms_hold(void **state)
{
    struct issuer *i = *state;
    const struct {
        const char *header, *alg;
        EVP_PKEY *key;
    } table[] = {
        {"{\"alg\":\"RS256\",\"kid\":\"rsa\"}", "RS256", i->rsa},
        {"{\"alg\":\"RS256\",\"kid\":\"rs256\",\"typ\":\"JWT\"}", "RS256", i->rsa},
        {"{\"alg\":\"PS256\",\"kid\":\"rsa\",\"typ\":\"at+jwt\"}", "PS256", i->rsa},
        {"{\"alg\":\"ES256\",\"kid\":\"p256\",\"typ\":\"application/AT+JWT\"}", "ES256", i->p256},
        {"{\"alg\":\"ES384\",\"kid\":\"p384\",\"jku\":\"https://evil.test/\"}", "ES384", i->p384},
    };
    for (size_t at = 0; at < sizeof table / sizeof table[0]; at++) {
        AUTO_VAL(buf) text = {0};
        AUTO(json_t) *claims = NULL;
        jwt_make(&text, table[at].header, PAYLOAD, table[at].key, table[at].alg);
        assert_ok(jwt_open(buf_view(&text), i->keys, &claims));
        assert_string_equal(json_string_value(json_object_get(claims, "sub")), "anna");
        assert_true(jwt_is_like(buf_view(&text)));
        /* one bit of the payload, one of the signature */
        text.p[text.n / 2] ^= 1;
        assert_error(open_text(i, buf_str(&text)), ERR_UNAUTHORIZED, "the token's");
        text.p[text.n / 2] ^= 1;
        text.p[text.n - 20] = text.p[text.n - 20] == 'A' ? 'B' : 'A';
        assert_error(open_text(i, buf_str(&text)), ERR_UNAUTHORIZED, "does not hold");
    }
    assert_false(jwt_is_like(bytes_str("whorl_1_2_3")));
}

/* header, algorithm that really signed, the word of the refusal */
static const struct {
    const char *header, *alg, *why;
    err_code code;
} bad_headers[] = {
    {"{\"alg\":\"none\",\"kid\":\"rsa\"}", "RS256", "alg is not accepted", ERR_UNAUTHORIZED},
    {"{\"alg\":\"None\",\"kid\":\"rsa\"}", "RS256", "alg is not accepted", ERR_UNAUTHORIZED},
    {"{\"alg\":\"HS256\",\"kid\":\"rsa\"}", "RS256", "alg is not accepted", ERR_UNAUTHORIZED},
    {"{\"alg\":\"RS512\",\"kid\":\"rsa\"}", "RS256", "alg is not accepted", ERR_UNAUTHORIZED},
    {"{\"alg\":\"rs256\",\"kid\":\"rsa\"}", "RS256", "alg is not accepted", ERR_UNAUTHORIZED},
    {"{\"alg\":\"EdDSA\",\"kid\":\"rsa\"}", "RS256", "alg is not accepted", ERR_UNAUTHORIZED},
    {"{\"alg\":\"RSA-OAEP\",\"enc\":\"A256GCM\",\"kid\":\"rsa\"}", "RS256", "alg is not", ERR_UNAUTHORIZED},
    {"{\"alg\":null,\"kid\":\"rsa\"}", "RS256", "names no alg", ERR_UNAUTHORIZED},
    {"{\"alg\":[\"RS256\"],\"kid\":\"rsa\"}", "RS256", "names no alg", ERR_UNAUTHORIZED},
    {"{\"alg\":1,\"kid\":\"rsa\"}", "RS256", "names no alg", ERR_UNAUTHORIZED},
    {"{\"kid\":\"rsa\"}", "RS256", "names no alg", ERR_UNAUTHORIZED},
    {"{\"alg\":\"RS256\",\"alg\":\"none\",\"kid\":\"rsa\"}", "RS256", "no JSON", ERR_UNAUTHORIZED},
    {"{\"alg\":\"RS256\"}", "RS256", "names no key", ERR_UNAUTHORIZED},
    {"{\"alg\":\"RS256\",\"kid\":\"\"}", "RS256", "names no key", ERR_UNAUTHORIZED},
    {"{\"alg\":\"RS256\",\"kid\":7}", "RS256", "names no key", ERR_UNAUTHORIZED},
    {"{\"alg\":\"RS256\",\"kid\":\"gone\"}", "RS256", "lists no key", ERR_NOT_FOUND},
    {"{\"alg\":\"RS256\",\"kid\":\"../../rsa\"}", "RS256", "lists no key", ERR_NOT_FOUND},
    {"{\"alg\":\"RS256\",\"kid\":\"twice\"}", "RS256", "more than one key", ERR_UNAUTHORIZED},
    {"{\"alg\":\"ES256\",\"kid\":\"twice\"}", "RS256", "more than one key", ERR_UNAUTHORIZED},
    {"{\"alg\":\"PS256\",\"kid\":\"rs256\"}", "PS256", "not the one of its key", ERR_UNAUTHORIZED},
    {"{\"alg\":\"ES256\",\"kid\":\"rsa\"}", "RS256", "not the one of its key", ERR_UNAUTHORIZED},
    {"{\"alg\":\"RS256\",\"kid\":\"p256\"}", "RS256", "not the one of its key", ERR_UNAUTHORIZED},
    {"{\"alg\":\"ES256\",\"kid\":\"p384\"}", "RS256", "not the one of its key", ERR_UNAUTHORIZED},
    {"{\"alg\":\"ES384\",\"kid\":\"p256\"}", "RS256", "not the one of its key", ERR_UNAUTHORIZED},
    {"{\"alg\":\"PS256\",\"kid\":\"rsa\"}", "RS256", "does not hold", ERR_UNAUTHORIZED},
    {"{\"alg\":\"RS256\",\"kid\":\"rsa\"}", "PS256", "does not hold", ERR_UNAUTHORIZED},
    {"{\"alg\":\"ES256\",\"kid\":\"p256\"}", "RS256", "does not hold", ERR_UNAUTHORIZED},
    {"{\"alg\":\"RS256\",\"kid\":\"rsa\",\"crit\":[\"exp\"]}", "RS256", "critical", ERR_UNAUTHORIZED},
    {"{\"alg\":\"RS256\",\"kid\":\"rsa\",\"crit\":[]}", "RS256", "critical", ERR_UNAUTHORIZED},
    {"{\"alg\":\"RS256\",\"kid\":\"rsa\",\"b64\":false}", "RS256", "critical", ERR_UNAUTHORIZED},
    {"{\"alg\":\"RS256\",\"kid\":\"rsa\",\"cty\":\"JWT\"}", "RS256", "another token", ERR_UNAUTHORIZED},
    {"{\"alg\":\"RS256\",\"kid\":\"rsa\",\"zip\":\"DEF\"}", "RS256", "encrypted", ERR_UNAUTHORIZED},
    {"{\"alg\":\"RS256\",\"kid\":\"rsa\",\"enc\":\"A256GCM\"}", "RS256", "encrypted", ERR_UNAUTHORIZED},
    {"{\"alg\":\"RS256\",\"kid\":\"rsa\",\"typ\":\"logout+jwt\"}", "RS256", "typ", ERR_UNAUTHORIZED},
    {"{\"alg\":\"RS256\",\"kid\":\"rsa\",\"typ\":\"dpop+jwt\"}", "RS256", "typ", ERR_UNAUTHORIZED},
    {"{\"alg\":\"RS256\",\"kid\":\"rsa\",\"typ\":1}", "RS256", "typ", ERR_UNAUTHORIZED},
    {"[\"RS256\"]", "RS256", "header is no JSON object", ERR_UNAUTHORIZED},
    {"\"RS256\"", "RS256", "header is no JSON object", ERR_UNAUTHORIZED},
    {"{\"alg\":\"RS256\",\"kid\":\"rsa\"", "RS256", "header is no JSON object", ERR_UNAUTHORIZED},
    {"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "RS256", "header is no JSON", ERR_UNAUTHORIZED},
};

static void wrong_headers_are_refused(void **state)
{
    struct issuer *i = *state;
    for (size_t at = 0; at < sizeof bad_headers / sizeof bad_headers[0]; at++) {
        AUTO_VAL(buf) text = {0};
        jwt_make(&text, bad_headers[at].header, PAYLOAD, i->rsa, bad_headers[at].alg);
        err_t error = open_text(i, buf_str(&text));
        if (error.code != bad_headers[at].code || strstr(error.detail, bad_headers[at].why) == NULL) {
            fail_msg("%s: %s %s", bad_headers[at].header, err_slug(error.code), error.detail);
        }
    }
}

/* Whoever takes the header's word computes an HMAC with the public key, which everybody has. */
static void a_public_key_is_no_shared_secret(void **state)
{
    struct issuer *i = *state;
    AUTO_VAL(buf) text = {0};
    AUTO_VAL(buf) pem = {0};
    AUTO(BIO) *bio = BIO_new(BIO_s_mem());
    char *memory = NULL;
    uint8_t mac[32];
    unsigned n = sizeof mac;
    assert_int_equal(PEM_write_bio_PUBKEY(bio, i->rsa), 1);
    long size = BIO_get_mem_data(bio, &memory);
    assert_ok(buf_append(&pem, memory, (size_t)size));
    static const char *const headers[] = {"{\"alg\":\"HS256\",\"kid\":\"rsa\"}",
                                          "{\"alg\":\"RS256\",\"kid\":\"rsa\"}"};
    for (size_t at = 0; at < 2; at++) {
        text.n = 0;
        base64url_append(&text, bytes_str(headers[at]));
        assert_ok(buf_append_str(&text, "."));
        base64url_append(&text, bytes_str(PAYLOAD));
        assert_non_null(HMAC(EVP_sha256(), pem.p, (int)pem.n, text.p, text.n, mac, &n));
        assert_ok(buf_append_str(&text, "."));
        base64url_append(&text, (struct bytes){mac, n});
        assert_error(open_text(i, buf_str(&text)), ERR_UNAUTHORIZED, "");
    }
}

static void a_key_of_somebody_else_does_not_sign(void **state)
{
    struct issuer *i = *state;
    AUTO_VAL(buf) text = {0};
    AUTO_VAL(buf) header = {0};
    jwt_make(&text, "{\"alg\":\"RS256\",\"kid\":\"rsa\"}", PAYLOAD, i->other, "RS256");
    assert_error(open_text(i, buf_str(&text)), ERR_UNAUTHORIZED, "does not hold");
    /* the key that the header brings along is not asked */
    assert_ok(buf_append_str(&header, "{\"alg\":\"RS256\",\"kid\":\"rsa\",\"jwk\":"));
    jwk_append(&header, i->other, "rsa", "");
    assert_ok(buf_append_str(&header, "}"));
    jwt_make(&text, buf_str(&header), PAYLOAD, i->other, "RS256");
    assert_error(open_text(i, buf_str(&text)), ERR_UNAUTHORIZED, "does not hold");
}

static void wrong_forms_are_refused(void **state)
{
    struct issuer *i = *state;
    static const struct {
        const char *text, *why;
    } table[] = {
        {"", "parts"},
        {".", "parts"},
        {"..", "empty part"},
        {"e30.e30.", "not signed"},
        {"e30..e30", "empty part"},
        {"a.b.c.d", "parts"},
        {"e30.e30.e30.e30.e30", "encrypted"},
        {"e30.e30.e30.e30.e30.e30", "parts"},
        {"!!!.e30.e30", "header is not base64url"},
        {"e30=.e30.e30", "header is not base64url"},
        {"e3 0.e30.e30", "header is not base64url"},
        {"e30.e30.e30", "names no alg"},
        {"eyJhbGciOiJSUzI1NiIsImtpZCI6InJzYSJ9.!.e30", "payload is not base64url"},
        {"eyJhbGciOiJSUzI1NiIsImtpZCI6InJzYSJ9.YQ.e30", "payload is no JSON"},
        {"eyJhbGciOiJSUzI1NiIsImtpZCI6InJzYSJ9.W10.e30", "payload is no JSON object"},
        {"eyJhbGciOiJSUzI1NiIsImtpZCI6InJzYSJ9.e30.e3==", "signature is not base64url"},
        {"eyJhbGciOiJSUzI1NiIsImtpZCI6InJzYSJ9.e30.e30", "does not hold"},
    };
    for (size_t at = 0; at < sizeof table / sizeof table[0]; at++) {
        err_t error = open_text(i, table[at].text);
        if (error.code != ERR_UNAUTHORIZED || strstr(error.detail, table[at].why) == NULL) {
            fail_msg("%s: %s %s", table[at].text, err_slug(error.code), error.detail);
        }
    }
    AUTO_VAL(buf) text = {0};
    AUTO_VAL(buf) payload = {0};
    assert_ok(buf_append_str(&payload, "{\"a\":\""));
    for (int n = 0; n < JWT_SIZE_MAX; n++) {
        assert_ok(buf_append_str(&payload, "x"));
    }
    assert_ok(buf_append_str(&payload, "\"}"));
    jwt_make(&text, "{\"alg\":\"RS256\",\"kid\":\"rsa\"}", buf_str(&payload), i->rsa, "RS256");
    assert_error(open_text(i, buf_str(&text)), ERR_UNAUTHORIZED, "bytes");
}

/* An EC signature as DER, or with bytes behind it, is none (its split would be guessed). */
static void signatures_have_one_length(void **state)
{
    struct issuer *i = *state;
    AUTO_VAL(buf) text = {0};
    jwt_make(&text, "{\"alg\":\"ES256\",\"kid\":\"p256\"}", PAYLOAD, i->p256, "ES256");
    assert_ok(open_text(i, buf_str(&text)));
    assert_ok(buf_append_str(&text, "AAAA"));
    assert_error(open_text(i, buf_str(&text)), ERR_UNAUTHORIZED, "does not hold");
    text.p[text.n - 8] = '\0';
    assert_error(open_text(i, buf_str(&text)), ERR_UNAUTHORIZED, "signature");
}

/* --- claims */

static const struct jwt_rules rules = {
    .issuer = "https://issuer.test", .audience = "whorl", .now_ms = INT64_C(1700000000000)};

static const struct {
    const char *claims, *why;
    err_code code;
} claims_table[] = {
    {"'iss':'https://issuer.test','aud':'whorl','exp':1700000100,'sub':'a'", "", ERR_OK},
    {"'iss':'https://issuer.test','aud':['x','whorl'],'exp':1700000100.5,'sub':'a'", "", ERR_OK},
    {"'iss':'https://issuer.test','aud':'whorl','exp':1699999941,'sub':'a'", "", ERR_OK},
    {"'iss':'https://issuer.test','aud':'whorl','exp':1699999940,'sub':'a'", "expired", ERR_TOKEN_EXPIRED},
    {"'iss':'https://issuer.test','aud':'whorl','exp':1,'sub':'a'", "expired", ERR_TOKEN_EXPIRED},
    {"'iss':'https://issuer.test','aud':'whorl','sub':'a'", "exp is missing", ERR_UNAUTHORIZED},
    {"'iss':'https://issuer.test','aud':'whorl','exp':'1700000100','sub':'a'", "no time", ERR_UNAUTHORIZED},
    {"'iss':'https://issuer.test','aud':'whorl','exp':null,'sub':'a'", "no time", ERR_UNAUTHORIZED},
    {"'iss':'https://issuer.test','aud':'whorl','exp':1e300,'sub':'a'", "no time", ERR_UNAUTHORIZED},
    {"'iss':'https://issuer.test','aud':'whorl','exp':-1,'sub':'a'", "no time", ERR_UNAUTHORIZED},
    {"'iss':'https://issuer.test','aud':'whorl','exp':1700000100,'nbf':1700000060,'sub':'a'", "", ERR_OK},
    {"'iss':'https://issuer.test','aud':'whorl','exp':1700000100,'nbf':1700000061,'sub':'a'", "nbf",
     ERR_UNAUTHORIZED},
    {"'iss':'https://issuer.test','aud':'whorl','exp':1700000100,'iat':1700000061,'sub':'a'", "iat",
     ERR_UNAUTHORIZED},
    {"'iss':'https://issuer.test','aud':'whorl','exp':1700000100,'iat':true,'sub':'a'", "no time",
     ERR_UNAUTHORIZED},
    {"'iss':'https://issuer.test/','aud':'whorl','exp':1700000100,'sub':'a'", "issuer", ERR_UNAUTHORIZED},
    {"'iss':'HTTPS://issuer.test','aud':'whorl','exp':1700000100,'sub':'a'", "issuer", ERR_UNAUTHORIZED},
    {"'iss':['https://issuer.test'],'aud':'whorl','exp':1700000100,'sub':'a'", "issuer", ERR_UNAUTHORIZED},
    {"'aud':'whorl','exp':1700000100,'sub':'a'", "issuer", ERR_UNAUTHORIZED},
    {"'iss':'https://issuer.test','exp':1700000100,'sub':'a'", "aud", ERR_UNAUTHORIZED},
    {"'iss':'https://issuer.test','aud':'whorl2','exp':1700000100,'sub':'a'", "aud", ERR_UNAUTHORIZED},
    {"'iss':'https://issuer.test','aud':[],'exp':1700000100,'sub':'a'", "aud", ERR_UNAUTHORIZED},
    {"'iss':'https://issuer.test','aud':['a',['whorl']],'exp':1700000100,'sub':'a'", "aud", ERR_UNAUTHORIZED},
    {"'iss':'https://issuer.test','aud':{'whorl':1},'exp':1700000100,'sub':'a'", "aud", ERR_UNAUTHORIZED},
    {"'iss':'https://issuer.test','aud':'whorl','exp':1700000100", "sub", ERR_UNAUTHORIZED},
    {"'iss':'https://issuer.test','aud':'whorl','exp':1700000100,'sub':''", "sub", ERR_UNAUTHORIZED},
    {"'iss':'https://issuer.test','aud':'whorl','exp':1700000100,'sub':7", "sub", ERR_UNAUTHORIZED},
    {"'iss':'https://issuer.test','aud':'whorl','exp':1700000100,'sub':'a\\nb'", "ASCII", ERR_UNAUTHORIZED},
    {"'iss':'https://issuer.test','aud':'whorl','exp':1700000100,'sub':'\\u00e4'", "ASCII", ERR_UNAUTHORIZED},
    {"'iss':'https://issuer.test','aud':'whorl','exp':1700000100,'sub':'a','cnf':{'jkt':'x'}", "bound",
     ERR_UNAUTHORIZED},
};

static err_t check_claims(const char *text, char subject[JWT_SUBJECT_SIZE])
{
    AUTO_VAL(buf) json = {0};
    AUTO(json_t) *claims = NULL;
    assert_ok(buf_printf(&json, "{%s}", text));
    for (size_t i = 0; i < json.n; i++) {
        json.p[i] = (uint8_t)(json.p[i] == '\'' ? '"' : json.p[i]);
    }
    assert_ok(json_parse(buf_view(&json), 4096, &claims));
    return jwt_check(claims, &rules, subject);
}

static void claims_are_judged(void **state)
{
    (void)state;
    char subject[JWT_SUBJECT_SIZE];
    for (size_t i = 0; i < sizeof claims_table / sizeof claims_table[0]; i++) {
        err_t error = check_claims(claims_table[i].claims, subject);
        if (error.code != claims_table[i].code || strstr(error.detail, claims_table[i].why) == NULL) {
            fail_msg("%s: %s %s", claims_table[i].claims, err_slug(error.code), error.detail);
        }
    }
    assert_ok(check_claims(claims_table[0].claims, subject));
    assert_string_equal(subject, "a");
}

static void subjects_have_an_end(void **state)
{
    (void)state;
    char subject[JWT_SUBJECT_SIZE], text[512];
    static const char x[] = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
    (void)snprintf(text, sizeof text,
                   "'iss':'https://issuer.test','aud':'whorl','exp':1700000100,'sub':'%s%s%s%.63s'", x, x, x,
                   x);
    assert_ok(check_claims(text, subject));
    (void)snprintf(text, sizeof text,
                   "'iss':'https://issuer.test','aud':'whorl','exp':1700000100,'sub':'%s%s%s%s'", x, x, x, x);
    assert_error(check_claims(text, subject), ERR_UNAUTHORIZED, "255");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_four_algorithms_hold),
        cmocka_unit_test(wrong_headers_are_refused),
        cmocka_unit_test(a_public_key_is_no_shared_secret),
        cmocka_unit_test(a_key_of_somebody_else_does_not_sign),
        cmocka_unit_test(wrong_forms_are_refused),
        cmocka_unit_test(signatures_have_one_length),
        cmocka_unit_test(claims_are_judged),
        cmocka_unit_test(subjects_have_an_end),
    };
    return cmocka_run_group_tests(tests, issuer_setup, issuer_teardown);
}
