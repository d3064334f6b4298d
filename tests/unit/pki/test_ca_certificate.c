/* Certificates of CAs that somebody else signed: what comes through, and each refusal with its sentence. */
#include "tests/unit/pki/company_fixture.h"

#include "pki/ca_certificate.h"

static const struct ca_wish device_wish = {.role = AUTHORITY_DEVICE};
static const int64_t now_ms = house_from_ms + 1000;

struct company {
    struct company_ca root, policy;
};

static int setup(void **state)
{
    struct company *company = calloc(1, sizeof *company);
    assert_non_null(company);
    company_root(&company->root);
    company_policy(&company->root, &company->policy);
    *state = company;
    return 0;
}

static int teardown(void **state)
{
    struct company *company = *state;
    company_clear(&company->root);
    company_clear(&company->policy);
    free(company);
    return 0;
}

static void what_it_says_is_read(void **state)
{
    const struct company *company = *state;
    const struct company_spec spec = good_device_ca(&company->policy);
    struct company_ca ca;
    AUTO_VAL(ca_certificate) read = {.is_ca = false};
    company_make(&spec, &ca);
    assert_ok(ca_certificate_read(buf_view(&ca.der), &read));
    assert_true(read.is_ca && read.may_sign_certificates && read.may_sign_crls && read.is_understood);
    assert_int_equal(read.path_length, 0);
    assert_true(read.has_key_purposes && !read.has_any_purpose && !read.has_ocsp_signing);
    assert_int_equal(read.key_purposes, PURPOSE_CLIENT_AUTH);
    assert_int_equal(read.ski.n, 20);
    assert_int_equal(read.aki.n, 20);
    assert_null(read.weakness);
    assert_false(ca_certificate_is_self_issued(&read));
    assert_ok(ca_certificate_check_issuing(&read, &device_wish, now_ms));
    company_clear(&ca);
}

