/* Signing carried out: the derived images and the signatures beside them, held against programs that we did
 * not write; what is refused; and that a job which goes on after a crash signs nothing twice. */
#include "tests/unit/fleet/signing_scene.h"

/* --- MCUboot ---------------------------------------------------------------------------------------- */

static void mcuboot_images_get_another_signature(void **state)
{
    static const char *const algorithms[] = {"ecdsa-p256", "ed25519", "rsa-3072"};
    static const char *const vectors[] = {"mcuboot_unsigned.bin", "mcuboot_p256.bin", "mcuboot_rsa3072.bin",
                                          "mcuboot_plain.bin"};
    struct fleet_fixture *f = *state;
    AUTO_VAL(buf) pem = {0};
    for (size_t i = 0; i < 3; i++) {
        struct firmware_key_row key = make_signing_key(f, FIRMWARE_KEY_MCUBOOT, algorithms[i]);
        AUTO_VAL(buf) command = {0};
        key_pem(&key, &pem);
        put_file(f, "key.pem", buf_view(&pem));
        assert_ok(buf_append_str(&command,
                                 "/usr/bin/python3 -B $here/tests/unit/fleet/mcuboot_by_hand.py key.pem"));
        for (size_t j = 0; j < 4; j++) {
            struct uuid made, image = upload_vector(f, vectors[j], IMAGE_MCUBOOT);
            assert_ok(sign_image(f, image, SIGNING_EMBEDDED, &key, &made));
            assert_false(uuid_equal(made, image));
            put_image(f, made, vectors[j]);
            assert_ok(buf_printf(&command, " %s $here/tests/vectors/firmware/%s", vectors[j], vectors[j]));
        }
        assert_outside(f, buf_str(&command));
    }
}

static void an_image_that_cannot_be_signed_is_refused_with_the_reason(void **state)
{
    static const struct {
        const char *name, *reason;
    } rows[] = {{"mcuboot_encrypted.bin", "encrypted"},
                {"mcuboot_padded.bin", "padded"},
                {"mcuboot_pure.bin", "over the image itself"}};
    struct fleet_fixture *f = *state;
    struct uuid made;
    const struct firmware_key_row key = make_signing_key(f, FIRMWARE_KEY_MCUBOOT, "ecdsa-p256");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct uuid image = upload_vector(f, rows[i].name, IMAGE_MCUBOOT);
        assert_error(sign_image(f, image, SIGNING_EMBEDDED, &key, &made), ERR_UNPROCESSABLE, rows[i].reason);
    }
    struct uuid raw = upload_vector(f, "mcuboot_p256.bin", IMAGE_RAW);
    assert_error(sign_image(f, raw, SIGNING_EMBEDDED, &key, &made), ERR_UNPROCESSABLE, "of format raw");
    assert_int_equal(firmware_number(f, "SELECT uses FROM firmware_key"), 0);
}

static void what_the_devices_would_refuse_is_not_kept(void **state)
{
    struct fleet_fixture *f = *state;
    struct uuid made;
    const struct firmware_key_row known = make_signing_key(f, FIRMWARE_KEY_MCUBOOT, "ecdsa-p256");
    const struct firmware_key_row unknown = make_signing_key(f, FIRMWARE_KEY_MCUBOOT, "ed25519");
    struct uuid image = upload_vector(f, "mcuboot_unsigned.bin", IMAGE_MCUBOOT);
    assert_ok(register_boot_key(f, &known, BOOT_KEY_MCUBOOT));
    assert_error(sign_image(f, image, SIGNING_EMBEDDED, &unknown, &made), ERR_UNPROCESSABLE,
                 "would be refused");
    assert_int_equal(firmware_number(f, "SELECT SUM(uses) FROM firmware_key"), 0);
    assert_int_equal(firmware_number(f, "SELECT COUNT(*) FROM firmware_image"), 1);
    assert_ok(sign_image(f, image, SIGNING_EMBEDDED, &known, &made));
}

