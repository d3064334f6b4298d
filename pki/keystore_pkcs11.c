/* The driver over a token and a folder: decides which of the two a label is in. The token is opened at its
 * first use, under a lock, and tried again at the next one when that failed. */
#include "pki/keystore_pkcs11.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "pki/keystore_driver.h"
#include "pki/keystore_token_note.h"

struct place {
    const struct keystore_driver *files;
    void *files_state;
    const struct random *random;
    char *folder, *module, *token_label, *uris;
    int64_t slot;
    int places;
    struct secret pin;
    pthread_mutex_t mutex; /* of `token` being opened */
    struct pkcs11_token *token;
};

static void place_free(void *state)
{
    struct place *place = state;
    if (place == NULL) {
        return;
    }
    pkcs11_token_close(place->token);
    if (place->files != NULL) {
        place->files->free(place->files_state);
    }
    secret_clear(&place->pin);
    (void)pthread_mutex_destroy(&place->mutex);
    free(place->folder);
    free(place->module);
    free(place->token_label);
    free(place->uris);
    free(place);
}
DEFINE_AUTO_PTR(place, place_free);

/* --- names ------------------------------------------------------------------------------------------- */

static bool begins(const char *label, const char *with)
{
    return strncmp(label, with, strlen(with)) == 0;
}

static bool is_made_in_token(const struct place *place, const char *label)
{
    return (begins(label, "ca-") && (place->places & KEYSTORE_TOKEN_AUTHORITIES) != 0) ||
           (begins(label, "fw-") && (place->places & KEYSTORE_TOKEN_FIRMWARE) != 0);
}

/* The next "LABEL=URI" of a text with blanks between them. @return false at its end */
static bool next_uri(const char **at, struct bytes *label, struct bytes *uri)
{
    *at += strspn(*at, " \t");
    size_t n = strcspn(*at, " \t");
    const char *equals = memchr(*at, '=', n);
    if (n == 0) {
        return false;
    }
    size_t label_size = equals == NULL ? n : (size_t)(equals - *at);
    *label = (struct bytes){(const uint8_t *)*at, label_size};
    *uri = equals == NULL ? BYTES_NONE : (struct bytes){(const uint8_t *)equals + 1, n - label_size - 1};
    *at += n;
    return true;
}

static err_t parse_uri(struct bytes uri, struct pkcs11_name *out)
{
    AUTO_VAL(buf) text = {0};
    TRY(buf_append_bytes(&text, uri));
    return pkcs11_name_parse(buf_str(&text), out);
}

static err_t check_uris(const char *uris)
{
    struct bytes label, uri;
    struct pkcs11_name name;
    while (next_uri(&uris, &label, &uri)) {
        ENSURE(uri.n > 0 && label.n > 0 && label.n <= 64, ERR_UNPROCESSABLE,
               "pkcs11_uris: LABEL=pkcs11:…, with blanks between several");
        err_t error = parse_uri(uri, &name);
        ENSURE(error.code == ERR_OK, ERR_UNPROCESSABLE, "pkcs11_uris: %.140s", error.detail);
    }
    return OK;
}

/* What the settings say about a label. */
static bool is_named(const struct place *place, const char *wanted, struct pkcs11_name *out)
{
    const char *at = place->uris;
    struct bytes label, uri;
    while (next_uri(&at, &label, &uri)) {
        if (bytes_is(label, wanted)) {
            return parse_uri(uri, out).code == ERR_OK;
        }
    }
    return false;
}

static struct pkcs11_name name_of_label(const char *label)
{
    struct pkcs11_name name = {0};
    memcpy(name.label, label, strlen(label)); /* keystore.c lets 64 bytes pass */
    return name;
}

/* --- token ------------------------------------------------------------------------------------------- */

static err_t open_locked(struct place *place)
{
    AUTO_VAL(secret) key = {0};
    const struct pkcs11_place where = {
        .module = place->module, .token = place->token_label, .slot = place->slot};
    TRY(place->files->secret(place->files_state, "pkcs11-pin", &key));
    const struct pin_attempts attempts = {.folder = place->folder, .key = buf_view(&key.bytes)};
    TRY(pkcs11_token_open(&where, buf_view(&place->pin.bytes), &attempts, &place->token));
    secret_clear(&place->pin); /* the login lasts; a new one is a new process's */
    return OK;
}

