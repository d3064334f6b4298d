/* Tests of devices that change their owner: what each tenant is left with, what the device is told, the way
 * back, and every offer that comes to nothing. */
#include "tests/unit/fleet/contact_scene.h"
#include "tests/unit/fleet/transfer_scene.h"

static struct unit unit_of_batch(struct scene *scene, size_t tenant, const char *batch)
{
    struct unit unit;
    unit_init(&unit);
    (void)register_batch(scene, tenant, batch, &unit.id, 1);
    return unit;
}

static void test_a_device_changes_its_owner(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit = unit_of_batch(scene, 0, "lot-7");
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO(EVP_PKEY) *next = ec_key("P-256");
    AUTO_VAL(enrolment) first = {0};
    AUTO_VAL(enrolment) second = {0};
    struct device_status status;
    assert_ok(enrol_by_identity(scene, &unit, key, 0, &first));
    struct transfer_row row = give(scene, 0, &unit.id, "bought");
    assert_int_equal(row.state, TRANSFER_COMPLETED);
    assert_int_equal(row.moved, 1);
    assert_int_equal(row.failed, 0);
    /* who had it keeps the history */
    struct device_row before = scene_device(scene, 0, &unit.id);
    assert_int_equal(before.state, DEVICE_RETIRED);
    assert_true(before.transferred_at > 0);
    assert_int_equal(scene_number(scene, "SELECT revocation_reason FROM certificate WHERE state = 3"), 5);
    assert_int_equal(scene_number(scene, "SELECT is_stale FROM crl WHERE authority = 'device'"), 1);
    /* who has it sees what it is */
    struct device_row after = scene_device(scene, 1, &unit.id);
    assert_int_equal(after.state, DEVICE_REGISTERED);
    assert_true(after.transferred_at == 0);
    assert_string_equal(after.model, "gw-2");
    assert_int_equal(after.claim, CLAIM_PROVED);
    assert_true(uuid_equal(after.batch, transfer_now(scene, 1, row.id).to_batch));
    /* the device is told to enrol, and becomes the next owner's */
    struct contact contact = contact_by_certificate(scene, buf_view(&first.certificate.der));
    assert_int_equal(contact.proof, PROOF_NONE);
    assert_ok(contact_status(scene->fleet, &contact, &status));
    assert_int_equal(status.word, WORD_NOT_ENROLLED);
    contact = contact_by_identity(scene, &unit);
    assert_true(uuid_equal(contact.device.tenant, scene->tenants[1].id));
    assert_ok(enrol_by_identity(scene, &unit, next, 0, &second));
    assert_int_equal(second.certificate.generation, 2); /* the number never falls, over all owners */
    assert_true(uuid_equal(second.certificate.tenant, scene->tenants[1].id));
    assert_int_equal(contact_by_certificate(scene, buf_view(&second.certificate.der)).proof,
                     PROOF_OPERATIONAL);
    assert_int_equal(scene_number(scene, "SELECT SUM(n) FROM device_count WHERE state IN (1, 4)"), 6);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'device.transferred' AND "
                                         "actor = 'tenant:acme'"),
                     1);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind LIKE 'transfer.%'"), 6);
    assert_int_equal(scene_number(scene, "SELECT COUNT(DISTINCT tenant) FROM audit WHERE kind = "
                                         "'transfer.completed'"),
                     2);
    assert_audit_verifies(scene);
}

