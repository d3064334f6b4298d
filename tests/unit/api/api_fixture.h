/* A real fleet on a real inventory behind the interface, and requests as values: what the server would fill
 * in is filled in here, then admit, handler and refuse run as the server runs them. Devices are keys made by
 * OpenSSL. */
#ifndef WHORL_TESTS_API_FIXTURE_H
#define WHORL_TESTS_API_FIXTURE_H

#include "tests/unit/inventory_template.h"
#include "tests/unit/pki/pki_fixture.h"

#include "api/api.h"
#include "api/authn.h"
#include "base/json.h"
#include "firmware_store/store.h"
#include "fleet/access.h"
#include "fleet/publication.h"
#include "fleet/rates.h"
#include "fleet/registry.h"

struct house {
    struct test_house pki;
    struct manual_clock clock;
    struct db *db;
    struct blob_store *blobs;
    struct outbound *outbound; /* calls public addresses by https only */
    struct fleet *fleet;
    struct api *api;
    err_t ready; /* what the readiness function says */
    char admin[TOKEN_TEXT_SIZE];
};

static inline err_t house_ready(void *context)
{
    return ((struct house *)context)->ready;
}

static inline err_t house_metrics(void *context, struct buf *out)
{
    (void)context;
    return buf_append_str(out, "# TYPE house gauge\nhouse 1\n");
}

static inline void house_make_fleet(struct house *h)
{
    AUTO(char) *path = NULL;
    struct first_token first;
    static const uint8_t secret[32] = {1, 2, 3};
    assert_ok(path_join(h->pki.folder.path, "whorl.db", &path));
    const struct db_options db = {.path = path,
                                  .node_name = "node-1",
                                  .clock = &h->clock.clock,
                                  .random = random_system(),
                                  .read_connections = 2,
                                  .queue_limit = 100};
    assert_ok(inventory_open(&db, &h->db));
    const struct outbound_options calls = {.allow = ""};
    assert_ok(outbound_new(&calls, &h->outbound));
    AUTO(char) *firmware = NULL;
    assert_ok(path_join(h->pki.folder.path, "firmware", &firmware));
    assert_ok(blob_store_open_folder(firmware, &h->blobs));
    const struct fleet_options fleet = {.db = h->db,
                                        .blobs = h->blobs,
                                        .image_max = 1 << 20,
                                        .scrub_days = 7,
                                        .outbound = h->outbound,
                                        .root = h->pki.root,
                                        .keystore = h->pki.keystore,
                                        .device = h->pki.device,
                                        .infrastructure = h->pki.infrastructure,
                                        .clock = &h->clock.clock,
                                        .random = random_system(),
                                        .public_url = test_publication.public_url,
                                        .salt_secret = BYTES_OF(secret),
                                        .challenge_ttl_ms = 120000,
                                        .crl_lifetime_ms = 86400000,
                                        .supersede_overlap_ms = 86400000,
                                        .clock_step_limit_ms = 300000};
    assert_ok(fleet_new(&fleet, &h->fleet));
    assert_ok(fleet_found(h->fleet, NULL, &first));
    (void)snprintf(h->admin, sizeof h->admin, "%s", first.text);
    assert_ok(publication_refresh(h->fleet, h->clock.at_ms));
}

static inline int house_setup(void **state)
{
    struct house *h = calloc(1, sizeof *h);
    assert_non_null(h);
    test_house_init(&h->pki, KEY_ALG_P256);
    manual_clock_init(&h->clock, house_from_ms + 86400000);
    house_make_fleet(h);
    const struct api_options options = {.fleet = h->fleet,
                                        .random = random_system(),
                                        .version = "1.2.3",
                                        .metrics = {{house_metrics, NULL}},
                                        .metrics_count = 1,
                                        .ready = house_ready,
                                        .ready_context = h};
    assert_ok(api_new(&options, &h->api));
    *state = h;
    return 0;
}

static inline int house_teardown(void **state)
{
    struct house *h = *state;
    api_free(h->api);
    fleet_free(h->fleet);
    blob_store_free(h->blobs);
    outbound_free(h->outbound);
    db_close(h->db);
    test_house_clear(&h->pki);
    free(h);
    return 0;
}

/* --- one request */

struct call {
    enum http_method method;
    const char *route; /* the template */
    const char *param, *param2, *param3, *param4;
    const char *token; /* sent as a bearer token, or NULL */
    const char *type;  /* Content-Type, or NULL */
    struct bytes body;
    struct http_field query[4], headers[4]; /* until the first without a name */
    const struct peer_identity *peer;
    struct channel_binding binding;
    bool is_resumed;
    const char *address; /* or NULL: the usual one */
};

