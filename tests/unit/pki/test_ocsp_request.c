/* OCSP requests: those that OpenSSL makes, and those that nobody should make. */
#include "tests/unit/pki/ocsp_fixture.h"

static struct test_house house;
static const uint8_t SERIAL[SERIAL_SIZE] = {0x7a, 0xbc, 3};

static int make_house(void **state)
{
    (void)state;
    test_house_init(&house, KEY_ALG_P256);
    return 0;
}

static int end_house(void **state)
{
    (void)state;
    test_house_clear(&house);
    return 0;
}

static void test_one_certificate(void **state)
{
    const struct authority *const authorities[] = {house.root, house.device, house.infrastructure};
    (void)state;
    for (size_t i = 0; i < 6; i++) {
        AUTO_VAL(buf) der = {0};
        struct ocsp_request request;
        const EVP_MD *md = i < 3 ? EVP_sha1() : EVP_sha256();
        uint8_t serial[SERIAL_SIZE];
        ocsp_ask(authorities[i % 3], md, BYTES_OF(SERIAL), 0, &der);
        assert_ok(ocsp_request_read(buf_view(&der), &request));
        assert_int_equal(request.count, 1);
        assert_int_equal(request.nonce.n, 0);
        assert_int_equal(request.certs[0].hash, i < 3 ? OCSP_SHA1 : OCSP_SHA256);
        assert_true(request.certs[0].has_null); /* as OpenSSL writes it */
        assert_true(ocsp_serial(&request.certs[0], serial));
        assert_memory_equal(serial, SERIAL, SERIAL_SIZE);
        for (size_t k = 0; k < 3; k++) {
            struct ocsp_issuer issuer;
            assert_ok(ocsp_issuer_of(authorities[k], &issuer));
            assert_int_equal(ocsp_issuer_is(&issuer, &request.certs[0]), k == i % 3);
        }
        AUTO(OCSP_CERTID) *id = certid_of(authorities[i % 3], md, BYTES_OF(SERIAL));
        unsigned char *encoded = NULL;
        AUTO_VAL(buf) whole = {0};
        int size = i2d_OCSP_CERTID(id, &encoded);
        bytes_of_i2d(size, encoded, &whole);
        assert_true(bytes_equal(request.certs[0].id, buf_view(&whole)));
    }
}

/* The issuer's name and its key both count, and a hash of another kind matches nobody. */
static void test_foreign_issuers(void **state)
{
    AUTO_VAL(buf) der = {0};
    struct ocsp_request request;
    struct ocsp_issuer issuer;
    (void)state;
    assert_ok(ocsp_issuer_of(house.device, &issuer));
    ocsp_ask(house.device, EVP_sha256(), BYTES_OF(SERIAL), 0, &der);
    assert_ok(ocsp_request_read(buf_view(&der), &request));
    der.p[request.certs[0].name_hash.p - der.p] ^= 1;
    assert_false(ocsp_issuer_is(&issuer, &request.certs[0]));
    der.p[request.certs[0].name_hash.p - der.p] ^= 1;
    der.p[request.certs[0].key_hash.p + 31 - der.p] ^= 1;
    assert_false(ocsp_issuer_is(&issuer, &request.certs[0]));
    buf_clear(&der);
    ocsp_ask(house.device, EVP_sha384(), BYTES_OF(SERIAL), 0, &der);
    assert_ok(ocsp_request_read(buf_view(&der), &request));
    assert_int_equal(request.certs[0].hash, OCSP_OTHER_HASH);
    assert_false(ocsp_issuer_is(&issuer, &request.certs[0]));
}

static void test_serials_that_nobody_gives(void **state)
{
    static const uint8_t odd[][21] = {{0x00, 0x80, 1}, {0x01}, {0x00}, {0x81, 2}, {0x7f, [20] = 1}};
    static const size_t sizes[] = {16, 15, 1, 16, 21};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct ocsp_cert cert = {.serial = {odd[i], sizes[i]}};
        uint8_t serial[SERIAL_SIZE];
        assert_false(ocsp_serial(&cert, serial));
    }
}

/* --- requests byte by byte --------------------------------------------------------------------------- */

/* The parts of a request; each is DER, or "" for none. */
struct parts {
    const char *version, *name, *requests, *extensions, *signature, *behind;
};

#define SHA256_ID "30 0d 06 09 60 86 48 01 65 03 04 02 01 05 00"
#define BARE_ID   "30 0b 06 09 60 86 48 01 65 03 04 02 01"
#define ZEROS_32                                                                                             \
    "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00"