static void test_it_cannot_be_taken_back_alone(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit = unit_of_batch(scene, 0, "lot-7");
    struct batch_row batch;
    struct batch_report report;
    struct device_row row;
    (void)give(scene, 0, &unit.id, "bought");
    const struct device_entry entry = {.has_id = true, .id = unit.id};
    const struct batch_order order = {
        .tenant = scene->tenants[0].id, .name = bytes_str("again"), .devices = &entry, .count = 1};
    assert_error(batch_register(scene->fleet, &ANNA, &order, &batch, &report), ERR_CONFLICT,
                 "by a transfer only");
    for (int action = ACTION_QUARANTINE; action <= ACTION_COMPROMISED; action++) {
        assert_int_equal(order_device(scene, &unit.id, (enum device_action)action, &row).code,
                         ERR_WRONG_STATE);
    }
    /* by its label it is unknown, by none it is the next owner's */
    struct peer_identity peer;
    struct contact contact;
    peer_of_identity(&unit, &peer);
    struct contact_facts facts = facts_of(&peer);
    facts.label = "default";
    assert_ok(contact_resolve(scene->fleet, &facts, &contact));
    assert_false(contact.is_known);
    facts.label = "";
    assert_ok(contact_resolve(scene->fleet, &facts, &contact));
    assert_true(contact.is_known && uuid_equal(contact.device.tenant, scene->tenants[1].id));
    peer_identity_clear(&peer);
}

static void test_there_and_back_again(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit = unit_of_batch(scene, 0, "lot-7");
    struct device_row row;
    scene_change(scene, "UPDATE product SET recovery = 0"); /* the way back is open all the same */
    for (int round = 0; round < 2; round++) {
        for (size_t tenant = 0; tenant < 2; tenant++) {
            AUTO(EVP_PKEY) *key = ec_key("P-256");
            AUTO_VAL(enrolment) out = {0};
            char batch[16];
            assert_ok(enrol_by_identity(scene, &unit, key, 0, &out));
            assert_true(uuid_equal(out.certificate.tenant, scene->tenants[tenant].id));
            assert_int_equal(out.certificate.generation, 2 * round + (int)tenant + 1);
            assert_int_equal(contact_by_certificate(scene, buf_view(&out.certificate.der)).proof,
                             PROOF_OPERATIONAL);
            (void)snprintf(batch, sizeof batch, "b-%d-%zu", round, tenant);
            assert_int_equal(give(scene, tenant, &unit.id, batch).moved, 1);
            assert_int_equal(contact_by_certificate(scene, buf_view(&out.certificate.der)).proof, PROOF_NONE);
        }
    }
    row = scene_device(scene, 0, &unit.id);
    assert_int_equal(row.state, DEVICE_REGISTERED);
    assert_true(row.reenrol_allowed && row.transferred_at == 0 && row.enrolled_at == 0);
    assert_int_equal(scene_device(scene, 1, &unit.id).state, DEVICE_RETIRED);
    /* one device, in one batch and one product of each: nothing is counted twice */
    assert_int_equal(scene_number(scene, "SELECT SUM(n) FROM device_count WHERE state = 0"), 3);
    assert_int_equal(scene_number(scene, "SELECT SUM(n) FROM device_count WHERE state = 4"), 3);
    assert_int_equal(scene_number(scene, "SELECT SUM(n) FROM device_count"), 6);
    assert_int_equal(scene_number(scene, "SELECT MIN(n) FROM device_count"), 0);
    assert_int_equal(scene_number(scene, "SELECT SUM(device_count) FROM batch"), 2);
    assert_int_equal(
        scene_number(scene, "SELECT SUM(device_count) FROM batch JOIN device ON device.batch = batch.id"), 2);
    assert_audit_verifies(scene);
}

/* A key that the owner before gave up as compromised is so for the next one too. */
static void test_a_compromised_key_stays_compromised(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit = unit_of_batch(scene, 0, "lot-7");
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(enrolment) first = {0};
    AUTO_VAL(enrolment) second = {0};
    struct certificate_row certificate = {.ver = 0};
    assert_ok(enrol_by_identity(scene, &unit, key, 0, &first));
    assert_ok(revoke_in(scene, 0, first.certificate.serial, 1, &certificate));
    certificate_row_clear(&certificate);
    (void)give(scene, 0, &unit.id, "bought");
    assert_error(enrol_by_identity(scene, &unit, key, 0, &second), ERR_UNPROCESSABLE, "compromised");
}

/* --- what the next owner has already ----------------------------------------------------------------- */

