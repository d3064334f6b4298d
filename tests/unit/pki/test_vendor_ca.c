/* Pinned CAs of chip makers: which certificates can be pinned, and which chips are good under them. */
#include "tests/unit/pki/vendor_fixture.h"

#include "base/file.h"
#include "base/json.h"

/* The chip's certificate with what it sends along, against one CA. */
static err_t verify(const X509 *chip, X509 *const others[], size_t count, const X509 *ca, unsigned *depth)
{
    AUTO_VAL(buf) leaf = {0};
    AUTO_VAL(buf) sent = {0};
    AUTO_VAL(buf) pinned = {0};
    AUTO_PTR(vendor_chain) *chain = NULL;
    der_of(chip, &leaf);
    der_of(ca, &pinned);
    for (size_t i = 0; i < count; i++) {
        der_of(others[i], &sent);
    }
    TRY(vendor_chain_new(buf_view(&leaf), buf_view(&sent), &chain));
    return vendor_chain_verify(chain, buf_view(&pinned), vendor_now_ms, depth);
}

static void assert_refused(const X509 *chip, X509 *other, const X509 *ca, const char *word)
{
    unsigned depth = 0;
    assert_error(verify(chip, &other, other == NULL ? 0 : 1, ca, &depth), ERR_UNPROCESSABLE, word);
}

static void a_chip_is_good_under_each_of_its_cas(void **state)
{
    (void)state;
    AUTO_VAL(vendor) v;
    unsigned depth = 9;
    vendor_init(&v);
    assert_ok(verify(v.chip, NULL, 0, v.ca, &depth));
    assert_int_equal(depth, 0);
    assert_ok(verify(v.chip, &v.ca, 1, v.root, &depth));
    assert_int_equal(depth, 1);
    X509 *const all[] = {v.root, v.ca}; /* in any order, the root too */
    assert_ok(verify(v.chip, all, 2, v.root, &depth));
    assert_int_equal(depth, 1);
    assert_ok(verify(v.chip, all, 2, v.ca, &depth));
    assert_int_equal(depth, 0);
}

static void the_chain_must_be_whole_and_the_makers(void **state)
{
    (void)state;
    AUTO_VAL(vendor) v;
    AUTO_VAL(vendor) impostor; /* the same names, other keys */
    vendor_init(&v);
    vendor_init(&impostor);
    assert_refused(v.chip, NULL, v.root, "does not lead");
    assert_refused(v.chip, impostor.ca, v.root, "does not lead");
    assert_refused(impostor.chip, NULL, v.ca, "does not lead");
    assert_refused(impostor.chip, impostor.ca, v.root, "does not lead");
    assert_refused(v.ca, NULL, v.root, "no chip's");
    unsigned depth = 0;
    const struct vendor_spec another = {
        .cn = "Another", .key = impostor.ca_key, .constraints = "critical,CA:TRUE"};
    AUTO(X509) *stranger = vendor_make(&another);
    X509 *const mixed[] = {stranger, v.chip, v.ca}; /* what does not belong is no harm */
    assert_ok(verify(v.chip, mixed, 3, v.root, &depth));
    X509 *const many[] = {v.ca, v.root, impostor.ca, impostor.root};
    assert_error(verify(v.chip, many, 4, v.root, &depth), ERR_UNPROCESSABLE, "at most 3");
}

/* A chip under one bad intermediate. */
static void intermediate_refused(const struct vendor *v, struct vendor_spec spec, const char *word)
{
    spec.issuer = v->root;
    spec.issuer_key = v->root_key;
    spec.cn = "Chip CA 2";
    AUTO(X509) *ca = vendor_make(&spec);
    const struct vendor_spec chip = {
        .cn = "chip", .key = v->chip_key, .issuer = ca, .issuer_key = spec.key, .constraints = "CA:FALSE"};
    AUTO(X509) *x509 = vendor_make(&chip);
    assert_refused(x509, ca, v->root, word);
}

