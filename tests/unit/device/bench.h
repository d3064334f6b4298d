/* A device on the bench: the core, a soft PUF, a storage that can lose its power, and the fake server. */
#ifndef WHORL_TESTS_UNIT_DEVICE_BENCH_H
#define WHORL_TESTS_UNIT_DEVICE_BENCH_H

#include "tests/unit/device/fake_server_body.h"

/* The wall clock stands, on the day of the fake server; the other one runs. */
static inline uint32_t bench_ms(void *context)
{
    (void)context;
    return host_clock.monotonic_ms(host_clock.context);
}

static inline int64_t bench_utc_s(void *context)
{
    (void)context;
    return 1795392000; /* 2026-11-23T00:00:00Z */
}

static const struct whorl_clock bench_clock = {NULL, bench_ms, bench_utc_s};

/* A device that can be powered off and on. Must not move. */
struct bench {
    struct fake_server server;
    struct sim_storage storage;
    struct soft_puf puf;
    struct sim_random growing;
    struct whorl_random random;
    struct whorl_ports ports;
    struct whorl_settings settings;
    struct whorl_device device;
    struct whorl_enrolment enrolment;
    uint8_t work[WHORL_WORK_BYTES];
    uint8_t credential[WHORL_CREDENTIAL_BYTES];
};

static inline void power_on(struct bench *b)
{
    assert_int_equal(whorl_device_open(&b->device, &b->settings), WHORL_OK);
}

static inline void power_off(struct bench *b)
{
    whorl_device_close(&b->device);
    assert_false(b->server.is_open);
}

static inline int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    fake_server_init(&b->server);
    sim_storage_init(&b->storage);
    soft_puf_init(&b->puf, 31, &soft_puf_default, 31);
    b->random = sim_chip_prepare(&b->puf, &b->growing);
    b->ports = (struct whorl_ports){.crypto = &host_crypto,
                                    .transport = &b->server.port,
                                    .storage = &b->storage.port,
                                    .clock = &bench_clock,
                                    .random = &b->random,
                                    .puf = &b->puf.port};
    b->settings = (struct whorl_settings){.ports = &b->ports,
                                          .server = {"server.example", 443},
                                          .work = {b->work, sizeof b->work},
                                          .credential = {b->credential, sizeof b->credential}};
    memcpy(b->settings.server_id, b->server.server_id, 32);
    assert_int_equal(whorl_device_grow(&b->ports, &b->enrolment), WHORL_OK);
    assert_int_equal(whorl_device_grow(&b->ports, &b->enrolment), WHORL_ERROR_EXISTS);
    b->puf.is_growing = false;
    power_on(b);
    memcpy(b->server.device_id, b->device.id, 32);
    *state = b;
    return 0;
}

static inline int tear_down(void **state)
{
    struct bench *b = *state;
    power_off(b);
    fake_server_clear(&b->server);
    free(b);
    return 0;
}

/* Device and server agree: one confirmed certificate, and it is the one in use. */
static inline void assert_in_step(struct bench *b, uint32_t generation)
{
    struct whorl_credential credential;
    const struct fake_certificate *confirmed = fake_server_confirmed(&b->server);
    assert_non_null(confirmed);
    assert_int_equal(
        whorl_credential_load(&b->storage.port, WHORL_RECORD_CREDENTIAL, b->settings.credential, &credential),
        WHORL_OK);
    if (confirmed == NULL) {
        return; /* unreachable: the assertion above has left; gcc does not know */
    }
    assert_int_equal(credential.chain[0].size, confirmed->size);
    assert_memory_equal(credential.chain[0].data, confirmed->der, confirmed->size);
    assert_int_equal(credential.generation, generation);
    assert_int_equal(b->storage.size[WHORL_RECORD_PENDING], 0);
    assert_memory_equal(credential.owner_salt, b->server.owner_salt, 32);
}

#define LIFE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

#endif