static void test_a_row_of_the_next_owner(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) listed = unit_of_batch(scene, 0, "lot-1");
    AUTO_VAL(unit) retired = unit_of_batch(scene, 0, "lot-2");
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(enrolment) out = {0};
    struct device_row row;
    assert_ok(enrol_by_identity(scene, &listed, key, 0, &out));
    struct batch_row own = register_batch(scene, 1, "claimed", &listed.id, 1);
    (void)register_batch(scene, 1, "claimed-2", &retired.id, 1);
    const struct terms terms = terms_of(scene, 1);
    const struct device_order order = {.id = retired.id, .action = ACTION_RETIRE};
    assert_ok(device_act(scene->fleet, &terms, &order, &row));
    /* what it had only listed is as good now as the other's claim was, where it was */
    assert_int_equal(give(scene, 0, &listed.id, "bought-1").moved, 1);
    row = scene_device(scene, 1, &listed.id);
    assert_int_equal(row.claim, CLAIM_PROVED);
    assert_true(uuid_equal(row.batch, own.id));
    assert_int_equal(row.generation, 1);
    /* a tombstone stays one, and the device where it was */
    struct transfer_row transfer = give(scene, 0, &retired.id, "bought-2");
    assert_int_equal(transfer.moved, 0);
    assert_int_equal(transfer.failed, 1);
    assert_int_equal(scene_device(scene, 0, &retired.id).state, DEVICE_REGISTERED);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM operation WHERE failure LIKE '%retired%'"), 1);
}

/* --- offers that come to nothing --------------------------------------------------------------------- */

static void test_offers_that_are_refused(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit = unit_of_batch(scene, 0, "lot-7");
    AUTO_VAL(unit) unknown;
    struct device_row device;
    struct transfer_row row;
    unit_init(&unknown);
    int64_t now_ms = clock_now_ms(&scene->clock.clock);
    struct transfer_wish wish = {.devices = &unknown.id, .count = 1};
    assert_error(offer_by(scene, 0, &wish, &row), ERR_UNPROCESSABLE, "no such device");
    wish.devices = &unit.id;
    wish.expires_at = now_ms;
    assert_error(offer_by(scene, 0, &wish, &row), ERR_UNPROCESSABLE, "30 days");
    wish.expires_at = now_ms + TRANSFER_LIFETIME_MAX_MS + 1000;
    assert_error(offer_by(scene, 0, &wish, &row), ERR_UNPROCESSABLE, "30 days");
    wish.expires_at = 0;
    wish.to_tenant = "default";
    assert_error(offer_by(scene, 0, &wish, &row), ERR_UNPROCESSABLE, "already");
    wish.to_tenant = "nobody";
    assert_error(offer_by(scene, 0, &wish, &row), ERR_UNPROCESSABLE, "no such tenant");
    wish.to_tenant = NULL;
    static const enum device_action orders[] = {ACTION_QUARANTINE, ACTION_RETIRE};
    for (size_t i = 0; i < 2; i++) {
        assert_ok(order_device(scene, &unit.id, orders[i], &device));
        assert_error(offer_by(scene, 0, &wish, &row), ERR_WRONG_STATE, "a transfer needs it to be");
    }
    wish = (struct transfer_wish){.has_batch = true, .batch = scene->products[0].id};
    assert_int_equal(offer_by(scene, 0, &wish, &row).code, ERR_NOT_FOUND);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM transfer"), 0);
}

