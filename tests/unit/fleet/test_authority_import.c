/* Requests, ceremonies and imports on an inventory: what is stored with which record, twice, and not at all.
 */
#include "tests/unit/fleet/fleet_fixture.h"

#include "db/authority_certificate_rows.h"
#include "fleet/authority_import.h"
#include "fleet/authority_offline.h"
#include "fleet/authority_request.h"
#include "fleet/publication.h"
#include "pki/crl_read.h"
#include "pki/name_constraints_read.h"

static const struct authority_wish device_2 = {.id = "device-2",
                                               .role = AUTHORITY_DEVICE,
                                               .issuer = "root",
                                               .organisation = "Test Works",
                                               .key_alg = KEY_ALG_P256};

/* Keys of the group's keystore that a test made. */
static void forget_key(struct fleet_fixture *f)
{
    assert_ok(keystore_forget(f->house->keystore, "ca-device-2"));
}

static void a_request_is_made_once(void **state)
{
    struct fleet_fixture f;
    AUTO_VAL(buf) first = {0};
    AUTO_VAL(buf) again = {0};
    AUTO_VAL(buf) pending = {0};
    struct authority_wish wish = device_2;
    fleet_fixture_init(&f, *state);
    assert_ok(authority_request(f.fleet, &test_actor, &wish, &first));
    assert_ok(authority_request(f.fleet, &test_actor, &wish, &again));
    assert_true(bytes_equal(buf_view(&first), buf_view(&again)));
    assert_ok(authority_pending_request(f.fleet, "device-2", &pending));
    assert_true(bytes_equal(buf_view(&first), buf_view(&pending)));
    assert_int_equal(audit_of(&f, "authority.requested").count, 1);
    assert_has(audit_of(&f, "authority.requested").last_body, "\"authority\":\"device-2\"");
    wish.id = "device";
    assert_error(authority_request(f.fleet, &test_actor, &wish, &again), ERR_CONFLICT, "already");
    wish.id = "Device";
    assert_error(authority_request(f.fleet, &test_actor, &wish, &again), ERR_UNPROCESSABLE,
                 "begins with a letter");
    wish.id = "device-3";
    wish.issuer = "device";
    assert_error(authority_request(f.fleet, &test_actor, &wish, &again), ERR_UNPROCESSABLE, "it is no root");
    wish.issuer = "nobody";
    assert_error(authority_request(f.fleet, &test_actor, &wish, &again), ERR_UNPROCESSABLE,
                 "no authority nobody");
    wish.role = AUTHORITY_ROOT;
    assert_error(authority_request(f.fleet, &test_actor, &wish, &again), ERR_UNPROCESSABLE, "signs itself");
    assert_false(keystore_has(f.house->keystore, "ca-device-3"));
    assert_error(authority_pending_request(f.fleet, "device", &pending), ERR_WRONG_STATE,
                 "only a pending one");
    assert_error(authority_pending_request(f.fleet, "nobody", &pending), ERR_NOT_FOUND, "nobody");
    forget_key(&f);
    fleet_fixture_clear(&f);
}

/* One for servers at the edge asks for the names that it is given, and never for this server's own. */
static void a_request_of_an_edge_authority_is_bound(void **state)
{
    static const char *const names[] = {"edge.test"};
    static const char *const bad[] = {"edge"};
    struct name_constraints constraints = {.permitted = names, .permitted_count = 1};
    struct fleet_fixture f;
    AUTO_VAL(buf) request = {0};
    AUTO_VAL(held_constraints) held = {.excludes_addresses = false};
    AUTO_PTR(ceremony) *ceremony = NULL;
    const struct ceremony_wish wanted = {.issuer = "root", .lifetime_days = 3652, .crl_days = 180};
    struct authority_wish wish = device_2;
    fleet_fixture_init(&f, *state);
    wish.role = AUTHORITY_EDGE;
    assert_error(authority_request(f.fleet, &test_actor, &wish, &request), ERR_UNPROCESSABLE,
                 "needs the DNS names");
    constraints.permitted = bad;
    wish.names = &constraints;
    assert_error(authority_request(f.fleet, &test_actor, &wish, &request), ERR_UNPROCESSABLE, "two labels");
    assert_false(keystore_has(f.house->keystore, "ca-device-2"));
    constraints.permitted = names;
    assert_ok(authority_request(f.fleet, &test_actor, &wish, &request));
    assert_ok(name_constraints_of_request(buf_view(&request), &held));
    assert_string_equal(held.names.permitted[0], "edge.test");
    assert_true(held.excludes_addresses);
    assert_ok(authority_ceremony(f.fleet, &wanted, &ceremony));
    assert_int_equal(ceremony->certificates[0].role, AUTHORITY_EDGE);
    forget_key(&f);
    fleet_fixture_clear(&f);
}