static void the_same_again_gives_the_same_image(void **state)
{
    struct fleet_fixture *f = *state;
    struct uuid first, again;
    struct firmware_image_row row;
    const struct firmware_key_row key = make_signing_key(f, FIRMWARE_KEY_MCUBOOT, "ecdsa-p256");
    struct uuid image = upload_vector(f, "mcuboot_unsigned.bin", IMAGE_MCUBOOT);
    assert_ok(sign_image(f, image, SIGNING_EMBEDDED, &key, &first));
    fleet_fixture_reopen(f);
    assert_ok(sign_image(f, image, SIGNING_EMBEDDED, &key, &again));
    assert_true(uuid_equal(first, again));
    assert_int_equal(firmware_number(f, "SELECT uses FROM firmware_key"), 1);
    assert_int_equal(firmware_number(f, "SELECT COUNT(*) FROM firmware_key_use"), 1);
    assert_ok(image_get(f->fleet, f->tenant.id, first, &row));
    assert_true(row.is_derived && uuid_equal(row.derived_from, image) && uuid_equal(row.signing_key, key.id));
    assert_string_equal(row.filename, "mcuboot_unsigned.bin");
    assert_int_equal(row.counter, 5);
    struct faults faults;
    struct terms terms = firmware_terms(f, &faults);
    struct firmware_key_row ended;
    assert_ok(firmware_key_retire(f->fleet, &terms, key.id, &ended));
    assert_ok(sign_image(f, image, SIGNING_EMBEDDED, &key, &again)); /* it is there: nothing is signed */
    struct uuid other = upload_vector(f, "mcuboot_plain.bin", IMAGE_MCUBOOT);
    assert_error(sign_image(f, other, SIGNING_EMBEDDED, &key, &again), ERR_UNPROCESSABLE, "is retired");
}

/* --- SWUpdate --------------------------------------------------------------------------------------- */

static void swupdate_takes_what_was_signed(void **state)
{
    static const char *const algorithms[] = {"ecdsa-p256", "ecdsa-p384", "rsa-3072"};
    static const char *const vectors[] = {"swu_signed.swu", "swu_unsigned.swu", "swu_newc.swu",
                                          "swu_rsa.swu"};
    struct fleet_fixture *f = *state;
    AUTO_VAL(buf) pem = {0};
    for (size_t i = 0; i < 3; i++) {
        struct firmware_key_row key = make_signing_key(f, FIRMWARE_KEY_CMS, algorithms[i]);
        key_pem(&key, &pem);
        put_file(f, "cert.pem", buf_view(&pem));
        for (size_t j = 0; j < 4; j++) {
            struct uuid made, image = upload_vector(f, vectors[j], IMAGE_SWU);
            assert_ok(sign_image(f, image, SIGNING_EMBEDDED, &key, &made));
            put_image(f, made, "made.swu");
            assert_outside(f, "test $(($(stat -c %s made.swu) % 512)) = 0 && rm -rf x && mkdir x && cd x && "
                              "cpio --quiet -i <../made.swu && openssl cms -verify -binary -inform DER -in "
                              "sw-description.sig -content sw-description -CAfile ../cert.pem -purpose any "
                              "-out /dev/null && cpio --quiet -t <../made.swu | grep -n sw-description.sig | "
                              "grep -qx 2:sw-description.sig");
            if (has_outside("swupdate") && j == i) {
                assert_outside(f, /* its exit status depends on which of its processes ends first */
                               "TMPDIR=$PWD swupdate -c -k cert.pem -i made.swu -H board:1.0 -l 5 | tee log; "
                               "grep -qE 'SWUPDATE successful|SWUpdate was successful' log");
            }
        }
    }
}

/* --- RAUC ------------------------------------------------------------------------------------------- */

