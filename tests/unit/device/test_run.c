/* What a device does by itself at each contact: the server's orders, recovery by the identity key, waiting.
 * And that it ends well whatever contact was cut short, by a lost answer or by the power. */
#include "device/core/device_internal.h"
#include "device/core/run.h"
#include "tests/unit/device/bench.h"

static struct whorl_run run_well(struct bench *b)
{
    struct whorl_run run;
    assert_int_equal(whorl_device_run(&b->device, &run), WHORL_OK);
    assert_in_range(run.wait_s, 0, WHORL_RUN_LONGEST_WAIT_S);
    return run;
}

static void first_contact_then_nothing(void **state)
{
    struct bench *b = *state;
    struct whorl_run run = run_well(b);
    assert_int_equal(run.deed, WHORL_DEED_ENROL);
    assert_int_equal(run.code, WHORL_CODE_NOT_ENROLLED);
    assert_true(run.is_by_identity);
    assert_int_equal(run.generation, 1);
    assert_in_step(b, 1);
    run = run_well(b);
    assert_int_equal(run.deed, WHORL_DEED_NONE); /* the date of the certificate, by the device's own clock */
    b->server.renew_after = "2026-11-24T00:00:00Z"; /* in a day, by the server's own */
    run = run_well(b);
    assert_int_equal(run.deed, WHORL_DEED_NONE);
    assert_false(run.is_by_identity);
    assert_in_range(run.wait_s, WHORL_RUN_LONGEST_WAIT_S / 2, WHORL_RUN_LONGEST_WAIT_S);
}

static void dates_and_orders_of_the_server(void **state)
{
    struct bench *b = *state;
    (void)run_well(b);
    b->server.renew_after = "2026-11-23T00:00:01Z";
    struct whorl_run run = run_well(b);
    assert_int_equal(run.deed, WHORL_DEED_NONE);
    assert_int_equal(run.wait_s, 1);
    b->server.renew_after = "2026-11-22T23:00:00Z";
    assert_int_equal(run_well(b).deed, WHORL_DEED_RENEW);
    assert_in_step(b, 1);
    b->server.is_rekey = true;
    assert_int_equal(run_well(b).deed, WHORL_DEED_REKEY);
    assert_in_step(b, 2);
}

/* The header speaks of now, so it goes before the dates of the body. */
static void header_goes_first(void **state)
{
    struct bench *b = *state;
    (void)run_well(b);
    b->server.renew_after = "2026-11-22T23:00:00Z";
    b->server.header = "Whorl-Rekey-After: 500\r\n";
    struct whorl_run run = run_well(b);
    assert_int_equal(run.deed, WHORL_DEED_NONE);
    assert_in_range(run.wait_s, 490, 500);
    assert_false(whorl_device_renewal_is_due(&b->device) && !b->device.order.is_given);
    b->server.header = "Whorl-Rekey-After: 0\r\n";
    assert_int_equal(run_well(b).deed, WHORL_DEED_RENEW);
    assert_in_step(b, 1);
    b->server.header = "Whorl-Rekey-After: 300; key=new\r\n";
    assert_int_equal(run_well(b).deed, WHORL_DEED_NONE);
    b->server.header = "Whorl-Rekey-After: 0;key=new\r\n";
    assert_int_equal(run_well(b).deed, WHORL_DEED_REKEY);
    assert_in_step(b, 2);
    b->server.header = "Whorl-Rekey-After: -1;key=new\r\n"; /* no order: the body holds */
    assert_int_equal(run_well(b).deed, WHORL_DEED_RENEW);
    assert_in_step(b, 2);
    b->server.header = NULL;
    b->server.renew_after = "2026-12-24T00:00:00Z";
    assert_int_equal(run_well(b).deed, WHORL_DEED_NONE); /* an order of an earlier contact is over */
}

static void expired_device_recovers(void **state)
{
    struct bench *b = *state;
    (void)run_well(b);
    b->server.is_strict = true;
    b->server.expired_below = b->server.issued_count;
    struct whorl_run run = run_well(b);
    assert_int_equal(run.code, WHORL_CODE_CERTIFICATE_EXPIRED);
    assert_int_equal(run.deed, WHORL_DEED_RECOVER);
    assert_in_step(b, 2);
}

