/* Making and reading secrets with an id. Stores nothing. */
#include "fleet/secrets.h"

#include <string.h>

#include "fleet/internal.h"

static err_t hash_and_wipe(struct token_parts *parts, uint8_t sha256[SHA256_SIZE])
{
    struct sha256 hash;
    err_t error = sha256_of(BYTES_OF(parts->secret), &hash);
    bytes_wipe(parts->secret, sizeof parts->secret);
    TRY(error);
    memcpy(sha256, hash.b, SHA256_SIZE);
    return OK;
}

err_t secret_generate(struct fleet *fleet, const char *prefix, char text[TOKEN_TEXT_SIZE],
                      uint8_t id[TOKEN_ID_SIZE], uint8_t sha256[SHA256_SIZE])
{
    struct token_parts parts;
    TRY(random_fill(fleet->random, parts.id, sizeof parts.id));
    TRY(random_fill(fleet->random, parts.secret, sizeof parts.secret));
    memcpy(id, parts.id, TOKEN_ID_SIZE);
    token_text_write(prefix, &parts, text);
    return hash_and_wipe(&parts, sha256);
}

err_t secret_read(const char *prefix, const char *what, struct bytes text, uint8_t id[TOKEN_ID_SIZE],
                  uint8_t sha256[SHA256_SIZE])
{
    struct token_parts parts;
    TRY(token_text_read(prefix, what, text, &parts));
    memcpy(id, parts.id, TOKEN_ID_SIZE);
    return hash_and_wipe(&parts, sha256);
}