/* The answer, with its JSON when it has some. */
struct reply {
    struct response response;
    json_t *json;
};
static inline void reply_clear(struct reply *reply)
{
    json_decref(reply->json);
    response_clear(&reply->response);
    *reply = (struct reply){.json = NULL};
}
DEFINE_AUTO_VAL(reply, reply_clear);

static inline const struct route *find_route(enum http_method method, const char *path)
{
    size_t tables = 0;
    const struct route_table *table = api_routes(&tables);
    for (size_t t = 0; t < tables; t++) {
        for (size_t i = 0; i < table[t].count; i++) {
            if (table[t].routes[i].method == method && strcmp(table[t].routes[i].path, path) == 0) {
                return &table[t].routes[i];
            }
        }
    }
    fail_msg("no route %s", path);
    return NULL;
}

/* A device's where it may be one. */
static inline enum listener find_listener(const struct call *call)
{
    unsigned listeners = find_route(call->method, call->route)->listeners;
    return (listeners & LISTENER_DEVICE) != 0       ? LISTENER_DEVICE
           : (listeners & LISTENER_MANAGEMENT) != 0 ? LISTENER_MANAGEMENT
                                                    : LISTENER_PUBLIC;
}

static inline size_t copy_fields(struct http_field *to, const struct http_field *from, size_t most)
{
    size_t n = 0;
    while (n < most && from[n].name != NULL) {
        to[n] = from[n];
        n++;
    }
    return n;
}

/* A body in two pieces. */
static inline err_t run_sink(struct house *h, struct request *request, struct response *response)
{
    const struct body_sink *sink = request->route->sink;
    struct bytes body = request->body;
    void *state = NULL;
    char length[24];
    struct http_field headers[9];
    memcpy(headers, request->headers, request->header_count * sizeof headers[0]);
    (void)snprintf(length, sizeof length, "%zu", body.n);
    headers[request->header_count++] = (struct http_field){"content-length", length};
    request->headers = headers;
    request->body = BYTES_NONE;
    TRY(sink->open(h->api, request, &state));
    struct bytes pieces[2] = {{body.p, body.n / 2}, {body.p + body.n / 2, body.n - body.n / 2}};
    for (int i = 0; i < 2; i++) {
        err_t error = pieces[i].n > 0 ? sink->write(state, pieces[i]) : OK;
        if (error.code != ERR_OK) {
            sink->abort(state);
            return error;
        }
    }
    return sink->finish(h->api, request, state, response);
}

static inline void run_call(struct house *h, struct request *request, struct response *response)
{
    if (request->route->quick != NULL && request->body.n <= request->route->body_limit) {
        err_t quick = request->route->quick(h->api, request, response);
        if (quick.code == ERR_OK && response->status != 0) {
            return;
        }
    }
    err_t error = api_arrive(h->api, request);
    if (error.code == ERR_OK) {
        error = api_admit(h->api, request);
    }
    if (error.code == ERR_OK && request->body.n > request->route->body_limit) {
        error = ERR(ERR_TOO_LARGE, "the server would say so");
    }
    if (error.code == ERR_OK && request->route->sink != NULL) {
        error = run_sink(h, request, response);
    } else if (error.code == ERR_OK) {
        error = api_run(h->api, request, response);
    }
    if (error.code != ERR_OK) {
        api_refuse(h->api, request, error, response);
    }
}

static inline const char *text_or_none(const char *text)
{
    return text == NULL ? "" : text;
}

