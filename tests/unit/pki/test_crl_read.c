/* CRLs of others: read as OpenSSL wrote them, and each kind that is not taken. */
#include "tests/unit/pki/company_fixture.h"

#include "pki/crl_read.h"

static const int64_t now_ms = house_from_ms + 1000;
static const int64_t day_ms = 86400000;

static int setup(void **state)
{
    struct company_ca *root = calloc(1, sizeof *root);
    assert_non_null(root);
    company_root(root);
    *state = root;
    return 0;
}

static int teardown(void **state)
{
    company_clear(*state);
    free(*state);
    return 0;
}

static struct company_list list_of(const struct company_ca *root)
{
    return (struct company_list){
        .by = root, .number = 41, .from_ms = house_from_ms, .to_ms = house_from_ms + 90 * day_ms};
}

struct seen {
    int serials[4];
    size_t count;
};

static err_t see(const struct crl_line *line, void *arg)
{
    struct seen *seen = arg;
    assert_true(seen->count < 4 && line->serial.n <= 2);
    int serial = 0;
    for (size_t i = 0; i < line->serial.n; i++) {
        serial = serial << 8 | line->serial.p[i];
    }
    seen->serials[seen->count++] = serial;
    assert_int_equal(line->revoked_at_ms, house_from_ms);
    return OK;
}

static void what_it_says_is_read(void **state)
{
    static const int serials[] = {7, 200, 33000};
    const struct company_ca *root = *state;
    struct company_list spec = list_of(root);
    struct crl_facts crl;
    struct seen seen = {.count = 0};
    AUTO_VAL(buf) der = {0};
    AUTO_VAL(ca_certificate) issuer = {.is_ca = false};
    spec.serials = serials;
    spec.count = 3;
    company_sign_list(&spec, &der);
    assert_ok(ca_certificate_read(buf_view(&root->der), &issuer));
    assert_ok(crl_read(buf_view(&der), &crl));
    assert_int_equal(crl.number, 41);
    assert_int_equal(crl.this_update_ms, house_from_ms);
    assert_int_equal(crl.next_update_ms, house_from_ms + 90 * day_ms);
    assert_int_equal(crl.count, 3);
    assert_ok(crl_each(&crl, see, &seen));
    assert_int_equal(seen.count, 3);
    assert_memory_equal(seen.serials, serials, sizeof serials);
    static const uint8_t last[] = {0x80, 0xe8}, absent[] = {0xe8};
    struct crl_line line;
    bool is_there = false;
    assert_ok(crl_find(&crl, BYTES_OF(last), &line, &is_there));
    assert_true(is_there);
    assert_int_equal(line.revoked_at_ms, house_from_ms);
    assert_ok(crl_find(&crl, BYTES_OF(absent), &line, &is_there));
    assert_false(is_there);
    assert_ok(crl_verify(&crl, &issuer));
    assert_ok(crl_check_dates(&crl, now_ms));
    assert_error(crl_check_dates(&crl, house_from_ms + 91 * day_ms), ERR_UNPROCESSABLE, "ran out at 2026-");
    assert_error(crl_check_dates(&crl, house_from_ms - day_ms), ERR_UNPROCESSABLE, "begins at 2026-");
}

static void ours_is_read_as_well(void **state)
{
    struct test_house house;
    struct crl_facts crl;
    struct seen seen = {.count = 0};
    AUTO_VAL(buf) der = {0};
    AUTO_VAL(ca_certificate) issuer = {.is_ca = false};
    const struct crl_entry entry = {.serial = {1}, .revoked_at_ms = house_from_ms, .reason = 2};
    const struct crl_spec spec = {.number = INT64_MAX,
                                  .this_update_ms = house_from_ms,
                                  .next_update_ms = house_from_ms + 26 * year_ms, /* GeneralizedTime */
                                  .entries = &entry,
                                  .count = 1};
    (void)state;
    test_house_init(&house, KEY_ALG_P384);
    assert_ok(authority_sign_crl(house.root, &spec, &der));
    assert_ok(crl_read(buf_view(&der), &crl));
    assert_int_equal(crl.number, INT64_MAX);
    assert_int_equal(crl.next_update_ms, spec.next_update_ms);
    assert_int_equal(crl.count, 1);
    assert_ok(ca_certificate_read(authority_borrow_der(house.root), &issuer));
    assert_ok(crl_verify(&crl, &issuer));
    (void)seen;
    test_house_clear(&house);
}