/* The records are gone, the certificate that was in them is good: policy says no, until it ends. */
static void lost_device_waits_until_policy_lets_it_in(void **state)
{
    struct bench *b = *state;
    struct whorl_run run = run_well(b);
    uint32_t longest = 0;
    unsigned early = 0;
    b->server.is_strict = true;
    b->storage.size[WHORL_RECORD_CREDENTIAL] = 0;
    for (unsigned i = 0; i < 14; i++) {
        assert_int_equal(whorl_device_run(&b->device, &run), WHORL_ERROR_REFUSED);
        assert_int_equal(b->device.problem.status, 403);
        assert_string_equal(b->device.problem.detail, "the device is not admitted");
        assert_int_equal(run.code, WHORL_CODE_ENROLLED);
        assert_true(run.is_by_identity);
        assert_int_equal(run.generation, 0);
        uint32_t whole = (uint32_t)WHORL_RUN_FIRST_WAIT_S << (i < 11 ? i : 11);
        whole = whole < WHORL_RUN_LONGEST_WAIT_S ? whole : WHORL_RUN_LONGEST_WAIT_S;
        assert_in_range(run.wait_s, whole / 2, whole);
        longest = run.wait_s;
        early += run.wait_s < whole ? 1U : 0U;
    }
    assert_true(early >= 10); /* spread, not all at the same second */
    assert_in_range(longest, WHORL_RUN_LONGEST_WAIT_S / 2, WHORL_RUN_LONGEST_WAIT_S);
    b->server.expired_below = b->server.issued_count;
    assert_int_equal(run_well(b).deed, WHORL_DEED_ENROL);
    assert_int_equal(b->device.failures, 0);
    assert_int_equal(fake_server_confirmed(&b->server)->generation, 2);
}

/* Storage that was put back: the certificate in it was superseded, the identity key asks and does not believe
 * that all is well because the numbers agree. */
static void superseded_certificate_is_replaced(void **state)
{
    struct bench *b = *state;
    struct whorl_run run;
    (void)run_well(b);
    struct sim_storage before = b->storage;
    assert_int_equal(whorl_device_renew(&b->device), WHORL_OK);
    power_off(b);
    b->storage = before;
    power_on(b);
    b->server.is_strict = true;
    assert_int_equal(whorl_device_run(&b->device, &run), WHORL_ERROR_REFUSED);
    assert_int_equal(run.deed, WHORL_DEED_RECOVER);
    b->server.is_strict = false;
    assert_int_equal(run_well(b).deed, WHORL_DEED_RECOVER);
    assert_in_step(b, 2);
}

static void hopeless_devices_wait(void **state)
{
    struct bench *b = *state;
    static const unsigned codes[] = {WHORL_CODE_REVOKED, WHORL_CODE_DOES_NOT_EXIST,
                                     WHORL_CODE_DEVICE_REVOKED};
    (void)run_well(b);
    unsigned issued = (unsigned)b->server.issued_count;
    for (size_t i = 0; i < 3; i++) {
        b->server.operational_code = b->server.identity_code = codes[i];
        struct whorl_run run = run_well(b);
        assert_int_equal(run.deed, WHORL_DEED_NONE);
        assert_int_equal(run.code, codes[i]);
        assert_in_range(run.wait_s, (WHORL_RUN_FIRST_WAIT_S << i) / 2, WHORL_RUN_FIRST_WAIT_S << i);
    }
    assert_int_equal(b->server.issued_count, issued);
    b->server.operational_code = 0;
    b->server.identity_code = WHORL_CODE_NOT_ENROLLED; /* only this certificate was revoked */
    b->server.issued[0].state = FAKE_SUPERSEDED;
    assert_int_equal(run_well(b).deed, WHORL_DEED_RECOVER);
}

static void busy_server_says_when(void **state)
{
    struct bench *b = *state;
    struct whorl_run run;
    (void)run_well(b);
    b->server.busy = 503;
    b->server.header = "Retry-After: 7200\r\n";
    assert_int_equal(whorl_device_run(&b->device, &run), WHORL_ERROR_REFUSED);
    assert_in_range(run.wait_s, 7200 + WHORL_RUN_FIRST_WAIT_S / 4, 7200 + WHORL_RUN_FIRST_WAIT_S / 2);
    assert_int_equal(run.code, 0);
    assert_in_step(b, 1);
}

