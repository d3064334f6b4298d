/* The sealed stream: what went in comes out, whatever its length; nothing that was changed, cut, moved or
 * repeated does. */
#include "tests/unit/pki/pki_fixture.h"
#include "tests/unit/pki/stream_fixture.h"

enum { SEALED = STREAM_CHUNK + STREAM_TAG };
static const uint8_t KEY[STREAM_KEY] = {7, 1, 2};

static void fill(struct buf *out, size_t n)
{
    assert_ok(buf_reserve(out, n));
    for (size_t i = 0; i < n; i++) {
        out->p[i] = (uint8_t)(i * 31 + i / 251);
    }
    out->n = n;
}

static void seal(struct bytes plain, size_t step, struct buf *out)
{
    AUTO_PTR(sealed_writer) *writer = NULL;
    const struct stream_sink sink = {.write = append_to_buf, .context = out};
    assert_ok(sealed_writer_new(KEY, &sink, &writer));
    while (plain.n > 0) {
        size_t n = step < plain.n ? step : plain.n;
        assert_ok(sealed_writer_add(writer, (struct bytes){plain.p, n}));
        plain = (struct bytes){plain.p + n, plain.n - n};
    }
    assert_ok(sealed_writer_finish(writer));
}

/* Reads `n` bytes in steps and then wants the end. */
static err_t open_under(const uint8_t *key, struct bytes sealed, size_t n, size_t step, struct buf *out)
{
    AUTO_PTR(sealed_reader) *reader = NULL;
    struct memory_source memory = {.left = sealed};
    const struct stream_source source = {.read = read_memory, .context = &memory};
    TRY(sealed_reader_new(key, &source, &reader));
    TRY(buf_reserve(out, n));
    while (out->n < n) {
        size_t part = step < n - out->n ? step : n - out->n;
        TRY(sealed_reader_read(reader, out->p + out->n, part));
        out->n += part;
    }
    return sealed_reader_end(reader);
}

static err_t open_all(struct bytes sealed, size_t n)
{
    AUTO_VAL(buf) plain = {0};
    return open_under(KEY, sealed, n, 1 << 20, &plain);
}

static void what_went_in_comes_out(void **state)
{
    (void)state;
    static const size_t sizes[] = {
        0, 1, 17, STREAM_CHUNK - 1, STREAM_CHUNK, STREAM_CHUNK + 1, 3 * STREAM_CHUNK, 200001};
    static const size_t steps[] = {1 << 20, 1000, STREAM_CHUNK};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        AUTO_VAL(buf) plain = {0};
        fill(&plain, sizes[i]);
        for (size_t k = 0; k < 3; k++) {
            AUTO_VAL(buf) sealed = {0};
            AUTO_VAL(buf) opened = {0};
            seal(buf_view(&plain), steps[k], &sealed);
            size_t chunks = sizes[i] == 0 ? 1 : (sizes[i] + STREAM_CHUNK - 1) / STREAM_CHUNK;
            assert_int_equal(sealed.n, sizes[i] + chunks * STREAM_TAG);
            assert_ok(open_under(KEY, buf_view(&sealed), sizes[i], steps[2 - k], &opened));
            assert_true(bytes_equal(buf_view(&plain), buf_view(&opened)));
        }
    }
}

/* Made again with OpenSSL alone: nonce 00 … 00 01 (the first chunk, the last), nothing beside the text. */
static void the_form_is_what_the_manual_says(void **state)
{
    (void)state;
    AUTO_VAL(buf) sealed = {0};
    uint8_t nonce[12] = {0};
    uint8_t expected[3 + STREAM_TAG];
    int n = 0;
    nonce[11] = 1;
    AUTO(EVP_CIPHER_CTX) *context = EVP_CIPHER_CTX_new();
    assert_int_equal(EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), NULL, KEY, nonce), 1);
    assert_int_equal(EVP_EncryptUpdate(context, expected, &n, (const uint8_t *)"abc", 3), 1);
    assert_int_equal(EVP_EncryptFinal_ex(context, expected + 3, &n), 1);
    assert_int_equal(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, STREAM_TAG, expected + 3), 1);
    seal(bytes_str("abc"), 3, &sealed);
    assert_true(bytes_equal(buf_view(&sealed), BYTES_OF(expected)));
}

static void every_flipped_byte_is_noticed(void **state)
{
    (void)state;
    AUTO_VAL(buf) plain = {0};
    AUTO_VAL(buf) sealed = {0};
    fill(&plain, 300);
    seal(buf_view(&plain), 300, &sealed);
    for (size_t i = 0; i < sealed.n; i++) {
        for (int bit = 0; bit < 8; bit += 7) {
            sealed.p[i] ^= (uint8_t)(1U << bit);
            assert_error(open_all(buf_view(&sealed), 300), ERR_CRYPTO, "chunk 0");
            sealed.p[i] ^= (uint8_t)(1U << bit);
        }
    }
    assert_ok(open_all(buf_view(&sealed), 300));
}

static void every_cut_is_noticed(void **state)
{
    (void)state;
    AUTO_VAL(buf) plain = {0};
    AUTO_VAL(buf) sealed = {0};
    fill(&plain, 300);
    seal(buf_view(&plain), 300, &sealed);
    for (size_t n = 0; n < sealed.n; n++) {
        assert_error(open_all((struct bytes){sealed.p, n}, 300), ERR_CRYPTO, "chunk 0");
    }
    assert_ok(buf_append_str(&sealed, "x"));
    assert_error(open_all(buf_view(&sealed), 300), ERR_CRYPTO, "chunk 0");
}

