/* Whose signature an update needs, when the pair of keys moves while updates are on their way. */
#include "tests/unit/device/update_fixture.h"

static void write_keys(struct update_bench *u, uint8_t *room, uint64_t sequence, uint8_t by)
{
    uint8_t payload_room[512], point[WHORL_POINT_BYTES];
    struct whorl_space space = {payload_room, sizeof payload_room}, out_space = {room, 512};
    struct whorl_text payload, out;
    whorl_text_begin(&payload, space);
    cbor_head(&payload, 4, 6);
    cbor_words(&payload, "whorl-anchors");
    cbor_int(&payload, 1);
    cbor_string(&payload, 2, u->own.id[0], WHORL_UUID_BYTES);
    cbor_head(&payload, 0, sequence);
    point_of_number(NEXT_KEY, point);
    cbor_string(&payload, 2, point, sizeof point);
    point_of_number(NEXT_SAFE_KEY, point);
    cbor_string(&payload, 2, point, sizeof point);
    whorl_text_begin(&out, out_space);
    put_sign1(&out, by, &payload, false, TWIST_NONE);
    u->statement = whorl_text_view(&out);
    u->anchors_sequence = sequence;
}

static void keys_move_before_the_release(void **state)
{
    struct update_bench *u = *state;
    struct whorl_update_news news;
    uint8_t room[512];
    write_keys(u, room, 3, SIGNER_KEY); /* the key that leaked moves nothing */
    u->is_out_of_window = true;
    assert_int_equal(visit_once(u, &news), WHORL_OK);
    assert_int_equal(news.statement, WHORL_VERDICT_KEY);
    assert_int_equal(news.step, WHORL_UPDATE_LOADED);
    write_keys(u, room, 3, SAFE_KEY);
    assert_int_equal(visit_once(u, &news), WHORL_OK); /* what waits was signed by the former pair */
    assert_true(news.are_keys_moved);
    assert_int_equal(news.verdict, WHORL_VERDICT_KEY);
    u->is_out_of_window = false;
    new_release(u, 8, 1);
    u->paper.key = NEXT_KEY;
    offer(u);
    carry_through(u);
    assert_int_equal(installed_sequence(u), 8);
    power_cycle(u);
    assert_int_equal(visit_once(u, &news), WHORL_OK);
    assert_false(news.are_keys_moved); /* once */
}

/* Which pair is in force is not known any more: nothing is installed until a statement says. */
static void damaged_keys_install_nothing(void **state)
{
    struct update_bench *u = *state;
    struct whorl_update_news news;
    uint8_t room[512];
    u->b->storage.size[WHORL_RECORD_MANIFEST_KEYS] = 7;
    assert_int_equal(visit_once(u, &news), WHORL_ERROR_STORAGE);
    assert_int_equal(u->manifests, 0);
    write_keys(u, room, 1, SAFE_KEY);
    assert_int_equal(visit_once(u, &news), WHORL_OK);
    assert_true(news.are_keys_moved);
    assert_int_equal(news.verdict, WHORL_VERDICT_KEY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UPDATE(keys_move_before_the_release),
        UPDATE(damaged_keys_install_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
