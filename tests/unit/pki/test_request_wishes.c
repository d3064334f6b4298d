/* Wishes as DER, read by openssl: the list of RFC 7030 as it always was, the templates of RFC 9908 and of
 * CMP. */
#include "tests/unit/pki/profile_scene.h"

#include "pki/der.h"
#include "pki/request_wishes.h"

static const struct {
    enum key_alg key;
    const char *list, *type; /* in the list; in the templates */
} keys[] = {
    {KEY_ALG_P256, "prime256v1", "prime256v1"},
    {KEY_ALG_P384, "secp384r1", "secp384r1"},
    {KEY_ALG_ED25519, "ED25519", "ED25519"},
    {KEY_ALG_RSA, ":0C00", "rsaEncryption"},
};

static void follow(const struct certificate_profile *profile, struct request_wishes *out)
{
    AUTO_PTR(compiled_profile) *compiled = NULL;
    assert_ok(certificate_profile_compile(profile, &compiled));
    *out = (struct request_wishes){.key = KEY_ALG_P256, .rsa_bits = 3072};
    assert_ok(request_wishes_follow(compiled, out));
}

/* As openssl reads it, with all that is inside of octet strings where `at` says. */
static void parse(const struct buf *der, struct buf *text)
{
    write_in(&house.folder, "wishes.der", buf_view(der));
    assert_int_equal(run_in(&house.folder, "openssl asn1parse -inform DER -in wishes.der", text), 0);
}

static void test_the_list_is_as_it_was(void **state)
{
    static const uint8_t plain[] = {0x30, 0x21, 0x30, 0x15, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02,
                                    0x01, 0x31, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01,
                                    0x07, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
    AUTO_VAL(request_wishes) wishes = {0};
    AUTO_VAL(buf) bare = {0};
    AUTO_VAL(buf) bound = {0};
    AUTO_VAL(buf) text = {0};
    (void)state;
    follow(&plain_profile, &wishes);
    assert_ok(request_wishes_put_csrattrs(&wishes, &bare));
    assert_true(bytes_equal(buf_view(&bare), BYTES_OF(plain)));
    wishes.wants_channel_binding = wishes.is_of_device = true; /* then no template takes its place */
    assert_ok(request_wishes_put_csrattrs(&wishes, &bound));
    parse(&bound, &text);
    assert_has(buf_str(&text), "challengePassword");
    assert_has(buf_str(&text), "id-ecPublicKey");
    assert_has(buf_str(&text), "ecdsa-with-SHA256");
    assert_null(strstr(buf_str(&text), "Extension Request"));
}

static void test_each_key_is_told(void **state)
{
    AUTO_VAL(request_wishes) wishes = {0};
    (void)state;
    follow(&plain_profile, &wishes);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        for (int is_of_device = 0; is_of_device < 2; is_of_device++) {
            AUTO_VAL(buf) attrs = {0};
            AUTO_VAL(buf) text = {0};
            wishes.key = keys[i].key;
            wishes.is_of_device = is_of_device == 1;
            assert_ok(request_wishes_put_csrattrs(&wishes, &attrs));
            parse(&attrs, &text);
            assert_has(buf_str(&text), keys[i].list);
            assert_int_equal(strstr(buf_str(&text), "Extension Request") != NULL, wishes.is_of_device);
        }
        AUTO_VAL(buf) template = {0};
        AUTO_VAL(buf) text = {0};
        assert_ok(request_wishes_put_template(&wishes, &template));
        parse(&template, &text);
        assert_has(buf_str(&text), keys[i].key == KEY_ALG_RSA ? ":0C00" : keys[i].type);
    }
}

/* The key that stands for an RSA key's length is one that OpenSSL reads. */
static void test_placeholder_of_rsa(void **state)
{
    AUTO_VAL(request_wishes) wishes = {0};
    AUTO_VAL(buf) attrs = {0};
    (void)state;
    follow(&plain_profile, &wishes);
    wishes.key = KEY_ALG_RSA;
    wishes.is_of_device = true;
    assert_ok(request_wishes_put_csrattrs(&wishes, &attrs));
    static const uint8_t start[] = {0x30, 0x82, 0x01, 0x8a, 0x02, 0x82, 0x01, 0x81, 0x00, 0x80};
    const unsigned char *p = memmem(attrs.p, attrs.n, start, sizeof start);
    assert_non_null(p);
    EVP_PKEY *key = d2i_PublicKey(EVP_PKEY_RSA, NULL, &p, 398);
    assert_non_null(key);
    assert_int_equal(EVP_PKEY_get_bits(key), 3072);
    EVP_PKEY_free(key);
}

/* --- names ------------------------------------------------------------------------------------------ */

static struct der_item take(struct bytes *in, uint8_t tag)
{
    struct der_item item;
    if (!der_take(in, tag, &item)) {
        fail_msg("no %02x", tag);
    }
    return item;
}