/* A killed attempt left a key without a row: the next one takes it up. */
static void a_key_that_was_left_is_taken_up(void **state)
{
    struct fleet_fixture f;
    AUTO_PTR(private_key) *key = NULL;
    AUTO_VAL(buf) request = {0};
    AUTO_VAL(buf) spki = {0};
    fleet_fixture_init(&f, *state);
    assert_ok(keystore_generate(f.house->keystore, "ca-device-2", KEY_ALG_P256, &key));
    assert_ok(private_key_spki(key, &spki));
    assert_ok(authority_request(f.fleet, &test_actor, &device_2, &request));
    assert_non_null(memmem(request.p, request.n, spki.p, spki.n));
    forget_key(&f);
    fleet_fixture_clear(&f);
}

static void sign(const struct fleet_fixture *f, const struct ceremony *ceremony, struct ca_bundle *out)
{
    AUTO_VAL(buf) pem = {0};
    const struct ceremony_signer signer = {
        .authority = f->house->root, .random = random_system(), .now_ms = fleet_now_ms};
    assert_ok(ceremony_sign(ceremony, &signer, &pem));
    assert_ok(ca_bundle_add(buf_view(&pem), out));
}

static void what_the_root_signed_comes_in(void **state)
{
    struct fleet_fixture f;
    struct import_plan plan;
    AUTO_VAL(buf) request = {0};
    AUTO_PTR(ceremony) *ceremony = NULL;
    AUTO_VAL(ca_bundle) bundle = {.count = 0};
    struct ceremony_wish wish = {.issuer = "root", .lifetime_days = 3652, .crl_days = 180};
    fleet_fixture_init(&f, *state);
    assert_ok(authority_request(f.fleet, &test_actor, &device_2, &request));
    assert_ok(authority_ceremony(f.fleet, &wish, &ceremony));
    assert_int_equal(ceremony->certificate_count, 1);
    assert_string_equal(ceremony->certificates[0].authority, "device-2");
    assert_int_equal(ceremony->crl_number, fleet_now_ms / 1000);
    ceremony->has_crl = false; /* the root's key is here: it signs its own */
    sign(&f, ceremony, &bundle);
    assert_ok(authority_import(f.fleet, &test_actor, &bundle, &plan));
    assert_int_equal(plan.count, 1);
    assert_int_equal(plan.steps[0].kind, IMPORT_ISSUED);
    AUTO_PTR(authority_set) *set = authority_set_take(f.fleet);
    const struct authority_member *member = authority_set_find(set, bytes_str("device-2"));
    assert_non_null(member);
    assert_int_equal(member->state, AUTHORITY_STANDBY);
    assert_true(member->has_key);
    assert_string_equal(member->issuer, "root");
    assert_ok(authority_import(f.fleet, &test_actor, &bundle, &plan));
    assert_int_equal(plan.steps[0].kind, IMPORT_KNOWN);
    assert_int_equal(audit_of(&f, "authority.imported").count, 1);
    assert_audit_verifies(&f);
    wish.issuer = "device";
    AUTO_PTR(ceremony) *none = NULL;
    assert_error(authority_ceremony(f.fleet, &wish, &none), ERR_UNPROCESSABLE,
                 "no root of this installation");
    forget_key(&f);
    fleet_fixture_clear(&f);
}

static void the_last_list_lives_long(void **state)
{
    struct fleet_fixture f;
    struct offline_list list;
    struct published shown = {.bytes = NULL};
    fleet_fixture_init(&f, *state);
    assert_ok(publication_refresh(f.fleet, fleet_now_ms));
    assert_error(authority_offline_list(f.fleet, "device", 90, &list), ERR_WRONG_STATE,
                 "only the key of a root");
    assert_error(authority_offline_list(f.fleet, "nobody", 90, &list), ERR_NOT_FOUND, "nobody");
    assert_error(authority_offline_list(f.fleet, "root", 29, &list), ERR_UNPROCESSABLE, "30 to 3653 days");
    assert_error(authority_offline_list(f.fleet, "root", 3654, &list), ERR_UNPROCESSABLE, "30 to 3653 days");
    assert_ok(authority_offline_list(f.fleet, "root", 200, &list));
    assert_int_equal(list.next_update_ms, fleet_now_ms + 200 * day_ms);
    assert_int_equal(list.number, fleet_now_ms / 1000 + 1);
    assert_ok(publication_refresh(f.fleet, fleet_now_ms));
    assert_ok(publication_crl(f.fleet, bytes_str("root"), &shown));
    assert_int_equal(shown.next_update_ms, list.next_update_ms);
    shared_unref(shown.bytes);
    assert_ok(authority_offline_tell(f.fleet, &test_actor, "root"));
    assert_int_equal(audit_of(&f, "authority.key_taken_offline").count, 1);
    fleet_fixture_clear(&f);
}

