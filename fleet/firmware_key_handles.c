/* The few keys that stay open, under one lock that is held while a key is loaded: two that want the same key
 * load it once. */
#include "fleet/firmware_key_handles.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/firmware_key_rows.h"
#include "fleet/internal.h"

enum { KEPT = 16 };

struct firmware_key_handle {
    char label[FIRMWARE_LABEL_SIZE];
    struct private_key *key;
    atomic_int users; /* the table is one */
};

struct firmware_key_handles {
    pthread_mutex_t mutex;
    struct firmware_key_handle *kept[KEPT];
    size_t next; /* which place is given to the next one: the oldest's */
};

err_t firmware_key_handles_new(struct firmware_key_handles **out)
{
    *out = calloc(1, sizeof **out);
    if (*out == NULL || pthread_mutex_init(&(*out)->mutex, NULL) != 0) {
        free(*out);
        *out = NULL;
        return ERR(ERR_NO_MEMORY, "the open keys of firmware");
    }
    return OK;
}

void firmware_key_handle_release(struct firmware_key_handle *handle)
{
    if (handle != NULL && atomic_fetch_sub(&handle->users, 1) == 1) {
        private_key_free(handle->key);
        free(handle);
    }
}

void firmware_key_handles_free(struct firmware_key_handles *handles)
{
    if (handles == NULL) {
        return;
    }
    for (size_t i = 0; i < KEPT; i++) {
        firmware_key_handle_release(handles->kept[i]);
    }
    (void)pthread_mutex_destroy(&handles->mutex);
    free(handles);
}

const struct private_key *firmware_key_handle_borrow(const struct firmware_key_handle *handle)
{
    return handle->key;
}

static struct firmware_key_handle **find(struct firmware_key_handles *handles, const char *label)
{
    for (size_t i = 0; i < KEPT; i++) {
        if (handles->kept[i] != NULL && strcmp(handles->kept[i]->label, label) == 0) {
            return &handles->kept[i];
        }
    }
    return NULL;
}

/* @param[out] out with one user: the table */
static err_t load(struct keystore *keystore, const char *label, struct firmware_key_handle **out)
{
    AUTO_PTR(private_key) *key = NULL;
    err_t error = keystore_load(keystore, label, &key);
    ENSURE(error.code != ERR_NOT_FOUND, ERR_UNAVAILABLE, "the key %s is not in the keystore", label);
    TRY(error);
    struct firmware_key_handle *handle = calloc(1, sizeof *handle);
    ENSURE(handle != NULL, ERR_NO_MEMORY, "an open key");
    (void)snprintf(handle->label, sizeof handle->label, "%s", label);
    handle->key = TAKE(key);
    atomic_init(&handle->users, 1);
    *out = handle;
    return OK;
}

static err_t take_locked(struct fleet *fleet, const char *label, struct firmware_key_handle **out)
{
    struct firmware_key_handles *handles = fleet->firmware_key_handles;
    struct firmware_key_handle **place = find(handles, label);
    if (place == NULL) {
        struct firmware_key_handle *loaded = NULL;
        TRY(load(fleet->options.keystore, label, &loaded));
        place = &handles->kept[handles->next];
        handles->next = (handles->next + 1) % KEPT;
        firmware_key_handle_release(*place);
        *place = loaded;
    }
    (void)atomic_fetch_add(&(*place)->users, 1);
    *out = *place;
    return OK;
}

err_t firmware_key_handle_take(struct fleet *fleet, const char *label, struct firmware_key_handle **out)
{
    *out = NULL;
    ENSURE(fleet->options.keystore != NULL, ERR_UNAVAILABLE, "no keystore is open here");
    (void)pthread_mutex_lock(&fleet->firmware_key_handles->mutex);
    err_t error = take_locked(fleet, label, out);
    (void)pthread_mutex_unlock(&fleet->firmware_key_handles->mutex);
    return error;
}

void firmware_key_handle_drop(struct fleet *fleet, const char *label)
{
    struct firmware_key_handles *handles = fleet->firmware_key_handles;
    struct firmware_key_handle *dropped = NULL;
    (void)pthread_mutex_lock(&handles->mutex);
    struct firmware_key_handle **place = find(handles, label);
    if (place != NULL) {
        dropped = *place;
        *place = NULL;
    }
    (void)pthread_mutex_unlock(&handles->mutex);
    firmware_key_handle_release(dropped);
}