static void damaged_records_heal(void **state)
{
    struct bench *b = *state;
    static const enum whorl_record records[] = {WHORL_RECORD_CREDENTIAL, WHORL_RECORD_PENDING};
    for (size_t i = 0; i < 2; i++) {
        (void)run_well(b);
        b->storage.size[records[i]] = 9;
        memset(b->storage.record[records[i]], 0x5a, 9);
        struct whorl_run run = run_well(b);
        assert_int_equal(run.deed, i == 0 ? WHORL_DEED_RECOVER : WHORL_DEED_NONE);
        assert_int_equal(b->storage.size[WHORL_RECORD_PENDING], 0);
        assert_in_step(b, fake_server_confirmed(&b->server)->generation);
    }
}

/* A pending certificate that is older than the one in use is never gone back to. */
static void older_pending_is_dropped(void **state)
{
    struct bench *b = *state;
    (void)run_well(b);
    size_t size = b->storage.size[WHORL_RECORD_CREDENTIAL];
    uint8_t old[SIM_RECORD_BYTES];
    memcpy(old, b->storage.record[WHORL_RECORD_CREDENTIAL], size);
    assert_int_equal(whorl_device_rekey(&b->device), WHORL_OK);
    memcpy(b->storage.record[WHORL_RECORD_PENDING], old, size);
    b->storage.size[WHORL_RECORD_PENDING] = size;
    b->server.issued[0].state = FAKE_CONFIRMED; /* even a server that would take it */
    struct whorl_status status;
    assert_int_equal(whorl_device_status(&b->device, &status), WHORL_OK);
    assert_int_equal(b->storage.size[WHORL_RECORD_PENDING], 0);
    assert_int_equal(whorl_device_generation_in_use(&b->device), 2);
    b->server.issued[0].state = FAKE_SUPERSEDED;
    assert_in_step(b, 2);
}

/* The state is gone, the server has seen more than the device holds: it says so, and the device goes on from
 * there instead of trying one number after the other. */
static void lost_state_is_learnt(void **state)
{
    struct bench *b = *state;
    (void)run_well(b);
    power_off(b);
    b->storage.size[WHORL_RECORD_STATE] = 0;
    power_on(b);
    memcpy(b->device.state.owner_salt, b->server.owner_salt, 32);
    b->server.generation = 5;
    b->server.header = "Whorl-Rekey-After: 0;key=new\r\n";
    assert_int_equal(run_well(b).deed, WHORL_DEED_REKEY);
    assert_in_step(b, 6);
}

/* The count of generations belongs to an owner: the next one may be far behind. */
static void new_owner_begins_again(void **state)
{
    struct bench *b = *state;
    (void)run_well(b);
    for (unsigned i = 0; i < 12; i++) {
        assert_int_equal(whorl_device_rekey(&b->device), WHORL_OK);
    }
    assert_in_step(b, 13);
    memset(b->server.owner_salt, 0x33, 32);
    b->server.issued_count = 0;
    b->server.generation = 0;
    (void)run_well(b);
    assert_in_step(b, 1);
}

/* The confirmation got lost, and its repeat too: the certificate in use has no rights any more, but the one
 * in waiting has, so no recovery is asked for. */
static void lost_confirmations_are_no_loss(void **state)
{
    struct bench *b = *state;
    struct whorl_run run;
    (void)run_well(b);
    b->server.is_strict = true;
    b->server.header = "Whorl-Rekey-After: 0;key=new\r\n";
    b->server.lost_answer = b->server.answers + 3; /* status, enrol, and the first use */
    assert_int_equal(whorl_device_run(&b->device, &run), WHORL_ERROR_COMMUNICATION);
    b->server.header = NULL;
    b->server.lost_answer = b->server.answers + 1;
    unsigned issued = (unsigned)b->server.issued_count;
    (void)run_well(b);
    assert_in_step(b, 2);
    assert_int_equal(b->server.issued_count, issued);
}

/* --- cut short */

enum kind { KIND_ENROL, KIND_RENEW, KIND_REKEY, KIND_RECOVER, KINDS };

/* The server wants this of a device that is well. */
static void order(struct bench *b, enum kind kind)
{
    b->server.header = kind == KIND_RENEW   ? "Whorl-Rekey-After: 0\r\n"
                       : kind == KIND_REKEY ? "Whorl-Rekey-After: 0;key=new\r\n"
                                            : "Whorl-Rekey-After: 9000\r\n";
    if (kind == KIND_RECOVER) {
        b->server.expired_below = b->server.issued_count;
    }
}