static err_t revoke_device(struct db_tx *tx, void *arg)
{
    const struct fleet_fixture *f = arg;
    AUTO_VAL(certificate_facts) facts = {.serial_size = 0};
    struct authority_certificate_row row = {.issuer = "root",
                                            .subject = "device",
                                            .kind = AUTHORITY_FIRST,
                                            .certificate = authority_borrow_der(f->house->device)};
    TRY(certificate_read(row.certificate, &facts));
    memcpy(row.serial, facts.serial, facts.serial_size);
    row.serial_size = facts.serial_size;
    row.not_before = facts.not_before_ms;
    row.not_after = facts.not_after_ms;
    TRY(authority_certificate_rows_insert(tx, &row));
    row.revoked_at = fleet_now_ms - 1000;
    row.revocation_reason = 2;
    return authority_certificate_rows_revoke(tx, &row);
}

/* A CA certificate is revoked while the key is elsewhere: a list without it is taken, and said to lack it;
 * what is asked for next has it. The key is gone already. */
static void what_is_revoked_is_asked_for(void **state)
{
    struct fleet_fixture f;
    struct import_plan plan;
    AUTO_PTR(ceremony) *without = NULL;
    AUTO_PTR(ceremony) *with = NULL;
    AUTO_VAL(ca_bundle) first = {.count = 0};
    AUTO_VAL(ca_bundle) second = {.count = 0};
    const struct ceremony_wish wish = {.issuer = "root", .lifetime_days = 3652, .crl_days = 180};
    fleet_fixture_init(&f, *state);
    assert_ok(authority_ceremony(f.fleet, &wish, &without));
    assert_int_equal(without->entry_count, 0);
    assert_ok(db_write(f.db, revoke_device, &f));
    sign(&f, without, &first);
    assert_ok(authority_import(f.fleet, &test_actor, &first, &plan));
    assert_has(plan.steps[0].note, "lacks 1 certificate revoked here");
    assert_ok(authority_ceremony(f.fleet, &wish, &with));
    assert_int_equal(with->entry_count, 1);
    assert_int_equal(with->entries[0].entry.reason, 2);
    assert_has(with->entries[0].subject, "Device CA");
    assert_true(with->crl_number > without->crl_number);
    sign(&f, with, &second);
    assert_ok(authority_import(f.fleet, &test_actor, &second, &plan));
    assert_string_equal(plan.steps[0].note, "");
    assert_int_equal(plan.steps[0].entries, 1);
    fleet_fixture_clear(&f);
}

/* The root's key is gone afterwards: last of the group but one. */
static void a_list_comes_in_when_the_key_is_elsewhere(void **state)
{
    struct fleet_fixture f;
    struct import_plan plan;
    AUTO_PTR(ceremony) *ceremony = NULL;
    AUTO_VAL(ca_bundle) bundle = {.count = 0};
    struct published shown = {.bytes = NULL};
    const struct ceremony_wish wish = {.issuer = "root", .lifetime_days = 3652, .crl_days = 180};
    fleet_fixture_init(&f, *state);
    assert_ok(authority_ceremony(f.fleet, &wish, &ceremony));
    assert_int_equal(ceremony->certificate_count, 0);
    sign(&f, ceremony, &bundle);
    assert_error(authority_import(f.fleet, &test_actor, &bundle, &plan), ERR_UNPROCESSABLE, "signed here");
    assert_int_equal(audit_of(&f, "crl.imported").count, 0);
    assert_ok(keystore_forget(f.house->keystore, "ca-root"));
    assert_ok(authority_import(f.fleet, &test_actor, &bundle, &plan));
    assert_int_equal(plan.steps[0].kind, IMPORT_CRL);
    assert_int_equal(plan.steps[0].number, fleet_now_ms / 1000);
    assert_ok(authority_import(f.fleet, &test_actor, &bundle, &plan));
    assert_int_equal(plan.steps[0].kind, IMPORT_KNOWN);
    assert_int_equal(audit_of(&f, "crl.imported").count, 1);
    assert_ok(publication_refresh(f.fleet, fleet_now_ms));
    assert_ok(publication_crl(f.fleet, bytes_str("root"), &shown));
    assert_true(bytes_equal(shared_view(shown.bytes), buf_view(&bundle.items[0].der)));
    shared_unref(shown.bytes);
    fleet_fixture_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_made_once),
        cmocka_unit_test(a_request_of_an_edge_authority_is_bound),
        cmocka_unit_test(a_key_that_was_left_is_taken_up),
        cmocka_unit_test(what_the_root_signed_comes_in),
        cmocka_unit_test(the_last_list_lives_long),
        cmocka_unit_test(a_list_comes_in_when_the_key_is_elsewhere),
        cmocka_unit_test(what_is_revoked_is_asked_for),
    };
    return cmocka_run_group_tests(tests, fleet_group_setup, fleet_group_teardown);
}