static void rauc_takes_what_was_signed(void **state)
{
    static const char *const algorithms[] = {"ecdsa-p256", "ecdsa-p384", "rsa-3072"};
    static const char *const vectors[] = {"rauc_plain.raucb", "rauc_verity.raucb"};
    struct fleet_fixture *f = *state;
    AUTO_VAL(buf) pem = {0};
    for (size_t i = 0; i < 3; i++) {
        struct firmware_key_row key = make_signing_key(f, FIRMWARE_KEY_CMS, algorithms[i]);
        key_pem(&key, &pem);
        put_file(f, "ca.pem", buf_view(&pem));
        for (size_t j = 0; j < 2; j++) {
            struct uuid made, image = upload_vector(f, vectors[j], IMAGE_RAUC);
            assert_ok(sign_image(f, image, SIGNING_EMBEDDED, &key, &made));
            put_image(f, made, "made.raucb");
            if (has_outside("rauc")) {
                assert_outside(f, "rauc info --keyring=ca.pem made.raucb");
            }
        }
    }
}

/* --- beside the image ------------------------------------------------------------------------------- */

static err_t take_first(const struct firmware_signature_row *row, void *arg)
{
    *(struct firmware_signature_row *)arg = *row;
    return OK;
}

static void first_signature(struct fleet_fixture *f, struct uuid image, struct firmware_signature_row *out)
{
    const struct firmware_signature_list list = {
        .tenant = f->tenant.id, .image = image, .window = {.limit = 1}};
    *out = (struct firmware_signature_row){.size = 0};
    assert_ok(firmware_signature_list(f->fleet, &list, take_first, out));
    assert_true(out->size > 0);
}

static void openssl_takes_signatures_beside_an_image(void **state)
{
    struct fleet_fixture *f = *state;
    AUTO_VAL(buf) pem = {0};
    struct firmware_signature_row row;
    struct uuid same;
    struct uuid image = upload_vector(f, "esp_unsigned.bin", IMAGE_RAW);
    put_image(f, image, "image");
    struct firmware_key_row key = make_signing_key(f, FIRMWARE_KEY_DETACHED, "ecdsa-p256");
    assert_ok(sign_image(f, image, SIGNING_DETACHED, &key, &same));
    assert_true(uuid_equal(same, image));
    assert_ok(sign_image(f, image, SIGNING_DETACHED, &key, &same)); /* once */
    assert_int_equal(firmware_number(f, "SELECT COUNT(*) FROM firmware_signature"), 1);
    assert_int_equal(firmware_number(f, "SELECT uses FROM firmware_key"), 1);
    first_signature(f, image, &row);
    key_pem(&key, &pem);
    put_file(f, "key.pem", buf_view(&pem));
    put_file(f, "signature", (struct bytes){row.bytes, row.size});
    assert_outside(f, "openssl dgst -sha256 -verify key.pem -signature signature image");

    image = upload_vector(f, "esp_p256.bin", IMAGE_RAW);
    put_image(f, image, "image");
    key = make_signing_key(f, FIRMWARE_KEY_DETACHED, "ed25519");
    assert_ok(sign_image(f, image, SIGNING_DETACHED, &key, &same));
    first_signature(f, image, &row);
    key_pem(&key, &pem);
    put_file(f, "key.pem", buf_view(&pem));
    put_file(f, "signature", (struct bytes){row.bytes, row.size});
    assert_outside(f, "openssl pkeyutl -verify -pubin -inkey key.pem -rawin -in image -sigfile signature");
    key = make_signing_key(f, FIRMWARE_KEY_MCUBOOT, "ecdsa-p256");
    assert_error(sign_image(f, image, SIGNING_DETACHED, &key, &same), ERR_UNPROCESSABLE, "of role mcuboot");
}