#define ID(algorithm, size, serial) "30 " size " " algorithm " 04 20 " ZEROS_32 " 04 20 " ZEROS_32 " " serial
#define CERT                        ID(SHA256_ID, "56", "02 01 05")
#define ONE                         "30 58 " CERT
#define NONCE_OID                   "06 09 2b 06 01 05 05 07 30 01 02"

static void add_hex(struct buf *out, const char *hex)
{
    for (const char *p = hex; *p != '\0'; p += *p == ' ' ? 1 : 2) {
        if (*p != ' ') {
            unsigned value = 0;
            assert_int_equal(sscanf(p, "%2x", &value), 1);
            uint8_t byte = (uint8_t)value;
            assert_ok(buf_append(out, &byte, 1));
        }
    }
}

static void build(const struct parts *parts, struct buf *der)
{
    AUTO_VAL(buf) piece = {0};
    struct der_writer w = der_writer(der);
    size_t outer = der_open(&w, DER_SEQUENCE);
    size_t tbs = der_open(&w, DER_SEQUENCE);
    const char *const inner[] = {parts->version, parts->name};
    for (size_t i = 0; i < 2; i++) {
        piece.n = 0;
        add_hex(&piece, inner[i] != NULL ? inner[i] : "");
        der_put_raw(&w, buf_view(&piece));
    }
    piece.n = 0;
    add_hex(&piece, parts->requests);
    der_put(&w, DER_SEQUENCE, buf_view(&piece));
    piece.n = 0;
    add_hex(&piece, parts->extensions != NULL ? parts->extensions : "");
    if (piece.n > 0) {
        size_t tagged = der_open(&w, DER_CONTEXT_CONSTRUCTED | 2);
        der_put(&w, DER_SEQUENCE, buf_view(&piece));
        der_close(&w, tagged);
    }
    der_close(&w, tbs);
    piece.n = 0;
    add_hex(&piece, parts->signature != NULL ? parts->signature : "");
    der_put_raw(&w, buf_view(&piece));
    der_close(&w, outer);
    assert_ok(der_finish(&w));
    add_hex(der, parts->behind != NULL ? parts->behind : "");
}