static uint32_t generation_at_server(const struct bench *b)
{
    const struct fake_certificate *confirmed = fake_server_confirmed(&b->server);
    return confirmed == NULL ? 0 : confirmed->generation;
}

/* From the moment of the cut the device only runs, as a firmware's loop does. It ends with the one
 * certificate that the server honours, and on the way it never holds a key that is older than the one it had.
 */
static void assert_ends_well(struct bench *b, uint32_t before)
{
    struct whorl_run run;
    enum whorl_result result = WHORL_ERROR_INTERNAL;
    for (unsigned i = 0; i < 5; i++) {
        result = whorl_device_run(&b->device, &run);
        assert_true(run.generation == 0 || run.generation >= before);
        b->server.header = "Whorl-Rekey-After: 9000\r\n";
    }
    assert_int_equal(result, WHORL_OK);
    assert_int_equal(run.deed, WHORL_DEED_NONE);
    assert_true(generation_at_server(b) >= before);
    assert_in_step(b, generation_at_server(b));
}

static void cut(struct bench *b, enum kind kind, int change, unsigned lost_answer, unsigned *cuts)
{
    struct whorl_run run;
    uint32_t before = whorl_device_generation_in_use(&b->device);
    order(b, kind);
    b->storage.changes_left = change;
    b->server.lost_answer = lost_answer == 0 ? 0 : b->server.answers + lost_answer;
    *cuts += whorl_device_run(&b->device, &run) == WHORL_OK ? 0U : 1U;
    power_off(b);
    b->storage.changes_left = SIM_NEVER;
    b->server.lost_answer = 0;
    power_on(b);
    assert_ends_well(b, before);
}

static void any_cut_ends_well(void **state)
{
    struct bench *b = *state;
    b->server.is_strict = true; /* the identity key is no way out */
    for (enum kind kind = KIND_ENROL; kind < KINDS; kind++) {
        unsigned cuts = 0;
        for (int change = 0; change < 6; change++) {
            cut(b, kind, change, 0, &cuts);
        }
        assert_true(kind == KIND_ENROL || cuts >= 3); /* state or pending, adopt, erase */
        cuts = 0;
        for (unsigned lost = 1; lost <= 6; lost++) {
            cut(b, kind, SIM_NEVER, lost, &cuts);
        }
        assert_true(cuts >= 1);
        b->server.issued[0] = b->server.issued[b->server.issued_count - 1]; /* room for the next kind */
        b->server.issued_count = 1;
        b->server.expired_below = 0;
    }
}

/* Both at once: the answer is lost, and the power fails while the device makes up for it. */
static void cuts_of_the_repair_end_well(void **state)
{
    struct bench *b = *state;
    unsigned cuts = 0;
    (void)run_well(b);
    b->server.is_strict = true;
    for (unsigned lost = 1; lost <= 4; lost++) {
        for (int change = 0; change < 4; change++) {
            struct whorl_run run;
            uint32_t before = whorl_device_generation_in_use(&b->device);
            b->server.header = "Whorl-Rekey-After: 0;key=new\r\n";
            b->server.lost_answer = b->server.answers + lost;
            (void)whorl_device_run(&b->device, &run);
            cut(b, KIND_REKEY, change, 0, &cuts);
            assert_true(generation_at_server(b) >= before);
            b->server.issued[0] = b->server.issued[b->server.issued_count - 1];
            b->server.issued_count = 1;
        }
    }
    assert_true(cuts >= 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LIFE(first_contact_then_nothing),
        LIFE(dates_and_orders_of_the_server),
        LIFE(header_goes_first),
        LIFE(expired_device_recovers),
        LIFE(lost_device_waits_until_policy_lets_it_in),
        LIFE(superseded_certificate_is_replaced),
        LIFE(hopeless_devices_wait),
        LIFE(busy_server_says_when),
        LIFE(damaged_records_heal),
        LIFE(older_pending_is_dropped),
        LIFE(lost_state_is_learnt),
        LIFE(new_owner_begins_again),
        LIFE(lost_confirmations_are_no_loss),
        LIFE(any_cut_ends_well),
        LIFE(cuts_of_the_repair_end_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