static void test_rejected_withdrawn_expired(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit = unit_of_batch(scene, 0, "lot-7");
    const struct terms first = terms_of(scene, 0);
    const struct terms second = terms_of(scene, 1);
    struct transfer_row row;
    struct transfer_row rejected;
    struct transfer_row withdrawn;
    const struct transfer_wish wish = {.devices = &unit.id, .count = 1};
    assert_ok(offer_by(scene, 0, &wish, &rejected));
    assert_ok(offer_by(scene, 0, &wish, &withdrawn));
    assert_ok(offer_by(scene, 0, &wish, &row));
    assert_error(transfer_reject(scene->fleet, &first, rejected.id, &rejected), ERR_FORBIDDEN, "withdraw");
    assert_error(transfer_withdraw(scene->fleet, &second, rejected.id, &rejected), ERR_FORBIDDEN, "reject");
    assert_error(accept_by(scene, 0, rejected.id, "b", &rejected), ERR_FORBIDDEN, "own offer");
    struct terms third = terms_of(scene, 0);
    third.tenant = scene->products[0].id; /* nobody's */
    assert_int_equal(transfer_reject(scene->fleet, &third, rejected.id, &rejected).code, ERR_NOT_FOUND);
    assert_ok(transfer_reject(scene->fleet, &second, rejected.id, &rejected));
    assert_ok(transfer_reject(scene->fleet, &second, rejected.id, &rejected)); /* changes nothing */
    assert_error(accept_by(scene, 1, rejected.id, "b", &rejected), ERR_WRONG_STATE, "rejected");
    assert_ok(transfer_withdraw(scene->fleet, &first, withdrawn.id, &withdrawn));
    assert_error(accept_by(scene, 1, withdrawn.id, "b", &withdrawn), ERR_WRONG_STATE, "withdrawn");
    manual_clock_advance(&scene->clock, DAY_MS);
    assert_error(accept_by(scene, 1, row.id, "b", &row), ERR_WRONG_STATE, "expired");
    assert_ok(transfers_expire(scene->fleet, clock_now_ms(&scene->clock.clock)));
    assert_int_equal(transfer_now(scene, 0, row.id).state, TRANSFER_EXPIRED);
    run_operations(scene);
    assert_int_equal(scene_device(scene, 0, &unit.id).state, DEVICE_REGISTERED);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM device"), 1);
}

static void test_two_offers_of_one_device(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit = unit_of_batch(scene, 0, "lot-7");
    struct transfer_row first;
    struct transfer_row second;
    const struct transfer_wish wish = {.devices = &unit.id, .count = 1};
    assert_ok(offer_by(scene, 0, &wish, &first));
    assert_ok(offer_by(scene, 0, &wish, &second));
    assert_ok(accept_by(scene, 1, first.id, "b-1", &first));
    assert_int_equal(accept_by(scene, 1, second.id, "b-1", &second).code, ERR_CONFLICT); /* the name */
    assert_ok(accept_by(scene, 1, second.id, "b-2", &second));
    run_operations(scene);
    /* both were accepted in one millisecond, so either may be carried out first: one moves, the other finds
     * nothing */
    first = transfer_now(scene, 0, first.id);
    second = transfer_now(scene, 0, second.id);
    assert_int_equal(first.moved + second.moved, 1);
    assert_int_equal(first.failed, second.moved);
    assert_int_equal(second.failed, first.moved);
    const struct terms terms = terms_of(scene, 1);
    struct operation_row row;
    assert_int_equal(operation_cancel(scene->fleet, &terms, first.operation, &row).code, ERR_WRONG_STATE);
}

static void test_a_batch(void **state)
{
    struct scene *scene = *state;
    struct device_id ids[4];
    struct device_row device;
    struct transfer_row row;
    struct transfer_row late;
    for (int i = 0; i < 4; i++) {
        memset(&ids[i], 0x10 + i, sizeof ids[i]);
    }
    struct batch_row batch = register_batch(scene, 0, "lot", ids, 4);
    assert_ok(order_device(scene, &ids[2], ACTION_QUARANTINE, &device));
    const struct transfer_wish wish = {.has_batch = true, .batch = batch.id};
    assert_ok(offer_by(scene, 0, &wish, &row));
    assert_int_equal(row.device_count, 4);
    scene_change(scene, "UPDATE batch SET device_count = device_count + 1"); /* as if more were registered */
    assert_error(accept_by(scene, 1, row.id, "b", &late), ERR_WRONG_STATE, "offered again");
    scene_change(scene, "UPDATE batch SET device_count = device_count - 1");
    assert_ok(accept_by(scene, 1, row.id, "b", &row));
    run_operations(scene);
    row = transfer_now(scene, 1, row.id);
    assert_int_equal(row.moved, 3);
    assert_int_equal(row.failed, 0);
    assert_int_equal(scene_number(scene, "SELECT skipped FROM operation"), 1);
    assert_int_equal(scene_device(scene, 0, &ids[2]).state, DEVICE_QUARANTINED);
    assert_int_equal(scene_device(scene, 1, &ids[3]).state, DEVICE_REGISTERED);
}

