/* A CRL over REST: who may bring one in, and what is none. What is taken has its tests in fleet/ and end to
 * end. */
#include "tests/unit/api/resource_fixture.h"
#include "tests/unit/pki/company_fixture.h"

#include "pki/ceremony_internal.h"

#define CRL "/api/v1/authorities/{id}/crl"

static void assert_refused(struct house *h, const char *id, const char *body, int status)
{
    AUTO_VAL(reply) reply = {.json = NULL};
    struct call call = rest(h, HTTP_POST, CRL, body);
    call.param = id;
    assert_status(h, &call, &reply, status);
}

static void body_of(const struct buf *der, struct buf *out)
{
    AUTO_VAL(buf) pem = {0};
    AUTO(json_t) *document = json_object();
    assert_ok(ceremony_crl_to_pem(buf_view(der), &pem));
    assert_ok(json_set_text(document, "crl", buf_str(&pem)));
    assert_ok(json_append(out, document));
}

static void bad_bodies_are_refused(void **state)
{
    struct house *h = *state;
    assert_refused(h, "root", "{}", 422);
    assert_refused(h, "root", "[]", 422);
    assert_refused(h, "root", "{\"crl\":7}", 422);
    assert_refused(h, "root", "{\"crl\":\"words\"}", 422);
    assert_refused(h, "root", "{\"crl\":\"-----BEGIN X509 CRL-----\\nMAA\"}", 422);
    assert_refused(h, "root", "{\"crl\":\"words\",\"number\":3}", 422);
    assert_refused(h, "root", "{", 400);
}

static void lists_of_others_are_refused(void **state)
{
    struct house *h = *state;
    struct company_ca root;
    AUTO_VAL(buf) der = {0};
    AUTO_VAL(buf) body = {0};
    company_root(&root);
    const struct company_list list = {
        .by = &root, .number = 1, .from_ms = house_from_ms, .to_ms = house_from_ms + 20 * year_ms};
    company_sign_list(&list, &der);
    body_of(&der, &body);
    assert_refused(h, "root", buf_str(&body), 422);
    assert_refused(h, "nobody", buf_str(&body), 404);
    company_clear(&root);
}

#define house_test(function) cmocka_unit_test_setup_teardown(function, house_setup, house_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        house_test(bad_bodies_are_refused),
        house_test(lists_of_others_are_refused),
    };
    return cmocka_run_group_tests_name("authority_crls", tests, NULL, NULL);
}
