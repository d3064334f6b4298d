/* Checkpoints and anchors: made when there is something new, signed, and what they say is what is there. */
#include "tests/unit/fleet/order_scene.h"

#include "db/audit_chain_rows.h"
#include "fleet/audit_checkpoint.h"
#include "fleet/audit_statement.h"
#include "pki/certificate.h"

static int64_t anchors(struct scene *scene)
{
    return scene_number(scene, "SELECT COUNT(*) FROM audit_anchor");
}

static void test_an_anchor_needs_something_new(void **state)
{
    struct scene *scene = *state;
    assert_ok(audit_anchor(scene->fleet, SCENE_AT_MS));
    assert_int_equal(anchors(scene), 1);
    for (int i = 0; i < 3; i++) { /* its own record is nothing new */
        assert_ok(audit_anchor(scene->fleet, SCENE_AT_MS));
    }
    assert_int_equal(anchors(scene), 1);
    AUTO_VAL(unit) unit;
    AUTO(EVP_PKEY) *key = ec_key("P-256");
    AUTO_VAL(enrolment) enrolment = {0};
    unit_init(&unit);
    scene_register(scene, 0, &unit.id);
    assert_ok(enrol_by_identity(scene, &unit, key, 0, &enrolment));
    assert_ok(audit_anchor(scene->fleet, SCENE_AT_MS));
    assert_int_equal(anchors(scene), 2);
    scene_stop(scene);
    scene_start(scene); /* a chain of its own */
    assert_ok(audit_anchor(scene->fleet, SCENE_AT_MS));
    assert_int_equal(anchors(scene), 3);
    assert_int_equal(scene_number(scene, "SELECT COUNT(*) FROM audit WHERE kind = 'audit.anchored'"), 3);
    assert_int_equal(scene_number(scene, "SELECT MAX(n) FROM audit_anchor"), 3);
    assert_audit_verifies(scene);
}

struct seen {
    struct db_tx *tx;
    int64_t ends;
};

static err_t check_end(const struct audit_end *end, void *arg)
{
    struct seen *seen = arg;
    struct sha256 hash;
    assert_ok(audit_hash_find(seen->tx, end, &hash));
    assert_memory_equal(hash.b, end->hash.b, sizeof hash.b);
    seen->ends++;
    return OK;
}

static err_t check_anchor(const struct audit_anchor_row *row, void *arg)
{
    struct seen *seen = arg;
    AUTO_VAL(audit_statement) statement = {.content = NULL};
    AUTO(json_t) *content = NULL;
    assert_ok(audit_statement_open(row->signature, BYTES_NONE, &statement));
    assert_ok(json_parse(row->content, row->content.n, &content));
    assert_true(json_equal(content, statement.content));
    return audit_statement_ends(&statement, check_end, seen);
}

static err_t check_anchors(struct db_tx *tx, void *arg)
{
    struct seen *seen = arg;
    seen->tx = tx;
    return audit_anchor_each(tx, check_anchor, seen);
}

static void test_what_was_signed_is_there(void **state)
{
    struct scene *scene = *state;
    struct seen seen = {.ends = 0};
    assert_ok(audit_anchor(scene->fleet, SCENE_AT_MS));
    assert_ok(db_read(scene->db, check_anchors, &seen));
    assert_int_equal(seen.ends, 1);
}

static void test_a_statement_is_of_its_installation(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(audit_checkpoint) checkpoint = {.content = {0}};
    AUTO_VAL(audit_statement) statement = {.content = NULL};
    AUTO_VAL(audit_statement) again = {.content = NULL};
    AUTO_VAL(buf) anchor = {0};
    AUTO_VAL(buf) wrong = {0};
    assert_ok(certificate_to_pem(authority_borrow_der(scene->house.root), &anchor));
    assert_ok(certificate_to_pem(authority_borrow_der(scene->house.device), &wrong));
    assert_ok(buf_append_bytes(&wrong, buf_view(&anchor)));
    assert_ok(audit_checkpoint_make(scene->fleet, NULL, &checkpoint));
    assert_ok(audit_statement_open(buf_view(&checkpoint.cms), buf_view(&anchor), &statement));
    assert_int_equal(statement.at_ms, SCENE_AT_MS);
    /* the chain leads to the second anchor, but the file is of what stands first in it */
    assert_error(audit_statement_open(buf_view(&checkpoint.cms), buf_view(&wrong), &again), ERR_FORBIDDEN,
                 "another installation");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene_test(test_an_anchor_needs_something_new),
        scene_test(test_what_was_signed_is_there),
        scene_test(test_a_statement_is_of_its_installation),
    };
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
