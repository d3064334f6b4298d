/* Images before the boot keys of their product. */
#include "tests/unit/fleet/fleet_fixture.h"

#include "db/product_rows.h"
#include "fleet/boot_keys.h"
#include "fleet/image_check.h"
#include "pki/openssl.h"
#include "tests/unit/firmware_store/image_vectors.h"

#define COUNT_OF(array)                   (sizeof(array) / sizeof((array)[0]))
#define assert_code(expression, expected) assert_int_equal((expression).code, (expected))

static err_t find_default(struct db_tx *tx, void *arg)
{
    struct product_row *out = arg;
    return product_rows_find(tx, out->tenant, bytes_str("default"), out);
}

static struct uuid product_of(struct fleet_fixture *f)
{
    struct product_row product = {.tenant = f->tenant.id};
    assert_ok(db_read(f->db, find_default, &product));
    return product.id;
}

static err_t try_add(struct fleet_fixture *f, const char *name, enum boot_key_kind kind, struct bytes text,
                     struct boot_key_row *out)
{
    struct faults faults = {.count = 0};
    const struct terms terms = {.tenant = f->tenant.id, .actor = test_actor, .faults = &faults};
    const struct boot_key_wish wish = {.name = bytes_str(name),
                                       .product = bytes_str("default"),
                                       .public_text = text,
                                       .has_kind = true,
                                       .kind = kind};
    return boot_key_add(f->fleet, &terms, &wish, out);
}

static struct uuid add_key(struct fleet_fixture *f, const char *file, enum boot_key_kind kind)
{
    AUTO_VAL(buf) pem = {0};
    struct boot_key_row row;
    vector_load(file, &pem);
    assert_ok(try_add(f, file, kind, buf_view(&pem), &row));
    return row.id;
}

struct trial {
    struct bytes bytes;
    enum image_format format;
    bool may_be_unsigned;
    struct image_verdict verdict;
};

static err_t judge(struct fleet_fixture *f, struct trial *trial)
{
    AUTO_VAL(image) image = {.facts = NULL};
    const struct byte_source source = byte_source_of(&trial->bytes);
    const struct image_check check = {.tenant = f->tenant.id,
                                      .product = product_of(f),
                                      .format = trial->format,
                                      .may_be_unsigned = trial->may_be_unsigned};
    return image_check_source(f->fleet, &source, &check, &image, &trial->verdict);
}

static void is_judged(struct fleet_fixture *f, const char *file, enum image_format format, err_code code,
                      bool is_signed)
{
    AUTO_VAL(buf) bytes = {0};
    vector_load(file, &bytes);
    struct trial trial = {.bytes = buf_view(&bytes), .format = format};
    assert_code(judge(f, &trial), code);
    assert_int_equal(trial.verdict.is_signed, is_signed);
    assert_int_equal(trial.verdict.fault.reason[0] != '\0', code != ERR_OK);
}

static void without_keys_everything_that_parses_is_taken(void **state)
{
    struct fleet_fixture f;
    fleet_fixture_init(&f, *state);
    is_judged(&f, "mcuboot_p256.bin", IMAGE_MCUBOOT, ERR_OK, false);
    is_judged(&f, "mcuboot_unsigned.bin", IMAGE_MCUBOOT, ERR_OK, false);
    is_judged(&f, "esp_p256.bin", IMAGE_ESP, ERR_OK, false);
    is_judged(&f, "esp_p256.bin", IMAGE_MCUBOOT, ERR_UNPROCESSABLE, false);
    is_judged(&f, "esp_p256.bin", IMAGE_RAW, ERR_OK, false);
    fleet_fixture_clear(&f);
}