static void weak_and_wrong_intermediates(void **state)
{
    (void)state;
    AUTO_VAL(vendor) v;
    vendor_init(&v);
    AUTO(EVP_PKEY) *ec = ec_key("P-256");
    AUTO(EVP_PKEY) *p521 = ec_key("P-521");
    AUTO(EVP_PKEY) *rsa = EVP_RSA_gen(1024);
    const char *ca = "critical,CA:TRUE";
    intermediate_refused(&v, (struct vendor_spec){.key = ec}, "does not lead");
    intermediate_refused(&v, (struct vendor_spec){.key = ec, .constraints = "CA:FALSE"}, "does not lead");
    intermediate_refused(&v, (struct vendor_spec){.key = ec, .constraints = ca, .usage = "digitalSignature"},
                         "does not lead");
    intermediate_refused(&v, (struct vendor_spec){.key = rsa, .constraints = ca}, "does not lead");
    intermediate_refused(&v, (struct vendor_spec){.key = p521, .constraints = ca}, "does not lead");
    intermediate_refused(&v, (struct vendor_spec){.key = ec, .constraints = ca, .digest = "SHA1"}, "SHA-1");
    /* pathlen:0 allows no CA below */
    const struct vendor_spec below = {
        .cn = "below", .key = ec, .issuer = v.ca, .issuer_key = v.ca_key, .constraints = ca};
    AUTO(X509) *sub = vendor_make(&below);
    const struct vendor_spec chip = {.cn = "chip", .key = v.chip_key, .issuer = sub, .issuer_key = ec};
    AUTO(X509) *x509 = vendor_make(&chip);
    assert_refused(x509, sub, v.ca, "path length");
}

static X509 *chip_with(const struct vendor *v, struct vendor_spec spec)
{
    spec.cn = spec.cn != NULL ? spec.cn : "chip";
    spec.key = v->chip_key;
    spec.issuer = v->ca;
    spec.issuer_key = v->ca_key;
    return vendor_make(&spec);
}

