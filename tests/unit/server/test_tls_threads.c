/* TLS as clients see it: who the peer is, what resumes and what does not, how keys are replaced. */
#include "tests/unit/server/server_client.h"

static struct fixture *fixture_of(void **state)
{
    return *state;
}

static int setup(void **state)
{
    struct fixture *f = malloc(sizeof *f);
    fixture_start(f, &test_limits, 4);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture_stop(*state);
    free(*state);
    return 0;
}

struct hello {
    int version;
    X509 *certificate; /* borrowed, or NULL */
    EVP_PKEY *key;
    SSL_SESSION *session; /* borrowed, or NULL */
};

/** @return false when the handshake or the first request failed (a 1.3 client learns of a refusal late) */
static bool client_tls(const struct fixture *f, const struct hello *hello, struct client *out)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(context, hello->version);
    SSL_CTX_set_max_proto_version(context, hello->version);
    if (hello->certificate != NULL) {
        assert_int_equal(SSL_CTX_use_certificate(context, hello->certificate), 1);
        assert_int_equal(SSL_CTX_use_PrivateKey(context, hello->key), 1);
    }
    *out = (struct client){.fd = connect_to(f, LISTENER_DEVICE), .ssl = SSL_new(context)};
    SSL_CTX_free(context);
    SSL_set_fd(out->ssl, out->fd);
    if (hello->session != NULL) {
        SSL_set_session(out->ssl, hello->session);
    }
    return SSL_connect(out->ssl) == 1;
}

/** One connection and one GET. @return the status; the ticket, if any, in `session` */
static int visit(const struct fixture *f, const struct hello *hello, const char *path, struct buf *body,
                 SSL_SESSION **session)
{
    struct client c;
    int status = 0;
    if (client_tls(f, hello, &c)) {
        status = client_get(&c, path, body);
        if (session != NULL) {
            SSL_SESSION_free(*session);
            *session = SSL_get1_session(c.ssl);
        }
        SSL_shutdown(c.ssl);
    }
    client_close(&c);
    return status;
}

static void test_who_the_peer_is(void **state)
{
    struct fixture *f = fixture_of(state);
    const struct {
        struct hello hello;
        const char *expected;
    } rows[] = {
        {{.version = TLS1_3_VERSION}, "kind=0 resumed=0 exporter=1 unique=0"},
        {{.version = TLS1_2_VERSION}, "kind=0 resumed=0"},
        {{TLS1_3_VERSION, f->identity, f->identity_key, NULL}, "kind=1 resumed=0 exporter=1 unique=0"},
        {{TLS1_2_VERSION, f->identity, f->identity_key, NULL}, "kind=1 resumed=0"},
        {{TLS1_3_VERSION, f->device, f->device_key, NULL}, "kind=2 resumed=0 exporter=1 unique=0"},
        {{TLS1_2_VERSION, f->device, f->device_key, NULL}, "kind=2 resumed=0"},
    };
    AUTO_VAL(buf) body = {0};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(visit(f, &rows[i].hello, "/peer", &body, NULL), 200);
        assert_has(buf_str(&body), rows[i].expected);
        assert_has(buf_str(&body), "address=127.0.0.1");
    }
    assert_int_equal(visit(f, &rows[5].hello, "/peer", &body, NULL), 200);
    assert_has(buf_str(&body), "unique=1");
}

static void test_old_protocols_are_refused(void **state)
{
    const struct hello old = {.version = TLS1_1_VERSION};
    AUTO_VAL(buf) body = {0};
    assert_int_equal(visit(fixture_of(state), &old, "/loop", &body, NULL), 0);
}

static void test_only_an_issued_peer_on_1_3_gets_a_ticket(void **state)
{
    struct fixture *f = fixture_of(state);
    const struct {
        struct hello hello;
        bool has_ticket;
    } rows[] = {
        {{.version = TLS1_3_VERSION}, false},
        {{.version = TLS1_2_VERSION}, false},
        {{TLS1_3_VERSION, f->identity, f->identity_key, NULL}, false},
        {{TLS1_2_VERSION, f->identity, f->identity_key, NULL}, false},
        {{TLS1_2_VERSION, f->device, f->device_key, NULL}, false},
        {{TLS1_3_VERSION, f->device, f->device_key, NULL}, true},
    };
    AUTO_VAL(buf) body = {0};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        SSL_SESSION *session = NULL;
        assert_int_equal(visit(f, &rows[i].hello, "/peer", &body, &session), 200);
        assert_int_equal(SSL_SESSION_has_ticket(session), rows[i].has_ticket);
        struct hello again = rows[i].hello;
        again.session = session;
        assert_int_equal(visit(f, &again, "/peer", &body, NULL), 200);
        assert_has(buf_str(&body), rows[i].has_ticket ? "kind=2 resumed=1" : "resumed=0");
        SSL_SESSION_free(session);
    }
}

static void test_resumption_across_loops_proves_no_key(void **state)
{
    struct fixture *f = fixture_of(state);
    SSL_SESSION *session = NULL;
    AUTO_VAL(buf) body = {0};
    struct hello hello = {TLS1_3_VERSION, f->device, f->device_key, NULL};
    assert_int_equal(visit(f, &hello, "/fresh", &body, &session), 200);
    hello.session = session;
    /* the kernel spreads connections over both loops by source port: 12 times the same one is less likely
     * than 1 in 2000 */
    for (int i = 0; i < 12; i++) {
        assert_int_equal(visit(f, &hello, "/peer", &body, NULL), 200);
        assert_has(buf_str(&body), "kind=2 resumed=1");
    }
    struct client c;
    assert_true(client_tls(f, &hello, &c));
    assert_int_equal(client_get(&c, "/fresh", &body), 403);
    assert_int_equal(client_get(&c, "/peer", &body), 0); /* and the connection is closed */
    client_close(&c);
    SSL_SESSION_free(session);
}

