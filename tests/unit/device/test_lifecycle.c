/* A device's life against a server behind the transport port: enrolment, renewal, rekey, challenge; lost
 * answers and power cuts at every write; refusals. The rule that all of it serves: whatever happens, the
 * device ends with the one certificate that the server honours, and never has to be touched. */
#include "tests/unit/device/bench.h"

static void whole_life(void **state)
{
    struct bench *b = *state;
    struct whorl_status status;
    uint8_t id[32];
    memcpy(id, b->device.id, 32);
    b->server.has_hub = true;
    assert_int_equal(whorl_device_renew(&b->device), WHORL_ERROR_NOT_AVAILABLE);
    assert_int_equal(whorl_device_status(&b->device, &status), WHORL_OK);
    assert_int_equal(status.code, WHORL_CODE_NOT_ENROLLED);
    assert_int_equal(whorl_device_enrol(&b->device), WHORL_OK);
    assert_in_step(b, 1);
    unsigned issued = (unsigned)b->server.issued_count;
    assert_int_equal(whorl_device_enrol(&b->device), WHORL_OK); /* nothing to do */
    assert_int_equal(b->server.issued_count, issued);
    assert_int_equal(whorl_device_status(&b->device, &status), WHORL_OK);
    assert_int_equal(status.code, WHORL_CODE_ENROLLED);
    assert_false(status.has_owner_salt); /* it was asked under the operational certificate */
    assert_int_equal(whorl_device_renew(&b->device), WHORL_OK);
    assert_in_step(b, 1);
    assert_int_equal(whorl_device_rekey(&b->device), WHORL_OK);
    assert_in_step(b, 2);
    power_off(b);
    power_on(b);
    assert_memory_equal(b->device.id, id, 32);
    assert_int_equal(whorl_device_rekey(&b->device), WHORL_OK);
    assert_in_step(b, 3);

    uint8_t room[512];
    struct whorl_space space = {room, sizeof room};
    struct whorl_hub hub;
    assert_int_equal(whorl_hub_load(&b->storage.port, space, &hub), WHORL_OK);
    assert_bytes(hub.url, "mqtts://hub.example:8883");
    assert_bytes(hub.ca, "-----BEGIN\nx");
}

static void server_that_closes_after_each_answer(void **state)
{
    struct bench *b = *state;
    b->server.is_closing = true;
    assert_int_equal(whorl_device_enrol(&b->device), WHORL_OK);
    assert_int_equal(whorl_device_rekey(&b->device), WHORL_OK);
    assert_in_step(b, 2);
}

static void by_challenge(void **state)
{
    struct bench *b = *state;
    struct whorl_status status;
    assert_int_equal(whorl_device_status_by_challenge(&b->device, &status), WHORL_OK);
    assert_true(status.has_owner_salt);
    assert_int_equal(whorl_device_enrol_by_challenge(&b->device), WHORL_OK);
    assert_in_step(b, 1);
    assert_int_equal(b->server.last_counter, 3);
    power_off(b);
    power_on(b);
    assert_int_equal(whorl_device_status_by_challenge(&b->device, &status), WHORL_OK);
    assert_int_equal(b->server.last_counter, 4); /* goes on after power-off */
}

/* The proof names the server: one with another root gets no signature. */
static void challenge_of_another_server_is_not_signed(void **state)
{
    struct bench *b = *state;
    struct whorl_status status;
    b->server.server_id[0] ^= 1;
    assert_int_equal(whorl_device_status_by_challenge(&b->device, &status), WHORL_ERROR_ANSWER);
    assert_int_equal(b->server.last_counter, 0);
}

static void refusals_carry_the_reason(void **state)
{
    struct bench *b = *state;
    b->server.is_retired = true;
    assert_int_equal(whorl_device_enrol(&b->device), WHORL_ERROR_REFUSED);
    assert_int_equal(b->device.problem.status, 401);
    assert_string_equal(b->device.problem.detail, "unknown");
    assert_int_equal(b->storage.size[WHORL_RECORD_CREDENTIAL], 0);
}

