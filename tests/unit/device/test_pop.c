/* The text of a proof of possession against the frozen vectors, which the server's tests read too. */
#include "tests/unit/device/device_fixture.h"

static void hash_or_zeros(const struct vector *v, const char *name, uint8_t out[32])
{
    uint8_t bytes[1024];
    struct whorl_bytes data = {bytes, vector_hex(v, name, bytes, sizeof bytes)};
    memset(out, 0, 32);
    if (data.size != 0) {
        assert_int_equal(whorl_sha256(&host_crypto, data, out), WHORL_OK);
    }
}

static void vectors_are_kept(void **state)
{
    (void)state;
    FILE *file = fopen("tests/vectors/pop.txt", "r");
    struct vector *v = malloc(sizeof *v);
    size_t count = 0;
    assert_non_null(file);
    assert_non_null(v);
    while (vector_next(file, v)) {
        struct whorl_pop pop = {.purpose = (enum whorl_pop_purpose)vector_number(v, "purpose")};
        uint8_t text[WHORL_POP_MAX];
        uint8_t wanted[WHORL_POP_MAX];
        uint8_t hash[32];
        pop.generation = (uint32_t)vector_number(v, "generation");
        pop.counter = vector_number(v, "counter");
        pop.nonce_size = vector_hex(v, "nonce", pop.nonce, sizeof pop.nonce);
        assert_int_equal(vector_hex(v, "server_id", pop.server_id, 32), 32);
        assert_int_equal(vector_hex(v, "device_id", pop.device_id, 32), 32);
        assert_int_equal(vector_hex(v, "tls_exporter", pop.tls_exporter, 32), 32);
        hash_or_zeros(v, "new_spki", pop.new_spki_sha256);
        hash_or_zeros(v, "csr", pop.csr_sha256);
        struct whorl_bytes written = {text, whorl_pop_write(&pop, text)};
        assert_int_equal(written.size, vector_hex(v, "text", wanted, sizeof wanted));
        assert_memory_equal(text, wanted, written.size);
        assert_int_equal(whorl_sha256(&host_crypto, written, hash), WHORL_OK);
        assert_int_equal(vector_hex(v, "sha256", wanted, sizeof wanted), 32);
        assert_memory_equal(hash, wanted, 32);
        count++;
    }
    free(v);
    fclose(file);
    assert_int_equal(count, 4);
}

static void long_nonce_is_refused(void **state)
{
    (void)state;
    const struct whorl_pop pop = {.purpose = WHORL_POP_STATUS, .nonce_size = WHORL_NONCE_MAX + 1};
    uint8_t text[WHORL_POP_MAX];
    assert_int_equal(whorl_pop_write(&pop, text), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_are_kept),
        cmocka_unit_test(long_nonce_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
