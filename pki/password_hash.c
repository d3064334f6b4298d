/* The one file that knows libargon2, and the parameters. Raising a number below is enough: who logs in gets a
 * new hash. Knows no rule of passwords. */
#include "pki/password_hash.h"

#include <argon2.h>
#include <stdio.h>
#include <string.h>

/* OWASP's least for argon2id: 19 MiB, two passes, one lane. */
static const struct {
    uint32_t memory_kib, passes, lanes;
} TODAY = {.memory_kib = 19456, .passes = 2, .lanes = 1};

enum { SALT_SIZE = 16, HASH_SIZE = 32 };

static err_t failed(int code)
{
    if (code == ARGON2_MEMORY_ALLOCATION_ERROR) {
        return ERR(ERR_NO_MEMORY, "memory for a password's hash");
    }
    return ERR(ERR_CRYPTO, "argon2: %s", argon2_error_message(code));
}

err_t password_hash_make(struct bytes password, const struct random *random, char out[PASSWORD_PHC_SIZE])
{
    uint8_t salt[SALT_SIZE];
    TRY(random_fill(random, salt, sizeof salt));
    int code = argon2id_hash_encoded(TODAY.passes, TODAY.memory_kib, TODAY.lanes, password.p, password.n,
                                     salt, sizeof salt, HASH_SIZE, out, PASSWORD_PHC_SIZE);
    return code == ARGON2_OK ? OK : failed(code);
}

err_t password_hash_check(struct bytes password, const char *phc, bool *is_same)
{
    int code = argon2id_verify(phc, password.p, password.n);
    *is_same = code == ARGON2_OK;
    return code == ARGON2_OK || code == ARGON2_VERIFY_MISMATCH ? OK : failed(code);
}

void password_hash_nobody(char out[PASSWORD_PHC_SIZE])
{
    /* 16 and 32 bytes of base64 that nobody has seen the password of */
    (void)snprintf(out, PASSWORD_PHC_SIZE, "$argon2id$v=19$m=%u,t=%u,p=%u$%s$%s", (unsigned)TODAY.memory_kib,
                   (unsigned)TODAY.passes, (unsigned)TODAY.lanes, "AAAAAAAAAAAAAAAAAAAAAA",
                   "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
}

bool password_hash_is_weak(const char *phc)
{
    unsigned memory = 0;
    unsigned passes = 0;
    unsigned lanes = 0;
    /* our own string, in the one form that libargon2 writes */
    int found = sscanf(phc, "$argon2id$v=19$m=%u,t=%u,p=%u$", &memory, &passes, &lanes);
    return found != 3 || memory < TODAY.memory_kib || passes < TODAY.passes || lanes < TODAY.lanes;
}
