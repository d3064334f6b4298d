/* Makes and judges second factors. Which step or code was used before is in the rows, and judged in their
 * transaction. */
#include "fleet/second_factor.h"

#include <string.h>

#include "fleet/internal.h"
#include "pki/secret_seal.h"

static const char ALPHABET[] = "abcdefghijklmnopqrstuvwxyz234567";
enum { CODE_LETTERS = 16, GROUP = 4 };

static struct seal seal_of(const struct fleet *fleet, const struct person_row *row)
{
    return (struct seal){
        .root = BYTES_OF(fleet->salt_secret), .purpose = "totp", .owner = BYTES_OF(row->id.b)};
}

err_t second_factor_make(const struct fleet *fleet, struct person_row *row, char base32[TOTP_BASE32_SIZE])
{
    uint8_t secret[TOTP_SECRET_SIZE];
    AUTO_VAL(buf) sealed = {0};
    const struct seal seal = seal_of(fleet, row);
    TRY(random_fill(fleet->random, secret, sizeof secret));
    totp_base32(secret, base32);
    err_t error = secret_seal(&seal, fleet->random, BYTES_OF(secret), &sealed);
    bytes_wipe(secret, sizeof secret);
    TRY(error);
    ENSURE(sealed.n <= sizeof row->totp_sealed, ERR_INTERNAL, "a sealed secret of %zu bytes", sealed.n);
    memcpy(row->totp_sealed, sealed.p, sealed.n);
    row->totp_size = sealed.n;
    row->totp_step = 0;
    return OK;
}

err_t second_factor_check(const struct fleet *fleet, const struct person_row *row, struct bytes code,
                          int64_t *step)
{
    AUTO_VAL(secret) secret = {{0}};
    const struct seal seal = seal_of(fleet, row);
    ENSURE(row->totp_size > 0, ERR_UNAUTHORIZED, "no code is known");
    TRY(secret_unseal(&seal, (struct bytes){row->totp_sealed, row->totp_size}, &secret));
    return totp_check(buf_view(&secret.bytes), code, clock_now_ms(fleet->clock), row->totp_step, step);
}

/* --- recovery codes --------------------------------------------------------------------------------- */

static err_t hash_of(struct uuid person, const char letters[CODE_LETTERS], uint8_t out[SHA256_SIZE])
{
    struct sha256 hash;
    const struct bytes parts[] = {BYTES_OF(person.b), {(const uint8_t *)letters, CODE_LETTERS}};
    TRY(sha256_of_parts(parts, 2, &hash));
    memcpy(out, hash.b, SHA256_SIZE);
    return OK;
}

static err_t make_one(const struct fleet *fleet, struct uuid person, char text[RECOVERY_CODE_SIZE],
                      uint8_t hash[SHA256_SIZE])
{
    uint8_t random[CODE_LETTERS];
    char letters[CODE_LETTERS];
    size_t n = 0;
    TRY(random_fill(fleet->random, random, sizeof random));
    for (size_t i = 0; i < CODE_LETTERS; i++) {
        letters[i] = ALPHABET[random[i] & 31];
        if (i > 0 && i % GROUP == 0) {
            text[n++] = '-';
        }
        text[n++] = letters[i];
    }
    text[n] = '\0';
    err_t error = hash_of(person, letters, hash);
    bytes_wipe(letters, sizeof letters);
    bytes_wipe(random, sizeof random);
    return error;
}

err_t recovery_codes_make(const struct fleet *fleet, struct uuid person, struct recovery_codes *out)
{
    for (size_t i = 0; i < RECOVERY_CODES; i++) {
        TRY(make_one(fleet, person, out->texts[i], out->hashes[i]));
    }
    return OK;
}

err_t recovery_code_hash(struct uuid person, struct bytes code, uint8_t out[SHA256_SIZE])
{
    char letters[CODE_LETTERS];
    size_t n = 0;
    for (size_t i = 0; i < code.n; i++) {
        uint8_t c = code.p[i];
        if (c == '-' || c == ' ') {
            continue;
        }
        c = c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= '2' && c <= '7');
        ENSURE(is_letter && n < CODE_LETTERS, ERR_UNAUTHORIZED,
               "the recovery code is wrong, or was used before");
        letters[n++] = (char)c;
    }
    ENSURE(n == CODE_LETTERS, ERR_UNAUTHORIZED, "the recovery code is wrong, or was used before");
    return hash_of(person, letters, out);
}