static void test_forms(void **state)
{
    static const struct {
        struct parts parts;
        const char *word; /* NULL: it is read */
    } CASES[] = {
        {{.requests = ONE}, NULL},
        {{.requests = "30 56 " ID(BARE_ID, "54", "02 01 05")}, NULL},
        {{.version = "a0 03 02 01 00", .requests = ONE}, NULL},
        {{.version = "a0 03 02 01 01", .requests = ONE}, "version 1"},
        {{.version = "a0 03 0a 01 00", .requests = ONE}, "version 1"},
        {{.name = "a1 04 82 02 61 62", .requests = ONE}, NULL},
        {{.requests = ONE, .signature = "a0 02 30 00"}, NULL}, /* not looked at */
        {{.requests = ONE, .signature = "30 00"}, "follows the request"},
        {{.requests = ""}, "no certificate"},
        {{.requests = "30 00"}, "another form"},
        {{.requests = "30 5a " CERT " a1 00"}, "another form"},
        {{.requests = "30 57 30 55 " SHA256_ID " 04 20 " ZEROS_32 " 04 20 " ZEROS_32 " 02 00"}, "DER"},
        {{.requests = "30 57 30 55 " SHA256_ID " 04 20 " ZEROS_32 " 04 20 " ZEROS_32 " 05 00"},
         "another form"},
        {{.requests = "30 58 30 56 30 0d 05 00 06 09 60 86 48 01 65 03 04 02 01 04 20 " ZEROS_32
                      " 04 20 " ZEROS_32 " 02 01 05"},
         "hash algorithm"},
        /* singleRequestExtensions: passed over, unless one is critical; a nonce does not belong there */
        {{.requests = "30 67 " CERT " a0 0d 30 0b 30 09 06 03 2a 03 04 04 02 05 00"}, NULL},
        {{.requests = "30 6a " CERT " a0 10 30 0e 30 0c 06 03 2a 03 04 01 01 ff 04 02 05 00"}, "critical"},
        {{.requests = "30 5c " CERT " a0 02 30 00"}, "extensions"},
        /* requestExtensions */
        {{.requests = ONE, .extensions = "30 09 06 03 2a 03 04 04 02 05 00"}, NULL},
        {{.requests = ONE, .extensions = "30 0c 06 03 2a 03 04 01 01 ff 04 02 05 00"}, "critical"},
        {{.requests = ONE, .extensions = "30 0c 06 03 2a 03 04 01 01 00 04 02 05 00"}, "another form"},
        {{.requests = ONE, .extensions = "30 05 06 03 2a 03 04"}, "another form"},
        {{.requests = ONE, .extensions = "30 0f " NONCE_OID " 04 02 04 00"}, "nonce of 0"},
        {{.requests = ONE, .extensions = "30 0f " NONCE_OID " 04 02 05 00"}, "OCTET STRING"},
        {{.requests = ONE, .extensions = "30 10 " NONCE_OID " 04 03 04 01 aa"}, NULL},
        {{.requests = ONE, .extensions = "30 13 " NONCE_OID " 01 01 ff 04 03 04 01 aa"}, NULL},
        {{.requests = ONE, .extensions = "30 0f " NONCE_OID " 04 02 aa bb"}, "DER"},
        {{.requests = ONE,
          .extensions = "30 10 " NONCE_OID " 04 03 04 01 aa 30 10 " NONCE_OID " 04 03 04 01 aa"},
         "two nonces"},
        {{.requests = ONE, .behind = "00"}, "follow"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        AUTO_VAL(buf) der = {0};
        struct ocsp_request request;
        build(&CASES[i].parts, &der);
        err_t result = ocsp_request_read(buf_view(&der), &request);
        bool is_right = CASES[i].word == NULL
                            ? result.code == ERR_OK
                            : result.code == ERR_BAD_ENCODING && strstr(result.detail, CASES[i].word) != NULL;
        if (!is_right) {
            fail_msg("case %zu: %s \"%s\"", i, err_slug(result.code), result.detail);
        }
    }
}

static void test_nonce_sizes(void **state)
{
    (void)state;
    for (int size = 1; size <= OCSP_NONCE_MAX + 1; size++) {
        AUTO_VAL(buf) der = {0};
        struct ocsp_request request;
        ocsp_ask(house.device, EVP_sha256(), BYTES_OF(SERIAL), size, &der);
        err_t result = ocsp_request_read(buf_view(&der), &request);
        assert_int_equal(result.code, size <= OCSP_NONCE_MAX ? ERR_OK : ERR_BAD_ENCODING);
        assert_true(result.code != ERR_OK || request.nonce.n == (size_t)size);
    }
}

static void test_several(void **state)
{
    uint8_t serials[OCSP_CERTS_MAX + 1][SERIAL_SIZE] = {{0}};
    (void)state;
    for (size_t i = 0; i <= OCSP_CERTS_MAX; i++) {
        serials[i][0] = (uint8_t)(i + 1);
    }
    for (size_t count = 1; count <= OCSP_CERTS_MAX + 1; count++) {
        AUTO_VAL(buf) der = {0};
        struct ocsp_request request;
        ocsp_ask_many(house.device, (const uint8_t(*)[SERIAL_SIZE])serials, count, &der);
        err_t result = ocsp_request_read(buf_view(&der), &request);
        if (count > OCSP_CERTS_MAX) {
            assert_error(result, ERR_BAD_ENCODING, "more than 16");
            continue;
        }
        assert_ok(result);
        assert_int_equal(request.count, count);
        assert_int_equal(request.certs[count - 1].serial.p[0], count);
    }
}

/* Cut anywhere, or longer than anybody needs. */
static void test_cut_and_huge(void **state)
{
    AUTO_VAL(buf) der = {0};
    struct ocsp_request request;
    (void)state;
    ocsp_ask(house.device, EVP_sha256(), BYTES_OF(SERIAL), 32, &der);
    for (size_t n = 0; n < der.n; n++) {
        assert_int_equal(ocsp_request_read((struct bytes){der.p, n}, &request).code, ERR_BAD_ENCODING);
    }
    uint8_t *huge = calloc(1, OCSP_REQUEST_MAX + 1);
    assert_error(ocsp_request_read((struct bytes){huge, OCSP_REQUEST_MAX + 1}, &request), ERR_BAD_ENCODING,
                 "4097");
    free(huge);
    static const struct parts long_serial = {.requests =
                                                 "30 81 99 30 81 96 " SHA256_ID " 04 20 " ZEROS_32
                                                 " 04 20 " ZEROS_32 " 02 41 01 " ZEROS_32 " " ZEROS_32};
    AUTO_VAL(buf) odd = {0};
    build(&long_serial, &odd);
    assert_error(ocsp_request_read(buf_view(&odd), &request), ERR_BAD_ENCODING, "65 octets");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_certificate),
        cmocka_unit_test(test_foreign_issuers),
        cmocka_unit_test(test_serials_that_nobody_gives),
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_nonce_sizes),
        cmocka_unit_test(test_several),
        cmocka_unit_test(test_cut_and_huge),
    };
    return cmocka_run_group_tests(tests, make_house, end_house);
}