/* The request was carried out, its answer was not seen; for each answer of each operation. */
static void lost_answers_lock_nobody_out(void **state)
{
    struct bench *b = *state;
    enum whorl_result (*const acts[])(struct whorl_device *) = {whorl_device_enrol, whorl_device_renew,
                                                                whorl_device_rekey, whorl_device_rekey};
    uint32_t generation = 0;
    for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++) {
        for (unsigned lost = 1; lost <= 4; lost++) {
            b->server.lost_answer = b->server.answers + lost;
            (void)acts[i](&b->device); /* fails where the answer mattered */
            b->server.lost_answer = 0;
            power_off(b);
            power_on(b);
            assert_int_equal(acts[i](&b->device), WHORL_OK);
            struct whorl_credential credential;
            assert_int_equal(whorl_credential_load(&b->storage.port, WHORL_RECORD_CREDENTIAL,
                                                   b->settings.credential, &credential),
                             WHORL_OK);
            assert_true(credential.generation >= generation);
            generation = credential.generation;
            assert_in_step(b, generation);
        }
    }
}

/* The power fails at the n-th write or erase, for every n; then it comes back and the operation is tried
 * again. */
static void power_cuts_lock_nobody_out(void **state)
{
    struct bench *b = *state;
    enum whorl_result (*const acts[])(struct whorl_device *) = {whorl_device_enrol, whorl_device_renew,
                                                                whorl_device_rekey};
    for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++) {
        unsigned cuts = 0;
        for (int n = 0; n < 6; n++) {
            b->storage.changes_left = n;
            cuts += acts[i](&b->device) == WHORL_OK ? 0U : 1U;
            power_off(b);
            b->storage.changes_left = SIM_NEVER;
            power_on(b);
            assert_int_equal(acts[i](&b->device), WHORL_OK);
            const struct fake_certificate *confirmed = fake_server_confirmed(&b->server);
            assert_non_null(confirmed);
            assert_in_step(b, confirmed == NULL ? 0 : confirmed->generation);
        }
        assert_true(cuts >= 1);
    }
}

/* A pending certificate that the server took back is dropped, and the one in use still works. */
static void refused_pending_certificate_is_dropped(void **state)
{
    struct bench *b = *state;
    struct whorl_status status;
    assert_int_equal(whorl_device_enrol(&b->device), WHORL_OK);
    b->server.lost_answer = b->server.answers + 2; /* the confirmation of the next certificate */
    struct fake_server before = b->server;
    assert_int_equal(whorl_device_rekey(&b->device), WHORL_ERROR_COMMUNICATION);
    assert_true(b->storage.size[WHORL_RECORD_PENDING] != 0);
    before.lost_answer = 0; /* as if the server were restored from a backup: it never saw the request */
    before.is_open = false;
    b->server = before;
    assert_int_equal(whorl_device_status(&b->device, &status), WHORL_OK);
    assert_int_equal(status.code, WHORL_CODE_ENROLLED);
    assert_in_step(b, 1);
    assert_int_equal(whorl_device_rekey(&b->device), WHORL_OK);
    assert_in_step(b, 2);
}

/* An answer is not enough: a certificate that status calls revoked never takes the place of the one in use.
 */
static void revoked_pending_certificate_is_dropped(void **state)
{
    struct bench *b = *state;
    assert_int_equal(whorl_device_enrol(&b->device), WHORL_OK);
    size_t size = b->storage.size[WHORL_RECORD_CREDENTIAL];
    uint8_t before[SIM_RECORD_BYTES];
    memcpy(before, b->storage.record[WHORL_RECORD_CREDENTIAL], size);
    b->server.operational_code = WHORL_CODE_REVOKED;
    assert_int_equal(whorl_device_rekey(&b->device), WHORL_ERROR_REFUSED);
    assert_string_equal(b->device.problem.title, "The certificate is not honoured");
    assert_int_equal(b->storage.size[WHORL_RECORD_PENDING], 0);
    assert_int_equal(b->storage.size[WHORL_RECORD_CREDENTIAL], size);
    assert_memory_equal(b->storage.record[WHORL_RECORD_CREDENTIAL], before, size);
}

