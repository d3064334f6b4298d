/* The keystore driver of the signer process. Public halves are kept here once they were told: authorities are
 * loaded again with every change among them, also while the process is away. Secrets it has none of: who
 * needs one reads it before, from the files. */
#include "pki/keystore_signer.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "pki/keystore_driver.h"
#include "pki/remote_key.h"

enum { KNOWN_MAX = 1024 };

struct known {
    struct known *next;
    char label[SIGNER_LABEL_MAX + 1];
    struct buf spki;
};

struct remote {
    struct signer_client *client;
    pthread_mutex_t mutex; /* of the list */
    struct known *first;
    size_t count;
};

static void remote_free(void *state)
{
    struct remote *remote = state;
    signer_client_stop(remote->client);
    signer_client_unref(remote->client);
    while (remote->first != NULL) {
        struct known *known = remote->first;
        remote->first = known->next;
        buf_clear(&known->spki);
        free(known);
    }
    (void)pthread_mutex_destroy(&remote->mutex);
    free(remote);
}

/* --- what is known ---------------------------------------------------------------------------------- */

static struct known **find(struct remote *remote, const char *label)
{
    struct known **at = &remote->first;
    while (*at != NULL && strcmp((*at)->label, label) != 0) {
        at = &(*at)->next;
    }
    return at;
}

static bool recall(struct remote *remote, const char *label, struct buf *spki)
{
    err_t copied = ERR(ERR_NOT_FOUND, "not known");
    (void)pthread_mutex_lock(&remote->mutex);
    const struct known *known = *find(remote, label);
    if (known != NULL) {
        copied = spki == NULL ? OK : buf_append_bytes(spki, buf_view(&known->spki));
    }
    (void)pthread_mutex_unlock(&remote->mutex);
    return copied.code == ERR_OK;
}

static void keep(struct remote *remote, const char *label, struct bytes spki)
{
    struct known *made = calloc(1, sizeof *made);
    if (made == NULL || buf_append_bytes(&made->spki, spki).code != ERR_OK) {
        free(made); /* then it is asked for again */
        return;
    }
    memcpy(made->label, label, strlen(label) + 1);
    (void)pthread_mutex_lock(&remote->mutex);
    bool is_kept = remote->count < KNOWN_MAX && *find(remote, label) == NULL;
    if (is_kept) {
        made->next = remote->first;
        remote->first = made;
        remote->count++;
    }
    (void)pthread_mutex_unlock(&remote->mutex);
    if (!is_kept) {
        buf_clear(&made->spki);
        free(made);
    }
}

static void unlearn(struct remote *remote, const char *label)
{
    (void)pthread_mutex_lock(&remote->mutex);
    struct known **place = find(remote, label);
    struct known *gone = *place;
    if (gone != NULL) {
        *place = gone->next;
        remote->count--;
        buf_clear(&gone->spki);
        free(gone);
    }
    (void)pthread_mutex_unlock(&remote->mutex);
}

/* --- the driver ------------------------------------------------------------------------------------- */

static err_t take_key(struct remote *remote, const struct signer_call *call, struct private_key **out)
{
    AUTO_VAL(buf) spki = {0};
    bool is_known = call->op == SIGNER_LOAD && recall(remote, call->label, &spki);
    if (!is_known) {
        TRY(signer_client_call(remote->client, call, &spki));
    }
    TRY(private_key_take_remote(remote->client, call->label, buf_view(&spki), out));
    if (!is_known) {
        keep(remote, call->label, buf_view(&spki));
    }
    return OK;
}

static err_t remote_generate(void *state, const char *label, enum key_alg alg, struct private_key **out)
{
    const struct signer_call call = {.op = SIGNER_GENERATE, .argument = (uint8_t)alg, .label = label};
    ENSURE(alg != KEY_ALG_NONE, ERR_UNPROCESSABLE, "a key needs an algorithm");
    return take_key(state, &call, out);
}

static err_t remote_load(void *state, const char *label, struct private_key **out)
{
    const struct signer_call call = {.op = SIGNER_LOAD, .label = label};
    return take_key(state, &call, out);
}

static bool remote_has(void *state, const char *label)
{
    struct remote *remote = state;
    const struct signer_call call = {.op = SIGNER_HAS, .label = label};
    AUTO_VAL(buf) answer = {0};
    err_t error = signer_client_call(remote->client, &call, &answer);
    if (error.code != ERR_OK || answer.n != 1) {
        return recall(remote, label, NULL); /* while the process is away: as it was */
    }
    if (answer.p[0] != 1) {
        unlearn(remote, label); /* somebody took it away */
    }
    return answer.p[0] == 1;
}

static err_t remote_forget(void *state, const char *label)
{
    struct remote *remote = state;
    const struct signer_call call = {.op = SIGNER_FORGET, .label = label};
    TRY(signer_client_call(remote->client, &call, NULL));
    unlearn(remote, label);
    return OK;
}

static err_t remote_secret(void *state, const char *label, struct secret *out)
{
    (void)state;
    (void)out;
    return ERR(ERR_INTERNAL, "the signer process gives no secrets away, %.64s neither", label);
}

static const struct keystore_driver driver = {
    .has = remote_has,
    .forget = remote_forget,
    .secret = remote_secret,
    .free = remote_free,
    .generate_remote = remote_generate,
    .load_remote = remote_load,
};

err_t keystore_open_signer(const struct signer_settings *settings, struct keystore **out)
{
    *out = NULL;
    struct remote *remote = calloc(1, sizeof *remote);
    ENSURE(remote != NULL, ERR_NO_MEMORY, "no memory for a keystore");
    err_t started = signer_client_new(settings, &remote->client);
    if (started.code != ERR_OK) {
        free(remote);
        return started;
    }
    (void)pthread_mutex_init(&remote->mutex, NULL);
    return keystore_new(&driver, remote, out);
}

void keystore_signer_probe(struct keystore *keystore)
{
    struct remote *remote = keystore == NULL ? NULL : keystore_borrow_state(keystore, &driver);
    char label[SIGNER_LABEL_MAX + 1] = "";
    if (remote != NULL) {
        (void)pthread_mutex_lock(&remote->mutex);
        if (remote->first != NULL) {
            memcpy(label, remote->first->label, sizeof label);
        }
        (void)pthread_mutex_unlock(&remote->mutex);
    }
    if (label[0] != '\0') {
        const struct signer_call call = {.op = SIGNER_LOAD, .label = label};
        err_ignore(signer_client_call(remote->client, &call, NULL)); /* the status tells */
    }
}

bool keystore_signer_status(struct keystore *keystore, struct signer_status *out)
{
    struct remote *remote = keystore == NULL ? NULL : keystore_borrow_state(keystore, &driver);
    if (remote == NULL) {
        return false;
    }
    signer_client_status(remote->client, out);
    return true;
}

void keystore_signer_abandon(struct keystore *keystore)
{
    struct remote *remote = keystore == NULL ? NULL : keystore_borrow_state(keystore, &driver);
    if (remote != NULL) {
        signer_client_abandon(remote->client);
    }
}
