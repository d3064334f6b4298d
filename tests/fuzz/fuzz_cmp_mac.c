/* Messages that a MAC protects, as anybody sends them: what it costs is bounded, and an answer made by the
 * sender's own parameters is one that the same code reads and finds good, whatever the parameters are. */
#include <stdlib.h>
#include <string.h>

#include "pki/cmp_mac.h"
#include "tests/fuzz/fuzz.h"

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

static err_t fill(void *context, uint8_t *out, size_t n)
{
    (void)context;
    memset(out, 0x5a, n);
    return OK;
}

static const uint8_t CODE[] = "whorlcmp_0123456789abcdef0123456789abcdef0123456789abcdef";

/* Without its protection, and protected anew. */
static void check_answer(const struct cmp_header *message)
{
    const struct random random = {.fill = fill};
    const struct cmp_mac_spec spec = {.like = message, .code = BYTES_OF(CODE), .random = &random};
    AUTO_VAL(buf) bare = {0};
    AUTO_VAL(buf) answer = {0};
    struct cmp_header made;
    enum cmp_failure failure;
    bool is_good = false;
    must(cmp_mac_strip(message, &bare).code == ERR_OK);
    must(cmp_header_read(buf_view(&bare), &made, &failure).code == ERR_OK);
    must(made.protection_kind == CMP_UNPROTECTED && bytes_equal(made.body_der, message->body_der));
    must(bytes_equal(made.transaction_id, message->transaction_id));
    must(cmp_mac_protect(&spec, buf_view(&bare), &answer).code == ERR_OK);
    must(cmp_header_read(buf_view(&answer), &made, &failure).code == ERR_OK);
    must(made.protection_kind == message->protection_kind && made.mac.iterations == message->mac.iterations);
    must(bytes_equal(made.sender_kid, message->sender_kid));
    must(cmp_mac_verify(&made, BYTES_OF(CODE), &is_good).code == ERR_OK && is_good);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cmp_header message;
    enum cmp_failure failure;
    bool is_good = false;
    err_t error = cmp_header_read((struct bytes){data, size}, &message, &failure);
    if (error.code != ERR_OK ||
        (message.protection_kind != CMP_PBM && message.protection_kind != CMP_PBMAC1)) {
        return 0;
    }
    must(message.mac.iterations <= CMP_ITERATIONS_MAX && message.mac.key_size <= CMP_MAC_SIZE_MAX);
    must(message.mac.salt.n >= CMP_SALT_MIN && message.mac.salt.n <= CMP_SALT_MAX);
    must(cmp_mac_verify(&message, BYTES_OF(CODE), &is_good).code == ERR_OK);
    check_answer(&message);
    return 0;
}
