/* Opened keys, by label. A key that is not asked for gives its place to another; what it is held to is in its
 * file. The policy itself is signer_rules.c's. */
#include "pki/signer_keys.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "pki/signer_keys_internal.h"
#include "pki/signer_stream.h"

enum { MADE_PER_HOUR = 600 /* keys: a token has little room */ };

/* --- entries ---------------------------------------------------------------------------------------- */

static void entry_free(struct signer_entry *entry)
{
    if (entry != NULL) {
        private_key_free(entry->key);
        signer_binding_clear(&entry->binding);
        (void)pthread_rwlock_destroy(&entry->holding);
        free(entry);
    }
}
DEFINE_AUTO_PTR(signer_entry, entry_free);

err_t signer_keys_new(const struct signer_keys_options *options, struct signer_keys **out)
{
    *out = calloc(1, sizeof **out);
    ENSURE(*out != NULL, ERR_NO_MEMORY, "no memory for keys");
    (*out)->options = *options;
    (*out)->options.now_ms = options->now_ms != NULL ? options->now_ms : signer_now_ms;
    (void)pthread_mutex_init(&(*out)->mutex, NULL);
    return OK;
}

void signer_keys_free(struct signer_keys *keys)
{
    if (keys != NULL) {
        for (size_t i = 0; i < keys->count; i++) {
            entry_free(keys->entries[i]);
        }
        (void)pthread_mutex_destroy(&keys->mutex);
        free(keys);
    }
}

bool signer_label_is_authority(const char *label)
{
    return strncmp(label, "ca-", 3) == 0;
}

err_t signer_label_check(const char *label)
{
    ENSURE(signer_label_is_authority(label) || strncmp(label, "fw-", 3) == 0, ERR_SIGNER_REFUSED,
           "key %s is neither an authority's nor one of firmware", label);
    return OK;
}

static err_t path_of(const struct signer_keys *keys, const char *label, char **out)
{
    char name[SIGNER_LABEL_MAX + sizeof ".cer"];
    (void)snprintf(name, sizeof name, "%s.cer", label);
    return path_join(keys->options.folder, name, out);
}

static err_t read_binding(const struct signer_keys *keys, struct signer_entry *entry)
{
    AUTO(char) *path = NULL;
    AUTO_VAL(buf) der = {0};
    TRY(path_of(keys, entry->label, &path));
    if (!signer_label_is_authority(entry->label) || !file_exists(path)) {
        return OK;
    }
    TRY(file_read(path, SIGNER_CERTIFICATE_MAX, &der));
    err_t read = signer_binding_read(buf_view(&der), buf_view(&entry->key->spki), &entry->binding);
    ENSURE(read.code == ERR_OK, ERR_CRYPTO, "keys/%s.cer: %.90s", entry->label, read.detail);
    entry->is_bound = true;
    return OK;
}

static err_t entry_new(const struct signer_keys *keys, const char *label, struct private_key *key,
                       struct signer_entry **out)
{
    AUTO_PTR(signer_entry) *entry = calloc(1, sizeof *entry);
    if (entry == NULL) {
        private_key_free(key);
        return ERR(ERR_NO_MEMORY, "no memory for a key");
    }
    entry->key = key;
    (void)pthread_rwlock_init(&entry->holding, NULL);
    memcpy(entry->label, label, strlen(label) + 1);
    TRY(read_binding(keys, entry));
    *out = TAKE(entry);
    return OK;
}

/* --- the table, under its mutex --------------------------------------------------------------------- */

static struct signer_entry *find(struct signer_keys *keys, const char *label)
{
    for (size_t i = 0; i < keys->count; i++) {
        if (strcmp(keys->entries[i]->label, label) == 0) {
            return keys->entries[i];
        }
    }
    return NULL;
}

static struct signer_entry *use(struct signer_keys *keys, struct signer_entry *entry)
{
    if (entry != NULL) {
        entry->users++;
        entry->used = ++keys->uses;
    }
    return entry;
}

