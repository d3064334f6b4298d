/* Uploads and looks at stored bytes by many at once: the same bytes are one image, one upload takes one
 * request at a time, and bytes that are taken back while they come again are there for whoever was told so.
 */
#include <pthread.h>

#include "tests/unit/fleet/firmware_scene.h"

enum { THREADS = 4, TURNS = 30 };

struct worker {
    struct fleet_fixture *f;
    struct uuid id; /* of one upload for all of them; or made by each */
    struct upload_outcome out;
    int done, refused;
    atomic_bool *is_over;
};

static err_t upload_own(struct worker *w)
{
    struct firmware_upload_row row;
    struct upload_order order = order_of(11);
    TRY(start_upload(w->f, &order, &row));
    return append_text(w->f, row.id, 0, "hello world", &w->out);
}

static void *send_own(void *arg)
{
    struct worker *w = arg;
    w->done += upload_own(w).code == ERR_OK ? 1 : 0;
    w->refused += blob_ready(w->f->fleet, &w->out.image.sha256, NULL).code == ERR_OK ? 0 : 1;
    return NULL;
}

static void *send_to_one(void *arg)
{
    struct worker *w = arg;
    err_t error = append_text(w->f, w->id, 0, "hello world", &w->out);
    w->done += error.code == ERR_OK ? 1 : 0;
    w->refused += error.code == ERR_CONFLICT || error.code == ERR_NOT_FOUND ? 1 : 0;
    return NULL;
}

static void *send_and_take_back(void *arg)
{
    struct worker *w = arg;
    for (int i = 0; i < TURNS; i++) {
        struct faults faults;
        struct terms terms = firmware_terms(w->f, &faults);
        if (upload_own(w).code != ERR_OK) {
            return NULL;
        }
        w->done += has_bytes(w->f, &w->out.image.sha256) ? 1 : 0;
        w->refused += image_delete(w->f->fleet, &terms, w->out.image.id).code == ERR_OK ? 0 : 1;
    }
    atomic_store(w->is_over, true);
    return NULL;
}

static void *remove_unused(void *arg)
{
    struct worker *w = arg;
    while (!atomic_load(w->is_over)) {
        w->refused += blobs_remove_unused(w->f->fleet, w->f->clock.at_ms).code == ERR_OK ? 0 : 1;
    }
    return NULL;
}

static void run_all(struct worker *workers, void *(*fn)(void *arg), void *(*last)(void *arg))
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(
            pthread_create(&threads[i], NULL, i == THREADS - 1 && last != NULL ? last : fn, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
}

static void the_same_bytes_at_once_are_one_image(void **state)
{
    struct fleet_fixture *f = *state;
    struct worker workers[THREADS];
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.f = f};
    }
    run_all(workers, send_own, NULL);
    int are_new = 0;
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(workers[i].done, 1);
        assert_int_equal(workers[i].refused, 0);
        assert_true(uuid_equal(workers[i].out.image.id, workers[0].out.image.id));
        are_new += workers[i].out.is_new ? 1 : 0;
    }
    assert_int_equal(are_new, 1);
    assert_int_equal(firmware_number(f, "SELECT uses FROM firmware_blob"), 1);
    assert_int_equal(firmware_number(f, "SELECT COUNT(*) FROM firmware_upload"), 0);
}

static void one_upload_takes_one_request(void **state)
{
    struct fleet_fixture *f = *state;
    struct worker workers[THREADS];
    struct firmware_upload_row row;
    struct upload_order order = order_of(11);
    assert_ok(start_upload(f, &order, &row));
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.f = f, .id = row.id};
    }
    run_all(workers, send_to_one, NULL);
    int done = 0;
    int refused = 0;
    for (int i = 0; i < THREADS; i++) {
        done += workers[i].done;
        refused += workers[i].refused;
    }
    assert_int_equal(done, 1);
    assert_int_equal(refused, THREADS - 1);
}

/* The removal never takes bytes whose image was just told to somebody. */
static void bytes_that_go_and_come_stay_whole(void **state)
{
    struct fleet_fixture *f = *state;
    struct worker workers[THREADS];
    struct upload_outcome out;
    atomic_bool is_over;
    atomic_init(&is_over, false);
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.f = f, .is_over = &is_over};
    }
    run_all(workers, remove_unused, send_and_take_back);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(workers[i].refused, 0);
    }
    assert_int_equal(workers[THREADS - 1].done, TURNS); /* there each time, while it was named */
    add_image(f, "hello world", &out);
    assert_ok(blobs_remove_unused(f->fleet, f->clock.at_ms));
    assert_ok(blob_check_now(f->fleet, &out.image.sha256));
    assert_int_equal(firmware_number(f, "SELECT uses FROM firmware_blob"), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, firmware_setup, firmware_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_same_bytes_at_once_are_one_image),
        TEST(one_upload_takes_one_request),
        TEST(bytes_that_go_and_come_stay_whole),
    };
    return cmocka_run_group_tests(tests, fleet_group_setup, fleet_group_teardown);
}