static void each_scheme_holds_under_its_key_alone(void **state)
{
    static const char *const keys[] = {"p256", "p384", "rsa2048", "rsa3072", "ed25519"};
    static const char *const esp_keys[] = {"p256", "p384", "rsa3072"};
    char file[64], key[64];
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        struct fleet_fixture f;
        fleet_fixture_init(&f, *state);
        (void)snprintf(key, sizeof key, "%s.pub.pem", keys[i]);
        (void)add_key(&f, key, BOOT_KEY_MCUBOOT);
        for (size_t j = 0; j < COUNT_OF(keys); j++) {
            (void)snprintf(file, sizeof file, "mcuboot_%s.bin", keys[j]);
            is_judged(&f, file, IMAGE_MCUBOOT, i == j ? ERR_OK : ERR_UNPROCESSABLE, i == j);
        }
        is_judged(&f, "mcuboot_unsigned.bin", IMAGE_MCUBOOT, ERR_UNPROCESSABLE, false);
        is_judged(&f, "esp_unsigned.bin", IMAGE_ESP, ERR_OK, false); /* keys of another kind */
        fleet_fixture_clear(&f);
    }
    for (size_t i = 0; i < COUNT_OF(esp_keys); i++) {
        struct fleet_fixture f;
        fleet_fixture_init(&f, *state);
        (void)snprintf(key, sizeof key, "%s.pub.pem", esp_keys[i]);
        (void)add_key(&f, key, BOOT_KEY_ESP);
        for (size_t j = 0; j < COUNT_OF(esp_keys); j++) {
            (void)snprintf(file, sizeof file, "esp_%s.bin", esp_keys[j]);
            is_judged(&f, file, IMAGE_ESP, i == j ? ERR_OK : ERR_UNPROCESSABLE, i == j);
        }
        fleet_fixture_clear(&f);
    }
}

static void more_is_known(void **state)
{
    struct fleet_fixture f;
    fleet_fixture_init(&f, *state);
    (void)add_key(&f, "ed25519.pub.pem", BOOT_KEY_MCUBOOT);
    struct uuid p256 = add_key(&f, "p256.pub.pem", BOOT_KEY_MCUBOOT);
    (void)add_key(&f, "other_rsa3072.pub.pem", BOOT_KEY_ESP);
    is_judged(&f, "mcuboot_pure.bin", IMAGE_MCUBOOT, ERR_OK, true);
    is_judged(&f, "mcuboot_padded.bin", IMAGE_MCUBOOT, ERR_OK, true);
    is_judged(&f, "mcuboot_encrypted.bin", IMAGE_MCUBOOT, ERR_OK, true);
    is_judged(&f, "mcuboot_plain.bin", IMAGE_MCUBOOT, ERR_OK, true);
    is_judged(&f, "esp_two_keys.bin", IMAGE_ESP, ERR_OK, true); /* by the second of its blocks */
    is_judged(&f, "esp_rsa3072.bin", IMAGE_ESP, ERR_UNPROCESSABLE, false);
    struct faults faults = {.count = 0};
    struct boot_key_row row;
    const struct terms terms = {.tenant = f.tenant.id, .actor = test_actor, .faults = &faults};
    assert_ok(boot_key_revoke(f.fleet, &terms, p256, &row));
    assert_true(row.is_revoked);
    is_judged(&f, "mcuboot_p256.bin", IMAGE_MCUBOOT, ERR_UNPROCESSABLE, false);
    is_judged(&f, "mcuboot_pure.bin", IMAGE_MCUBOOT, ERR_OK, true);
    fleet_fixture_clear(&f);
}

