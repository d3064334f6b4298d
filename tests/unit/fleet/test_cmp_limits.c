/* What one source may cost, and what transactions cost that nobody ends: both have bounds, and neither
 * touches a device that behaves. */
#include "tests/unit/fleet/cmp_talk.h"

#include "db/cmp_rows.h"

enum { AT_ONCE = 200, PER_SECOND = 20, OPEN_MS = 5 * 60 * 1000 };

static const char BUSY[] = "192.0.2.66";

static err_t send_from(struct scene *scene, const char *address, struct bytes message)
{
    AUTO_VAL(buf) answer = {0};
    const struct cmp_question question = {
        .message = message, .label = "", .address = address, .request_id = "r-1"};
    return cmp_answer(scene->fleet, &question, &answer);
}

static int answered(struct scene *scene, struct bytes message, int times)
{
    int n = 0;
    for (int i = 0; i < times; i++) {
        err_t error = send_from(scene, BUSY, message);
        assert_true(error.code == ERR_OK || (error.code == ERR_TOO_MANY && error.retry_after_s >= 1));
        n += error.code == ERR_OK ? 1 : 0;
    }
    return n;
}

/** A request of a device that nobody registered; the caller's. */
static struct buf request_of_nobody(struct scene *scene)
{
    AUTO_VAL(talk) talk = {0};
    talk_init(&talk, scene);
    assert_null(ir(&talk));
    struct buf kept = talk.last;
    talk.last = (struct buf){0};
    return kept;
}

static void test_refusals_of_one_source(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(buf) bad = request_of_nobody(scene);
    assert_int_equal(answered(scene, buf_view(&bad), AT_ONCE + 30), AT_ONCE);
    /* the others are served, and after a second this one is again */
    assert_ok(send_from(scene, "192.0.2.67", buf_view(&bad)));
    manual_clock_advance(&scene->clock, 1000);
    assert_int_equal(answered(scene, buf_view(&bad), AT_ONCE), PER_SECOND);
    /* what is no message costs nothing, and is told as before */
    assert_int_equal(send_from(scene, BUSY, BYTES_OF("no DER")).code, ERR_BAD_ENCODING);
}

static void test_general_messages_of_one_source(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(talk) talk = {0};
    talk_init(&talk, scene);
    OSSL_CMP_ITAV *question = OSSL_CMP_ITAV_create(OBJ_txt2obj("1.3.6.1.5.5.7.4.17", 1), NULL);
    assert_int_equal(OSSL_CMP_CTX_push0_genm_ITAV(talk.client.context, question), 1);
    STACK_OF(OSSL_CMP_ITAV) *answers = OSSL_CMP_exec_GENM_ses(talk.client.context);
    assert_int_equal(sk_OSSL_CMP_ITAV_num(answers), 1);
    sk_OSSL_CMP_ITAV_pop_free(answers, OSSL_CMP_ITAV_free);
    assert_int_equal(answered(scene, buf_view(&talk.last), AT_ONCE + 30), AT_ONCE);
}

/* A gateway's thousand devices have one address: what they earn is not counted. */
static void test_devices_behind_one_address(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(buf) bad = request_of_nobody(scene);
    AUTO_VAL(talk) talk = {0};
    assert_int_equal(answered(scene, buf_view(&bad), AT_ONCE - 5), AT_ONCE - 5);
    talk_init(&talk, scene);
    scene_register(scene, 0, &talk.unit.id);
    assert_int_equal(OSSL_CMP_CTX_set_option(talk.client.context, OSSL_CMP_OPT_DISABLE_CONFIRM, 1), 1);
    assert_non_null(ir(&talk));
    for (int i = 0; i < 20; i++) {
        assert_ok(send_from(scene, BUSY, buf_view(&talk.last)));
    }
    assert_int_equal(answered(scene, buf_view(&bad), 20), 5);
}

static int64_t open_transactions(struct scene *scene)
{
    return scene_number(scene, "SELECT COUNT(*) FROM cmp_transaction");
}

static err_t put_many(struct db_tx *tx, void *arg)
{
    const int *count = arg;
    for (int i = 0; i < *count; i++) {
        uint8_t key[32] = {(uint8_t)i, (uint8_t)(i >> 8), 1};
        struct cmp_row row = {.id = {key, CMP_ID_MIN},
                              .key = BYTES_OF(key),
                              .sender = BYTES_OF("sender"),
                              .request = BYTES_OF("request"),
                              .nonce = {key, CMP_ID_MIN},
                              .expires_at = SCENE_AT_MS + OPEN_MS};
        TRY(cmp_rows_put(tx, &row));
    }
    return OK;
}

/* Ten thousand that nobody ends are gone five minutes later, in bounded steps; whoever comes meanwhile is
 * served. */
static void test_half_open_transactions_end(void **state)
{
    struct scene *scene = *state;
    int count = 10000;
    AUTO_VAL(talk) talk = {0};
    assert_ok(db_write(scene->fleet->db, put_many, &count));
    talk_init(&talk, scene);
    scene_register(scene, 0, &talk.unit.id);
    assert_non_null(ir(&talk));
    assert_int_equal(open_transactions(scene), count);
    assert_ok(cmp_sweep(scene->fleet, SCENE_AT_MS + OPEN_MS));
    assert_int_equal(open_transactions(scene), count);
    assert_ok(cmp_sweep(scene->fleet, SCENE_AT_MS + OPEN_MS + 1));
    assert_int_equal(open_transactions(scene), 0);
}

/* What a device kept open has ended, also where nothing was swept yet. */
static void test_confirmation_that_comes_too_late(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(talk) talk = {0};
    talk_init(&talk, scene);
    scene_register(scene, 0, &talk.unit.id);
    talk.pause_ms = OPEN_MS + 1000;
    assert_null(ir(&talk));
    assert_cmp_failure(&talk.client, CMP_FAILURE_BAD_REQUEST);
    assert_int_equal(open_transactions(scene), 1);
    talk.pause_ms = 0;
    assert_int_equal(OSSL_CMP_CTX_reinit(talk.client.context), 1);
    assert_non_null(ir(&talk));
    assert_int_equal(open_transactions(scene), 0);
}

/* extraCerts are no part of what is kept: a row is as long as what the device signed. */
static void test_what_a_row_holds(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(talk) talk = {0};
    talk_init(&talk, scene);
    scene_register(scene, 0, &talk.unit.id);
    assert_int_equal(OSSL_CMP_CTX_set_option(talk.client.context, OSSL_CMP_OPT_DISABLE_CONFIRM, 1), 1);
    assert_non_null(ir(&talk));
    AUTO_VAL(buf) shown = {0};
    assert_ok(certificate_encode(talk.client.certificate, &shown));
    int64_t kept = scene_number(scene, "SELECT length(request) FROM cmp_transaction");
    assert_true(kept > 0 && kept + (int64_t)shown.n <= (int64_t)talk.last.n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene_test(test_refusals_of_one_source),           scene_test(test_general_messages_of_one_source),
        scene_test(test_devices_behind_one_address),       scene_test(test_half_open_transactions_end),
        scene_test(test_confirmation_that_comes_too_late), scene_test(test_what_a_row_holds),
    };
    return cmocka_run_group_tests(tests, scene_group_setup, scene_group_teardown);
}
