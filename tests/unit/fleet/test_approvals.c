/* Tests of the second person's word: who may say it, about what exactly, and what becomes of a request in the
 * end. */
#include "tests/unit/fleet/approval_scene.h"

static struct unit unit_registered(struct scene *scene)
{
    struct unit unit;
    unit_init(&unit);
    scene_register(scene, 0, &unit.id);
    return unit;
}

static enum device_state state_of(struct scene *scene, const struct unit *unit)
{
    return scene_device(scene, 0, &unit->id).state;
}

static void test_nothing_waits_where_nobody_asked_for_it(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit = unit_registered(scene);
    struct device_row row;
    set_dual_control(scene, NULL, APPROVAL_REVOKE_MANY); /* another kind */
    assert_ok(order_device(scene, &unit.id, ACTION_COMPROMISED, &row));
    assert_int_equal(row.state, DEVICE_COMPROMISED);
}

static void test_a_second_person_carries_it_out(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit = unit_registered(scene);
    set_dual_control(scene, NULL, APPROVAL_COMPROMISED);
    struct uuid id = ask_compromised(scene, &unit.id);
    assert_int_equal(state_of(scene, &unit), DEVICE_REGISTERED);
    assert_error(decide_by(scene, &ANNA, id, VERB_APPROVE), ERR_FORBIDDEN, "user:anna");
    assert_error(decide_by(scene, &ANNA_TOO, id, VERB_APPROVE), ERR_FORBIDDEN, "a second person is needed");
    assert_error(decide_by(scene, &ANNA_TOO, id, VERB_REJECT), ERR_FORBIDDEN, "a second person is needed");
    assert_error(decide_by(scene, &BEN, id, VERB_WITHDRAW), ERR_FORBIDDEN, "who asked");
    assert_int_equal(state_of(scene, &unit), DEVICE_REGISTERED);
    assert_ok(decide_by(scene, &BEN, id, VERB_APPROVE));
    assert_int_equal(state_of(scene, &unit), DEVICE_COMPROMISED);
    assert_int_equal(approval_state_of(scene, id), APPROVAL_EXECUTED);
    assert_error(decide_by(scene, &BEN, id, VERB_APPROVE), ERR_WRONG_STATE, "the approval is executed");
    assert_int_equal(scene_number(scene,
                                  "SELECT COUNT(*) FROM audit WHERE kind = 'approval.requested' AND "
                                  "actor = 'token:a1' AND body LIKE '%\"requested_owner\":\"user:anna\"%'"),
                     1);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'approval.executed' AND "
                                         "actor = 'token:b1' AND body LIKE '%\"comment\":\"as seen\"%'"),
                     1);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'device.compromised' AND "
                                         "actor = 'token:b1' AND body LIKE '%seen twice%'"),
                     1);
    assert_audit_verifies(scene);
}

static void test_who_decides_has_the_scope_of_the_action(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit = unit_registered(scene);
    AUTO_VAL(approval_row) row = {.ver = 0};
    set_dual_control(scene, NULL, APPROVAL_COMPROMISED);
    const struct terms terms = terms_by(scene, &BEN, NULL);
    struct approval_decision decision = {.id = ask_compromised(scene, &unit.id),
                                         .verb = VERB_APPROVE,
                                         .caller_scopes = SCOPE_APPROVALS_DECIDE | SCOPE_DEVICES_WRITE};
    assert_error(approval_decide(scene->fleet, &terms, &decision, &row), ERR_FORBIDDEN,
                 "certificates:revoke");
    decision.verb = VERB_REJECT;
    assert_error(approval_decide(scene->fleet, &terms, &decision, &row), ERR_FORBIDDEN,
                 "certificates:revoke");
    decision.caller_scopes |= SCOPE_CERTIFICATES_REVOKE;
    assert_ok(approval_decide(scene->fleet, &terms, &decision, &row));
}

static void test_rejected_and_withdrawn_do_nothing(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit = unit_registered(scene);
    set_dual_control(scene, &scene->products[0].id, APPROVAL_COMPROMISED); /* of the product alone */
    struct uuid first = ask_compromised(scene, &unit.id);
    assert_ok(decide_by(scene, &BEN, first, VERB_REJECT));
    assert_int_equal(approval_state_of(scene, first), APPROVAL_REJECTED);
    struct uuid second = ask_compromised(scene, &unit.id);
    assert_false(uuid_equal(first, second));
    assert_ok(decide_by(scene, &ANNA_TOO, second, VERB_WITHDRAW));
    assert_int_equal(approval_state_of(scene, second), APPROVAL_WITHDRAWN);
    assert_int_equal(state_of(scene, &unit), DEVICE_REGISTERED);
}