static void certificates_judge_archives_and_bundles(void **state)
{
    static const struct {
        const char *key, *good, *bad;
        enum boot_key_kind kind;
        enum image_format format;
    } rows[] = {
        {"swu.crt", "swu_signed.swu", "swu_rsa.swu", BOOT_KEY_CMS, IMAGE_SWU},
        {"swu.crt", "swu_json.swu", "swu_unsigned.swu", BOOT_KEY_CMS, IMAGE_SWU},
        {"rsa2048.pub.pem", "swu_rsa.swu", NULL, BOOT_KEY_DETACHED, IMAGE_SWU},
        {"authority.crt", "rauc_plain.raucb", NULL, BOOT_KEY_CMS, IMAGE_RAUC},
        {"authority.crt", "rauc_verity.raucb", NULL, BOOT_KEY_CMS, IMAGE_RAUC},
        {"rauc.crt", "rauc_plain.raucb", NULL, BOOT_KEY_CMS, IMAGE_RAUC},
        {"rauc.crt", "rauc_verity.raucb", NULL, BOOT_KEY_CMS, IMAGE_RAUC},
    };
    static const struct {
        const char *key, *file;
        enum image_format format;
    } strangers[] = {{"stranger.crt", "swu_signed.swu", IMAGE_SWU},
                     {"web.crt", "swu_signed.swu", IMAGE_SWU},
                     {"stranger.crt", "rauc_plain.raucb", IMAGE_RAUC},
                     {"swu.crt", "rauc_verity.raucb", IMAGE_RAUC}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fleet_fixture f;
        fleet_fixture_init(&f, *state);
        (void)add_key(&f, rows[i].key, rows[i].kind);
        is_judged(&f, rows[i].good, rows[i].format, ERR_OK, true);
        if (rows[i].bad != NULL) {
            is_judged(&f, rows[i].bad, rows[i].format, ERR_UNPROCESSABLE, false);
        }
        fleet_fixture_clear(&f);
    }
    for (size_t i = 0; i < COUNT_OF(strangers); i++) {
        struct fleet_fixture f;
        fleet_fixture_init(&f, *state);
        (void)add_key(&f, strangers[i].key, BOOT_KEY_CMS);
        is_judged(&f, strangers[i].file, strangers[i].format, ERR_UNPROCESSABLE, false);
        AUTO_VAL(buf) bytes = {0};
        vector_load(strangers[i].file, &bytes);
        struct trial trial = {
            .bytes = buf_view(&bytes), .format = strangers[i].format, .may_be_unsigned = true};
        assert_ok(judge(&f, &trial)); /* it is to be signed here */
        assert_true(!trial.verdict.is_signed && trial.verdict.fault.reason[0] == '\0');
        fleet_fixture_clear(&f);
    }
}

struct kept {
    struct uuid tenant, product;
    const char *id; /* 16 characters */
    const char *facts;
    int64_t format;
};

static err_t keep_in(struct db_tx *tx, void *arg)
{
    static const char sql[] = "INSERT INTO firmware_image (id, tenant, product, sha256, size, filename, "
                              "format, version, counter, facts, "
                              "state, releases, hold_reason, created_by, created_at, updated_at, ver) VALUES "
                              "($1, $2, $3, $4, 1, 'x', $5, "
                              "'', -1, $6, 0, 0, '', '', 1, 1, 1)";
    const struct kept *kept = arg;
    struct sha256 digest;
    TRY(sha256_of(bytes_str(kept->id), &digest));
    return db_change(tx, sql,
                     DB_VALUES(DB_B(kept->id, 16), DB_B(kept->tenant.b, 16), DB_B(kept->product.b, 16),
                               DB_B(digest.b, 32), DB_I(kept->format), DB_T(kept->facts)),
                     NULL);
}

static void a_product_has_one_chip(void **state)
{
    struct fleet_fixture f;
    AUTO_VAL(buf) bytes = {0};
    fleet_fixture_init(&f, *state);
    struct kept kept = {f.tenant.id, product_of(&f), "0000000000000001", "{\"chip_id\":9}", IMAGE_ESP};
    vector_load("esp_unsigned.bin", &bytes);
    struct trial trial = {.bytes = buf_view(&bytes), .format = IMAGE_ESP};
    assert_ok(judge(&f, &trial));
    assert_ok(db_write(f.db, keep_in, &kept));
    assert_code(judge(&f, &trial), ERR_UNPROCESSABLE);
    assert_reason(&trial.verdict.fault, 12, "for chip 5, the newest image of the product for chip 9");
    kept.id = "0000000000000002";
    kept.facts = "{\"chip_id\":5}";
    assert_ok(db_write(f.db, keep_in, &kept));
    kept.id = "0000000000000003";
    kept.facts = "{}";
    kept.format = IMAGE_RAW;
    assert_ok(db_write(f.db, keep_in, &kept));
    assert_ok(judge(&f, &trial));
    fleet_fixture_clear(&f);
}

