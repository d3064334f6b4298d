/* Key generations against the frozen vectors and against PSA Crypto's own rule; HKDF against RFC 5869. */
#include "tests/unit/device/device_fixture.h"

static void vectors_are_kept(void **state)
{
    (void)state;
    FILE *file = fopen("tests/vectors/keygen.txt", "r");
    struct vector *v = malloc(sizeof *v);
    size_t count = 0;
    assert_non_null(file);
    assert_non_null(v);
    while (vector_next(file, v)) {
        uint8_t root[32];
        uint8_t salt[32];
        uint8_t wanted[96];
        uint8_t got[96];
        uint8_t prk[32];
        uint8_t info[64];
        struct whorl_key key;
        assert_int_equal(vector_hex(v, "root", root, sizeof root), 32);
        assert_int_equal(vector_hex(v, "owner_salt", salt, sizeof salt), 32);
        assert_int_equal(whorl_keygen_begin(&host_crypto, root, prk), WHORL_OK);
        assert_int_equal(vector_hex(v, "prk", wanted, sizeof wanted), 32);
        assert_memory_equal(prk, wanted, 32);

        struct whorl_bytes label = {info, vector_hex(v, "info", info, sizeof info)};
        assert_int_equal(whorl_keygen_scalar(&host_crypto, prk, label, got), WHORL_OK);
        assert_int_equal(vector_hex(v, "scalar", wanted, sizeof wanted), 32);
        assert_memory_equal(got, wanted, 32);

        uint32_t generation = (uint32_t)vector_number(v, "generation");
        assert_int_equal(whorl_keygen_key(&host_crypto, prk, generation, salt, &key), WHORL_OK);
        assert_true(host_crypto.p256_public(host_crypto.context, key, got));
        assert_int_equal(vector_hex(v, "point", wanted, sizeof wanted), 65);
        assert_memory_equal(got, wanted, 65);
        assert_int_equal(whorl_spki_of(&host_crypto, key, got), WHORL_OK);
        struct whorl_bytes spki = {got, WHORL_SPKI_BYTES};
        uint8_t id[32];
        assert_int_equal(whorl_sha256(&host_crypto, spki, id), WHORL_OK);
        assert_int_equal(vector_hex(v, "spki_sha256", wanted, sizeof wanted), 32);
        assert_memory_equal(id, wanted, 32);
        host_crypto.p256_destroy(host_crypto.context, key);
        count++;
    }
    free(v);
    fclose(file);
    assert_int_equal(count, 10);
}

/* seed 00..1f, salt "onboard-salt", info "p256/gen=1": psa_key_derivation_output_key of mbedTLS 3.6.6 gives
 * this key. */
static void rule_is_that_of_psa(void **state)
{
    (void)state;
    uint8_t seed[32];
    uint8_t prk[32];
    uint8_t scalar[32];
    uint8_t wanted[32];
    for (size_t i = 0; i < sizeof seed; i++) {
        seed[i] = (uint8_t)i;
    }
    struct whorl_bytes secret = {seed, sizeof seed};
    assert_int_equal(whorl_hkdf_extract(&host_crypto, whorl_bytes_of("onboard-salt"), secret, prk), WHORL_OK);
    assert_int_equal(whorl_keygen_scalar(&host_crypto, prk, whorl_bytes_of("p256/gen=1"), scalar), WHORL_OK);
    assert_true(whorl_hex_decode(
        whorl_bytes_of("b800139af156cb76d2e1636260f2e31e9e6bc374ed849fcf43c2fbfa337e0abc"), wanted, 32));
    assert_memory_equal(scalar, wanted, sizeof wanted);
}

/* A crypto port whose HMAC gives chosen blocks, to reach what a real one never shows. */
struct script {
    size_t at;
    const uint8_t (*blocks)[32];
};

static bool scripted_hmac(void *context, struct whorl_bytes key, struct whorl_bytes data, uint8_t out[32])
{
    (void)key;
    (void)data;
    struct script *script = context;
    memcpy(out, script->blocks[script->at++], 32);
    return true;
}

static void wipe_plainly(void *context, void *at, size_t size)
{
    (void)context;
    memset(at, 0, size);
}

static void scalars_out_of_range_are_skipped(void **state)
{
    (void)state;
    /* all ones; n-1; n-2, which is the largest that is taken; then what must not be reached */
    static const uint8_t blocks[4][32] = {
        {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
         0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
        {0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
         0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x50},
        {0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
         0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x4f},
        {0}};
    struct script script = {0, blocks};
    const struct whorl_crypto crypto = {
        .context = &script, .hmac_sha256 = scripted_hmac, .wipe = wipe_plainly};
    uint8_t prk[32] = {0};
    uint8_t scalar[32];
    assert_int_equal(whorl_keygen_scalar(&crypto, prk, whorl_bytes_of("x"), scalar), WHORL_OK);
    assert_int_equal(script.at, 3);
    assert_int_equal(scalar[31], 0x50); /* n-1 */
    script.at = 3;
    assert_int_equal(whorl_keygen_scalar(&crypto, prk, whorl_bytes_of("x"), scalar), WHORL_OK);
    assert_int_equal(scalar[31], 1);
    assert_int_equal(scalar[0], 0);
}

/* RFC 5869 appendix A.1 */
static void hkdf_of_rfc_5869(void **state)
{
    (void)state;
    uint8_t ikm[22];
    uint8_t salt[13];
    uint8_t info[10];
    uint8_t prk[32];
    uint8_t okm[64];
    uint8_t wanted[42];
    memset(ikm, 0x0b, sizeof ikm);
    for (size_t i = 0; i < sizeof salt; i++) {
        salt[i] = (uint8_t)i;
    }
    for (size_t i = 0; i < sizeof info; i++) {
        info[i] = (uint8_t)(0xf0 + i);
    }
    struct whorl_bytes secret = {ikm, sizeof ikm};
    struct whorl_bytes with = {salt, sizeof salt};
    struct whorl_expand expand = {.crypto = &host_crypto, .prk = prk, .info = {info, sizeof info}};
    assert_int_equal(whorl_hkdf_extract(&host_crypto, with, secret, prk), WHORL_OK);
    assert_int_equal(whorl_expand_next(&expand, okm), WHORL_OK);
    assert_int_equal(whorl_expand_next(&expand, okm + 32), WHORL_OK);
    assert_true(whorl_hex_decode(
        whorl_bytes_of("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b8"
                       "87185865"),
        wanted, sizeof wanted));
    assert_memory_equal(okm, wanted, sizeof wanted);
    expand.number = 255; /* L is at most 255 blocks */
    assert_int_equal(whorl_expand_next(&expand, okm), WHORL_ERROR_PARAMETER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_are_kept),
        cmocka_unit_test(rule_is_that_of_psa),
        cmocka_unit_test(scalars_out_of_range_are_skipped),
        cmocka_unit_test(hkdf_of_rfc_5869),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