/** Sends the call; `out` is cleared first. @return the status */
static inline int send_call(struct house *h, const struct call *call, struct reply *out)
{
    static const struct peer_identity nobody = {.kind = PEER_NONE};
    AUTO_PTR(arena) *arena = NULL;
    struct http_field headers[8];
    char bearer[TOKEN_TEXT_SIZE + 8];
    reply_clear(out);
    assert_ok(arena_new(1 << 20, &arena));
    size_t n = copy_fields(headers, call->headers, 4);
    if (call->token != NULL) {
        (void)snprintf(bearer, sizeof bearer, "Bearer %s", call->token);
        headers[n++] = (struct http_field){"authorization", bearer};
    }
    if (call->type != NULL) {
        headers[n++] = (struct http_field){"content-type", call->type};
    }
    struct http_field query[4];
    struct rate_marks rates = {0};
    struct request request = {.method = call->method,
                              .listener = find_listener(call),
                              .route = find_route(call->method, call->route),
                              .path = call->route,
                              .params = {text_or_none(call->param), text_or_none(call->param2),
                                         text_or_none(call->param3), text_or_none(call->param4)},
                              .query = query,
                              .query_count = copy_fields(query, call->query, 4),
                              .headers = headers,
                              .header_count = n,
                              .body = call->body,
                              .request_id = "0190aaaa-bbbb-7ccc-8ddd-eeeeeeeeeeee",
                              .now_ms = h->clock.at_ms,
                              .peer = call->peer == NULL ? &nobody : call->peer,
                              .binding = &call->binding,
                              .is_tls = true,
                              .is_resumed = call->is_resumed,
                              .arena = arena,
                              .rates = &rates};
    (void)snprintf(request.address, sizeof request.address, "%s",
                   call->address == NULL ? "192.0.2.7" : call->address);
    run_call(h, &request, &out->response);
    assert_ok(api_finish(h->api, &request, &out->response));
    bool is_made = out->response.source == NULL; /* not while it is sent */
    if (is_made && out->response.content_type != NULL && strstr(out->response.content_type, "json") != NULL) {
        out->json = json_loadb((const char *)out->response.body.p, out->response.body.n, 0, NULL);
        assert_non_null(out->json);
    }
    return out->response.status;
}

static inline const char *reply_header(const struct reply *reply, const char *name)
{
    for (size_t i = 0; i < reply->response.header_count; i++) {
        if (strcmp(reply->response.headers[i].name, name) == 0) {
            return reply->response.headers[i].value;
        }
    }
    return "";
}

static inline const char *text_at(const struct reply *reply, const char *name)
{
    const char *text = json_string_value(json_object_get(reply->json, name));
    return text == NULL ? "" : text;
}

static inline int64_t number_at(const struct reply *reply, const char *name)
{
    return json_integer_value(json_object_get(reply->json, name));
}

/* The answer, its JSON and its reason in the failure's text. */
#define assert_status(house, call, reply, expected)                                                          \
    do {                                                                                                     \
        int status_ = send_call((house), (call), (reply));                                                   \
        if (status_ != (expected)) {                                                                         \
            fail_msg("status %d, not %d: %s", status_, (expected), buf_str(&(reply)->response.body));        \
        }                                                                                                    \
    } while (0)

/** A call of management with the admin's token. */
static inline struct call rest(const struct house *h, enum http_method method, const char *route,
                               const char *body)
{
    return (struct call){.method = method,
                         .route = route,
                         .token = h->admin,
                         .type = body == NULL ? NULL : "application/json",
                         .body = body == NULL ? BYTES_NONE : bytes_str(body)};
}

/* --- devices */

struct chip {
    EVP_PKEY *key;
    struct peer_identity peer; /* self-signed over the key */
    char id[2 * DEVICE_ID_SIZE + 1];
};

static inline void chip_make(struct chip *chip)
{
    *chip = (struct chip){.key = ec_key("P-256"), .peer = {.kind = PEER_SELF_SIGNED}};
    spki_of(chip->key, &chip->peer.spki);
    assert_ok(key_check_spki(buf_view(&chip->peer.spki), &policy_strict, &chip->peer.certificate.key));
    hex_encode(BYTES_OF(chip->peer.certificate.key.spki_sha256.b), chip->id);
}

static inline void chip_clear(struct chip *chip)
{
    EVP_PKEY_free(chip->key);
    peer_identity_clear(&chip->peer);
}
DEFINE_AUTO_VAL(chip, chip_clear);

/** The peer that shows an issued certificate. */
static inline void peer_of_certificate(struct bytes der, struct peer_identity *out)
{
    AUTO(X509) *x509 = NULL;
    assert_ok(certificate_decode(der, &x509));
    *out = (struct peer_identity){.kind = PEER_ISSUED, .authority = "device"};
    assert_ok(certificate_read(der, &out->certificate));
    assert_ok(certificate_spki(x509, &out->spki));
    assert_ok(buf_append_bytes(&out->der, der));
}

/** Registers chips by id, as one batch. */
static inline void register_chips(struct house *h, const struct chip *chips, size_t count)
{
    AUTO_VAL(reply) reply = {.json = NULL};
    AUTO_VAL(buf) body = {0};
    assert_ok(buf_append_str(&body, "{\"devices\":["));
    for (size_t i = 0; i < count; i++) {
        assert_ok(buf_printf(&body, "%s\"%s\"", i == 0 ? "" : ",", chips[i].id));
    }
    assert_ok(buf_append_str(&body, "]}"));
    struct call call = rest(h, HTTP_POST, "/api/v1/batches", buf_str(&body));
    assert_status(h, &call, &reply, 201);
}

#endif
