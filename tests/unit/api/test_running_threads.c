/* One request at a time under an Idempotency-Key: a second is told, another key or tenant is not kept
 * waiting. */
#include "tests/unit/pki/pki_fixture.h"

#include <pthread.h>
#include <stdatomic.h>

#include "api/api.h"
#include "api/authn.h"

enum { THREADS = 8, ROUNDS = 2000 };

static err_t answer(struct api *api, const struct request *request, struct response *response)
{
    (void)api;
    (void)request;
    response->status = 201;
    return OK;
}

static const struct route inner_route = {
    .method = HTTP_POST, .path = "/api/v1/inner", .access = ACCESS_CALLER, .handler = answer};
static const struct route read_route = {
    .method = HTTP_GET, .path = "/api/v1/inner", .access = ACCESS_CALLER, .handler = answer};

static void runs(struct api *api, const struct request *request, err_code code)
{
    struct response response = {.status = 0};
    err_t error = api_run(api, request, &response);
    assert_int_equal(error.code, code);
    assert_int_equal(response.status, code == ERR_OK ? 201 : 0);
}

/* While the outer one runs, others come. */
static err_t meanwhile(struct api *api, const struct request *request, struct response *response)
{
    static const struct http_field quoted = {"idempotency-key", "\"order-1\""};
    static const struct http_field second = {"Idempotency-Key", "order-2"};
    static const struct http_field bad = {"Idempotency-Key", "a b"};
    struct request other = *request;
    struct principal stranger = *request->principal;
    other.route = &inner_route;
    runs(api, &other, ERR_CONFLICT);
    other.headers = &quoted;
    runs(api, &other, ERR_CONFLICT);
    other.headers = &second;
    runs(api, &other, ERR_OK);
    other.headers = &bad; /* for the handler to judge */
    runs(api, &other, ERR_OK);
    other.header_count = 0;
    runs(api, &other, ERR_OK);
    other = *request;
    other.method = HTTP_GET;
    other.route = &read_route;
    runs(api, &other, ERR_OK);
    other = *request;
    other.route = &inner_route;
    stranger.tenant.b[0] ^= 1;
    other.principal = &stranger;
    runs(api, &other, ERR_OK);
    response->status = 201;
    return ERR(ERR_UNPROCESSABLE, "a failure frees the key too");
}

static const struct route outer_route = {
    .method = HTTP_POST, .path = "/api/v1/outer", .access = ACCESS_CALLER, .handler = meanwhile};

static void a_second_request_is_told(void **state)
{
    (void)state;
    static const struct http_field header = {"Idempotency-Key", "order-1"};
    struct api api = {.running = {.first = NULL}};
    struct principal caller = {.kind = PRINCIPAL_TOKEN};
    struct response response = {.status = 0};
    struct request request = {.method = HTTP_POST,
                              .headers = &header,
                              .header_count = 1,
                              .route = &outer_route,
                              .principal = &caller};
    running_init(&api.running);
    assert_error(api_run(&api, &request, &response), ERR_UNPROCESSABLE, "frees the key");
    assert_null(api.running.first);
    request.route = &inner_route;
    runs(&api, &request, ERR_OK);
    assert_null(api.running.first);
    running_clear(&api.running);
}

struct crowd {
    struct running running;
    atomic_int inside, most, told, done;
};

static void *crowd_in(void *arg)
{
    struct crowd *crowd = arg;
    for (int i = 0; i < ROUNDS; i++) {
        struct running_key mine = {.key = bytes_str("order-1")};
        err_t error = running_enter(&crowd->running, &mine);
        if (error.code != ERR_OK) {
            atomic_fetch_add(&crowd->told, 1);
            continue;
        }
        if (atomic_fetch_add(&crowd->inside, 1) > 0) {
            atomic_store(&crowd->most, 2);
        }
        atomic_fetch_sub(&crowd->inside, 1);
        running_leave(&crowd->running, &mine);
        atomic_fetch_add(&crowd->done, 1);
    }
    return NULL;
}

static void never_two_at_once(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    struct crowd crowd = {.most = 0};
    running_init(&crowd.running);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, crowd_in, &crowd), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(crowd.most, 0);
    assert_int_equal(crowd.told + crowd.done, THREADS * ROUNDS);
    assert_true(crowd.done > 0);
    assert_null(crowd.running.first);
    running_clear(&crowd.running);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_second_request_is_told),
        cmocka_unit_test(never_two_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
