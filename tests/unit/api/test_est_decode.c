/* EST bodies: every form that real clients send, and what must not pass (RFC 8951 §3). */
#include "tests/unit/pki/pki_fixture.h"

#include "api/est.h"

static void forms_of_one_request(void **state)
{
    (void)state;
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(buf) der = {0};
    AUTO_VAL(buf) line = {0};
    make_csr(key, "SHA256", NULL, &der);
    assert_ok(base64_append(&line, buf_view(&der)));
    static const char *const breaks[] = {"", "\n", "\r\n", " \t", "\r\n\r\n "};
    for (size_t b = 0; b < sizeof breaks / sizeof breaks[0]; b++) {
        AUTO_VAL(buf) body = {0};
        AUTO_VAL(buf) back = {0};
        for (size_t i = 0; i < line.n; i++) {
            assert_ok(buf_append(&body, line.p + i, 1));
            assert_ok(buf_append_str(&body, i % 64 == 63 || i + 1 == line.n ? breaks[b] : ""));
        }
        assert_ok(est_decode(buf_view(&body), &back));
        assert_true(bytes_equal(buf_view(&back), buf_view(&der)));
    }
    AUTO_VAL(buf) raw = {0};
    assert_ok(est_decode(buf_view(&der), &raw));
    assert_true(bytes_equal(buf_view(&raw), buf_view(&der)));
}

static void refused_bodies(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "", "\r\n \t", "MIIB*", "MIIB-_==", "MII", "MI=B", "-----BEGIN CERTIFICATE REQUEST-----"};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        AUTO_VAL(buf) der = {0};
        assert_error(est_decode(bytes_str(bodies[i]), &der), ERR_BAD_ENCODING, "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms_of_one_request),
        cmocka_unit_test(refused_bodies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
