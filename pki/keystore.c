/* The keystore as its callers see it: checks labels, wraps what a driver gives, proves each key once. Where
 * keys lie and how they are encrypted is the driver's (keystore_files.c). Called by cmd/ at init and by
 * fleet/ through pki/authority.h. */
#include "pki/keystore.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/provider.h>

#include "pki/keystore_driver.h"

struct keystore {
    const struct keystore_driver *driver;
    void *state;
    pthread_mutex_t making; /* between looking whether a label is taken and taking it */
};

err_t keystore_new(const struct keystore_driver *driver, void *state, struct keystore **out)
{
    *out = calloc(1, sizeof **out);
    if (*out == NULL || pthread_mutex_init(&(*out)->making, NULL) != 0) {
        free(*out);
        *out = NULL;
        driver->free(state);
        return ERR(ERR_NO_MEMORY, "no memory for a keystore");
    }
    (*out)->driver = driver;
    (*out)->state = state;
    return OK;
}

void keystore_free(struct keystore *keystore)
{
    if (keystore != NULL) {
        keystore->driver->free(keystore->state);
        (void)pthread_mutex_destroy(&keystore->making);
        free(keystore);
    }
}

const struct keystore_driver *keystore_borrow_driver(const struct keystore *keystore)
{
    return keystore->driver;
}

void *keystore_borrow_state(const struct keystore *keystore, const struct keystore_driver *driver)
{
    return keystore->driver == driver ? keystore->state : NULL;
}

static err_t check_label(const char *label)
{
    size_t n = strlen(label);
    ENSURE(n >= 1 && n <= 64 && strspn(label, "abcdefghijklmnopqrstuvwxyz0123456789-") == n,
           ERR_UNPROCESSABLE, "a key label has 1 to 64 characters of a-z, 0-9 and -");
    return OK;
}

/* A key of OpenSSL's own memory, though its keystore has others too. */
static bool is_in_memory(const EVP_PKEY *pkey)
{
    const OSSL_PROVIDER *provider = EVP_PKEY_get0_provider(pkey);
    return provider != NULL && strcmp(OSSL_PROVIDER_get0_name(provider), "default") == 0;
}

static err_t wrap(const struct keystore *keystore, EVP_PKEY *pkey, struct private_key **out)
{
    AUTO_PTR(private_key) *key = NULL;
    bool is_doubted = keystore->driver->is_token && !is_in_memory(pkey);
    err_t error = private_key_take(pkey, &key);
    if (is_doubted) { /* a device that answers nonsense now may answer better later */
        ENSURE(error.code != ERR_CRYPTO, ERR_UNAVAILABLE, "a key in the token: %s", error.detail);
    }
    TRY(error);
    if (is_doubted) {
        TRY(private_key_doubt(key));
    }
    *out = TAKE(key);
    return OK;
}

err_t keystore_generate(struct keystore *keystore, const char *label, enum key_alg alg,
                        struct private_key **out)
{
    EVP_PKEY *pkey = NULL;
    *out = NULL;
    TRY(check_label(label));
    if (keystore->driver->generate_remote != NULL) {
        return keystore->driver->generate_remote(keystore->state, label, alg, out);
    }
    (void)pthread_mutex_lock(&keystore->making);
    err_t made = keystore->driver->generate(keystore->state, label, alg, &pkey);
    (void)pthread_mutex_unlock(&keystore->making);
    TRY(made);
    return wrap(keystore, pkey, out);
}

err_t keystore_load(struct keystore *keystore, const char *label, struct private_key **out)
{
    EVP_PKEY *pkey = NULL;
    *out = NULL;
    TRY(check_label(label));
    if (keystore->driver->load_remote != NULL) {
        return keystore->driver->load_remote(keystore->state, label, out);
    }
    TRY(keystore->driver->load(keystore->state, label, &pkey));
    return wrap(keystore, pkey, out);
}

bool keystore_has(struct keystore *keystore, const char *label)
{
    err_t error = check_label(label);
    return error.code == ERR_OK && keystore->driver->has(keystore->state, label);
}

err_t keystore_forget(struct keystore *keystore, const char *label)
{
    TRY(check_label(label));
    (void)pthread_mutex_lock(&keystore->making);
    err_t error = keystore->driver->forget(keystore->state, label);
    (void)pthread_mutex_unlock(&keystore->making);
    return error;
}

err_t keystore_secret(struct keystore *keystore, const char *label, struct secret *out)
{
    TRY(check_label(label));
    (void)pthread_mutex_lock(&keystore->making);
    err_t error = keystore->driver->secret(keystore->state, label, out);
    (void)pthread_mutex_unlock(&keystore->making);
    return error;
}
