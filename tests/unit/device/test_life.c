/* Simulated lives without a server: chips that are grown, misfortunes that strike when they should, and a
 * simulator that does not begin years when it cannot move the clock. */
#include <unistd.h>

#include "device/host/file_storage.h"
#include "device/host/pem.h"
#include "device/sim/years.h"
#include "tests/unit/device/device_fixture.h"

/* The trust of a CA file that is made for the test. */
static struct host_trust *make_trust(char folder[32])
{
    char path[64];
    const char *problem = "";
    struct host_trust *trust = NULL;
    struct whorl_key key = key_of(9);
    uint8_t room[WHORL_CERTIFICATE_MAX];
    struct whorl_space space = {room, sizeof room};
    struct whorl_bytes der;
    uint8_t pem[2048];
    struct whorl_space pem_space = {pem, sizeof pem};
    struct whorl_text text;
    (void)snprintf(folder, 32, "/tmp/whorl-life.XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/ca.pem", folder);
    assert_int_equal(whorl_identity_certificate(&host_crypto, key, space, &der), WHORL_OK);
    host_crypto.p256_destroy(NULL, key);
    whorl_text_begin(&text, pem_space);
    host_pem_put(&text, der);
    assert_true(host_file_write(folder, "ca.pem", whorl_text_view(&text)));
    assert_true(host_trust_new(path, &trust, &problem));
    return trust;
}

static void remove_folder(const char *folder)
{
    static const char *const names[] = {"ca.pem", "clock"};
    char path[64];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        (void)unlink(path);
    }
    assert_int_equal(rmdir(folder), 0);
}

static void misfortunes(void **state)
{
    (void)state;
    char folder[32];
    struct host_trust *trust = make_trust(folder);
    const struct sim_world world = {.server = {"127.0.0.1", 1}, .trust = trust, .model = soft_puf_default};
    struct sim_life *life = malloc(sizeof *life);
    struct whorl_run run;
    uint8_t id[WHORL_ID_BYTES];
    assert_non_null(life);
    assert_int_equal(sim_life_begin(life, &world, 77), WHORL_OK);
    memcpy(id, life->device.id, sizeof id);
    assert_false(sim_life_is_settled(life));
    assert_int_equal(whorl_device_run(&life->device, &run), WHORL_ERROR_COMMUNICATION); /* nobody listens */
    assert_int_equal(run.code, 0);
    assert_int_equal(sim_life_restart(life), WHORL_OK);
    assert_memory_equal(life->device.id, id, sizeof id); /* the same chip, other noise */

    const struct whorl_storage *storage = &life->storage.port;
    assert_int_equal(storage->write(storage->context, WHORL_RECORD_CREDENTIAL, whorl_bytes_of("x")),
                     WHORL_OK);
    assert_true(sim_life_is_settled(life));
    sim_life_cut_power(life, 1);
    assert_int_equal(storage->write(storage->context, WHORL_RECORD_PENDING, whorl_bytes_of("y")), WHORL_OK);
    assert_false(sim_life_is_settled(life));
    assert_int_equal(storage->erase(storage->context, WHORL_RECORD_PENDING), WHORL_ERROR_STORAGE);
    assert_int_equal(sim_life_restart(life), WHORL_OK);
    assert_int_equal(storage->erase(storage->context, WHORL_RECORD_PENDING), WHORL_OK);
    sim_life_wipe(life);
    assert_int_equal(life->storage.size[WHORL_RECORD_CREDENTIAL], 0);
    assert_int_equal(sim_life_restart(life), WHORL_OK);
    assert_memory_equal(life->device.id, id, sizeof id);
    sim_life_clear(life);
    free(life);
    host_trust_free(trust);
    remove_folder(folder);
}

static void years_need_the_clock(void **state)
{
    (void)state;
    char folder[32];
    char clock_file[64];
    struct sim_years *years = NULL;
    struct host_trust *trust = make_trust(folder);
    (void)snprintf(clock_file, sizeof clock_file, "%s/clock", folder);
    struct years_plan plan = {
        .world = {.server = {"127.0.0.1", 1}, .trust = trust, .model = soft_puf_default},
        .seed_base = 5,
        .count = 2,
        .span_s = 31536000,
        .contact_every_s = 86400,
        .clock_file = clock_file};
    assert_true(sim_years_new(&plan, &years));
    assert_non_null(sim_years_borrow_life(years, 1));
    assert_false(sim_years_run(years)); /* the file is written, and this process does not follow it */
    assert_non_null(strstr(sim_years_borrow_result(years)->first_problem, "does not follow the clock file"));
    assert_int_equal(sim_years_borrow_result(years)->contacts, 0);
    sim_years_free(years);
    plan.clock_file = "/nonexistent/clock";
    assert_true(sim_years_new(&plan, &years));
    assert_false(sim_years_run(years));
    assert_non_null(strstr(sim_years_borrow_result(years)->first_problem, "cannot be written"));
    sim_years_free(years);
    host_trust_free(trust);
    remove_folder(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(misfortunes), cmocka_unit_test(years_need_the_clock)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
