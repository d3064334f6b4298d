/* An older copy of the inventory and the journal: no authority is again what it was before. */
#include "tests/unit/fleet/authority_scene.h"

static const struct authority_member *member(const struct authority_set *set, const char *id)
{
    const struct authority_member *found = authority_set_find(set, bytes_str(id));
    assert_non_null(found);
    return found;
}

/* What this is all for: the key of the device CA leaks after the backup. */
static void a_compromised_authority_stays_so(void **state)
{
    struct scene *scene = *state;
    struct authority_scene authorities;
    AUTO_VAL(unit) unit;
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO(EVP_PKEY) *next = ec_key("P-256");
    AUTO_VAL(enrolment) out = {0};
    AUTO_VAL(enrolment) healed = {0};
    AUTO_VAL(buf) wanted = {0};
    AUTO_VAL(buf) found = {0};
    struct replay_tally tally;
    authority_scene_init(&authorities, scene, true);
    unit_init(&unit);
    scene_register(scene, 0, &unit.id);
    copy_inventory(scene, "copy");
    assert_ok(enrol_by_identity(scene, &unit, key, 0, &out));
    assert_ok(order_of(scene, AUTHORITY_COMPROMISE, "device"));
    describe_authorities(scene, &wanted);
    restore_inventory(scene, "copy", &tally);
    describe_authorities(scene, &found);
    assert_same_text(&wanted, &found);
    assert_true(tally.authorities > 0);
    AUTO_PTR(authority_set) *set = authority_set_take(scene->fleet);
    assert_int_equal(member(set, "device")->state, AUTHORITY_COMPROMISED);
    assert_true(member(set, "device-2")->has_key); /* it is in the keystore */
    assert_true(member(set, "device-2")->is_default);
    assert_int_equal(scene_number(scene, "SELECT is_stale FROM crl WHERE authority = 'root'"), 1);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM alarm WHERE kind = 'authority.compromised'"),
                     1);
    /* the device heals under the successor that the copy had never heard of */
    assert_ok(enrol_under(scene, "device", buf_view(&out.certificate.der), next, &healed));
    assert_string_equal(healed.certificate.authority, "device-2");
    assert_string_equal(healed.certificate.profile, "ldevid");
    assert_audit_verifies(scene);
    authority_scene_clear(&authorities);
}

/* A roll-over of everything, finished after the backup. */
static void a_roll_over_is_not_undone(void **state)
{
    struct scene *scene = *state;
    struct authority_scene authorities;
    AUTO_VAL(buf) wanted = {0};
    AUTO_VAL(buf) found = {0};
    struct replay_tally tally;
    struct authority_order roll = {.verb = AUTHORITY_ROLL, .authority = "device", .issuer = "root-2"};
    authority_scene_init(&authorities, scene, true);
    copy_inventory(scene, "before");
    assert_ok(order_of(scene, AUTHORITY_ROLL, "root"));
    copy_inventory(scene, "half");
    assert_ok(order_authority(scene, &roll, NULL));
    (void)snprintf(roll.authority, sizeof roll.authority, "infrastructure");
    assert_ok(order_authority(scene, &roll, NULL));
    assert_ok(order_of(scene, AUTHORITY_FINISH_ROLL, "root"));
    describe_authorities(scene, &wanted);
    for (size_t i = 0; i < 2; i++) {
        restore_inventory(scene, i == 0 ? "before" : "half", &tally);
        describe_authorities(scene, &found);
        assert_same_text(&wanted, &found);
        AUTO_PTR(authority_set) *set = authority_set_take(scene->fleet);
        struct bytes ders[CACERTS_MAX];
        assert_string_equal(authority_set_root(set)->id, "root-2");
        assert_non_null(authority_set_cross_at(set, 1));
        assert_int_equal(authority_set_cacerts(set, NULL, ders), 8); /* 2 roots, 2 crosses, 4 CAs */
    }
    authority_scene_clear(&authorities);
}

/* What was ordered and not made is made after the restore; what was taken back is not there. */
static void orders_and_requests_come_back(void **state)
{
    struct scene *scene = *state;
    struct authority_scene authorities;
    AUTO_VAL(buf) wanted = {0};
    AUTO_VAL(buf) found = {0};
    struct replay_tally tally;
    const struct authority_order asked = {
        .verb = AUTHORITY_CREATE, .role = "device", .authority = "company", .is_external = true};
    const struct authority_order dropped = {
        .verb = AUTHORITY_CREATE, .role = "device", .authority = "dropped", .is_external = true};
    authority_scene_init(&authorities, scene, true);
    copy_inventory(scene, "copy");
    assert_ok(order_authority(scene, &asked, NULL));
    assert_ok(order_authority(scene, &dropped, NULL));
    copy_inventory(scene, "later"); /* which has the one that is dropped */
    assert_ok(order_of(scene, AUTHORITY_RETIRE, "dropped"));
    authorities.keys->is_away = true;
    assert_ok(order_of(scene, AUTHORITY_COMPROMISE, "device")); /* its successor waits for a key */
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM authority_order"), 1);
    describe_authorities(scene, &wanted);
    for (size_t i = 0; i < 2; i++) {
        restore_inventory(scene, i == 0 ? "copy" : "later", &tally);
        describe_authorities(scene, &found);
        assert_same_text(&wanted, &found);
    }
    authorities.keys->is_away = false;
    assert_ok(authority_orders_run(scene->fleet, scene->clock.at_ms));
    AUTO_PTR(authority_set) *set = authority_set_take(scene->fleet);
    assert_int_equal(member(set, "device-2")->state, AUTHORITY_ACTIVE);
    assert_true(member(set, "device-2")->is_default);
    authority_scene_clear(&authorities);
}

