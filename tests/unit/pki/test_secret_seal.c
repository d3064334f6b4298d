/* Sealed secrets: they open under what they were sealed under, and under nothing else. */
#include "tests/unit/pki/pki_fixture.h"

#include "pki/secret_seal.h"

static const uint8_t root[32] = {1, 2, 3};
static const uint8_t other_root[32] = {1, 2, 4};

static struct seal seal_of(const char *owner)
{
    return (struct seal){.root = BYTES_OF(root), .purpose = "test", .owner = bytes_str(owner)};
}

static void a_secret_opens_again(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 20, 32, SEAL_PLAIN_MAX};
    static uint8_t plain[SEAL_PLAIN_MAX];
    const struct seal seal = seal_of("acme");
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        AUTO_VAL(buf) sealed = {0};
        AUTO_VAL(secret) opened = {0};
        assert_ok(random_fill(random_system(), plain, sizes[i]));
        assert_ok(secret_seal(&seal, random_system(), (struct bytes){plain, sizes[i]}, &sealed));
        assert_int_equal(sealed.n, sizes[i] + SEAL_OVERHEAD);
        assert_true(sizes[i] < 8 || memmem(sealed.p, sealed.n, plain, sizes[i]) == NULL);
        assert_ok(secret_unseal(&seal, buf_view(&sealed), &opened));
        assert_true(bytes_equal(buf_view(&opened.bytes), (struct bytes){plain, sizes[i]}));
    }
}

static void two_seals_of_one_secret_differ(void **state)
{
    (void)state;
    AUTO_VAL(buf) one = {0};
    AUTO_VAL(buf) two = {0};
    const struct seal seal = seal_of("acme");
    assert_ok(secret_seal(&seal, random_system(), bytes_str("secret"), &one));
    assert_ok(secret_seal(&seal, random_system(), bytes_str("secret"), &two));
    assert_false(bytes_equal(buf_view(&one), buf_view(&two)));
}

static void nothing_else_opens_it(void **state)
{
    (void)state;
    AUTO_VAL(buf) sealed = {0};
    AUTO_VAL(secret) opened = {0};
    const struct seal seal = seal_of("acme");
    assert_ok(secret_seal(&seal, random_system(), bytes_str("secret"), &sealed));
    const struct seal others[] = {
        {.root = BYTES_OF(other_root), .purpose = "test", .owner = seal.owner},
        {.root = seal.root, .purpose = "tess", .owner = seal.owner},
        {.root = seal.root, .purpose = "test", .owner = bytes_str("acma")},
        {.root = seal.root, .purpose = "test", .owner = BYTES_NONE},
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_int_equal(secret_unseal(&others[i], buf_view(&sealed), &opened).code, ERR_CRYPTO);
        assert_int_equal(opened.bytes.n, 0);
    }
    assert_ok(secret_unseal(&seal, buf_view(&sealed), &opened));
}

static void each_bit_counts(void **state)
{
    (void)state;
    AUTO_VAL(buf) sealed = {0};
    AUTO_VAL(secret) opened = {0};
    const struct seal seal = seal_of("acme");
    assert_ok(secret_seal(&seal, random_system(), bytes_str("secret"), &sealed));
    for (size_t bit = 0; bit < 8 * sealed.n; bit++) {
        sealed.p[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_equal(secret_unseal(&seal, buf_view(&sealed), &opened).code, ERR_CRYPTO);
        sealed.p[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    for (size_t n = 0; n < sealed.n; n++) {
        assert_int_equal(secret_unseal(&seal, (struct bytes){sealed.p, n}, &opened).code, ERR_CRYPTO);
    }
}

static void sizes_have_limits(void **state)
{
    (void)state;
    static const uint8_t large[SEAL_PLAIN_MAX + 1];
    static const uint8_t sealed[SEAL_OVERHEAD + SEAL_PLAIN_MAX + 1] = {1};
    AUTO_VAL(buf) out = {0};
    AUTO_VAL(secret) opened = {0};
    const struct seal seal = seal_of("acme");
    assert_int_equal(secret_seal(&seal, random_system(), BYTES_NONE, &out).code, ERR_INTERNAL);
    assert_int_equal(secret_seal(&seal, random_system(), BYTES_OF(large), &out).code, ERR_INTERNAL);
    assert_int_equal(secret_unseal(&seal, BYTES_OF(sealed), &opened).code, ERR_CRYPTO);
    assert_int_equal(secret_unseal(&seal, BYTES_NONE, &opened).code, ERR_CRYPTO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_secret_opens_again),  cmocka_unit_test(two_seals_of_one_secret_differ),
        cmocka_unit_test(nothing_else_opens_it), cmocka_unit_test(each_bit_counts),
        cmocka_unit_test(sizes_have_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
