/* A list of the keys at work, as long as there are workers: a look through it costs less than a hash. And the
 * call of a handler, which is where a key is at work. */
#include "api/running.h"

#include "api/api.h"
#include "api/rekey_after.h"
#include "api/terms.h"

void running_init(struct running *running)
{
    running->first = NULL;
    (void)pthread_mutex_init(&running->mutex, NULL);
}

void running_clear(struct running *running)
{
    (void)pthread_mutex_destroy(&running->mutex);
}

err_t running_enter(struct running *running, struct running_key *mine)
{
    (void)pthread_mutex_lock(&running->mutex);
    const struct running_key *at = running->first;
    while (at != NULL && !(uuid_equal(at->tenant, mine->tenant) && bytes_equal(at->key, mine->key))) {
        at = at->next;
    }
    if (at == NULL) {
        mine->next = running->first;
        running->first = mine;
    }
    (void)pthread_mutex_unlock(&running->mutex);
    ENSURE(at == NULL, ERR_CONFLICT,
           "a request with this Idempotency-Key is still running: ask again for its answer");
    return OK;
}

void running_leave(struct running *running, const struct running_key *mine)
{
    (void)pthread_mutex_lock(&running->mutex);
    struct running_key **at = &running->first;
    while (*at != mine) {
        at = &(*at)->next;
    }
    *at = mine->next;
    (void)pthread_mutex_unlock(&running->mutex);
}

/* A key that is no key is left to the handler, which knows whether it takes one. */
static bool names_attempt(const struct request *request, struct bytes *key)
{
    if (request->method != HTTP_POST || request->route->access != ACCESS_CALLER) {
        return false;
    }
    return request_idempotency_key(request, key).code == ERR_OK && key->n > 0;
}

static err_t handle(struct api *api, const struct request *request, struct response *response)
{
    TRY(request->route->handler(api, request, response));
    return rekey_after_add(api, request, response);
}

err_t api_run(struct api *api, const struct request *request, struct response *response)
{
    struct running_key mine = {.key = BYTES_NONE};
    if (!names_attempt(request, &mine.key)) {
        return handle(api, request, response);
    }
    mine.tenant = request->principal->tenant;
    TRY(running_enter(&api->running, &mine));
    err_t error = request->route->handler(api, request, response);
    running_leave(&api->running, &mine);
    return error;
}