/* --- entries that come twice, or in another order ------------------------------------------------------ */

struct told {
    struct journal_entry entry;
    struct replay_tally tally;
};

static err_t tell(struct db_tx *tx, void *arg)
{
    struct told *told = arg;
    return journal_replay_entry(tx, &told->entry, &told->tally);
}

static struct told told_of(const struct scene *scene, const char *id, enum authority_state state, int64_t ver)
{
    struct told told = {.entry = {.kind = JOURNAL_AUTHORITY, .seq = 7}};
    struct journal_entry *entry = &told.entry;
    entry->authority.state = (uint8_t)state;
    entry->authority.is_default = 1;
    entry->authority.created_at = SCENE_AT_MS;
    entry->authority.ver = ver;
    entry->authority.certificate = authority_borrow_der(scene->house.device);
    (void)snprintf(entry->certificate.authority, AUTHORITY_ID_SIZE, "%s", id);
    (void)snprintf(entry->authority.role, sizeof entry->authority.role, "device");
    (void)snprintf(entry->authority.issuer, sizeof entry->authority.issuer, "root");
    return told;
}

static int64_t state_of_device(struct scene *scene)
{
    return scene_number(scene, "SELECT state FROM authority WHERE id = 'device'");
}

/* Two processes have a journal each: the one that is replayed later may tell of what was earlier. */
static void the_newer_version_counts_whenever_it_is_told(void **state)
{
    struct scene *scene = *state;
    struct authority_scene authorities;
    authority_scene_init(&authorities, scene, false);
    struct told told = told_of(scene, "device", AUTHORITY_RETIRING, 5);
    assert_ok(db_write(scene->db, tell, &told));
    told = told_of(scene, "device", AUTHORITY_ACTIVE, 4);
    assert_ok(db_write(scene->db, tell, &told));
    assert_int_equal(told.tally.authorities, 0);
    assert_int_equal(state_of_device(scene), AUTHORITY_RETIRING);
    /* two that were the default one after the other: the one that is told last is, and there is one */
    told = told_of(scene, "second", AUTHORITY_ACTIVE, 2);
    assert_ok(db_write(scene->db, tell, &told));
    told = told_of(scene, "third", AUTHORITY_ACTIVE, 2);
    assert_ok(db_write(scene->db, tell, &told));
    assert_int_equal(scene_number(scene,
                                  "SELECT COUNT(*) FROM authority WHERE role = 'device' AND is_default = 1 "
                                  "AND state = 0"),
                     1);
    told = told_of(scene, "device", AUTHORITY_COMPROMISED, 6);
    assert_ok(db_write(scene->db, tell, &told));
    told = told_of(scene, "device", AUTHORITY_ACTIVE, 7); /* no inventory ever wrote that */
    assert_ok(db_write(scene->db, tell, &told));
    assert_int_equal(state_of_device(scene), AUTHORITY_COMPROMISED); /* I9 */
    /* gone is only what never had a certificate */
    told = told_of(scene, "third", AUTHORITY_PENDING, 3);
    told.entry.authority.is_gone = 1;
    assert_ok(db_write(scene->db, tell, &told));
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM authority WHERE id = 'third'"), 1);
    authority_scene_clear(&authorities);
}

static void what_no_row_can_hold_is_refused(void **state)
{
    struct scene *scene = *state;
    struct authority_scene authorities;
    static const uint8_t long_text[AUTHORITY_NAMES_SIZE] = {'a'};
    authority_scene_init(&authorities, scene, false);
    struct told told = told_of(scene, "device", (enum authority_state)9, 5);
    assert_int_equal(db_write(scene->db, tell, &told).code, ERR_UNPROCESSABLE);
    told = told_of(scene, "device", AUTHORITY_ACTIVE, 5);
    told.entry.authority.crl_base = BYTES_OF(long_text);
    assert_int_equal(db_write(scene->db, tell, &told).code, ERR_UNPROCESSABLE);
    told = (struct told){.entry = {.kind = JOURNAL_AUTHORITY_ORDER}};
    told.entry.order.permitted_dns = BYTES_OF(long_text);
    assert_int_equal(db_write(scene->db, tell, &told).code, ERR_UNPROCESSABLE);
    told = (struct told){.entry = {.kind = JOURNAL_AUTHORITY_CERTIFICATE}};
    assert_int_equal(db_write(scene->db, tell, &told).code, ERR_UNPROCESSABLE); /* no serial */
    told.entry.signed_for.serial = (struct bytes){long_text, AUTHORITY_SERIAL_MAX};
    told.entry.signed_for.revoked_at = 1;
    assert_ok(db_write(scene->db, tell, &told)); /* revoked, and unknown: told, and nothing else */
    assert_int_equal(told.tally.unknown_certificates, 1);
    assert_int_equal(state_of_device(scene), AUTHORITY_ACTIVE);
    authority_scene_clear(&authorities);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene_test(a_compromised_authority_stays_so),
        scene_test(a_roll_over_is_not_undone),
        scene_test(orders_and_requests_come_back),
        scene_test(the_newer_version_counts_whenever_it_is_told),
        scene_test(what_no_row_can_hold_is_refused),
    };
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
