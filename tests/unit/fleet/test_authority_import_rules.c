/* What a bundle is to the authorities here: each thing that is recognised, and each refusal with its
 * sentence. */
#include "tests/unit/pki/company_fixture.h"

#include "fleet/authority_import_rules.h"
#include "pki/authority_succession.h"

static const int64_t now_ms = house_from_ms + 1000;
static const int64_t day_ms = 86400000;

struct place {
    struct test_house house;
    struct company_ca root, policy;
    EVP_PKEY *key;      /* of the pending authority */
    struct buf request; /* of it */
    struct buf successor, new_with_old;
};

static void make_successor(struct place *place)
{
    AUTO_PTR(private_key) *key = NULL;
    AUTO_PTR(authority) *next = NULL;
    const uint8_t serial[SERIAL_SIZE] = {9};
    const uint8_t cross_serial[SERIAL_SIZE] = {10};
    const struct authority_spec spec = {.id = "root-2",
                                        .role = AUTHORITY_ROOT,
                                        .organisation = "Test Works",
                                        .not_before_ms = house_from_ms,
                                        .not_after_ms = house_from_ms + 29 * year_ms};
    const struct cross_spec cross = {.not_before_ms = house_from_ms,
                                     .not_after_ms = house_from_ms + 28 * year_ms,
                                     .publication = test_publication};
    assert_ok(keystore_generate(place->house.keystore, "ca-root-2", KEY_ALG_P256, &key));
    assert_ok(authority_make_successor(&spec, key, place->house.root, serial, &place->successor));
    assert_ok(authority_load("root-2", AUTHORITY_ROOT, buf_view(&place->successor), NULL, &next));
    assert_ok(authority_make_cross(place->house.root, next, &cross, cross_serial, &place->new_with_old));
}

static int setup(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    assert_non_null(place);
    test_house_init(&place->house, KEY_ALG_P256);
    company_root(&place->root);
    company_policy(&place->root, &place->policy);
    place->key = ec_key("P-256");
    make_csr(place->key, "SHA256", NULL, &place->request);
    make_successor(place);
    *state = place;
    return 0;
}

static int teardown(void **state)
{
    struct place *place = *state;
    test_house_clear(&place->house);
    company_clear(&place->root);
    company_clear(&place->policy);
    EVP_PKEY_free(place->key);
    buf_clear(&place->request);
    buf_clear(&place->successor);
    buf_clear(&place->new_with_old);
    free(place);
    return 0;
}

/* --- the house as values ------------------------------------------------------------------------------ */

enum { ROOT, DEVICE, PENDING, SUCCESSOR, ITEMS };

struct view {
    struct import_known items[ITEMS];
    struct import_view view;
};

static void view_init(const struct place *place, struct view *out)
{
    *out = (struct view){.items = {{.id = "root",
                                    .role = AUTHORITY_ROOT,
                                    .certificate = authority_borrow_der(place->house.root),
                                    .crl_number = 10},
                                   {.id = "device",
                                    .role = AUTHORITY_DEVICE,
                                    .has_key = true,
                                    .certificate = authority_borrow_der(place->house.device)},
                                   {.id = "device-2",
                                    .role = AUTHORITY_DEVICE,
                                    .state = AUTHORITY_PENDING,
                                    .has_key = true,
                                    .request = buf_view(&place->request)},
                                   {.id = "root-2",
                                    .role = AUTHORITY_ROOT,
                                    .has_key = true,
                                    .predecessor = "root",
                                    .certificate = buf_view(&place->successor)}}};
    out->view = (struct import_view){.items = out->items, .count = ITEMS, .now_ms = now_ms};
}

static err_t judge(const struct view *view, const struct buf *const *ders, size_t count,
                   struct import_plan *plan)
{
    AUTO_VAL(ca_bundle) bundle = {.count = 0};
    for (size_t i = 0; i < count; i++) {
        TRY(ca_bundle_add(buf_view(ders[i]), &bundle));
    }
    return authority_import_judge(&view->view, &bundle, plan);
}

#define JUDGE(view, plan, ...)                                                                               \
    judge((view), (const struct buf *const[]){__VA_ARGS__},                                                  \
          sizeof((const struct buf *const[]){__VA_ARGS__}) / sizeof(struct buf *), (plan))

