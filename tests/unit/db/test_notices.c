/* What transactions tell: after their commit, before their callers go on, in order, and never what was rolled
 * back. */
#include "tests/unit/db/writer_scene.h"

struct heard {
    struct buf text;
    struct fixture *f;
};

static void hear(void *context, struct bytes what)
{
    struct heard *heard = context;
    assert_ok(buf_append_bytes(&heard->text, what));
    assert_ok(buf_append_str(&heard->text, " "));
}

struct tale {
    const char *text;
    int64_t number; /* of a nonce; a repeat is a conflict */
};

static err_t tell(struct db_tx *tx, void *arg)
{
    struct tale *tale = arg;
    TRY(db_tx_tell(tx, bytes_str(tale->text)));
    return add_nonce(tx, &tale->number);
}

static void test_commits_are_told_and_others_are_not(void **state)
{
    struct scene *s = *state;
    struct heard heard = {.f = &s->f};
    db_listen(s->f.db, hear, &heard);
    struct gate gate;
    struct caller callers[4];
    struct tale tales[4] = {{"one", 1}, {"again", 1}, {"two", 2}, {"", 3}};
    gate_close(&gate, &s->f);
    for (int i = 0; i < 4; i++) {
        caller_start(&callers[i], &s->f, tell, &tales[i]);
        wait_for_queue(&s->f, i + 1);
    }
    gate_open(&gate);
    static const err_code expected[] = {ERR_OK, ERR_CONFLICT, ERR_OK, ERR_OK};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(caller_end(&callers[i]), expected[i]);
    }
    assert_string_equal(buf_str(&heard.text), "one two  ");
    /* nobody listens: nothing is kept for later */
    db_listen(s->f.db, NULL, NULL);
    assert_ok(db_write(s->f.db, tell, &(struct tale){"lost", 4}));
    db_listen(s->f.db, hear, &heard);
    assert_ok(db_write(s->f.db, tell, &(struct tale){"three", 5}));
    assert_string_equal(buf_str(&heard.text), "one two  three ");
    db_listen(s->f.db, NULL, NULL);
    buf_clear(&heard.text);
}

/* A full disk at the commit: nobody's change is there, so nothing is told. */
static void test_a_lost_group_tells_nothing(void **state)
{
    struct scene *s = *state;
    struct heard heard = {.f = &s->f};
    db_listen(s->f.db, hear, &heard);
    struct tale tale = {"never", 7};
    atomic_store(&s->shim.full_at, 1);
    assert_int_equal(db_write(s->f.db, tell, &tale).code, ERR_DISK_FULL);
    atomic_store(&s->shim.full_at, 0);
    assert_int_equal(heard.text.n, 0);
    tale.text = "now";
    assert_ok(db_write(s->f.db, tell, &tale));
    assert_string_equal(buf_str(&heard.text), "now ");
    db_listen(s->f.db, NULL, NULL);
    buf_clear(&heard.text);
}

static err_t tell_much(struct db_tx *tx, void *arg)
{
    (void)arg;
    uint8_t much[256] = {0};
    return db_tx_tell(tx, BYTES_OF(much));
}

static void test_what_cannot_be_told(void **state)
{
    struct scene *s = *state;
    assert_int_equal(db_write(s->f.db, tell_much, NULL).code, ERR_INTERNAL);
    assert_int_equal(db_read(s->f.db, tell, &(struct tale){"x", 9}).code, ERR_INTERNAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_commits_are_told_and_others_are_not, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_lost_group_tells_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_cannot_be_told, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
