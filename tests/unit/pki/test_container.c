/* Backups from outside: every byte and every cut counts, who is in the envelope is bound to what follows it.
 */
#include "tests/unit/pki/operator_fixture.h"
#include "tests/unit/pki/stream_fixture.h"

#include "pki/container.h"

static const char TEXT[] = "what a backup holds";

static void make(const struct test_operator *first, const struct test_operator *second, struct buf *out)
{
    AUTO_PTR(sealed_writer) *writer = NULL;
    const struct bytes pem[] = {buf_view(&first->certificate),
                                second == NULL ? BYTES_NONE : buf_view(&second->certificate)};
    const struct recipients recipients = {.pem = pem, .count = second == NULL ? 1 : 2};
    const struct stream_sink sink = {.write = append_to_buf, .context = out};
    assert_ok(container_write(&recipients, random_system(), &sink, &writer));
    assert_ok(sealed_writer_add(writer, bytes_str(TEXT)));
    assert_ok(sealed_writer_finish(writer));
}

static err_t open_as(struct bytes file, const struct test_operator *who)
{
    AUTO_PTR(sealed_reader) *reader = NULL;
    struct memory_source memory = {.left = file};
    const struct stream_source source = {.read = read_memory, .context = &memory};
    const struct operator_key key = key_of(who);
    uint8_t text[sizeof TEXT - 1];
    TRY(container_read(&key, &source, &reader));
    TRY(sealed_reader_read(reader, text, sizeof text));
    assert_memory_equal(text, TEXT, sizeof text);
    return sealed_reader_end(reader);
}

static void it_opens_for_each_operator(void **state)
{
    (void)state;
    AUTO_VAL(test_operator) rsa = {.key = {0}};
    AUTO_VAL(test_operator) ec = {.key = {0}};
    AUTO_VAL(test_operator) other = {.key = {0}};
    AUTO_VAL(buf) file = {0};
    AUTO_VAL(buf) again = {0};
    test_operator_rsa("rsa", 3072, &rsa);
    test_operator_ec("ec", &ec);
    test_operator_ec("other", &other);
    make(&rsa, &ec, &file);
    assert_ok(open_as(buf_view(&file), &rsa));
    assert_ok(open_as(buf_view(&file), &ec));
    assert_error(open_as(buf_view(&file), &other), ERR_FORBIDDEN, "sealed for others");
    make(&rsa, &ec, &again);
    assert_false(bytes_equal(buf_view(&file), buf_view(&again)));
}

static void every_flipped_byte_is_noticed(void **state)
{
    (void)state;
    AUTO_VAL(test_operator) ec = {.key = {0}};
    AUTO_VAL(buf) file = {0};
    test_operator_ec("ec", &ec);
    make(&ec, NULL, &file);
    for (size_t i = 0; i < file.n; i++) {
        file.p[i] ^= 1;
        if (open_as(buf_view(&file), &ec).code == ERR_OK) {
            fail_msg("byte %zu of %zu does not matter", i, file.n);
        }
        file.p[i] ^= 1;
    }
    assert_ok(open_as(buf_view(&file), &ec));
}

static void every_cut_is_noticed(void **state)
{
    (void)state;
    AUTO_VAL(test_operator) ec = {.key = {0}};
    AUTO_VAL(buf) file = {0};
    test_operator_ec("ec", &ec);
    make(&ec, NULL, &file);
    for (size_t n = 0; n < file.n; n++) {
        if (open_as((struct bytes){file.p, n}, &ec).code == ERR_OK) {
            fail_msg("%zu of %zu bytes are enough", n, file.n);
        }
    }
    assert_error(open_as((struct bytes){file.p, 7}, &ec), ERR_BAD_ENCODING, "no backup of whorld");
    assert_error(open_as((struct bytes){file.p, 9}, &ec), ERR_BAD_ENCODING, "cut");
    assert_error(open_as((struct bytes){file.p, 99}, &ec), ERR_BAD_ENCODING, "cut");
    assert_ok(buf_append_str(&file, "x"));
    assert_error(open_as(buf_view(&file), &ec), ERR_CRYPTO, "chunk 0");
}

static void sizes_are_not_believed(void **state)
{
    (void)state;
    AUTO_VAL(test_operator) ec = {.key = {0}};
    uint8_t head[12] = {'W', 'H', 'O', 'R', 'L', 'B', 0, 1, 0xff, 0xff, 0xff, 0xff};
    test_operator_ec("ec", &ec);
    assert_error(open_as(BYTES_OF(head), &ec), ERR_BAD_ENCODING, "damaged");
    memset(head + 8, 0, 4);
    assert_error(open_as(BYTES_OF(head), &ec), ERR_BAD_ENCODING, "damaged");
    head[7] = 2;
    assert_error(open_as(BYTES_OF(head), &ec), ERR_BAD_ENCODING, "has format 2");
    assert_error(open_as(BYTES_NONE, &ec), ERR_BAD_ENCODING, "no backup of whorld");
}

/* The same key inside a new envelope, for one more reader: the stream does not open under it. */
static void the_envelope_is_bound_to_the_stream(void **state)
{
    (void)state;
    AUTO_VAL(test_operator) ec = {.key = {0}};
    AUTO_VAL(test_operator) thief = {.key = {0}};
    AUTO_VAL(buf) file = {0};
    AUTO_VAL(buf) forged = {0};
    AUTO_VAL(buf) envelope = {0};
    AUTO_VAL(secret) root = {.bytes = {0}};
    test_operator_ec("ec", &ec);
    test_operator_ec("thief", &thief);
    make(&ec, NULL, &file);
    size_t size = (size_t)file.p[10] << 8 | file.p[11];
    const struct operator_key key = key_of(&ec);
    assert_ok(envelope_open((struct bytes){file.p + 12, size}, &key, &root));
    const struct bytes pem[] = {buf_view(&ec.certificate), buf_view(&thief.certificate)};
    assert_ok(envelope_seal(buf_view(&root.bytes), &(struct recipients){.pem = pem, .count = 2}, &envelope));
    const uint8_t length[4] = {0, 0, (uint8_t)(envelope.n >> 8), (uint8_t)envelope.n};
    assert_ok(buf_append(&forged, file.p, 8));
    assert_ok(buf_append_bytes(&forged, BYTES_OF(length)));
    assert_ok(buf_append_bytes(&forged, buf_view(&envelope)));
    assert_ok(buf_append(&forged, file.p + 12 + size, file.n - 12 - size));
    assert_error(open_as(buf_view(&forged), &ec), ERR_CRYPTO, "chunk 0");
    assert_error(open_as(buf_view(&forged), &thief), ERR_CRYPTO, "chunk 0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_opens_for_each_operator),
        cmocka_unit_test(every_flipped_byte_is_noticed),
        cmocka_unit_test(every_cut_is_noticed),
        cmocka_unit_test(sizes_are_not_believed),
        cmocka_unit_test(the_envelope_is_bound_to_the_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