/* Each is a device CA with one thing changed. */
static void each_wrong_one_is_refused_with_a_sentence(void **state)
{
    const struct company *company = *state;
    const struct company_spec good = good_device_ca(&company->policy);
    struct company_spec no_ca = good;
    struct company_spec no_constraints = good;
    struct company_spec no_pathlen = good;
    struct company_spec further = good;
    struct company_spec no_cert_sign = good;
    struct company_spec no_crl_sign = good;
    struct company_spec server_only = good;
    struct company_spec expired = good;
    struct company_spec early = good;
    struct company_spec sha1 = good;
    struct company_spec unknown = good;
    no_ca.constraints = "critical,CA:FALSE";
    no_constraints.constraints = NULL;
    no_pathlen.constraints = "critical,CA:TRUE";
    further.constraints = "critical,CA:TRUE,pathlen:1";
    no_cert_sign.usage = "critical,cRLSign";
    no_crl_sign.usage = "critical,keyCertSign";
    server_only.purposes = "serverAuth";
    expired.to_ms = now_ms - 1000;
    early.from_ms = now_ms + 86400000;
    sha1.digest = "SHA1";
    unknown.extra = "1.2.3.4=critical,DER:0500";
    const struct {
        const struct company_spec *spec;
        const char *word;
    } cases[] = {
        {&no_ca, "basicConstraints"},         {&no_constraints, "basicConstraints"},
        {&no_pathlen, "has no pathlen"},      {&further, "could make further CAs"},
        {&no_cert_sign, "lacks keyCertSign"}, {&no_crl_sign, "lacks cRLSign"},
        {&server_only, "forbids clientAuth"}, {&expired, "expired at"},
        {&early, "not valid before"},         {&sha1, "SHA-1"},
        {&unknown, "critical extension"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct company_ca ca;
        AUTO_VAL(ca_certificate) read = {.is_ca = false};
        company_make(cases[i].spec, &ca);
        assert_ok(ca_certificate_read(buf_view(&ca.der), &read));
        assert_error(ca_certificate_check_issuing(&read, &device_wish, now_ms), ERR_UNPROCESSABLE,
                     cases[i].word);
        company_clear(&ca);
    }
}

static void purposes_follow_the_role(void **state)
{
    const struct company *company = *state;
    static const struct {
        const char *purposes;
        struct ca_wish wish;
        const char *word; /* NULL: good */
    } cases[] = {
        {NULL, {.role = AUTHORITY_DEVICE}, NULL},
        {"anyExtendedKeyUsage", {.role = AUTHORITY_INFRASTRUCTURE}, NULL},
        {"serverAuth,clientAuth,OCSPSigning", {.role = AUTHORITY_INFRASTRUCTURE}, NULL},
        {"serverAuth,clientAuth", {.role = AUTHORITY_INFRASTRUCTURE}, "forbids OCSPSigning"},
        {"clientAuth", {.role = AUTHORITY_INFRASTRUCTURE}, "forbids serverAuth"},
        {"clientAuth", {.role = AUTHORITY_DEVICE, .key_purposes = PURPOSE_CODE_SIGNING}, "forbids a purpose"},
        {"codeSigning", {.role = AUTHORITY_DEVICE, .key_purposes = PURPOSE_CODE_SIGNING}, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct company_spec spec = good_device_ca(&company->policy);
        struct company_ca ca;
        AUTO_VAL(ca_certificate) read = {.is_ca = false};
        spec.purposes = cases[i].purposes;
        company_make(&spec, &ca);
        assert_ok(ca_certificate_read(buf_view(&ca.der), &read));
        if (cases[i].word == NULL) {
            assert_ok(ca_certificate_check_issuing(&read, &cases[i].wish, now_ms));
        } else {
            assert_error(ca_certificate_check_issuing(&read, &cases[i].wish, now_ms), ERR_UNPROCESSABLE,
                         cases[i].word);
        }
        company_clear(&ca);
    }
}

static void what_is_no_certificate_is_refused(void **state)
{
    const struct company *company = *state;
    AUTO_VAL(ca_certificate) read = {.is_ca = false};
    const struct bytes cut = {company->root.der.p, company->root.der.n - 1};
    (void)state;
    assert_error(ca_certificate_read(BYTES_NONE, &read), ERR_UNPROCESSABLE, "DER");
    assert_error(ca_certificate_read(cut, &read), ERR_UNPROCESSABLE, "DER");
}

/* --- paths -------------------------------------------------------------------------------------------- */

struct path {
    struct ca_certificate items[3];
    const struct ca_certificate *list[3];
};

static void path_read(const struct company_ca *const *cas, size_t count, struct path *out)
{
    *out = (struct path){.list = {NULL}};
    for (size_t i = 0; i < count; i++) {
        assert_ok(ca_certificate_read(buf_view(&cas[i]->der), &out->items[i]));
        out->list[i] = &out->items[i];
    }
}

static void path_clear(struct path *path)
{
    for (size_t i = 0; i < 3; i++) {
        ca_certificate_clear(&path->items[i]);
    }
}

static void a_path_leads_to_its_root(void **state)
{
    const struct company *company = *state;
    const struct company_spec spec = good_device_ca(&company->policy);
    struct company_ca ca;
    struct path path;
    company_make(&spec, &ca);
    path_read((const struct company_ca *const[]){&ca, &company->policy, &company->root}, 3, &path);
    assert_ok(ca_path_verify(path.list, 3, now_ms));
    assert_error(ca_path_verify(path.list, 2, now_ms), ERR_UNPROCESSABLE, "does not end in a root");
    const struct ca_certificate *crossed[] = {path.list[0], path.list[2]};
    assert_error(ca_path_verify(crossed, 2, now_ms), ERR_UNPROCESSABLE, "another CA than the one given");
    path_clear(&path);
    company_clear(&ca);
}

static void check_refused(const struct company *company, const struct company_spec *spec,
                          const struct company_ca *policy, const char *word)
{
    struct company_ca ca;
    struct path path;
    company_make(spec, &ca);
    path_read((const struct company_ca *const[]){&ca, policy, &company->root}, 3, &path);
    assert_error(ca_path_verify(path.list, 3, now_ms), ERR_UNPROCESSABLE, word);
    path_clear(&path);
    company_clear(&ca);
}

static void a_life_beyond_the_issuers_is_refused(void **state)
{
    const struct company *company = *state;
    struct company_spec spec = good_device_ca(&company->policy);
    spec.to_ms = house_from_ms + 35 * year_ms;
    check_refused(company, &spec, &company->policy, "goes beyond its issuer's");
}

static void a_pathlen_without_room_is_refused(void **state)
{
    const struct company *company = *state;
    const struct company_spec tight = {.name = "Tight CA",
                                       .under = &company->root,
                                       .constraints = "critical,CA:TRUE,pathlen:0",
                                       .usage = "critical,keyCertSign,cRLSign"};
    struct company_ca policy;
    company_make(&tight, &policy);
    const struct company_spec spec = good_device_ca(&policy);
    check_refused(company, &spec, &policy, "no room for 1 CA below");
    company_clear(&policy);
}

static void an_issuer_that_forbids_the_purpose_is_refused(void **state)
{
    const struct company *company = *state;
    const struct company_spec servers = {.name = "Server CA",
                                         .under = &company->root,
                                         .constraints = "critical,CA:TRUE,pathlen:1",
                                         .usage = "critical,keyCertSign,cRLSign",
                                         .purposes = "serverAuth"};
    struct company_ca policy;
    company_make(&servers, &policy);
    const struct company_spec spec = good_device_ca(&policy);
    check_refused(company, &spec, &policy, "forbids a purpose");
    company_clear(&policy);
}

static void a_signature_of_another_key_is_refused(void **state)
{
    const struct company *company = *state;
    struct company_ca twin; /* the same name and pathlen, another key: an AKI that it does not have */
    const struct company_spec spec = good_device_ca(&company->policy);
    company_policy(&company->root, &twin);
    check_refused(company, &spec, &twin, "another CA than the one given");
    struct company_ca ca;
    struct path path;
    company_make(&spec, &ca);
    ca.der.p[ca.der.n - 3] ^= 1;
    path_read((const struct company_ca *const[]){&ca, &company->policy, &company->root}, 3, &path);
    assert_error(ca_path_verify(path.list, 3, now_ms), ERR_UNPROCESSABLE, "does not verify");
    path_clear(&path);
    company_clear(&ca);
    company_clear(&twin);
}

static void an_expired_issuer_is_refused(void **state)
{
    const struct company *company = *state;
    struct company_spec old = {.name = "Old CA",
                               .under = &company->root,
                               .constraints = "critical,CA:TRUE,pathlen:1",
                               .usage = "critical,keyCertSign,cRLSign",
                               .to_ms = now_ms - 1000};
    struct company_ca policy;
    company_make(&old, &policy);
    struct company_spec spec = good_device_ca(&policy);
    spec.to_ms = now_ms - 2000;
    check_refused(company, &spec, &policy, "expired");
    company_clear(&policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_it_says_is_read),
        cmocka_unit_test(each_wrong_one_is_refused_with_a_sentence),
        cmocka_unit_test(purposes_follow_the_role),
        cmocka_unit_test(what_is_no_certificate_is_refused),
        cmocka_unit_test(a_path_leads_to_its_root),
        cmocka_unit_test(a_life_beyond_the_issuers_is_refused),
        cmocka_unit_test(a_pathlen_without_room_is_refused),
        cmocka_unit_test(an_issuer_that_forbids_the_purpose_is_refused),
        cmocka_unit_test(a_signature_of_another_key_is_refused),
        cmocka_unit_test(an_expired_issuer_is_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