static err_t token_of(struct place *place, struct pkcs11_token **out)
{
    err_t error = OK;
    (void)pthread_mutex_lock(&place->mutex);
    if (place->token == NULL) {
        error = open_locked(place);
    }
    *out = place->token;
    (void)pthread_mutex_unlock(&place->mutex);
    return error;
}

static err_t load_from_token(struct place *place, const struct pkcs11_name *name, EVP_PKEY **out)
{
    struct pkcs11_token *token = NULL;
    TRY(token_of(place, &token));
    return pkcs11_load(token, name, out);
}

/* --- generate ---------------------------------------------------------------------------------------- */

/* What an interrupted making left; then nothing else may bear the label. */
static err_t clear_way(struct place *place, struct pkcs11_token *token, const char *label)
{
    AUTO_VAL(token_note) note = {0};
    struct pkcs11_name same = name_of_label(label);
    int count = 0;
    err_t error = token_note_read(place->folder, label, &note);
    if (error.code == ERR_OK) {
        ENSURE(note.spki.n == 0, ERR_CONFLICT, "a key with the label %s exists already", label);
        TRY(pkcs11_destroy(token, &note.name));
    } else if (error.code != ERR_NOT_FOUND) {
        return error;
    }
    TRY(pkcs11_count(token, &same, &count));
    ENSURE(count == 0, ERR_CONFLICT,
           "the token has a key labelled %s that this installation did not make: it stays untouched", label);
    return OK;
}

static err_t make(struct place *place, struct pkcs11_token *token, const struct pkcs11_name *name,
                  enum key_alg alg, EVP_PKEY **out)
{
    AUTO(EVP_PKEY) *pkey = NULL;
    TRY(pkcs11_generate(token, name, alg));
    TRY(pkcs11_load(token, name, &pkey));
    TRY(token_note_write(place->folder, name->label, name, pkey));
    *out = TAKE(pkey);
    return OK;
}

static err_t generate_in_token(struct place *place, const char *label, enum key_alg alg, EVP_PKEY **out)
{
    struct pkcs11_token *token = NULL;
    struct pkcs11_name name = name_of_label(label);
    ENSURE(alg != KEY_ALG_ED25519, ERR_UNPROCESSABLE, "a key in a token is one of P-256, P-384 or RSA");
    TRY(random_fill(place->random, name.id, PKCS11_ID_OURS));
    name.id_size = PKCS11_ID_OURS;
    TRY(token_of(place, &token));
    TRY(clear_way(place, token, label));
    TRY(token_note_write(place->folder, label, &name, NULL));
    err_t error = make(place, token, &name, alg, out);
    if (error.code != ERR_OK && pkcs11_destroy(token, &name).code == ERR_OK) {
        err_ignore(token_note_remove(place->folder, label)); /* an intention that stays does no harm */
    }
    return error;
}

static err_t place_generate(void *state, const char *label, enum key_alg alg, EVP_PKEY **out)
{
    struct place *place = state;
    struct pkcs11_name name;
    ENSURE(!place->files->has(place->files_state, label) && !is_named(place, label, &name), ERR_CONFLICT,
           "a key with the label %s exists already", label);
    return is_made_in_token(place, label) ? generate_in_token(place, label, alg, out)
                                          : place->files->generate(place->files_state, label, alg, out);
}

/* --- the rest ---------------------------------------------------------------------------------------- */

static err_t load_noted(struct place *place, const char *label, const struct token_note *note, EVP_PKEY **out)
{
    AUTO(EVP_PKEY) *pkey = NULL;
    unsigned char *der = NULL;
    ENSURE(note->spki.n > 0, ERR_NOT_FOUND, "the making of the key %s was interrupted", label);
    TRY(load_from_token(place, &note->name, &pkey));
    int size = i2d_PUBKEY(pkey, &der);
    bool is_same = size > 0 && bytes_equal((struct bytes){der, (size_t)size}, buf_view(&note->spki));
    OPENSSL_free(der);
    openssl_forget_errors();
    ENSURE(is_same, ERR_CRYPTO, "the token has another key in the place of %s", label);
    *out = TAKE(pkey);
    return OK;
}