static void unsigned_ones_may_be_let_in_and_broken_ones_not(void **state)
{
    struct fleet_fixture f;
    AUTO_VAL(buf) bytes = {0};
    fleet_fixture_init(&f, *state);
    (void)add_key(&f, "p256.pub.pem", BOOT_KEY_MCUBOOT);
    vector_load("mcuboot_unsigned.bin", &bytes);
    struct trial trial = {.bytes = buf_view(&bytes), .format = IMAGE_MCUBOOT, .may_be_unsigned = true};
    assert_ok(judge(&f, &trial));
    assert_false(trial.verdict.is_signed);
    vector_load("mcuboot_rsa2048.bin", &bytes);
    trial.bytes = buf_view(&bytes);
    assert_ok(judge(&f, &trial)); /* by somebody else: it will be signed anew */
    assert_false(trial.verdict.is_signed);
    vector_load("mcuboot_p256.bin", &bytes);
    bytes.p[bytes.n - 1] ^= 1;
    trial.bytes = buf_view(&bytes);
    assert_code(judge(&f, &trial), ERR_UNPROCESSABLE);
    assert_reason(&trial.verdict.fault, 390, "does not hold under the registered boot key that it names");
    fleet_fixture_clear(&f);
}

static void no_bit_can_be_turned(void **state)
{
    static const char *const files[] = {"mcuboot_p256.bin", "mcuboot_pure.bin"};
    struct fleet_fixture f;
    fleet_fixture_init(&f, *state);
    (void)add_key(&f, "p256.pub.pem", BOOT_KEY_MCUBOOT);
    (void)add_key(&f, "ed25519.pub.pem", BOOT_KEY_MCUBOOT);
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        AUTO_VAL(buf) bytes = {0};
        vector_load(files[i], &bytes);
        for (size_t at = i == 0 ? 0 : 300; at < bytes.n; at += i == 0 ? 1 : 7) {
            bytes.p[at] ^= (uint8_t)(1U << at % 8);
            struct trial trial = {.bytes = buf_view(&bytes), .format = IMAGE_MCUBOOT};
            assert_code(judge(&f, &trial), ERR_UNPROCESSABLE);
            bytes.p[at] ^= (uint8_t)(1U << at % 8);
        }
    }
    fleet_fixture_clear(&f);
}

static void keys_that_no_boot_loader_takes_are_refused(void **state)
{
    struct fleet_fixture f;
    struct boot_key_row row;
    AUTO_VAL(buf) rsa = {0};
    AUTO_VAL(buf) ed25519 = {0};
    AUTO_VAL(buf) p256 = {0};
    fleet_fixture_init(&f, *state);
    vector_load("rsa2048.pub.pem", &rsa);
    vector_load("ed25519.pub.pem", &ed25519);
    vector_load("p256.pub.pem", &p256);
    assert_code(try_add(&f, "a", BOOT_KEY_ESP, buf_view(&rsa), &row), ERR_UNPROCESSABLE);
    assert_code(try_add(&f, "a", BOOT_KEY_ESP, buf_view(&ed25519), &row), ERR_UNPROCESSABLE);
    assert_code(try_add(&f, "a", BOOT_KEY_CMS, buf_view(&p256), &row), ERR_UNPROCESSABLE);
    assert_code(try_add(&f, "a", BOOT_KEY_MCUBOOT, bytes_str("words"), &row), ERR_UNPROCESSABLE);
    assert_code(try_add(&f, "a b", BOOT_KEY_MCUBOOT, buf_view(&p256), &row), ERR_UNPROCESSABLE);
    assert_ok(try_add(&f, "a", BOOT_KEY_MCUBOOT, buf_view(&p256), &row));
    assert_code(try_add(&f, "a", BOOT_KEY_MCUBOOT, buf_view(&p256), &row), ERR_CONFLICT);
    for (int i = 1; i < BOOT_KEYS_OF_PRODUCT_MAX; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "key-%d", i);
        assert_ok(try_add(&f, name, BOOT_KEY_DETACHED, buf_view(&ed25519), &row));
    }
    assert_code(try_add(&f, "one-more", BOOT_KEY_DETACHED, buf_view(&ed25519), &row), ERR_CONFLICT);
    fleet_fixture_clear(&f);
}

/* --- beside the image ------------------------------------------------------------------------------- */

static void add_made_key(struct fleet_fixture *f, const char *name, EVP_PKEY *key)
{
    AUTO_VAL(buf) spki = {0};
    struct boot_key_row row;
    spki_of(key, &spki);
    assert_ok(try_add(f, name, BOOT_KEY_DETACHED, buf_view(&spki), &row));
}

