/* hash.c, crc32.c and random.c: FIPS 180 and RFC 4231, RFC 5869 vectors. */
#include "base/hash.h"
#include "base/ports.h"
#include "tests/unit/base/base_fixture.h"

static void assert_hash(struct sha256 hash, const char *hex)
{
    char text[2 * SHA256_SIZE + 1];
    hex_encode(BYTES_OF(hash.b), text);
    assert_string_equal(text, hex);
}

static void sha256_vectors(void **state)
{
    (void)state;
    static const char abc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    struct sha256 hash;
    assert_ok(sha256_of(BYTES_NONE, &hash));
    assert_hash(hash, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_ok(sha256_of(bytes_str("abc"), &hash));
    assert_hash(hash, abc);
    const struct bytes parts[] = {bytes_str("a"), BYTES_NONE, bytes_str("bc")};
    assert_ok(sha256_of_parts(parts, COUNT_OF(parts), &hash));
    assert_hash(hash, abc);
    assert_ok(sha256_of_parts(NULL, 0, &hash));
    assert_hash(hash, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

/* The value may be asked for in between, and what comes later counts on. */
static void digest_streams(void **state)
{
    (void)state;
    static const struct {
        enum digest_kind kind;
        size_t size;
        const char *a, *abc;
    } cases[] = {
        {DIGEST_SHA256, SHA256_SIZE, "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb",
         "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {DIGEST_SHA1, SHA1_SIZE, "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8",
         "a9993e364706816aba3e25717850c26c9cd0d89d"},
        {DIGEST_MD5, MD5_SIZE, "0cc175b9c0f1b6a831c399e269772661", "900150983cd24fb0d6963f7d28e17f72"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO_PTR(digest_stream) *stream = NULL;
        uint8_t value[SHA256_SIZE];
        char hex[2 * SHA256_SIZE + 1];
        assert_ok(digest_stream_new(cases[i].kind, &stream));
        assert_ok(digest_stream_add(stream, bytes_str("a")));
        assert_ok(digest_stream_value(stream, value, cases[i].size));
        hex_encode((struct bytes){value, cases[i].size}, hex);
        assert_string_equal(hex, cases[i].a);
        assert_ok(digest_stream_add(stream, bytes_str("bc")));
        assert_ok(digest_stream_value(stream, value, cases[i].size));
        hex_encode((struct bytes){value, cases[i].size}, hex);
        assert_string_equal(hex, cases[i].abc);
        assert_error(digest_stream_value(stream, value, cases[i].size - 1), ERR_INTERNAL);
    }
}

/* RFC 4231 §4.2, §4.3, §4.7 */
static void hmac_vectors(void **state)
{
    (void)state;
    struct sha256 mac;
    AUTO_VAL(buf) key = {0};
    from_hex("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", &key);
    assert_ok(hmac_sha256(buf_view(&key), bytes_str("Hi There"), &mac));
    assert_hash(mac, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    assert_ok(hmac_sha256(bytes_str("Jefe"), bytes_str("what do ya want for nothing?"), &mac));
    assert_hash(mac, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    uint8_t long_key[131];
    memset(long_key, 0xaa, sizeof long_key);
    assert_ok(hmac_sha256(BYTES_OF(long_key),
                          bytes_str("Test Using Larger Than Block-Size Key - Hash Key First"), &mac));
    assert_hash(mac, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    assert_ok(hmac_sha256(BYTES_NONE, BYTES_NONE, &mac));
    assert_hash(mac, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void assert_hkdf(const char *salt, const char *secret, const char *info, const char *expected)
{
    AUTO_VAL(buf) s = {0};
    AUTO_VAL(buf) k = {0};
    AUTO_VAL(buf) i = {0};
    AUTO_VAL(buf) text = {0};
    uint8_t out[128];
    size_t n = strlen(expected) / 2;
    from_hex(salt, &s);
    from_hex(secret, &k);
    from_hex(info, &i);
    assert_ok(hkdf_sha256(buf_view(&s), buf_view(&k), buf_view(&i), out, n));
    assert_ok(hex_append(&text, (struct bytes){out, n}));
    assert_string_equal(buf_str(&text), expected);
}

/* RFC 5869 appendix A.1, A.2 (long), A.3 (no salt, no info) */
static void hkdf_vectors(void **state)
{
    (void)state;
    static const char short_secret[] = "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b";
    assert_hkdf("000102030405060708090a0b0c", short_secret, "f0f1f2f3f4f5f6f7f8f9",
                "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
    assert_hkdf(
        "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f"
        "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeaf",
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f"
        "303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f",
        "b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedf"
        "e0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
        "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09"
        "da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87");
    assert_hkdf("", short_secret, "",
                "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
}

static void hkdf_has_limits(void **state)
{
    (void)state;
    static uint8_t out[8161];
    assert_error(hkdf_sha256(BYTES_NONE, bytes_str("k"), BYTES_NONE, out, 0), ERR_CRYPTO);
    assert_error(hkdf_sha256(BYTES_NONE, bytes_str("k"), BYTES_NONE, out, 8161), ERR_CRYPTO);
    assert_ok(hkdf_sha256(BYTES_NONE, bytes_str("k"), BYTES_NONE, out, 8160));
}

static void crc_vectors(void **state)
{
    (void)state;
    assert_int_equal(crc32_of(BYTES_NONE), 0);
    assert_int_equal(crc32_of(bytes_str("123456789")), 0xcbf43926);
}

/* In pieces of every size, empty ones too, it is the hash of the whole. */
static void sha256_in_pieces(void **state)
{
    (void)state;
    uint8_t text[300];
    struct sha256 whole;
    memset(text, 7, sizeof text);
    assert_ok(sha256_of(BYTES_OF(text), &whole));
    for (size_t piece = 1; piece < sizeof text; piece += 13) {
        AUTO_PTR(sha256_stream) *stream = NULL;
        struct sha256 hash;
        assert_ok(sha256_stream_new(&stream));
        for (size_t at = 0; at < sizeof text; at += piece) {
            size_t n = sizeof text - at < piece ? sizeof text - at : piece;
            assert_ok(sha256_stream_add(stream, (struct bytes){text + at, n}));
            assert_ok(sha256_stream_add(stream, BYTES_NONE));
        }
        assert_ok(sha256_stream_finish(stream, &hash));
        assert_memory_equal(hash.b, whole.b, sizeof hash.b);
    }
}

static void random_bytes_differ(void **state)
{
    (void)state;
    uint8_t a[32] = {0};
    uint8_t b[32] = {0};
    assert_ok(random_fill(random_system(), a, sizeof a));
    assert_ok(random_fill(random_system(), b, sizeof b));
    assert_memory_not_equal(a, b, sizeof a);
    assert_ok(random_fill(random_system(), NULL, 0));
}

/* RFC 9562 Appendix A.4 */
static void names_become_uuids(void **state)
{
    (void)state;
    char text[UUID_TEXT_SIZE];
    struct uuid space, id;
    assert_ok(uuid_parse(bytes_str("6ba7b810-9dad-11d1-80b4-00c04fd430c8"), &space));
    assert_ok(uuid_of_name(space, bytes_str("www.example.com"), &id));
    uuid_format(id, text);
    assert_string_equal(text, "2ed6657d-e927-568b-95e1-2665a8aea6a2");
}

/* FIPS 180-4's own example. */
static void others_chose_longer_ones(void **state)
{
    (void)state;
    static const struct {
        enum digest_kind kind;
        const char *hex;
    } rows[] = {
        {DIGEST_SHA256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {DIGEST_SHA384,
         "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7"},
        {DIGEST_SHA512, "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba"
                        "3c23a3feebbd454d44"
                        "23643ce80e2a9ac94fa54ca49f"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint8_t digest[DIGEST_SIZE_MAX];
        char hex[2 * DIGEST_SIZE_MAX + 1];
        assert_ok(digest_bytes(rows[i].kind, bytes_str("abc"), digest));
        hex_encode((struct bytes){digest, digest_size(rows[i].kind)}, hex);
        assert_string_equal(hex, rows[i].hex);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_vectors),
        cmocka_unit_test(digest_streams),
        cmocka_unit_test(hmac_vectors),
        cmocka_unit_test(hkdf_vectors),
        cmocka_unit_test(others_chose_longer_ones),
        cmocka_unit_test(hkdf_has_limits),
        cmocka_unit_test(crc_vectors),
        cmocka_unit_test(random_bytes_differ),
        cmocka_unit_test(sha256_in_pieces),
        cmocka_unit_test(names_become_uuids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