static err_t place_load(void *state, const char *label, EVP_PKEY **out)
{
    struct place *place = state;
    AUTO_VAL(token_note) note = {0};
    struct pkcs11_name name;
    if (is_named(place, label, &name)) {
        return load_from_token(place, &name, out);
    }
    if (place->files->has(place->files_state, label)) {
        return place->files->load(place->files_state, label, out);
    }
    err_t error = token_note_read(place->folder, label, &note);
    if (error.code == ERR_OK) {
        return load_noted(place, label, &note, out);
    }
    ENSURE(error.code == ERR_NOT_FOUND, error.code, "%s", error.detail);
    ENSURE(is_made_in_token(place, label), ERR_NOT_FOUND, "no key has the label %s", label);
    name = name_of_label(label);
    return load_from_token(place, &name, out);
}

static bool place_has(void *state, const char *label)
{
    struct place *place = state;
    AUTO_VAL(token_note) note = {0};
    struct pkcs11_token *token = NULL;
    struct pkcs11_name name;
    int count = 0;
    if (is_named(place, label, &name) || place->files->has(place->files_state, label)) {
        return true;
    }
    err_t error = token_note_read(place->folder, label, &note);
    if (error.code != ERR_NOT_FOUND) {
        return error.code != ERR_OK || note.spki.n > 0; /* a damaged note is told by load() */
    }
    name = name_of_label(label);
    return is_made_in_token(place, label) && token_of(place, &token).code == ERR_OK &&
           pkcs11_count(token, &name, &count).code == ERR_OK && count > 0;
}

static err_t place_forget(void *state, const char *label)
{
    struct place *place = state;
    AUTO_VAL(token_note) note = {0};
    struct pkcs11_token *token = NULL;
    err_t error = token_note_read(place->folder, label, &note);
    if (error.code == ERR_NOT_FOUND) { /* what others made in the token is theirs to destroy */
        return place->files->forget(place->files_state, label);
    }
    TRY(error);
    TRY(token_of(place, &token));
    TRY(pkcs11_destroy(token, &note.name));
    return token_note_remove(place->folder, label);
}

static err_t place_secret(void *state, const char *label, struct secret *out)
{
    struct place *place = state;
    return place->files->secret(place->files_state, label, out);
}

static const struct keystore_driver driver = {
    .is_token = true,
    .generate = place_generate,
    .load = place_load,
    .has = place_has,
    .forget = place_forget,
    .secret = place_secret,
    .free = place_free,
};

err_t keystore_open_pkcs11(const struct keystore_pkcs11 *options, const struct random *random,
                           struct keystore **out)
{
    *out = NULL;
    TRY(check_uris(options->uris));
    struct place *made = calloc(1, sizeof *made);
    if (made == NULL || pthread_mutex_init(&made->mutex, NULL) != 0) {
        free(made);
        return ERR(ERR_NO_MEMORY, "no memory for a keystore");
    }
    AUTO_PTR(place) *place = made;
    place->random = random;
    place->slot = options->slot;
    place->places = options->places;
    place->folder = strdup(options->folder);
    place->module = strdup(options->module);
    place->token_label = strdup(options->token);
    place->uris = strdup(options->uris);
    ENSURE(place->folder != NULL && place->module != NULL && place->token_label != NULL &&
               place->uris != NULL,
           ERR_NO_MEMORY, "no memory for a keystore");
    TRY(buf_append_bytes(&place->pin.bytes, options->pin));
    TRY(keystore_files_new(options->folder, options->passphrase, random, &place->files, &place->files_state));
    return keystore_new(&driver, TAKE(place), out);
}

err_t keystore_token_look(const struct keystore_pkcs11 *options, struct keystore_token_facts *out)
{
    const struct pkcs11_place where = {
        .module = options->module, .token = options->token, .slot = options->slot};
    AUTO_PTR(pkcs11_token) *token = NULL;
    struct pkcs11_facts facts;
    TRY(pkcs11_token_open(&where, BYTES_NONE, NULL, &token));
    TRY(pkcs11_token_facts(token, &facts));
    *out = (struct keystore_token_facts){.is_pin_low = facts.is_pin_low,
                                         .is_pin_final = facts.is_pin_final,
                                         .is_pin_locked = facts.is_pin_locked};
    memcpy(out->label, facts.label, sizeof out->label);
    memcpy(out->manufacturer, facts.manufacturer, sizeof out->manufacturer);
    memcpy(out->model, facts.model, sizeof out->model);
    memcpy(out->serial, facts.serial, sizeof out->serial);
    return OK;
}