static void dates_of_chips(void **state)
{
    (void)state;
    AUTO_VAL(vendor) v;
    vendor_init(&v);
    const int64_t now_s = vendor_now_ms / 1000;
    const int64_t day_s = 86400;
    const struct {
        int64_t from_s, to_s;
        const char *refusal; /* NULL: good */
    } rows[] = {
        {now_s - 9, 253402300799, NULL},
        {now_s - 9, now_s, NULL}, /* its last second */
        {now_s - 9, now_s - 1, "expired"},
        {now_s + day_s, now_s + 2 * day_s, NULL}, /* clocks of factories */
        {now_s + day_s + 1, now_s + 2 * day_s, "not valid yet"},
        {vendor_from_s - day_s, now_s + 9, NULL}, /* rounded down: before its CA, by a day */
        {vendor_from_s - day_s - 1, now_s + 9, "not yet valid"},
        {vendor_from_s + 10 * vendor_year_s + 1, now_s + 9, "not valid yet"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        AUTO(X509) *chip =
            chip_with(&v, (struct vendor_spec){.from_s = rows[i].from_s, .to_s = rows[i].to_s});
        unsigned depth = 0;
        err_t error = verify(chip, NULL, 0, v.ca, &depth);
        if (rows[i].refusal == NULL) {
            assert_ok(error);
        } else {
            assert_error(error, ERR_UNPROCESSABLE, rows[i].refusal);
        }
    }
}

/* Chips outlive the CAs of their makers: what counts is the day on which the chip's was made. */
static void an_ended_ca_is_good_for_what_it_signed_before(void **state)
{
    (void)state;
    AUTO_VAL(vendor) v;
    unsigned depth = 0;
    vendor_init(&v);
    const struct vendor_spec ended = {.cn = "Chip CA 1",
                                      .key = v.ca_key,
                                      .issuer = v.root,
                                      .issuer_key = v.root_key,
                                      .constraints = "critical,CA:TRUE",
                                      .to_s = vendor_from_s + vendor_year_s};
    AUTO(X509) *ca = vendor_make(&ended);
    assert_ok(verify(v.chip, &ca, 1, v.root, &depth));
    assert_ok(verify(v.chip, NULL, 0, ca, &depth));
    AUTO(X509) *later = chip_with(
        &v, (struct vendor_spec){.from_s = vendor_from_s + 2 * vendor_year_s, .to_s = 253402300799});
    assert_refused(later, ca, v.root, "expired");
    assert_refused(later, NULL, ca, "expired");
}

static void odd_chips(void **state)
{
    (void)state;
    AUTO_VAL(vendor) v;
    unsigned depth = 0;
    vendor_init(&v);
    AUTO(X509) *illegal = chip_with(&v, (struct vendor_spec){.cn = "eui48_00@0000", .is_illegal = true});
    assert_ok(verify(illegal, NULL, 0, v.ca, &depth));
    AUTO(X509) *bare = chip_with(&v, (struct vendor_spec){.cn = "bare"});
    assert_ok(verify(bare, NULL, 0, v.ca, &depth));
    AUTO(X509) *agreement = chip_with(&v, (struct vendor_spec){.usage = "keyAgreement"});
    assert_refused(agreement, NULL, v.ca, "key usage");
    AUTO(X509) *weak = chip_with(&v, (struct vendor_spec){.digest = "SHA1"});
    assert_refused(weak, NULL, v.ca, "SHA-1");
    AUTO_PTR(vendor_chain) *chain = NULL;
    AUTO_VAL(buf) leaf = {0};
    der_of(v.chip, &leaf);
    assert_error(vendor_chain_new(bytes_str("x"), BYTES_NONE, &chain), ERR_UNPROCESSABLE, "");
    assert_error(vendor_chain_new(buf_view(&leaf), bytes_str("0"), &chain), ERR_UNPROCESSABLE, "");
    assert_error(vendor_chain_new(buf_view(&leaf), (struct bytes){leaf.p, leaf.n - 1}, &chain),
                 ERR_UNPROCESSABLE, "");
    assert_ok(vendor_chain_new(buf_view(&leaf), buf_view(&leaf), &chain));
    uint32_t hashes[VENDOR_CHAIN_MAX];
    char name[VENDOR_NAME_SIZE];
    assert_int_equal(vendor_chain_issuers(chain, hashes), 1); /* the same issuer twice */
    vendor_chain_name(chain, name);
    assert_string_equal(name, "sn0123456789ABCDEF01");
}

/* --- what can be pinned ----------------------------------------------------------------------------- */

static void pins(void **state)
{
    (void)state;
    AUTO_VAL(vendor) v;
    AUTO_VAL(vendor_ca) ca = {.name_hash = 0};
    AUTO_VAL(buf) pem = {0};
    AUTO_VAL(buf) leaf = {0};
    AUTO_PTR(vendor_chain) *chain = NULL;
    uint32_t hashes[VENDOR_CHAIN_MAX];
    vendor_init(&v);
    pem_of(v.ca, &pem);
    assert_ok(vendor_ca_read(buf_view(&pem), &ca));
    assert_string_equal(ca.subject, "CN=Chip CA 1,O=Example Chips");
    assert_int_equal(ca.not_before_ms, vendor_from_s * 1000);
    der_of(v.chip, &leaf);
    assert_ok(vendor_chain_new(buf_view(&leaf), BYTES_NONE, &chain));
    assert_int_equal(vendor_chain_issuers(chain, hashes), 1);
    assert_int_equal(hashes[0], ca.name_hash);
}

static void pin_refused(const struct buf *pem, const char *word)
{
    AUTO_VAL(vendor_ca) ca = {.name_hash = 0};
    assert_error(vendor_ca_read(buf_view(pem), &ca), ERR_UNPROCESSABLE, word);
}

static void what_cannot_be_pinned(void **state)
{
    (void)state;
    AUTO_VAL(vendor) v;
    AUTO_VAL(buf) chip = {0};
    AUTO_VAL(buf) two = {0};
    AUTO_VAL(buf) nothing = {0};
    AUTO_VAL(buf) cut = {0};
    AUTO_VAL(buf) weak_pem = {0};
    AUTO_VAL(buf) huge = {0};
    vendor_init(&v);
    pem_of(v.chip, &chip);
    pin_refused(&chip, "no certificate authority's");
    pem_of(v.ca, &two);
    pem_of(v.root, &two);
    pin_refused(&two, "one certificate");
    pin_refused(&nothing, "no PEM certificate");
    pem_of(v.ca, &cut);
    cut.n /= 2;
    pin_refused(&cut, "");
    AUTO(EVP_PKEY) *rsa = EVP_RSA_gen(1024);
    AUTO(X509) *weak =
        vendor_make(&(struct vendor_spec){.cn = "weak", .key = rsa, .constraints = "critical,CA:TRUE"});
    pem_of(weak, &weak_pem);
    pin_refused(&weak_pem, "RSA");
    for (int i = 0; i < 20000; i++) {
        assert_ok(buf_append(&huge, "\n", 1));
    }
    pin_refused(&huge, "longer");
}

/* --- real chips ------------------------------------------------------------------------------------- */

#define SAMPLES "../shared/data/microchip/"

static err_t read_x5c(const json_t *key, size_t i, struct buf *out)
{
    return base64_decode(bytes_str(json_string_value(json_array_get(json_object_get(key, "x5c"), i))), out);
}

/* @return whether the entry's chip has a certificate, and it verified */
static bool check_entry(const json_t *entry, struct bytes root)
{
    AUTO_VAL(buf) text = {0};
    AUTO_VAL(buf) leaf = {0};
    AUTO_VAL(buf) signer = {0};
    AUTO_PTR(vendor_chain) *chain = NULL;
    unsigned depth = 0;
    assert_ok(base64url_decode(bytes_str(json_string_value(json_object_get(entry, "payload"))), &text));
    AUTO(json_t) *payload = json_loadb((const char *)text.p, text.n, 0, NULL);
    const json_t *keys = json_object_get(json_object_get(payload, "publicKeySet"), "keys");
    const json_t *key = json_array_get(keys, 0);
    if (json_array_size(json_object_get(key, "x5c")) < 2) {
        return false;
    }
    assert_ok(read_x5c(key, 0, &leaf));
    assert_ok(read_x5c(key, 1, &signer));
    assert_ok(vendor_chain_new(buf_view(&leaf), buf_view(&signer), &chain));
    assert_ok(vendor_chain_verify(chain, root, vendor_now_ms, &depth));
    assert_int_equal(depth, 1);
    return true;
}

static void chips_of_microchip(void **state)
{
    (void)state;
    AUTO_VAL(buf) pem = {0};
    AUTO_VAL(vendor_ca) root = {.name_hash = 0};
    if (access(SAMPLES "manifest_ATECC608A-MAH4I.json", R_OK) != 0) {
        print_message("skipped: no samples in " SAMPLES "\n");
        skip();
    }
    assert_ok(file_read(SAMPLES "Crypto_Authentication_Root_CA_002.crt", 65536, &pem));
    assert_ok(vendor_ca_read(buf_view(&pem), &root));
    AUTO(json_t) *manifest = json_load_file(SAMPLES "manifest_ATECC608A-MAH4I.json", 0, NULL);
    size_t good = 0;
    size_t i = 0;
    json_t *entry = NULL;
    json_array_foreach(manifest, i, entry)
    {
        good += check_entry(entry, buf_view(&root.der)) ? 1U : 0U;
    }
    assert_true(good > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chip_is_good_under_each_of_its_cas),
        cmocka_unit_test(the_chain_must_be_whole_and_the_makers),
        cmocka_unit_test(weak_and_wrong_intermediates),
        cmocka_unit_test(dates_of_chips),
        cmocka_unit_test(an_ended_ca_is_good_for_what_it_signed_before),
        cmocka_unit_test(odd_chips),
        cmocka_unit_test(pins),
        cmocka_unit_test(what_cannot_be_pinned),
        cmocka_unit_test(chips_of_microchip),
    };
    return cmocka_run_group_tests_name("vendor_ca", tests, NULL, NULL);
}