static void test_a_resumed_session_gets_no_new_ticket(void **state)
{
    struct fixture *f = fixture_of(state);
    SSL_SESSION *first = NULL, *second = NULL;
    AUTO_VAL(buf) body = {0};
    struct hello hello = {TLS1_3_VERSION, f->device, f->device_key, NULL};
    assert_int_equal(visit(f, &hello, "/peer", &body, &first), 200);
    hello.session = first;
    struct client c;
    assert_true(client_tls(f, &hello, &c));
    assert_int_equal(client_get(&c, "/peer", &body), 200);
    second = SSL_get1_session(c.ssl);
    assert_ptr_equal(first, second);
    client_close(&c);
    SSL_SESSION_free(first);
    SSL_SESSION_free(second);
}

static void test_replaced_snapshot_serves_new_connections(void **state)
{
    struct fixture *f = fixture_of(state);
    AUTO_VAL(buf) body = {0};
    SSL_SESSION *session = NULL;
    struct tls_snapshot *fresh = NULL;
    struct hello hello = {TLS1_3_VERSION, f->device, f->device_key, NULL};
    struct client old;
    assert_true(client_tls(f, &hello, &old));
    assert_int_equal(client_get(&old, "/loop", &body), 200);
    assert_int_equal(visit(f, &hello, "/peer", &body, &session), 200);
    make_tls(f, f->tls, &fresh);
    server_replace_tls(f->server, fresh, NULL);
    tls_snapshot_unref(f->tls);
    f->tls = fresh;
    assert_int_equal(client_get(&old, "/loop", &body), 200); /* goes on under the former one */
    client_close(&old);
    assert_int_equal(visit(f, &hello, "/peer", &body, NULL), 200);
    hello.session = session;
    assert_int_equal(visit(f, &hello, "/peer", &body, NULL), 200);
    assert_has(buf_str(&body), "kind=2 resumed=1"); /* its tickets are still good */
    SSL_SESSION_free(session);
}

static void test_alpn(void **state)
{
    static const unsigned char h2[] = "\x02h2", both[] = "\x02h2\x08http/1.1";
    const struct {
        const unsigned char *list;
        unsigned int n;
        bool is_good;
    } rows[] = {{h2, 3, false}, {both, 12, true}};
    for (size_t i = 0; i < 2; i++) {
        SSL_CTX *context = SSL_CTX_new(TLS_client_method());
        SSL_CTX_set_alpn_protos(context, rows[i].list, rows[i].n);
        struct client c = {.fd = connect_to(fixture_of(state), LISTENER_DEVICE), .ssl = SSL_new(context)};
        SSL_CTX_free(context);
        SSL_set_fd(c.ssl, c.fd);
        assert_int_equal(SSL_connect(c.ssl) == 1, rows[i].is_good);
        client_close(&c);
    }
}

static void test_plain_bytes_on_tls(void **state)
{
    struct client c = {.fd = connect_to(fixture_of(state), LISTENER_DEVICE)};
    AUTO_VAL(buf) all = {0};
    client_say(&c, "GET /loop HTTP/1.1\r\nHost: x\r\n\r\n");
    client_read_all(&c, &all);
    assert_null(strstr(buf_str(&all), "hello"));
    client_close(&c);
}

static void test_silent_client_is_dropped_in_the_handshake(void **state)
{
    struct client c = {.fd = connect_to(fixture_of(state), LISTENER_DEVICE)};
    AUTO_VAL(buf) all = {0};
    int64_t began_ms = clock_monotonic_ms(clock_system());
    client_read_all(&c, &all);
    assert_true(clock_monotonic_ms(clock_system()) - began_ms < 5000);
    client_close(&c);
}

static void test_handshakes_are_counted(void **state)
{
    AUTO_VAL(buf) text = {0};
    assert_ok(server_write_metrics(fixture_of(state)->server, &text));
    assert_has(buf_str(&text), "whorl_tls_handshakes_total{result=\"full\"} ");
    assert_null(strstr(buf_str(&text), "result=\"full\"} 0\n"));
    assert_null(strstr(buf_str(&text), "result=\"resumed\"} 0\n"));
    assert_null(strstr(buf_str(&text), "handshakes_total{result=\"failed\"} 0\n"));
    assert_has(buf_str(&text), "whorl_http_requests_total{route=\"GET /peer\",status=\"200\"} ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_the_peer_is),
        cmocka_unit_test(test_old_protocols_are_refused),
        cmocka_unit_test(test_only_an_issued_peer_on_1_3_gets_a_ticket),
        cmocka_unit_test(test_resumption_across_loops_proves_no_key),
        cmocka_unit_test(test_a_resumed_session_gets_no_new_ticket),
        cmocka_unit_test(test_replaced_snapshot_serves_new_connections),
        cmocka_unit_test(test_alpn),
        cmocka_unit_test(test_plain_bytes_on_tls),
        cmocka_unit_test(test_silent_client_is_dropped_in_the_handshake),
        cmocka_unit_test(test_handshakes_are_counted),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
