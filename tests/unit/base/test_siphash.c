/* The values that the paper's authors publish with their code. */
#include "tests/unit/base/base_fixture.h"

#include "base/siphash.h"

/* Key 00 01 … 0f, messages of the bytes 00 01 …: of vectors.h those with no, one, nearly one and one whole
 * word. */
static void the_published_values(void **state)
{
    static const struct {
        size_t n;
        uint64_t hash;
    } rows[] = {{0, UINT64_C(0x726fdb47dd0e0e31)},
                {1, UINT64_C(0x74f839c593dc67fd)},
                {7, UINT64_C(0xab0200f58b01d137)},
                {8, UINT64_C(0x93f5f5799a932462)},
                {15, UINT64_C(0xa129ca6149be45e5)}};
    const struct siphash_secret secret = {{UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)}};
    uint8_t text[16];
    (void)state;
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = (uint8_t)i;
    }
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_true(siphash(&secret, (struct bytes){text, rows[i].n}) == rows[i].hash);
    }
    const struct siphash_secret other = {{1, 2}};
    assert_true(siphash(&other, BYTES_OF(text)) != siphash(&secret, BYTES_OF(text)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_published_values)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