static void test_what_changed_meanwhile_makes_it_void(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit = unit_registered(scene);
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO(EVP_PKEY) *next = ec_key("P-256");
    AUTO_VAL(enrolment) first = {0};
    AUTO_VAL(enrolment) second = {0};
    struct device_row row;
    set_dual_control(scene, NULL, APPROVAL_COMPROMISED);
    assert_ok(enrol_by_identity(scene, &unit, key, 0, &first));
    struct uuid id = ask_compromised(scene, &unit.id);
    assert_ok(order_device(scene, &unit.id, ACTION_QUARANTINE, &row));
    assert_error(decide_by(scene, &BEN, id, VERB_APPROVE), ERR_WRONG_STATE, "has changed");
    assert_int_equal(approval_state_of(scene, id), APPROVAL_VOID);
    assert_int_equal(state_of(scene, &unit), DEVICE_QUARANTINED);
    assert_ok(order_device(scene, &unit.id, ACTION_RELEASE, &row));
    assert_error(decide_by(scene, &BEN, id, VERB_APPROVE), ERR_WRONG_STATE, "the approval is void");
    /* but a device cannot undo a request about itself by renewing its certificate */
    id = ask_compromised(scene, &unit.id);
    assert_ok(enrol_by_certificate(scene, buf_view(&first.certificate.der), next, 0, &second));
    assert_ok(decide_by(scene, &BEN, id, VERB_APPROVE));
    assert_int_equal(state_of(scene, &unit), DEVICE_COMPROMISED);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM certificate WHERE state <> 3"), 0);
}

static void test_what_waits_too_long_expires(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) one = unit_registered(scene);
    AUTO_VAL(unit) two = unit_registered(scene);
    set_dual_control(scene, NULL, APPROVAL_COMPROMISED);
    struct uuid first = ask_compromised(scene, &one.id);
    manual_clock_advance(&scene->clock, APPROVAL_TTL_DEFAULT_S * 1000 - 1);
    assert_ok(approvals_expire(scene->fleet, clock_now_ms(&scene->clock.clock)));
    assert_int_equal(approval_state_of(scene, first), APPROVAL_PENDING);
    struct uuid second = ask_compromised(scene, &two.id);
    manual_clock_advance(&scene->clock, 1);
    assert_error(decide_by(scene, &BEN, first, VERB_APPROVE), ERR_WRONG_STATE, "waited too long");
    assert_int_equal(approval_state_of(scene, first), APPROVAL_EXPIRED);
    assert_int_equal(state_of(scene, &one), DEVICE_REGISTERED);
    manual_clock_advance(&scene->clock, APPROVAL_TTL_DEFAULT_S * 1000);
    struct uuid third = ask_compromised(scene, &two.id); /* not found again: it was over */
    assert_false(uuid_equal(second, third));
    assert_int_equal(approval_state_of(scene, second), APPROVAL_EXPIRED);
    manual_clock_advance(&scene->clock, APPROVAL_TTL_DEFAULT_S * 1000);
    assert_ok(approvals_expire(scene->fleet, clock_now_ms(&scene->clock.clock)));
    assert_int_equal(approval_state_of(scene, third), APPROVAL_EXPIRED);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'approval.expired'"), 3);
}

static void test_the_same_request_is_asked_once(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit = unit_registered(scene);
    struct guarded guarded = {.is_waiting = false};
    struct device_row row;
    set_dual_control(scene, NULL, APPROVAL_COMPROMISED);
    struct uuid id = ask_compromised(scene, &unit.id);
    assert_true(uuid_equal(id, ask_compromised(scene, &unit.id)));
    /* by another person too: it stays the first one's request */
    struct terms terms = terms_by(scene, &BEN, &guarded);
    struct device_order order = {.id = unit.id, .action = ACTION_COMPROMISED, .note = "seen twice"};
    assert_ok(device_act(scene->fleet, &terms, &order, &row));
    assert_true(uuid_equal(id, guarded.approval));
    order.note = "another reason"; /* is another request */
    terms.idempotency = (struct idempotency){.tenant = terms.tenant, .key = bytes_str("k")};
    assert_ok(device_act(scene->fleet, &terms, &order, &row));
    struct uuid other = guarded.approval;
    assert_false(uuid_equal(id, other));
    assert_ok(decide_by(scene, &ANNA, other, VERB_REJECT));
    guarded = (struct guarded){.is_waiting = false};
    assert_ok(device_act(scene->fleet, &terms, &order, &row)); /* the key's answer, whatever became of it */
    assert_true(guarded.is_waiting && uuid_equal(other, guarded.approval));
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM approval"), 2);
}

static void test_an_action_that_cannot_ask_is_not_done(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit = unit_registered(scene);
    struct device_row row;
    set_dual_control(scene, NULL, APPROVAL_COMPROMISED);
    assert_int_equal(order_device(scene, &unit.id, ACTION_COMPROMISED, &row).code, ERR_INTERNAL);
    assert_int_equal(state_of(scene, &unit), DEVICE_REGISTERED);
}