/* @return what nobody needs any more, to be freed without the mutex */
static struct signer_entry *make_room(struct signer_keys *keys)
{
    size_t oldest = keys->count;
    for (size_t i = 0; keys->count == OPEN_MAX && i < keys->count; i++) {
        bool is_idle = keys->entries[i]->users == 0;
        if (is_idle && (oldest == keys->count || keys->entries[i]->used < keys->entries[oldest]->used)) {
            oldest = i;
        }
    }
    if (oldest == keys->count) {
        return NULL;
    }
    struct signer_entry *gone = keys->entries[oldest];
    keys->entries[oldest] = keys->entries[--keys->count];
    return gone;
}

void signer_keys_put_back(struct signer_keys *keys, struct signer_entry *entry)
{
    (void)pthread_mutex_lock(&keys->mutex);
    entry->users--;
    (void)pthread_mutex_unlock(&keys->mutex);
}

/* Of two that opened one key, the first is kept. */
static err_t add(struct signer_keys *keys, struct signer_entry *made, struct signer_entry **out)
{
    AUTO_PTR(signer_entry) *spare = NULL;
    AUTO_PTR(signer_entry) *gone = NULL;
    (void)pthread_mutex_lock(&keys->mutex);
    *out = use(keys, find(keys, made->label));
    if (*out != NULL) {
        spare = made;
    } else {
        gone = make_room(keys);
        if (keys->count < OPEN_MAX) {
            keys->entries[keys->count++] = made;
            *out = use(keys, made);
        } else {
            spare = made;
        }
    }
    (void)pthread_mutex_unlock(&keys->mutex);
    ENSURE(*out != NULL, ERR_BUSY, "too many keys are in use at once");
    return OK;
}

err_t signer_keys_take(struct signer_keys *keys, const char *label, struct signer_entry **out)
{
    struct private_key *key = NULL;
    struct signer_entry *made = NULL;
    TRY(signer_label_check(label));
    (void)pthread_mutex_lock(&keys->mutex);
    *out = use(keys, find(keys, label));
    (void)pthread_mutex_unlock(&keys->mutex);
    if (*out != NULL) {
        return OK;
    }
    TRY(keystore_load(keys->options.keystore, label, &key));
    TRY(entry_new(keys, label, key, &made));
    return add(keys, made, out);
}

/* Asked without the mutex: a token may take its time. */
static bool is_gone(struct signer_keys *keys, size_t index, char label[SIGNER_LABEL_MAX + 1])
{
    (void)pthread_mutex_lock(&keys->mutex);
    bool is_there = index < keys->count;
    if (is_there) {
        memcpy(label, keys->entries[index]->label, SIGNER_LABEL_MAX + 1);
    }
    (void)pthread_mutex_unlock(&keys->mutex);
    return is_there && !keystore_has(keys->options.keystore, label);
}

/* @return the entry, which nobody is at; to be freed without the mutex */
static struct signer_entry *take_out(struct signer_keys *keys, const char *label)
{
    struct signer_entry *gone = NULL;
    (void)pthread_mutex_lock(&keys->mutex);
    for (size_t i = 0; i < keys->count && gone == NULL; i++) {
        if (strcmp(keys->entries[i]->label, label) == 0 && keys->entries[i]->users == 0) {
            gone = keys->entries[i];
            keys->entries[i] = keys->entries[--keys->count];
        }
    }
    (void)pthread_mutex_unlock(&keys->mutex);
    return gone;
}

void signer_keys_sweep(struct signer_keys *keys)
{
    char label[SIGNER_LABEL_MAX + 1];
    for (size_t i = OPEN_MAX; i > 0; i--) { /* from the end: what is taken out changes what follows only */
        if (is_gone(keys, i - 1, label)) {
            entry_free(take_out(keys, label));
        }
    }
}

/* --- asked ------------------------------------------------------------------------------------------ */

err_t signer_keys_has(struct signer_keys *keys, const char *label, bool *out)
{
    TRY(signer_label_check(label));
    *out = keystore_has(keys->options.keystore, label);
    entry_free(*out ? NULL : take_out(keys, label));
    return OK;
}

err_t signer_keys_load(struct signer_keys *keys, const char *label, struct buf *spki)
{
    struct signer_entry *entry = NULL;
    TRY(signer_keys_take(keys, label, &entry));
    err_t error = buf_append_bytes(spki, buf_view(&entry->key->spki));
    signer_keys_put_back(keys, entry);
    return error;
}