static void sign_text(EVP_PKEY *key, const char *digest, struct bytes text, struct buf *out)
{
    AUTO(EVP_MD_CTX) *context = EVP_MD_CTX_new();
    size_t size = 256;
    out->n = 0;
    assert_ok(buf_reserve(out, size));
    assert_int_equal(EVP_DigestSignInit_ex(context, NULL, digest, NULL, NULL, key, NULL), 1);
    assert_int_equal(EVP_DigestSign(context, out->p, &size, text.p, text.n), 1);
    out->n = size;
}

static void open_blob(const struct fleet_fixture *f, struct bytes text, struct blob_store **store,
                      struct blob_reader **reader)
{
    char folder[160];
    int64_t at = 0;
    const struct uuid name = {{1}};
    struct blob_digests digests;
    AUTO_PTR(blob_writer) *writer = NULL;
    (void)snprintf(folder, sizeof folder, "%s/blobs", f->folder.path);
    assert_ok(blob_store_open_folder(folder, store));
    assert_ok(blob_writer_open(*store, name, &at, &writer));
    assert_ok(blob_writer_add(writer, text));
    assert_ok(blob_writer_sync(writer));
    assert_ok(blob_writer_commit(writer, &digests));
    assert_ok(blob_open(*store, &digests.sha256, reader));
}

static void detached_signatures_hold_over_all_bytes(void **state)
{
    struct fleet_fixture f;
    AUTO_PTR(blob_store) *store = NULL;
    AUTO_PTR(blob_reader) *reader = NULL;
    AUTO(EVP_PKEY) *p256 = ec_key("P-256");
    AUTO(EVP_PKEY) *ed25519 = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    AUTO(EVP_PKEY) *stranger = ec_key("P-256");
    AUTO_VAL(buf) signature = {0};
    struct bytes text = bytes_str("any bytes at all");
    struct image_verdict verdict;
    fleet_fixture_init(&f, *state);
    open_blob(&f, text, &store, &reader);
    const struct image_check check = {.tenant = f.tenant.id, .product = product_of(&f), .format = IMAGE_RAW};
    sign_text(p256, "SHA256", text, &signature);
    assert_code(image_check_detached(f.fleet, reader, &check, buf_view(&signature), &verdict),
                ERR_UNPROCESSABLE); /* no key yet */
    add_made_key(&f, "a", p256);
    add_made_key(&f, "b", ed25519);
    assert_ok(image_check_detached(f.fleet, reader, &check, buf_view(&signature), &verdict));
    assert_true(verdict.is_signed);
    sign_text(ed25519, NULL, text, &signature);
    assert_ok(image_check_detached(f.fleet, reader, &check, buf_view(&signature), &verdict));
    signature.p[0] ^= 1;
    assert_code(image_check_detached(f.fleet, reader, &check, buf_view(&signature), &verdict),
                ERR_UNPROCESSABLE);
    assert_false(verdict.is_signed);
    sign_text(stranger, "SHA256", text, &signature);
    assert_code(image_check_detached(f.fleet, reader, &check, buf_view(&signature), &verdict),
                ERR_UNPROCESSABLE);
    sign_text(p256, "SHA256", bytes_str("any bytes at al"), &signature);
    assert_code(image_check_detached(f.fleet, reader, &check, buf_view(&signature), &verdict),
                ERR_UNPROCESSABLE);
    assert_code(image_check_detached(f.fleet, reader, &check, BYTES_NONE, &verdict), ERR_UNPROCESSABLE);
    fleet_fixture_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_keys_everything_that_parses_is_taken),
        cmocka_unit_test(each_scheme_holds_under_its_key_alone),
        cmocka_unit_test(more_is_known),
        cmocka_unit_test(certificates_judge_archives_and_bundles),
        cmocka_unit_test(a_product_has_one_chip),
        cmocka_unit_test(unsigned_ones_may_be_let_in_and_broken_ones_not),
        cmocka_unit_test(detached_signatures_hold_over_all_bytes),
        cmocka_unit_test(no_bit_can_be_turned),
        cmocka_unit_test(keys_that_no_boot_loader_takes_are_refused),
    };
    return cmocka_run_group_tests(tests, fleet_group_setup, fleet_group_teardown);
}