/* subject [5] and extensions [9] of a CertTemplate, as OpenSSL's own types read them. */
static void read_template(const struct buf *der, X509_NAME **subject, X509_EXTENSIONS **extensions)
{
    struct bytes whole = buf_view(der);
    struct bytes content = take(&whole, DER_SEQUENCE).value;
    struct bytes template = take(&content, DER_SEQUENCE).value;
    struct bytes name = take(&template, DER_CONTEXT_CONSTRUCTED | 5).value;
    struct bytes list = take(&template, DER_CONTEXT_CONSTRUCTED | 9).value;
    assert_int_equal(template.n, 0);
    AUTO_VAL(buf) sequence = {0};
    struct der_writer w = der_writer(&sequence);
    der_put(&w, DER_SEQUENCE, list);
    assert_ok(der_finish(&w));
    const unsigned char *p = name.p;
    *subject = d2i_X509_NAME(NULL, &p, (long)name.n);
    p = sequence.p;
    *extensions = d2i_X509_EXTENSIONS(NULL, &p, (long)sequence.n);
    assert_true(*subject != NULL && *extensions != NULL);
}

/** Of the alternative names in the extensions: one letter each, in order. */
static void forms_of(const X509_EXTENSIONS *extensions, char *out)
{
    GENERAL_NAMES *names = X509V3_get_d2i(extensions, NID_subject_alt_name, NULL, NULL);
    assert_non_null(names);
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        int type = sk_GENERAL_NAME_value(names, i)->type;
        *out++ = type == GEN_URI ? 'u' : type == GEN_DNS ? 'd' : type == GEN_OTHERNAME ? 'o' : '?';
    }
    *out = '\0';
    GENERAL_NAMES_free(names);
}

static void test_forms(void **state)
{
    static const struct {
        enum profile_subject subject;
        uint32_t forms;
        const char *expected;
        int entries;
    } cases[] = {{SUBJECT_DEVICE_ID, SAN_NI_URI, "u", 1},
                 {SUBJECT_SERIAL_NUMBER, SAN_HARDWARE_MODULE, "o", 2},
                 {SUBJECT_ID_ONLY, SAN_FORMS_ALL, "uuod", 1}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AUTO_VAL(request_wishes) wishes = {0};
        AUTO_VAL(buf) template = {0};
        X509_NAME *subject = NULL;
        X509_EXTENSIONS *extensions = NULL;
        char forms[8];
        struct certificate_profile profile = plain_profile;
        profile.subject = cases[i].subject;
        profile.san_forms = cases[i].forms;
        (void)snprintf(profile.hw_type, sizeof profile.hw_type, "1.3.6.1.4.1.32473.1");
        follow(&profile, &wishes);
        assert_ok(request_wishes_put_template(&wishes, &template));
        read_template(&template, &subject, &extensions);
        assert_int_equal(X509_NAME_entry_count(subject), cases[i].entries);
        assert_int_equal(
            ASN1_STRING_length(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, cases[i].entries - 1))),
            0);
        forms_of(extensions, forms);
        assert_string_equal(forms, cases[i].expected);
        assert_true(X509v3_get_ext_by_NID(extensions, NID_key_usage, -1) >= 0);
        assert_true(X509v3_get_ext_by_NID(extensions, NID_ext_key_usage, -1) >= 0);
        X509_NAME_free(subject);
        sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    }
}

static void test_names_of_the_certificate_in_force(void **state)
{
    static const uint8_t name[] = {0x30, 0x0d, 0x31, 0x0b, 0x30, 0x09, 0x06, 0x03,
                                   0x55, 0x04, 0x03, 0x0c, 0x02, 'a',  'b'};
    static const uint8_t san[] = {0x30, 0x05, 0x82, 0x03, 'x', '.', 'y'};
    AUTO_VAL(request_wishes) wishes = {0};
    AUTO_VAL(buf) template = {0};
    AUTO_VAL(buf) attrs = {0};
    X509_NAME *subject = NULL;
    X509_EXTENSIONS *extensions = NULL;
    char forms[8];
    (void)state;
    follow(&plain_profile, &wishes);
    wishes.subject = BYTES_OF(name);
    wishes.san = BYTES_OF(san);
    wishes.is_of_device = true;
    assert_ok(request_wishes_put_template(&wishes, &template));
    assert_ok(request_wishes_put_csrattrs(&wishes, &attrs));
    read_template(&template, &subject, &extensions);
    forms_of(extensions, forms);
    assert_string_equal(forms, "d");
    assert_non_null(memmem(attrs.p, attrs.n, name, sizeof name));
    assert_non_null(memmem(attrs.p, attrs.n, san, sizeof san));
    X509_NAME_free(subject);
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_list_is_as_it_was),
        cmocka_unit_test(test_each_key_is_told),
        cmocka_unit_test(test_placeholder_of_rsa),
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_names_of_the_certificate_in_force),
    };
    return cmocka_run_group_tests(tests, make_house, end_house);
}
