/* A real server on free ports of the loopback with an application of its own, and clients that write bytes as
 * they are. */
#ifndef WHORL_TESTS_SERVER_FIXTURE_H
#define WHORL_TESTS_SERVER_FIXTURE_H

#include "tests/unit/server/server_app.h"

/* --- the server */

struct fixture {
    struct api api;
    struct test_house house;
    struct server *server;
    pthread_t thread;
    struct tls_snapshot *tls;
    EVP_PKEY *identity_key, *device_key;
    X509 *identity, *device;
    int sockets[2]; /* handed over to the device and the public listener; 0: none */
    atomic_int stopping;
};

static const struct server_limits test_limits = {.connections = 200,
                                                 .connections_per_address = 100,
                                                 .handshake_ms = 500,
                                                 .header_ms = 500,
                                                 .idle_ms = 60000,
                                                 .body_bytes_per_second = 1000,
                                                 .header_bytes = 4096,
                                                 .header_count = 32,
                                                 .queue = 4};

static inline void make_tls(struct fixture *f, struct tls_snapshot *former, struct tls_snapshot **out)
{
    AUTO_PTR(private_key) *key = NULL;
    AUTO_VAL(buf) spki = {0};
    AUTO_VAL(issued) server = {0};
    const char *hosts[] = {"localhost", "127.0.0.1"};
    int64_t now_ms = clock_now_ms(clock_system());
    struct certificate_spec spec = {.not_before_ms = now_ms - 3600000,
                                    .not_after_ms = now_ms + 86400000,
                                    .publication = test_publication};
    const char *label = former == NULL ? "server-1" : "server-2";
    assert_ok(random_fill(random_system(), spec.serial, sizeof spec.serial));
    assert_ok(keystore_generate(f->house.keystore, label, KEY_ALG_P256, &key));
    assert_ok(private_key_spki(key, &spki));
    assert_ok(authority_issue_server(f->house.infrastructure, buf_view(&spki), hosts, 2, &spec, &server));
    const struct authority *authorities[] = {f->house.device};
    struct peer_trust *trust = NULL;
    assert_ok(peer_trust_new(authorities, 1, &policy_strict, &trust));
    struct bytes chain[] = {authority_borrow_der(f->house.infrastructure)};
    const struct tls_options options = {.key = key,
                                        .certificate_der = buf_view(&server.der),
                                        .chain = chain,
                                        .chain_count = 1,
                                        .trust = trust,
                                        .tickets = true,
                                        .ticket_lifetime_s = 3600,
                                        .clock = clock_system(),
                                        .random = random_system(),
                                        .former = former};
    assert_ok(tls_snapshot_new(&options, out));
}

static inline X509 *self_signed(EVP_PKEY *key)
{
    X509 *x = X509_new();
    X509_set_version(x, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 7);
    X509_gmtime_adj(X509_getm_notBefore(x), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x), 86400);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)"puf", -1,
                               -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    X509_set_pubkey(x, key);
    assert_true(X509_sign(x, key, EVP_sha256()) > 0);
    return x;
}

static inline void *fixture_thread(void *context)
{
    err_t error = server_run(((struct fixture *)context)->server);
    assert_int_equal(error.code, ERR_OK);
    return NULL;
}

static inline void fixture_identities(struct fixture *f)
{
    AUTO_VAL(issued) issued = {0};
    f->identity_key = ec_key("P-256");
    f->identity = self_signed(f->identity_key);
    f->device_key = ec_key("P-256");
    issue_device(&f->house, f->device_key, clock_now_ms(clock_system()) - 3600000, 30, &issued);
    const unsigned char *p = issued.der.p;
    f->device = d2i_X509(NULL, &p, (long)issued.der.n);
    assert_non_null(f->device);
}

static inline void fixture_on_stopping(void *context)
{
    atomic_fetch_add(&((struct fixture *)context)->stopping, 1);
}

/** The server of a fixture whose keys are there. */
static inline void fixture_serve(struct fixture *f, const struct server_limits *limits, int workers)
{
    const struct server_options options = {
        .listeners = {{LISTENER_DEVICE, "127.0.0.1:0", 8192, f->sockets[0]},
                      {LISTENER_MANAGEMENT, NULL, 32768, 0},
                      {LISTENER_PUBLIC, "127.0.0.1:0", 8192, f->sockets[1]}},
        .loops = 2,
        .workers = workers,
        .limits = *limits,
        .clock = clock_system(),
        .random = random_system(),
        .on_stopping = fixture_on_stopping,
        .stopping_context = f,
    };
    const struct server_app app = {.api = &f->api,
                                   .tables = &test_table,
                                   .table_count = 1,
                                   .admit = test_admit,
                                   .run = test_run,
                                   .refuse = test_refuse};
    assert_ok(server_new(&options, &app, f->tls, NULL, &f->server));
    assert_int_equal(pthread_create(&f->thread, NULL, fixture_thread, f), 0);
}

static inline void fixture_start(struct fixture *f, const struct server_limits *limits, int workers)
{
    *f = (struct fixture){0};
    pthread_mutex_init(&f->api.feed.mutex, NULL);
    test_house_init(&f->house, KEY_ALG_P256);
    make_tls(f, NULL, &f->tls);
    fixture_identities(f);
    fixture_serve(f, limits, workers);
}

/** The server alone; fixture_serve() starts another. */
static inline void fixture_end_server(struct fixture *f)
{
    server_stop(f->server);
    pthread_join(f->thread, NULL);
    server_free(TAKE(f->server));
}

static inline void fixture_stop(struct fixture *f)
{
    fixture_end_server(f);
    tls_snapshot_unref(f->tls);
    X509_free(f->identity);
    X509_free(f->device);
    EVP_PKEY_free(f->identity_key);
    EVP_PKEY_free(f->device_key);
    buf_clear(&f->api.feed.ready);
    pthread_mutex_destroy(&f->api.feed.mutex);
    test_house_clear(&f->house);
}

/** Waits up to 10 s. */
#define wait_until(condition)                                                                                \
    do {                                                                                                     \
        for (int wait_ = 0; wait_ < 2000 && !(condition); wait_++) {                                         \
            sleep_ms(5);                                                                                     \
        }                                                                                                    \
        assert_true(condition);                                                                              \
    } while (0)

#endif