/* The inventory refuses in the middle of it: nothing of the action stays, that it failed does. */
static void test_what_cannot_be_carried_out_has_failed(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit = unit_registered(scene);
    set_dual_control(scene, NULL, APPROVAL_COMPROMISED);
    struct uuid id = ask_compromised(scene, &unit.id);
    scene_change(scene, "CREATE TRIGGER refuse AFTER UPDATE ON device_count BEGIN "
                        "SELECT RAISE(ABORT, 'refused by the test'); END");
    err_t error = decide_by(scene, &BEN, id, VERB_APPROVE);
    scene_change(scene, "DROP TRIGGER refuse");
    if (err_status(error.code) < 500) {
        assert_error(error, ERR_WRONG_STATE, "the approval is failed");
        assert_int_equal(approval_state_of(scene, id), APPROVAL_FAILED);
    } else { /* what is ours may go better the next time */
        assert_int_equal(approval_state_of(scene, id), APPROVAL_PENDING);
        assert_ok(decide_by(scene, &BEN, id, VERB_APPROVE));
        return;
    }
    assert_int_equal(state_of(scene, &unit), DEVICE_REGISTERED);
}

/* --- the switch itself ------------------------------------------------------------------------------- */

static err_t change_by(struct scene *scene, const struct actor *actor, uint32_t kinds, struct guarded *out)
{
    struct faults faults = {.count = 0};
    struct dual_control_row row;
    struct terms terms = terms_by(scene, actor, out);
    const struct dual_control_change change = {.has_kinds = true, .kinds = kinds};
    terms.faults = &faults;
    *out = (struct guarded){.is_waiting = false};
    return dual_control_change(scene->fleet, &terms, &change, &row);
}

static uint32_t kinds_of(struct scene *scene)
{
    struct dual_control_row row;
    assert_ok(dual_control_get(scene->fleet, scene->tenants[0].id, NULL, &row));
    return row.kinds;
}

static void test_taking_a_kind_out_waits_itself(void **state)
{
    struct scene *scene = *state;
    struct guarded guarded;
    assert_int_equal(kinds_of(scene), 0);
    assert_ok(change_by(scene, &ANNA, APPROVAL_COMPROMISED, &guarded));
    assert_false(guarded.is_waiting);
    assert_ok(change_by(scene, &ANNA, APPROVAL_COMPROMISED | APPROVAL_REVOKE_MANY, &guarded));
    assert_false(guarded.is_waiting); /* more is at once */
    assert_ok(change_by(scene, &ANNA, APPROVAL_REVOKE_MANY, &guarded));
    assert_true(guarded.is_waiting);
    assert_int_equal(kinds_of(scene), APPROVAL_COMPROMISED | APPROVAL_REVOKE_MANY);
    struct uuid id = guarded.approval;
    assert_int_equal(decide_by(scene, &ANNA_TOO, id, VERB_APPROVE).code, ERR_FORBIDDEN);
    assert_ok(decide_by(scene, &BEN, id, VERB_APPROVE));
    assert_int_equal(kinds_of(scene), APPROVAL_REVOKE_MANY);
    /* what was asked of another version is void */
    assert_ok(change_by(scene, &ANNA, 0, &guarded));
    id = guarded.approval;
    assert_ok(change_by(scene, &BEN, APPROVAL_COMPROMISED | APPROVAL_REVOKE_MANY, &guarded));
    assert_error(decide_by(scene, &BEN, id, VERB_APPROVE), ERR_WRONG_STATE, "void");
    assert_int_equal(kinds_of(scene), APPROVAL_COMPROMISED | APPROVAL_REVOKE_MANY);
}

static void test_another_tenant_sees_nothing(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit = unit_registered(scene);
    AUTO_VAL(approval_row) row = {.ver = 0};
    struct dual_control_row setting;
    set_dual_control(scene, NULL, APPROVAL_COMPROMISED);
    struct terms terms = terms_of(scene, 1);
    const struct approval_decision decision = {
        .id = ask_compromised(scene, &unit.id), .verb = VERB_APPROVE, .caller_scopes = SCOPE_ADMIN};
    assert_int_equal(approval_decide(scene->fleet, &terms, &decision, &row).code, ERR_NOT_FOUND);
    assert_int_equal(approval_get(scene->fleet, terms.tenant, decision.id, &row).code, ERR_NOT_FOUND);
    assert_int_equal(dual_control_get(scene->fleet, terms.tenant, &scene->products[0].id, &setting).code,
                     ERR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene_test(test_nothing_waits_where_nobody_asked_for_it),
        scene_test(test_a_second_person_carries_it_out),
        scene_test(test_who_decides_has_the_scope_of_the_action),
        scene_test(test_rejected_and_withdrawn_do_nothing),
        scene_test(test_what_changed_meanwhile_makes_it_void),
        scene_test(test_what_waits_too_long_expires),
        scene_test(test_the_same_request_is_asked_once),
        scene_test(test_an_action_that_cannot_ask_is_not_done),
        scene_test(test_what_cannot_be_carried_out_has_failed),
        scene_test(test_taking_a_kind_out_waits_itself),
        scene_test(test_another_tenant_sees_nothing),
    };
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
