/* `whorld ca take-offline`: moves a root's key out of the keystore. The key is in at least one place at every
 * instant: the copy is durable, was read back and has signed before the original goes. Killed anywhere, the
 * same command goes on. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "cmd/whorld/ca.h"
#include "cmd/whorld/house.h"
#include "fleet/authority_offline.h"
#include "pki/certificate.h"
#include "pki/key_file.h"

enum { CRL_DAYS = 180 };
static const struct actor ACTOR = {.name = "whorld", .request_id = ""};

struct words {
    const char *dir, *id, *out, *passphrase_file, *crl_days;
};

struct move {
    struct house house;
    struct secret passphrase;
    char label[AUTHORITY_ID_SIZE + 4];
    char *key_path; /* of the copy */
    struct buf certificate;
};

static void move_clear(struct move *move)
{
    house_close(&move->house);
    secret_clear(&move->passphrase);
    heap_free(move->key_path);
    buf_clear(&move->certificate);
}
DEFINE_AUTO_VAL(move, move_clear);

static err_t days_of(const char *text, int64_t *out)
{
    char *end = NULL;
    *out = CRL_DAYS;
    if (text != NULL) {
        *out = strtol(text, &end, 10);
        ENSURE(text[0] >= '0' && text[0] <= '9' && *end == '\0', ERR_UNPROCESSABLE,
               "--crl-days: a number of days");
    }
    return OK;
}

static err_t find_root(struct move *move, const char *id)
{
    AUTO_PTR(authority_set) *set = authority_set_take(move->house.fleet);
    const struct authority_member *member = authority_set_find(set, bytes_str(id));
    ENSURE(member != NULL && strlen(id) < AUTHORITY_ID_SIZE, ERR_NOT_FOUND, "there is no authority %.32s",
           id);
    ENSURE(member->role == AUTHORITY_ROOT && !member->is_external, ERR_WRONG_STATE,
           "%.32s is no root of this installation", id);
    (void)snprintf(move->label, sizeof move->label, "ca-%s", id);
    return buf_append_bytes(&move->certificate, authority_borrow_der(member->authority));
}

/* Opens what is in the folder, and lets it sign: authority_load() holds it against the certificate. */
static err_t prove_copy(const struct move *move, const char *id)
{
    AUTO_VAL(secret) pem = {0};
    AUTO_PTR(private_key) *key = NULL;
    AUTO_PTR(authority) *authority = NULL;
    TRY(file_read(move->key_path, KEY_FILE_MAX, &pem.bytes));
    TRY(key_file_read(buf_view(&pem.bytes), buf_view(&move->passphrase.bytes), move->key_path, &key));
    err_t fits = authority_load(id, AUTHORITY_ROOT, buf_view(&move->certificate), TAKE(key), &authority);
    ENSURE(fits.code == ERR_OK, ERR_CONFLICT, "%.90s is there, and is not the key of %.32s", move->key_path,
           id);
    return OK;
}

static err_t write_copy(const struct move *move, const struct private_key *key)
{
    AUTO_VAL(secret) pem = {0};
    if (file_exists(move->key_path)) {
        return OK; /* of an attempt before this one: it is proved like a new one */
    }
    TRY(key_file_write(key, buf_view(&move->passphrase.bytes), random_system(), &pem.bytes));
    return file_write_durable(move->key_path, buf_view(&pem.bytes), 0600);
}

static err_t write_certificate(const struct move *move, const struct words *words)
{
    AUTO_VAL(buf) name = {0};
    AUTO_VAL(buf) pem = {0};
    AUTO(char) *path = NULL;
    TRY(buf_printf(&name, "%s.pem", words->id));
    TRY(path_join(words->out, buf_str(&name), &path));
    TRY(certificate_to_pem(buf_view(&move->certificate), &pem));
    return file_write_durable(path, buf_view(&pem), 0644);
}

static err_t write_state(const struct move *move, int64_t number)
{
    AUTO_VAL(certificate_facts) facts = {.serial_size = 0};
    char spki_hex[2 * SHA256_SIZE + 1];
    const struct ca_state state = {.crl_number = number};
    TRY(certificate_read(buf_view(&move->certificate), &facts));
    hex_encode(BYTES_OF(facts.key.spki_sha256.b), spki_hex);
    return ca_state_write(move->key_path, spki_hex, &state);
}

/* All that needs the key, then the copy, then the end of the original. */
static err_t move_key(struct move *move, const struct words *words)
{
    AUTO_PTR(private_key) *key = NULL;
    struct offline_list list = {.number = 0};
    int64_t days = 0;
    char until[32];
    TRY(days_of(words->crl_days, &days));
    TRY(keystore_load(move->house.keystore, move->label, &key));
    TRY(write_copy(move, key));
    TRY(prove_copy(move, words->id));
    TRY(authority_offline_list(move->house.fleet, words->id, days, &list));
    TRY(write_state(move, list.number));
    TRY(keystore_forget(move->house.keystore, move->label));
    time_format(list.next_update_ms, until);
    printf("Its CRL is good until %s: bring the next one a month before.\n", until);
    return OK;
}

static err_t prepare(struct move *move, const struct words *words)
{
    AUTO_VAL(buf) name = {0};
    TRY(house_open(words->dir, HOUSE_ADMIN, &move->house));
    TRY(find_root(move, words->id));
    TRY(ca_passphrase_read(words->passphrase_file, &move->passphrase));
    ENSURE(move->passphrase.bytes.n >= KEY_FILE_PASSPHRASE_MIN, ERR_UNPROCESSABLE,
           "the passphrase has %zu bytes; at least %d are needed", move->passphrase.bytes.n,
           KEY_FILE_PASSPHRASE_MIN);
    err_t made = folder_make(words->out, 0700);
    ENSURE(made.code == ERR_OK || made.code == ERR_CONFLICT, made.code, "%s", made.detail);
    TRY(buf_printf(&name, "%s.key", words->id));
    return path_join(words->out, buf_str(&name), &move->key_path);
}

static err_t run(const struct words *words)
{
    AUTO_VAL(move) move = {.key_path = NULL};
    TRY(prepare(&move, words));
    TRY(write_certificate(&move, words));
    if (keystore_has(move.house.keystore, move.label)) {
        TRY(move_key(&move, words));
    } else {
        ENSURE(file_exists(move.key_path), ERR_WRONG_STATE, "the key of %.32s is not here already",
               words->id);
        TRY(prove_copy(&move, words->id));
    }
    TRY(authority_offline_tell(move.house.fleet, &ACTOR, words->id));
    printf("The key of %s is in %s and nowhere else. Take it and its .state to a machine without network, "
           "keep a "
           "second copy apart, and test it: whorld ca sign.\n",
           words->id, move.key_path);
    return OK;
}

int command_ca_take_offline(int argc, char **argv)
{
    struct words words = {.dir = NULL};
    const struct option_spec specs[] = {
        {.name = "dir", .value = &words.dir},
        {.name = "id", .value = &words.id},
        {.name = "out", .value = &words.out},
        {.name = "passphrase-file", .value = &words.passphrase_file},
        {.name = "crl-days", .value = &words.crl_days},
    };
    bool is_good = options_read(argc, argv, specs, 5);
    if (!is_good || words.dir == NULL || words.id == NULL || words.out == NULL ||
        words.passphrase_file == NULL) {
        (void)fputs("usage: whorld ca take-offline --dir DIR --id ROOT --out FOLDER --passphrase-file FILE "
                    "[--crl-days N]\n",
                    stderr);
        return EXIT_USAGE;
    }
    err_t error = run(&words);
    return error.code == ERR_OK ? EXIT_OK : fail(error);
}
