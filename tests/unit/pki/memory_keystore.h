/* A keystore whose keys are in memory: for tests of what is built on one. The files of the real one are
 * sealed under scrypt, half a second of each test that has a house with three authorities. */
#ifndef WHORL_TESTS_MEMORY_KEYSTORE_H
#define WHORL_TESTS_MEMORY_KEYSTORE_H

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "pki/keystore.h"
#include "pki/keystore_driver.h"

struct memory_key {
    struct memory_key *next;
    char label[65];
    EVP_PKEY *pkey; /* or NULL: a secret */
    uint8_t secret[32];
};

struct memory_keys {
    pthread_mutex_t mutex;
    struct memory_key *first;
    bool is_away; /* like a token that does not answer: set where no other thread asks */
};

static inline struct memory_key *memory_find(const struct memory_keys *keys, const char *label, bool is_key)
{
    struct memory_key *at = keys->first;
    while (at != NULL && (strcmp(at->label, label) != 0 || (at->pkey != NULL) != is_key)) {
        at = at->next;
    }
    return at;
}

static inline struct memory_key *memory_add(struct memory_keys *keys, const char *label)
{
    struct memory_key *made = calloc(1, sizeof *made);
    if (made != NULL) {
        (void)snprintf(made->label, sizeof made->label, "%s", label);
        made->next = keys->first;
        keys->first = made;
    }
    return made;
}

static inline EVP_PKEY *memory_pair(enum key_alg alg)
{
    static const char *const curves[] = {[KEY_ALG_P256] = "P-256", [KEY_ALG_P384] = "P-384"};
    return alg == KEY_ALG_RSA       ? EVP_RSA_gen(3072)
           : alg == KEY_ALG_ED25519 ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")
                                    : EVP_EC_gen(curves[alg]);
}

static inline err_t memory_generate(void *state, const char *label, enum key_alg alg, EVP_PKEY **out)
{
    struct memory_keys *keys = state;
    ENSURE(!keys->is_away, ERR_UNAVAILABLE, "the keys are away");
    EVP_PKEY *pkey = memory_pair(alg);
    ENSURE(pkey != NULL, ERR_CRYPTO, "generating a key failed");
    pthread_mutex_lock(&keys->mutex);
    bool is_taken = memory_find(keys, label, true) != NULL;
    struct memory_key *key = is_taken ? NULL : memory_add(keys, label);
    if (key != NULL) {
        key->pkey = pkey;
        *out = EVP_PKEY_up_ref(pkey) == 1 ? pkey : NULL;
    }
    pthread_mutex_unlock(&keys->mutex);
    if (key == NULL) {
        EVP_PKEY_free(pkey);
    }
    ENSURE(!is_taken, ERR_CONFLICT, "a key with the label %s exists already", label);
    ENSURE(key != NULL, ERR_NO_MEMORY, "no memory for a key");
    return OK;
}

static inline err_t memory_load(void *state, const char *label, EVP_PKEY **out)
{
    struct memory_keys *keys = state;
    ENSURE(!keys->is_away, ERR_UNAVAILABLE, "the keys are away");
    pthread_mutex_lock(&keys->mutex);
    struct memory_key *key = memory_find(keys, label, true);
    *out = key != NULL && EVP_PKEY_up_ref(key->pkey) == 1 ? key->pkey : NULL;
    pthread_mutex_unlock(&keys->mutex);
    ENSURE(*out != NULL, ERR_NOT_FOUND, "no key with the label %s", label);
    return OK;
}

static inline bool memory_has(void *state, const char *label)
{
    struct memory_keys *keys = state;
    pthread_mutex_lock(&keys->mutex);
    bool has = memory_find(keys, label, true) != NULL;
    pthread_mutex_unlock(&keys->mutex);
    return has;
}

static inline err_t memory_forget(void *state, const char *label)
{
    struct memory_keys *keys = state;
    pthread_mutex_lock(&keys->mutex);
    for (struct memory_key **at = &keys->first; *at != NULL; at = &(*at)->next) {
        if (strcmp((*at)->label, label) == 0 && (*at)->pkey != NULL) {
            struct memory_key *gone = *at;
            *at = gone->next;
            EVP_PKEY_free(gone->pkey);
            free(gone);
            break;
        }
    }
    pthread_mutex_unlock(&keys->mutex);
    return OK;
}

static inline err_t memory_secret(void *state, const char *label, struct secret *out)
{
    struct memory_keys *keys = state;
    err_t error = OK;
    secret_clear(out);
    pthread_mutex_lock(&keys->mutex);
    struct memory_key *key = memory_find(keys, label, false);
    if (key == NULL) {
        key = memory_add(keys, label);
        error = key == NULL ? ERR(ERR_NO_MEMORY, "no memory for a secret")
                            : random_fill(random_system(), key->secret, sizeof key->secret);
    }
    if (error.code == ERR_OK) {
        error = buf_append(&out->bytes, key->secret, sizeof key->secret);
    }
    pthread_mutex_unlock(&keys->mutex);
    return error;
}

static inline void memory_free(void *state)
{
    struct memory_keys *keys = state;
    while (keys->first != NULL) {
        struct memory_key *key = keys->first;
        keys->first = key->next;
        EVP_PKEY_free(key->pkey);
        free(key);
    }
    pthread_mutex_destroy(&keys->mutex);
    free(keys);
}

/** How many keys have a label that begins so. */
static inline int memory_count(struct memory_keys *keys, const char *beginning)
{
    int count = 0;
    pthread_mutex_lock(&keys->mutex);
    for (const struct memory_key *at = keys->first; at != NULL; at = at->next) {
        count += at->pkey != NULL && strncmp(at->label, beginning, strlen(beginning)) == 0 ? 1 : 0;
    }
    pthread_mutex_unlock(&keys->mutex);
    return count;
}

/** @param[out] inside of the keystore, good as long as it is */
static inline err_t keystore_open_memory(struct keystore **out, struct memory_keys **inside)
{
    static const struct keystore_driver driver = {.generate = memory_generate,
                                                  .load = memory_load,
                                                  .has = memory_has,
                                                  .forget = memory_forget,
                                                  .secret = memory_secret,
                                                  .free = memory_free};
    struct memory_keys *keys = calloc(1, sizeof *keys);
    ENSURE(keys != NULL, ERR_NO_MEMORY, "no memory for a keystore");
    pthread_mutex_init(&keys->mutex, NULL);
    *inside = keys;
    return keystore_new(&driver, keys, out);
}

#endif