static bool may_make(struct signer_keys *keys, const char *label)
{
    static const struct signer_rate made = {MADE_PER_HOUR, SIGNER_HOUR_MS, MADE_PER_HOUR};
    (void)pthread_mutex_lock(&keys->mutex);
    bool may = signer_bucket_take(&keys->making, &made, keys->options.now_ms());
    if (may) {
        memcpy(keys->made[keys->made_count++ % MADE_MAX], label, strlen(label) + 1);
    }
    (void)pthread_mutex_unlock(&keys->mutex);
    return may;
}

/* A label that is taken stays what it was: who asked for it again has not made it. */
err_t signer_keys_generate(struct signer_keys *keys, const char *label, enum key_alg alg, struct buf *spki)
{
    struct private_key *key = NULL;
    struct signer_entry *made = NULL;
    struct signer_entry *entry = NULL;
    TRY(signer_label_check(label));
    ENSURE(alg == KEY_ALG_P256 || alg == KEY_ALG_P384 || alg == KEY_ALG_ED25519 || alg == KEY_ALG_RSA,
           ERR_UNPROCESSABLE, "a key of an unknown kind");
    ENSURE(!keystore_has(keys->options.keystore, label), ERR_CONFLICT,
           "a key with the label %s exists already", label);
    ENSURE(may_make(keys, label), ERR_BUSY, "more than %d keys in an hour", MADE_PER_HOUR);
    TRY(keystore_generate(keys->options.keystore, label, alg, &key));
    TRY(entry_new(keys, label, key, &made));
    TRY(add(keys, made, &entry));
    err_t error = buf_append_bytes(spki, buf_view(&entry->key->spki));
    signer_keys_put_back(keys, entry);
    return error;
}

/* The entry of a key that is gone goes when nobody is at it; the place in the list of what was made stays,
 * and what is not there is forgotten already. */
err_t signer_keys_forget(struct signer_keys *keys, const char *label)
{
    AUTO(char) *path = NULL;
    AUTO_PTR(signer_entry) *gone = NULL;
    bool was_made = false;
    TRY(signer_label_check(label));
    TRY(path_of(keys, label, &path));
    (void)pthread_mutex_lock(&keys->mutex);
    for (size_t i = 0; i < MADE_MAX; i++) {
        was_made = was_made || strcmp(keys->made[i], label) == 0;
    }
    (void)pthread_mutex_unlock(&keys->mutex);
    gone = was_made ? take_out(keys, label) : NULL;
    ENSURE((was_made && !file_exists(path)) || !keystore_has(keys->options.keystore, label), ERR_FORBIDDEN,
           "key %s was not made a moment ago, or has a certificate: it is not destroyed", label);
    return keystore_forget(keys->options.keystore, label);
}

/* --- bound ------------------------------------------------------------------------------------------ */

static err_t bind_locked(const struct signer_keys *keys, struct signer_entry *entry, struct bytes certificate)
{
    AUTO(char) *path = NULL;
    AUTO_VAL(signer_binding) next = {.is_root = false};
    if (entry->is_bound && bytes_equal(certificate, buf_view(&entry->binding.certificate))) {
        return OK;
    }
    TRY(signer_binding_read(certificate, buf_view(&entry->key->spki), &next));
    if (entry->is_bound) {
        err_t fits = signer_binding_check_next(&entry->binding, &next);
        ENSURE(fits.code == ERR_OK, ERR_SIGNER_REFUSED, "key %s is held to keys/%s.cer: %.60s", entry->label,
               entry->label, fits.detail);
    }
    TRY(path_of(keys, entry->label, &path));
    TRY(file_write_durable(path, certificate, 0600));
    signer_binding_clear(&entry->binding);
    entry->binding = next;
    next = (struct signer_binding){.is_root = false};
    entry->is_bound = true;
    return OK;
}

err_t signer_keys_bind(struct signer_keys *keys, const char *label, struct bytes certificate)
{
    struct signer_entry *entry = NULL;
    TRY(signer_label_check(label));
    ENSURE(signer_label_is_authority(label), ERR_SIGNER_REFUSED, "key %s is no authority's", label);
    TRY(signer_keys_take(keys, label, &entry));
    (void)pthread_rwlock_wrlock(&entry->holding);
    err_t error = bind_locked(keys, entry, certificate);
    (void)pthread_rwlock_unlock(&entry->holding);
    signer_keys_put_back(keys, entry);
    return error;
}