static const struct import_step *step_of(const struct import_plan *plan, enum import_kind kind,
                                         const char *authority)
{
    for (size_t i = 0; i < plan->count; i++) {
        bool is_it = authority == NULL || strcmp(plan->steps[i].authority, authority) == 0;
        if (plan->steps[i].kind == kind && is_it) {
            return &plan->steps[i];
        }
    }
    return NULL;
}

static void make_device_ca(const struct place *place, struct company_ca *out)
{
    struct company_spec spec = good_device_ca(&place->policy);
    spec.key = place->key;
    company_make(&spec, out);
}

/* --- recognised --------------------------------------------------------------------------------------- */

static void a_pending_one_comes_with_its_company(void **state)
{
    const struct place *place = *state;
    struct view view;
    struct import_plan plan;
    struct company_ca ca;
    view_init(place, &view);
    make_device_ca(place, &ca);
    assert_ok(JUDGE(&view, &plan, &ca.der, &place->policy.der, &place->root.der));
    assert_int_equal(plan.count, 3);
    const struct import_step *issued = step_of(&plan, IMPORT_ISSUED, "device-2");
    assert_non_null(issued);
    const struct import_step *policy = step_of(&plan, IMPORT_EXTERNAL, issued->issuer);
    assert_non_null(policy);
    const struct import_step *root = step_of(&plan, IMPORT_EXTERNAL, policy->issuer);
    assert_non_null(root);
    assert_string_equal(root->issuer, "");
    assert_true(strncmp(root->authority, "external-", 9) == 0);
    assert_int_equal(issued->serial[0], 77);
    assert_int_equal(issued->serial_size, 1);
    assert_string_equal(issued->note, "");
    company_clear(&ca);
}

static void no_purposes_are_noted(void **state)
{
    const struct place *place = *state;
    struct company_spec spec = good_device_ca(&place->policy);
    struct view view;
    struct import_plan plan;
    struct company_ca ca;
    view_init(place, &view);
    spec.key = place->key;
    spec.purposes = NULL;
    company_make(&spec, &ca);
    assert_ok(JUDGE(&view, &plan, &ca.der, &place->policy.der, &place->root.der));
    assert_has(step_of(&plan, IMPORT_ISSUED, "device-2")->note, "extendedKeyUsage");
    company_clear(&ca);
}

static void what_is_here_already_is_told(void **state)
{
    const struct place *place = *state;
    struct view view;
    struct import_plan plan;
    AUTO_VAL(buf) root = {0};
    view_init(place, &view);
    assert_ok(buf_append_bytes(&root, authority_borrow_der(place->house.root)));
    assert_ok(JUDGE(&view, &plan, &root));
    assert_int_equal(plan.count, 1);
    assert_non_null(step_of(&plan, IMPORT_KNOWN, "root"));
    const struct import_further further = {.certificate = buf_view(&place->new_with_old)};
    view.view.further = &further;
    view.view.further_count = 1;
    assert_ok(JUDGE(&view, &plan, &place->new_with_old));
    assert_non_null(step_of(&plan, IMPORT_KNOWN, ""));
}

static void a_cross_certificate_is_recognised(void **state)
{
    const struct place *place = *state;
    struct view view;
    struct import_plan plan;
    view_init(place, &view);
    assert_ok(JUDGE(&view, &plan, &place->new_with_old));
    const struct import_step *cross = step_of(&plan, IMPORT_NEW_WITH_OLD, "root-2");
    assert_non_null(cross);
    assert_string_equal(cross->issuer, "root");
    memcpy(view.items[ROOT].predecessor, "root-2", 7); /* the other way round */
    view.items[SUCCESSOR].predecessor[0] = '\0';
    assert_ok(JUDGE(&view, &plan, &place->new_with_old));
    assert_non_null(step_of(&plan, IMPORT_OLD_WITH_NEW, "root-2"));
    view.items[ROOT].predecessor[0] = '\0';
    assert_error(JUDGE(&view, &plan, &place->new_with_old), ERR_UNPROCESSABLE,
                 "neither root follows the other");
}