/* A server that refuses for another reason must not drive the device out of the range of generations that it
 * takes. */
static void refusals_do_not_use_up_generations(void **state)
{
    struct bench *b = *state;
    b->server.is_unwilling = true;
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(whorl_device_enrol(&b->device), WHORL_ERROR_REFUSED);
    }
    b->server.is_unwilling = false;
    assert_int_equal(whorl_device_enrol(&b->device), WHORL_OK);
    assert_in_step(b, 8);
    b->server.is_unwilling = true;
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(whorl_device_rekey(&b->device), WHORL_ERROR_REFUSED);
    }
    b->server.is_unwilling = false;
    assert_int_equal(whorl_device_rekey(&b->device), WHORL_OK);
    assert_in_step(b, 16);
}

/* All records but the helper data are gone: the identity key asks, and goes on above what the server saw. */
static void lost_records_are_recovered(void **state)
{
    struct bench *b = *state;
    assert_int_equal(whorl_device_enrol(&b->device), WHORL_OK);
    assert_int_equal(whorl_device_rekey(&b->device), WHORL_OK);
    power_off(b);
    b->storage.size[WHORL_RECORD_STATE] = 0;
    b->storage.size[WHORL_RECORD_CREDENTIAL] = 0;
    power_on(b);
    assert_int_equal(whorl_device_enrol(&b->device), WHORL_OK);
    assert_in_step(b, 3);
}

static void new_owner_means_new_keys(void **state)
{
    struct bench *b = *state;
    assert_int_equal(whorl_device_enrol(&b->device), WHORL_OK);
    memset(b->server.owner_salt, 0x33, 32);
    b->server.issued_count = 0;
    assert_int_equal(whorl_device_enrol(&b->device), WHORL_OK);
    assert_in_step(b, 2);
}

static void unreadable_key_is_counted(void **state)
{
    struct bench *b = *state;
    struct whorl_device other;
    b->storage.record[WHORL_RECORD_HELPER][40] ^= 1;
    assert_int_equal(whorl_device_open(&other, &b->settings), WHORL_ERROR_HELPER);
    assert_int_equal(whorl_device_open(&other, &b->settings), WHORL_ERROR_HELPER);
    assert_int_equal(whorl_get_u32(b->storage.record[WHORL_RECORD_FAILURES]), 2);
    b->storage.record[WHORL_RECORD_HELPER][40] ^= 1;
}

static void damaged_records_are_named(void **state)
{
    struct bench *b = *state;
    assert_int_equal(whorl_device_enrol(&b->device), WHORL_OK);
    for (size_t size = 1; size < b->storage.size[WHORL_RECORD_CREDENTIAL]; size += 7) {
        struct whorl_credential credential;
        size_t whole = b->storage.size[WHORL_RECORD_CREDENTIAL];
        b->storage.size[WHORL_RECORD_CREDENTIAL] = size;
        assert_int_equal(whorl_credential_load(&b->storage.port, WHORL_RECORD_CREDENTIAL,
                                               b->settings.credential, &credential),
                         WHORL_ERROR_STORAGE);
        b->storage.size[WHORL_RECORD_CREDENTIAL] = whole;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LIFE(whole_life),
        LIFE(server_that_closes_after_each_answer),
        LIFE(by_challenge),
        LIFE(challenge_of_another_server_is_not_signed),
        LIFE(refusals_carry_the_reason),
        LIFE(lost_answers_lock_nobody_out),
        LIFE(power_cuts_lock_nobody_out),
        LIFE(refused_pending_certificate_is_dropped),
        LIFE(revoked_pending_certificate_is_dropped),
        LIFE(refusals_do_not_use_up_generations),
        LIFE(lost_records_are_recovered),
        LIFE(new_owner_means_new_keys),
        LIFE(unreadable_key_is_counted),
        LIFE(damaged_records_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
