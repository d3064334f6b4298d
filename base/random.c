/* The random port over OpenSSL's generator. Never falls back to anything weaker: without randomness there is
 * an error. */
#include <limits.h>
#include <openssl/rand.h>

#include "base/ports.h"

static err_t fill_from_openssl(void *context, uint8_t *out, size_t n)
{
    (void)context;
    while (n > 0) {
        int part = n > INT_MAX ? INT_MAX : (int)n;
        ENSURE(RAND_bytes(out, part) == 1, ERR_CRYPTO, "the random generator failed");
        out += part;
        n -= (size_t)part;
    }
    return OK;
}

const struct random *random_system(void)
{
    static const struct random system = {.context = NULL, .fill = fill_from_openssl};
    return &system;
}

err_t random_fill(const struct random *random, uint8_t *out, size_t n)
{
    return random->fill(random->context, out, n);
}