/* --- certificates that are refused -------------------------------------------------------------------- */

static void a_certificate_of_nobody_is_refused(void **state)
{
    const struct place *place = *state;
    const struct company_spec spec = good_device_ca(&place->policy); /* over a key of its own */
    struct view view;
    struct import_plan plan;
    struct company_ca other;
    view_init(place, &view);
    company_make(&spec, &other);
    assert_error(JUDGE(&view, &plan, &other.der), ERR_UNPROCESSABLE, "of no authority here, and issued none");
    assert_error(JUDGE(&view, &plan, &place->root.der), ERR_UNPROCESSABLE, "certificate 1 (CN=Company Root)");
    company_clear(&other);
}

static void a_chain_with_a_gap_is_refused(void **state)
{
    const struct place *place = *state;
    struct view view;
    struct import_plan plan;
    struct company_ca ca;
    view_init(place, &view);
    make_device_ca(place, &ca);
    assert_error(JUDGE(&view, &plan, &ca.der), ERR_UNPROCESSABLE, "is not here: give its certificate too");
    assert_error(JUDGE(&view, &plan, &ca.der, &place->policy.der), ERR_UNPROCESSABLE,
                 "the issuer of CN=Company Policy CA is not here");
    assert_error(JUDGE(&view, &plan, &ca.der, &place->root.der), ERR_UNPROCESSABLE, "is not here");
    company_clear(&ca);
}

static void a_bad_one_is_refused_with_all_that_came_along(void **state)
{
    const struct place *place = *state;
    struct company_spec spec = good_device_ca(&place->policy);
    struct view view;
    struct import_plan plan = {.count = 7};
    struct company_ca ca;
    view_init(place, &view);
    spec.key = place->key;
    spec.constraints = "critical,CA:TRUE";
    company_make(&spec, &ca);
    assert_error(JUDGE(&view, &plan, &place->root.der, &place->policy.der, &ca.der), ERR_UNPROCESSABLE,
                 "has no pathlen");
    assert_int_equal(plan.count, 7);
    company_clear(&ca);
}

static void two_for_one_and_one_serial_twice_are_refused(void **state)
{
    const struct place *place = *state;
    struct company_spec spec = good_device_ca(&place->policy);
    struct view view;
    struct import_plan plan;
    struct company_ca ca;
    struct company_ca again;
    view_init(place, &view);
    make_device_ca(place, &ca);
    spec.key = place->key;
    spec.serial = 78;
    company_make(&spec, &again);
    assert_error(JUDGE(&view, &plan, &ca.der, &again.der, &place->policy.der, &place->root.der),
                 ERR_UNPROCESSABLE, "two certificates for authority device-2");
    const struct import_further further = {.certificate = buf_view(&again.der)};
    struct company_ca same;
    struct company_spec twice = good_device_ca(&place->policy);
    twice.key = place->key;
    twice.serial = 78;
    twice.to_ms = house_from_ms + 10 * year_ms;
    company_make(&twice, &same);
    view.view.further = &further;
    view.view.further_count = 1;
    assert_error(JUDGE(&view, &plan, &same.der, &place->policy.der, &place->root.der), ERR_UNPROCESSABLE,
                 "the same serial number");
    company_clear(&ca);
    company_clear(&again);
    company_clear(&same);
}

static void another_certificate_of_ours_is_refused(void **state)
{
    const struct place *place = *state;
    struct company_spec spec = good_device_ca(&place->policy);
    struct view view;
    struct import_plan plan;
    struct company_ca ca;
    struct company_ca again;
    view_init(place, &view);
    make_device_ca(place, &ca);
    spec.key = place->key;
    spec.serial = 78;
    company_make(&spec, &again);
    view.items[PENDING].state = AUTHORITY_ACTIVE;
    view.items[PENDING].certificate = buf_view(&ca.der);
    assert_error(JUDGE(&view, &plan, &again.der), ERR_UNPROCESSABLE, "has its certificate already");
    company_clear(&ca);
    company_clear(&again);
}

/* --- CRLs --------------------------------------------------------------------------------------------- */