static void each_kind_that_is_not_taken_says_why(void **state)
{
    const struct company_ca *root = *state;
    struct company_list no_number = list_of(root);
    struct company_list no_next = list_of(root);
    struct company_list delta = list_of(root);
    struct company_list scope = list_of(root);
    struct company_list unknown = list_of(root);
    struct company_list version_1 = list_of(root);
    no_number.number = -1;
    no_next.to_ms = 0;
    delta.extra = "2.5.29.27=critical,DER:020101";
    scope.extra = "2.5.29.28=critical,DER:30038101ff"; /* onlyContainsUserCerts */
    unknown.extra = "1.2.3.4=critical,DER:0500";
    version_1.is_version_1 = true;
    const struct {
        const struct company_list *spec;
        const char *word;
    } cases[] = {
        {&no_number, "has no number"},    {&no_next, "when the next one comes"},
        {&delta, "is a delta"},           {&scope, "issuingDistributionPoint"},
        {&unknown, "critical extension"}, {&version_1, "not of version 2"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AUTO_VAL(buf) der = {0};
        struct crl_facts crl;
        company_sign_list(cases[i].spec, &der);
        assert_error(crl_read(buf_view(&der), &crl), ERR_UNPROCESSABLE, cases[i].word);
    }
}

static void a_signature_of_somebody_else_is_refused(void **state)
{
    const struct company_ca *root = *state;
    struct company_ca twin; /* of the same name */
    const struct company_list ours = list_of(root);
    struct company_list weak = list_of(root);
    struct crl_facts crl;
    AUTO_VAL(ca_certificate) issuer = {.is_ca = false};
    AUTO_VAL(ca_certificate) other = {.is_ca = false};
    AUTO_VAL(buf) der = {0};
    AUTO_VAL(buf) weak_der = {0};
    company_root(&twin);
    assert_ok(ca_certificate_read(buf_view(&root->der), &issuer));
    assert_ok(ca_certificate_read(buf_view(&twin.der), &other));
    company_sign_list(&ours, &der);
    assert_ok(crl_read(buf_view(&der), &crl));
    assert_error(crl_verify(&crl, &other), ERR_UNPROCESSABLE, "another key of its issuer");
    der.p[der.n - 3] ^= 1;
    assert_ok(crl_read(buf_view(&der), &crl));
    assert_error(crl_verify(&crl, &issuer), ERR_UNPROCESSABLE, "not its issuer's");
    weak.digest = "SHA1";
    company_sign_list(&weak, &weak_der);
    assert_ok(crl_read(buf_view(&weak_der), &crl));
    assert_error(crl_verify(&crl, &issuer), ERR_UNPROCESSABLE, "SHA-1");
    issuer.may_sign_crls = false;
    assert_error(crl_verify(&crl, &issuer), ERR_UNPROCESSABLE, "cRLSign");
    company_clear(&twin);
}

/* Cut anywhere, it is no CRL, and nothing is read beyond its end (the sanitizers watch). */
static void what_is_cut_is_refused_at_every_byte(void **state)
{
    static const int serials[] = {7, 200};
    struct company_list spec = list_of(*state);
    AUTO_VAL(buf) der = {0};
    spec.serials = serials;
    spec.count = 2;
    company_sign_list(&spec, &der);
    for (size_t n = 0; n < der.n; n++) {
        struct crl_facts crl;
        AUTO_VAL(buf) cut = {0};
        assert_ok(buf_append(&cut, der.p, n));
        assert_int_equal(crl_read(buf_view(&cut), &crl).code, ERR_UNPROCESSABLE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_it_says_is_read),
        cmocka_unit_test(ours_is_read_as_well),
        cmocka_unit_test(each_kind_that_is_not_taken_says_why),
        cmocka_unit_test(a_signature_of_somebody_else_is_refused),
        cmocka_unit_test(what_is_cut_is_refused_at_every_byte),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
