/* Enrolment codes: what they admit, how often, whom never; and what is wrong with an order for one. */
#include "tests/unit/fleet/admission_scene.h"
#include "tests/unit/fleet/contact_scene.h"

#include "fleet/source_limits.h"

static int64_t count(struct scene *scene, const char *sql)
{
    return scene_number(scene, sql);
}

static void a_code_lets_a_stranger_in(void **state)
{
    struct scene *scene = *state;
    admit_by_code(scene);
    struct code_wish wish = one_code();
    wish.serial = bytes_str("SN 4711");
    struct code_text code = add_code(scene, 0, &wish);
    AUTO_VAL(unit) unit = {.identity = NULL};
    AUTO_VAL(enrolment) out = {.is_repeat = false};
    unit_init(&unit);
    assert_ok(enrol_showing(scene, &unit, "", code.text, &out));
    struct device_row device = scene_device(scene, 0, &unit.id);
    assert_int_equal(device.state, DEVICE_ENROLLED);
    assert_int_equal(device.key_origin, KEY_ORIGIN_CLAIMED);
    assert_int_equal(device.claim, CLAIM_PROVED);
    assert_int_equal(device.generation, 1);
    assert_string_equal(device.serial, "SN 4711");
    struct code_row row = code_now(scene, 0, &code);
    assert_int_equal(row.used, 1);
    assert_true(row.has_device);
    assert_memory_equal(row.device.b, unit.id.b, DEVICE_ID_SIZE);
    assert_int_equal(row.last_used_at, SCENE_AT_MS);
    assert_memory_equal(row.batch.b, device.batch.b, sizeof row.batch.b);
    assert_int_equal(count(scene, "SELECT device_count FROM batch"), 1);
    assert_int_equal(count(scene, "SELECT SUM(n) FROM device_count WHERE state = 0"), 0);
    assert_int_equal(count(scene, "SELECT n FROM device_count JOIN batch ON owner = id WHERE state = 1"), 1);
    assert_int_equal(count(scene, "SELECT n FROM device_count JOIN product ON owner = id WHERE state = 1"),
                     1);
    assert_int_equal(count(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'device.registered'"), 1);
    assert_int_equal(count(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'device.enrolled'"), 1);
    assert_int_equal(count(scene, "SELECT length(spki) FROM device"), (int64_t)unit.spki.n);
    assert_audit_verifies(scene);
}

/* The answer was lost: the same device, with the code or without, comes through; nobody else does. */
static void a_used_code_is_its_first_users(void **state)
{
    struct scene *scene = *state;
    admit_by_code(scene);
    struct code_wish wish = one_code();
    struct code_text code = add_code(scene, 0, &wish);
    AUTO_VAL(unit) first = {.identity = NULL};
    AUTO_VAL(unit) second = {.identity = NULL};
    unit_init(&first);
    unit_init(&second);
    assert_int_equal(showing(scene, &first, "", code.text), ERR_OK);
    assert_int_equal(showing(scene, &first, "", code.text), ERR_OK);
    assert_int_equal(code_now(scene, 0, &code).used, 1);
    assert_int_equal(showing(scene, &second, "", code.text), ERR_ENROLMENT_CODE);
    assert_int_equal(count(scene, "SELECT COUNT(*) FROM device"), 1);
    assert_int_equal(count(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'code.refused'"), 1);
    assert_int_equal(showing(scene, &second, "", code.text), ERR_ENROLMENT_CODE);
    assert_int_equal(count(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'code.refused'"),
                     1); /* a minute */
    assert_audit_verifies(scene);
}

static void a_code_never_recovers(void **state)
{
    struct scene *scene = *state;
    admit_by_code(scene);
    struct code_wish wish = batch_code(10);
    struct code_text code = add_code(scene, 0, &wish);
    AUTO_VAL(unit) unit = {.identity = NULL};
    AUTO_VAL(enrolment) out = {.is_repeat = false};
    struct certificate_row revoked = {.ver = 0};
    unit_init(&unit);
    assert_ok(enrol_showing(scene, &unit, "", code.text, &out));
    struct contact used = contact_by_certificate(scene, buf_view(&out.certificate.der));
    assert_int_equal(used.proof, PROOF_OPERATIONAL);
    assert_int_equal(showing(scene, &unit, "", code.text), ERR_DEVICE_REFUSED); /* a certificate is in use */
    assert_ok(revoke_in(scene, 0, out.certificate.serial, 0, &revoked));
    assert_int_equal(showing(scene, &unit, "", code.text), ERR_DEVICE_REFUSED);
    assert_int_equal(code_now(scene, 0, &code).used, 1);
    scene_change(scene, "UPDATE device SET state = 1, reenrol_allowed = 1");
    assert_int_equal(showing(scene, &unit, "", "whorlcode_nonsense"), ERR_OK); /* nobody asks for it now */
    certificate_row_clear(&revoked);
}

static void limits_and_times_hold(void **state)
{
    struct scene *scene = *state;
    admit_by_code(scene);
    struct code_wish wish = batch_code(2);
    wish.not_before = SCENE_AT_MS + 1000;
    wish.not_after = SCENE_AT_MS + 3000;
    struct code_text code = add_code(scene, 0, &wish);
    struct unit unit[3];
    for (size_t i = 0; i < 3; i++) {
        unit_init(&unit[i]);
    }
    assert_int_equal(showing(scene, &unit[0], "", code.text), ERR_ENROLMENT_CODE);
    scene->clock.at_ms += 1000;
    assert_int_equal(showing(scene, &unit[0], "", code.text), ERR_OK);
    scene->clock.at_ms += 1999;
    assert_int_equal(showing(scene, &unit[1], "", code.text), ERR_OK);
    assert_int_equal(showing(scene, &unit[2], "", code.text), ERR_ENROLMENT_CODE); /* used up */
    struct code_row row = code_now(scene, 0, &code);
    assert_int_equal(row.used, 2);
    assert_false(row.has_device);
    wish.use_limit = 5;
    wish.not_before = 0;
    wish.not_after = scene->clock.at_ms + 10;
    code = add_code(scene, 0, &wish);
    scene->clock.at_ms += 10;
    assert_int_equal(showing(scene, &unit[2], "", code.text), ERR_ENROLMENT_CODE); /* expired */
    assert_int_equal(code_now(scene, 0, &code).used, 0);
    for (size_t i = 0; i < 3; i++) {
        unit_clear(&unit[i]);
    }
}

static void a_revoked_code_is_over_and_what_it_let_in_stays(void **state)
{
    struct scene *scene = *state;
    admit_by_code(scene);
    struct code_wish wish = batch_code(5);
    struct code_text code = add_code(scene, 0, &wish);
    struct faults faults = {.count = 0};
    struct terms terms = terms_of(scene, 0, &faults);
    struct code_row row;
    AUTO_VAL(unit) first = {.identity = NULL};
    AUTO_VAL(unit) second = {.identity = NULL};
    unit_init(&first);
    unit_init(&second);
    assert_int_equal(showing(scene, &first, "", code.text), ERR_OK);
    struct terms others = terms_of(scene, 1, &faults);
    assert_int_equal(code_revoke(scene->fleet, &others, code.id, &row).code, ERR_NOT_FOUND);
    assert_ok(code_revoke(scene->fleet, &terms, code.id, &row));
    assert_int_equal(row.revoked_at, SCENE_AT_MS);
    assert_ok(code_revoke(scene->fleet, &terms, code.id, &row));
    assert_int_equal(count(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'code.revoked'"), 1);
    assert_int_equal(showing(scene, &second, "", code.text), ERR_ENROLMENT_CODE);
    assert_int_equal(showing(scene, &first, "", code.text), ERR_OK);
    assert_int_equal(scene_device(scene, 0, &first.id).state, DEVICE_ENROLLED);
}

static void a_code_is_for_one_place(void **state)
{
    struct scene *scene = *state;
    admit_by_code(scene);
    struct code_wish wish = batch_code(5);
    struct code_text code = add_code(scene, 1, &wish);
    AUTO_VAL(unit) unit = {.identity = NULL};
    unit_init(&unit);
    assert_int_equal(showing(scene, &unit, "default", code.text), ERR_ENROLMENT_CODE); /* not its label */
    assert_int_equal(code_now(scene, 1, &code).used, 0);
    scene_change(scene, "UPDATE product SET admission = 0");
    assert_int_equal(showing(scene, &unit, "acme", code.text), ERR_ENROLMENT_CODE); /* policy changed */
    scene_change(scene, "UPDATE product SET admission = 2, must_be_listed = 1");
    assert_int_equal(showing(scene, &unit, "acme", code.text), ERR_DEVICE_REFUSED); /* and in no list */
    scene_register(scene, 1, &unit.id);
    assert_int_equal(showing(scene, &unit, "", ""), ERR_DEVICE_REFUSED); /* a list is not enough */
    assert_int_equal(showing(scene, &unit, "", code.text), ERR_OK);
    assert_int_equal(code_now(scene, 1, &code).used, 1);
    assert_int_equal(count(scene, "SELECT COUNT(*) FROM device"), 1);
    assert_int_equal(count(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'device.registered'"), 0);
}

static void a_code_for_a_device_is_for_that_device(void **state)
{
    struct scene *scene = *state;
    admit_by_code(scene);
    AUTO_VAL(unit) mine = {.identity = NULL};
    AUTO_VAL(unit) other = {.identity = NULL};
    unit_init(&mine);
    unit_init(&other);
    struct code_wish wish = one_code();
    wish.has_device = true;
    wish.device = mine.id;
    struct code_text code = add_code(scene, 0, &wish);
    assert_int_equal(showing(scene, &other, "", code.text), ERR_ENROLMENT_CODE);
    assert_int_equal(showing(scene, &mine, "", code.text), ERR_OK);
    /* a listed device has the serial that its list says */
    wish = one_code();
    wish.serial = bytes_str("SN-2");
    code = add_code(scene, 0, &wish);
    scene_register(scene, 0, &other.id); /* SN-1 */
    assert_int_equal(showing(scene, &other, "", code.text), ERR_DEVICE_REFUSED);
    wish.serial = bytes_str("SN-1");
    code = add_code(scene, 0, &wish);
    assert_int_equal(showing(scene, &other, "", code.text), ERR_OK);
}

/* Quarantined and revoked before it ever enrolled: let back, it needs its code as on the first day. */
static void a_way_back_before_the_first_certificate(void **state)
{
    struct scene *scene = *state;
    admit_by_code(scene);
    struct code_wish wish = batch_code(5);
    struct code_text code = add_code(scene, 0, &wish);
    AUTO_VAL(unit) unit = {.identity = NULL};
    unit_init(&unit);
    scene_register(scene, 0, &unit.id);
    scene_change(scene, "UPDATE device SET state = 3");
    assert_int_equal(showing(scene, &unit, "", code.text), ERR_DEVICE_REFUSED);
    assert_int_equal(code_now(scene, 0, &code).used, 0);
    scene_change(scene, "UPDATE device SET reenrol_allowed = 1");
    assert_int_equal(showing(scene, &unit, "", ""), ERR_DEVICE_REFUSED);
    assert_int_equal(showing(scene, &unit, "", code.text), ERR_OK);
    assert_int_equal(code_now(scene, 0, &code).used, 1);
}

/* Claims of two tenants: a bare id loses to a code, one that was proved does not. */
static void claims_and_codes(void **state)
{
    struct scene *scene = *state;
    admit_by_code(scene);
    struct code_wish wish = batch_code(5);
    struct code_text mine = add_code(scene, 0, &wish);
    struct code_text theirs = add_code(scene, 1, &wish);
    AUTO_VAL(unit) unit = {.identity = NULL};
    unit_init(&unit);
    scene_register(scene, 1, &unit.id);
    assert_int_equal(showing(scene, &unit, "", mine.text), ERR_OK);
    assert_int_equal(scene_device(scene, 0, &unit.id).state, DEVICE_ENROLLED);
    assert_int_equal(showing(scene, &unit, "acme", theirs.text), ERR_DEVICE_REFUSED);
    assert_int_equal(scene_device(scene, 1, &unit.id).state, DEVICE_REGISTERED);
    assert_int_equal(code_now(scene, 1, &theirs).used, 0);
}

static void only_the_source_of_wrong_codes_waits(void **state)
{
    struct scene *scene = *state;
    admit_by_code(scene);
    struct code_wish wish = one_code();
    struct code_text code = add_code(scene, 0, &wish);
    struct code_text wrong = code;
    wrong.text[40] = wrong.text[40] == '0' ? '1' : '0';
    AUTO_VAL(unit) unit = {.identity = NULL};
    unit_init(&unit);
    for (int i = 0; i < 11; i++) {
        assert_int_equal(showing(scene, &unit, "", wrong.text), ERR_ENROLMENT_CODE);
    }
    assert_int_equal(showing(scene, &unit, "", code.text), ERR_TOO_MANY);
    assert_int_equal(showing(scene, &unit, "", ""), ERR_DEVICE_REFUSED); /* without one nobody waits */
    struct peer_identity peer;
    struct contact contact;
    peer_of_identity(&unit, &peer);
    struct contact_facts facts = facts_of(&peer);
    facts.code = bytes_str(code.text);
    facts.address = "192.0.2.8";
    assert_ok(
        contact_resolve(scene->fleet, &facts, &contact)); /* the code and the device are free elsewhere */
    assert_true(contact.is_admissible);
    peer_identity_clear(&peer);
    scene->clock.at_ms += 1001;
    assert_int_equal(showing(scene, &unit, "", code.text), ERR_OK);
}

/* A look at the state with a code: admissible, salt and all, and nothing is used. */
static void status_under_a_code_uses_nothing(void **state)
{
    struct scene *scene = *state;
    admit_by_code(scene);
    struct code_wish wish = one_code();
    struct code_text code = add_code(scene, 0, &wish);
    AUTO_VAL(unit) unit = {.identity = NULL};
    struct peer_identity peer;
    struct contact contact;
    struct device_status status;
    unit_init(&unit);
    peer_of_identity(&unit, &peer);
    struct contact_facts facts = facts_of(&peer);
    facts.code = bytes_str(code.text);
    assert_ok(contact_resolve(scene->fleet, &facts, &contact));
    assert_ok(contact_status(scene->fleet, &contact, &status));
    assert_int_equal(status.word, WORD_NOT_ENROLLED);
    assert_true(status.has_owner_salt);
    assert_string_equal(status.tenant, "default");
    assert_int_equal(code_now(scene, 0, &code).used, 0);
    assert_int_equal(count(scene, "SELECT COUNT(*) FROM device"), 0);
    peer_identity_clear(&peer);
}

/* --- orders ----------------------------------------------------------------------------------------- */

static void wrong_orders_are_named(void **state)
{
    struct scene *scene = *state;
    admit_by_code(scene);
    const struct {
        struct code_wish wish;
        const char *pointer;
    } rows[] = {
        {{.name = bytes_str("a b"), .count = 1}, "/name"},
        {{.name = bytes_str("a"), .count = 0}, "/count"},
        {{.name = bytes_str("a"), .count = 1001}, "/count"},
        {{.name = bytes_str("a"), .count = 2, .has_device = true}, "/count"},
        {{.name = bytes_str("a"), .count = 1, .has_use_limit = true, .use_limit = 2}, "/use_limit"},
        {{.name = bytes_str("a"), .count = 1, .kind = CODE_BATCH}, "/use_limit"},
        {{.name = bytes_str("a"), .count = 1, .kind = CODE_BATCH, .has_use_limit = true}, "/use_limit"},
        {{.name = bytes_str("a"), .count = 1, .serial = bytes_str("a@b")}, "/serial"},
        {{.name = bytes_str("a"), .count = 1, .batch = bytes_str("/")}, "/batch"},
        {{.name = bytes_str("a"), .count = 1, .product = bytes_str("none")}, "/product"},
        {{.name = bytes_str("a"), .count = 1, .not_after = SCENE_AT_MS}, "/not_after"},
        {{.name = bytes_str("a"), .count = 1, .not_after = SCENE_AT_MS + 2000 * DAY_MS}, "/not_after"},
        {{.name = bytes_str("a"), .count = 1, .not_before = SCENE_AT_MS + 9, .not_after = SCENE_AT_MS + 9},
         "/not_after"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct faults faults = {.count = 0};
        AUTO_VAL(new_codes) codes = {.count = 0};
        struct terms terms = terms_of(scene, 0, &faults);
        assert_int_equal(code_add(scene->fleet, &terms, &rows[i].wish, &codes).code, ERR_UNPROCESSABLE);
        assert_int_equal(faults.count, 1);
        assert_string_equal(faults.items[0].pointer, rows[i].pointer);
    }
    scene_change(scene, "UPDATE product SET admission = 0");
    struct faults faults = {.count = 0};
    AUTO_VAL(new_codes) codes = {.count = 0};
    struct terms terms = terms_of(scene, 0, &faults);
    struct code_wish wish = one_code();
    assert_int_equal(code_add(scene->fleet, &terms, &wish, &codes).code, ERR_UNPROCESSABLE);
    assert_string_equal(faults.items[0].pointer, "/product");
    assert_int_equal(count(scene, "SELECT COUNT(*) FROM enrolment_code"), 0);
    assert_int_equal(count(scene, "SELECT COUNT(*) FROM batch"), 0);
}

static void many_codes_at_once(void **state)
{
    struct scene *scene = *state;
    admit_by_code(scene);
    struct code_wish wish = one_code();
    wish.count = 1000;
    wish.batch = bytes_str("spring");
    struct faults faults = {.count = 0};
    AUTO_VAL(new_codes) codes = {.count = 0};
    struct terms terms = terms_of(scene, 0, &faults);
    assert_ok(code_add(scene->fleet, &terms, &wish, &codes));
    assert_int_equal(codes.count, 1000);
    assert_string_not_equal(codes.codes[0].text, codes.codes[999].text);
    assert_int_equal(count(scene, "SELECT COUNT(*) FROM enrolment_code"), 1000);
    assert_int_equal(count(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'code.created'"), 1);
    assert_int_equal(count(scene, "SELECT COUNT(*) FROM batch WHERE name = 'spring'"), 1);
    AUTO_VAL(unit) unit = {.identity = NULL};
    unit_init(&unit);
    assert_int_equal(showing(scene, &unit, "", codes.codes[777].text), ERR_OK);
    /* what is stored does not hold the secret */
    struct code_parts parts;
    assert_ok(code_text_read(bytes_str(codes.codes[777].text), &parts));
    assert_memory_not_equal(parts.secret, codes.codes[777].secret_sha256, sizeof parts.secret);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene_test(a_code_lets_a_stranger_in),
        scene_test(a_used_code_is_its_first_users),
        scene_test(a_code_never_recovers),
        scene_test(limits_and_times_hold),
        scene_test(a_revoked_code_is_over_and_what_it_let_in_stays),
        scene_test(a_code_is_for_one_place),
        scene_test(a_code_for_a_device_is_for_that_device),
        scene_test(a_way_back_before_the_first_certificate),
        scene_test(claims_and_codes),
        scene_test(only_the_source_of_wrong_codes_waits),
        scene_test(status_under_a_code_uses_nothing),
        scene_test(wrong_orders_are_named),
        scene_test(many_codes_at_once),
    };
    return cmocka_run_group_tests_name("codes", tests, scene_group_setup, scene_group_teardown);
}