/* --- with a second person ---------------------------------------------------------------------------- */

static void test_offering_and_accepting_can_wait(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(unit) unit = unit_of_batch(scene, 0, "lot-7");
    struct guarded guarded = {.is_waiting = false};
    struct transfer_row row;
    struct device_row device;
    struct terms terms = terms_by(scene, &ANNA, &guarded);
    set_dual_control(scene, &scene->products[0].id, APPROVAL_TRANSFER_OFFER);
    const struct transfer_wish wish = {.to_tenant = "acme",
                                       .devices = &unit.id,
                                       .count = 1,
                                       .expires_at = clock_now_ms(&scene->clock.clock) + DAY_MS};
    assert_ok(transfer_offer(scene->fleet, &terms, &wish, &row));
    assert_true(guarded.is_waiting);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM transfer"), 0);
    assert_ok(order_device(scene, &unit.id, ACTION_QUARANTINE, &device));
    assert_error(decide_by(scene, &BEN, guarded.approval, VERB_APPROVE), ERR_WRONG_STATE, "void");
    assert_ok(order_device(scene, &unit.id, ACTION_RELEASE, &device));
    assert_ok(transfer_offer(scene->fleet, &terms, &wish, &row));
    assert_ok(decide_by(scene, &BEN, guarded.approval, VERB_APPROVE));
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM transfer, transfer_device WHERE state = 0"),
                     1);
    /* the other side has two people of its own */
    AUTO_VAL(approval_row) approval = {.ver = 0};
    assert_ok(approval_get(scene->fleet, scene->tenants[0].id, guarded.approval, &approval));
    struct uuid id;
    assert_ok(uuid_parse(bytes_str(approval.result), &id));
    struct dual_control_row setting;
    struct faults faults = {.count = 0};
    terms.tenant = scene->tenants[1].id;
    terms.faults = &faults;
    const struct dual_control_change change = {.has_kinds = true, .kinds = APPROVAL_TRANSFER_ACCEPT};
    assert_ok(dual_control_change(scene->fleet, &terms, &change, &setting));
    const struct transfer_acceptance acceptance = {.id = id, .product = "default", .batch = "bought"};
    guarded.is_waiting = false;
    assert_ok(transfer_accept(scene->fleet, &terms, &acceptance, &row));
    assert_true(guarded.is_waiting);
    const struct terms second = {.tenant = terms.tenant, .actor = BEN};
    const struct approval_decision decision = {
        .id = guarded.approval, .verb = VERB_APPROVE, .caller_scopes = SCOPE_ADMIN};
    assert_ok(approval_decide(scene->fleet, &second, &decision, &approval));
    run_operations(scene);
    assert_int_equal(transfer_now(scene, 0, id).state, TRANSFER_COMPLETED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene_test(test_a_device_changes_its_owner),
        scene_test(test_it_cannot_be_taken_back_alone),
        scene_test(test_there_and_back_again),
        scene_test(test_a_compromised_key_stays_compromised),
        scene_test(test_a_row_of_the_next_owner),
        scene_test(test_offers_that_are_refused),
        scene_test(test_rejected_withdrawn_expired),
        scene_test(test_two_offers_of_one_device),
        scene_test(test_a_batch),
        scene_test(test_offering_and_accepting_can_wait),
    };
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