static void sign_root_list(const struct place *place, int64_t number, int64_t from_ms, struct buf *out)
{
    const struct crl_spec spec = {
        .number = number, .this_update_ms = from_ms, .next_update_ms = from_ms + 90 * day_ms};
    assert_ok(authority_sign_crl(place->house.root, &spec, out));
}

static void a_list_of_a_key_elsewhere_is_taken(void **state)
{
    const struct place *place = *state;
    struct view view;
    struct import_plan plan;
    AUTO_VAL(buf) crl = {0};
    view_init(place, &view);
    sign_root_list(place, 11, house_from_ms, &crl);
    assert_ok(JUDGE(&view, &plan, &crl));
    const struct import_step *step = step_of(&plan, IMPORT_CRL, "root");
    assert_non_null(step);
    assert_int_equal(step->number, 11);
    assert_int_equal(step->to_ms, house_from_ms + 90 * day_ms);
    view.items[ROOT].crl = buf_view(&crl);
    view.items[ROOT].crl_number = 11;
    assert_ok(JUDGE(&view, &plan, &crl));
    assert_non_null(step_of(&plan, IMPORT_KNOWN, "root"));
}

static void lists_that_go_back_or_are_of_others_are_refused(void **state)
{
    const struct place *place = *state;
    struct view view;
    struct import_plan plan;
    AUTO_VAL(buf) same = {0};
    AUTO_VAL(buf) next = {0};
    AUTO_VAL(buf) later = {0};
    AUTO_VAL(buf) old = {0};
    AUTO_VAL(buf) early = {0};
    AUTO_VAL(buf) foreign = {0};
    view_init(place, &view);
    sign_root_list(place, 10, house_from_ms, &same);
    sign_root_list(place, 11, house_from_ms, &next);
    sign_root_list(place, 12, house_from_ms, &later);
    sign_root_list(place, 13, house_from_ms - 91 * day_ms, &old);
    sign_root_list(place, 14, house_from_ms + day_ms, &early);
    const struct company_list list = {
        .by = &place->root, .number = 1, .from_ms = house_from_ms, .to_ms = house_from_ms + day_ms};
    company_sign_list(&list, &foreign);
    assert_error(JUDGE(&view, &plan, &same), ERR_UNPROCESSABLE, "numbers only rise");
    assert_error(JUDGE(&view, &plan, &next, &later), ERR_UNPROCESSABLE, "two CRLs of root");
    assert_error(JUDGE(&view, &plan, &old), ERR_UNPROCESSABLE, "ran out");
    assert_error(JUDGE(&view, &plan, &early), ERR_UNPROCESSABLE, "begins at");
    assert_error(JUDGE(&view, &plan, &foreign), ERR_UNPROCESSABLE, "CRL 1 is of no authority here");
    next.p[next.n - 3] ^= 1;
    assert_error(JUDGE(&view, &plan, &next), ERR_UNPROCESSABLE, "of another key of its issuer");
    view.items[ROOT].has_key = true;
    assert_error(JUDGE(&view, &plan, &later), ERR_UNPROCESSABLE, "its CRLs are signed here");
}

static void nothing_is_refused(void **state)
{
    struct view view;
    struct import_plan plan;
    const struct ca_bundle empty = {.count = 0};
    view_init(*state, &view);
    assert_error(authority_import_judge(&view.view, &empty, &plan), ERR_UNPROCESSABLE, "nothing to import");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pending_one_comes_with_its_company),
        cmocka_unit_test(no_purposes_are_noted),
        cmocka_unit_test(what_is_here_already_is_told),
        cmocka_unit_test(a_cross_certificate_is_recognised),
        cmocka_unit_test(a_certificate_of_nobody_is_refused),
        cmocka_unit_test(a_chain_with_a_gap_is_refused),
        cmocka_unit_test(a_bad_one_is_refused_with_all_that_came_along),
        cmocka_unit_test(two_for_one_and_one_serial_twice_are_refused),
        cmocka_unit_test(another_certificate_of_ours_is_refused),
        cmocka_unit_test(a_list_of_a_key_elsewhere_is_taken),
        cmocka_unit_test(lists_that_go_back_or_are_of_others_are_refused),
        cmocka_unit_test(nothing_is_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