static void a_brought_signature_holds_or_is_refused(void **state)
{
    struct fleet_fixture *f = *state;
    struct firmware_signature_row made, brought;
    struct faults faults;
    struct terms terms = firmware_terms(f, &faults);
    struct uuid same;
    struct uuid image = upload_vector(f, "esp_unsigned.bin", IMAGE_RAW);
    struct uuid other = upload_vector(f, "esp_p256.bin", IMAGE_RAW);
    struct firmware_key_row key = make_signing_key(f, FIRMWARE_KEY_DETACHED, "ecdsa-p256");
    assert_ok(sign_image(f, image, SIGNING_DETACHED, &key, &same));
    first_signature(f, image, &made);
    const struct bytes signature = {made.bytes, made.size};
    assert_error(firmware_signature_bring(f->fleet, &terms, image, signature, &brought), ERR_UNPROCESSABLE,
                 "no boot key");
    assert_ok(register_boot_key(f, &key, BOOT_KEY_DETACHED));
    terms = firmware_terms(f, &faults);
    assert_ok(firmware_signature_bring(f->fleet, &terms, image, signature, &brought));
    assert_true(brought.is_brought);
    same = brought.id;
    assert_ok(firmware_signature_bring(f->fleet, &terms, image, signature, &brought)); /* again */
    assert_true(uuid_equal(same, brought.id));
    assert_code(firmware_signature_bring(f->fleet, &terms, other, signature, &brought), ERR_UNPROCESSABLE);
    terms = firmware_terms(f, &faults);
    made.bytes[made.size - 1] ^= 1;
    assert_code(firmware_signature_bring(f->fleet, &terms, image, signature, &brought), ERR_UNPROCESSABLE);
    terms = firmware_terms(f, &faults);
    assert_code(firmware_signature_bring(f->fleet, &terms, image, BYTES_NONE, &brought), ERR_UNPROCESSABLE);
}

/* --- before it is done ------------------------------------------------------------------------------ */

struct check_run {
    struct uuid tenant, image;
    struct signing_recipe recipe;
};

static err_t check_in(struct db_tx *tx, void *arg)
{
    const struct check_run *run = arg;
    return signing_check(tx, run->tenant, run->image, &run->recipe);
}

static err_t check(struct fleet_fixture *f, struct uuid image, enum signing_form form, struct uuid key)
{
    struct check_run run = {.tenant = f->tenant.id, .image = image, .recipe = {.form = form, .key = key}};
    return db_read(f->db, check_in, &run);
}

static void a_recipe_is_checked_before(void **state)
{
    struct fleet_fixture *f = *state;
    const struct firmware_key_row boot = make_signing_key(f, FIRMWARE_KEY_MCUBOOT, "ecdsa-p256");
    const struct firmware_key_row cms = make_signing_key(f, FIRMWARE_KEY_CMS, "ecdsa-p256");
    struct uuid image = upload_vector(f, "mcuboot_unsigned.bin", IMAGE_MCUBOOT);
    struct uuid padded = upload_vector(f, "mcuboot_padded.bin", IMAGE_MCUBOOT);
    struct uuid nobody = {{1}};
    assert_ok(check(f, image, SIGNING_NONE, nobody));
    assert_ok(check(f, image, SIGNING_EMBEDDED, boot.id));
    assert_error(check(f, image, SIGNING_EMBEDDED, cms.id), ERR_UNPROCESSABLE, "of role cms");
    assert_error(check(f, image, SIGNING_DETACHED, boot.id), ERR_UNPROCESSABLE, "not detached");
    assert_error(check(f, image, SIGNING_EMBEDDED, nobody), ERR_UNPROCESSABLE, "no such firmware key");
    assert_error(check(f, nobody, SIGNING_NONE, nobody), ERR_UNPROCESSABLE, "no such image");
    assert_error(check(f, padded, SIGNING_EMBEDDED, boot.id), ERR_UNPROCESSABLE, "padded");
}

/* Other programs look at the real clock. */
static int setup(void **state)
{
    int status = firmware_setup(state);
    ((struct fleet_fixture *)*state)->clock.at_ms = clock_now_ms(clock_system());
    return status;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, firmware_teardown)
    const struct CMUnitTest tests[] = {
        TEST(mcuboot_images_get_another_signature),
        TEST(an_image_that_cannot_be_signed_is_refused_with_the_reason),
        TEST(what_the_devices_would_refuse_is_not_kept),
        TEST(the_same_again_gives_the_same_image),
        TEST(swupdate_takes_what_was_signed),
        TEST(rauc_takes_what_was_signed),
        TEST(openssl_takes_signatures_beside_an_image),
        TEST(a_brought_signature_holds_or_is_refused),
        TEST(a_recipe_is_checked_before),
    };
    return cmocka_run_group_tests(tests, fleet_group_setup, fleet_group_teardown);
}