/* At the boundary of a chunk there is nothing to see but the flag in the nonce. */
static void a_cut_between_chunks_is_noticed(void **state)
{
    (void)state;
    AUTO_VAL(buf) plain = {0};
    AUTO_VAL(buf) sealed = {0};
    fill(&plain, 2 * STREAM_CHUNK + 5);
    seal(buf_view(&plain), STREAM_CHUNK, &sealed);
    assert_error(open_all((struct bytes){sealed.p, SEALED}, STREAM_CHUNK), ERR_CRYPTO, "chunk 0");
    assert_error(open_all((struct bytes){sealed.p, 2 * SEALED}, 2 * STREAM_CHUNK), ERR_CRYPTO, "chunk 1");
    assert_error(open_all((struct bytes){sealed.p, 2 * SEALED + STREAM_TAG}, 2 * STREAM_CHUNK), ERR_CRYPTO,
                 "");
    assert_error(open_all((struct bytes){sealed.p + SEALED, SEALED + 5 + STREAM_TAG}, STREAM_CHUNK + 5),
                 ERR_CRYPTO, "chunk 0");
}

static void swap(uint8_t *a, uint8_t *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint8_t kept = a[i];
        a[i] = b[i];
        b[i] = kept;
    }
}

static void chunks_keep_their_places(void **state)
{
    (void)state;
    AUTO_VAL(buf) plain = {0};
    AUTO_VAL(buf) sealed = {0};
    fill(&plain, 3 * STREAM_CHUNK);
    seal(buf_view(&plain), STREAM_CHUNK, &sealed);
    assert_ok(open_all(buf_view(&sealed), plain.n));
    swap(sealed.p, sealed.p + SEALED, SEALED);
    assert_error(open_all(buf_view(&sealed), plain.n), ERR_CRYPTO, "chunk 0");
    swap(sealed.p, sealed.p + SEALED, SEALED);
    swap(sealed.p + SEALED, sealed.p + 2 * SEALED, SEALED);
    assert_error(open_all(buf_view(&sealed), plain.n), ERR_CRYPTO, "chunk 1");
    swap(sealed.p + SEALED, sealed.p + 2 * SEALED, SEALED);
    memcpy(sealed.p + SEALED, sealed.p, SEALED); /* one repeated in the place of the next */
    assert_error(open_all(buf_view(&sealed), plain.n), ERR_CRYPTO, "chunk 1");
}

static void another_key_opens_nothing(void **state)
{
    (void)state;
    static const uint8_t other[STREAM_KEY] = {7, 1, 3};
    AUTO_VAL(buf) sealed = {0};
    AUTO_VAL(buf) plain = {0};
    seal(bytes_str("text"), 4, &sealed);
    assert_error(open_under(other, buf_view(&sealed), 4, 4, &plain), ERR_CRYPTO, "chunk 0");
}

static void the_end_is_where_the_content_ends(void **state)
{
    (void)state;
    AUTO_VAL(buf) sealed = {0};
    seal(bytes_str("text"), 4, &sealed);
    assert_error(open_all(buf_view(&sealed), 3), ERR_CRYPTO, "more than there should be");
    assert_error(open_all(buf_view(&sealed), 5), ERR_CRYPTO, "ends before its content");
}

static void nothing_is_read_behind_a_bad_chunk(void **state)
{
    (void)state;
    AUTO_PTR(sealed_reader) *reader = NULL;
    AUTO_VAL(buf) plain = {0};
    AUTO_VAL(buf) sealed = {0};
    uint8_t byte = 0;
    fill(&plain, STREAM_CHUNK + 9);
    seal(buf_view(&plain), STREAM_CHUNK, &sealed);
    sealed.p[5] ^= 1;
    struct memory_source memory = {.left = buf_view(&sealed)};
    const struct stream_source source = {.read = read_memory, .context = &memory};
    assert_ok(sealed_reader_new(KEY, &source, &reader));
    assert_error(sealed_reader_read(reader, &byte, 1), ERR_CRYPTO, "chunk 0");
    assert_error(sealed_reader_read(reader, &byte, 1), ERR_CRYPTO, "chunk 0");
    assert_error(sealed_reader_end(reader), ERR_CRYPTO, "chunk 0");
}

static err_t refuse(void *context, struct bytes piece)
{
    (void)context;
    (void)piece;
    return ERR(ERR_DISK_FULL, "no room");
}

static void a_full_disk_is_told(void **state)
{
    (void)state;
    AUTO_PTR(sealed_writer) *writer = NULL;
    const struct stream_sink sink = {.write = refuse};
    assert_ok(sealed_writer_new(KEY, &sink, &writer));
    assert_ok(sealed_writer_add(writer, bytes_str("text")));
    assert_error(sealed_writer_finish(writer), ERR_DISK_FULL, "no room");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_went_in_comes_out),
        cmocka_unit_test(the_form_is_what_the_manual_says),
        cmocka_unit_test(every_flipped_byte_is_noticed),
        cmocka_unit_test(every_cut_is_noticed),
        cmocka_unit_test(a_cut_between_chunks_is_noticed),
        cmocka_unit_test(chunks_keep_their_places),
        cmocka_unit_test(another_key_opens_nothing),
        cmocka_unit_test(the_end_is_where_the_content_ends),
        cmocka_unit_test(nothing_is_read_behind_a_bad_chunk),
        cmocka_unit_test(a_full_disk_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
