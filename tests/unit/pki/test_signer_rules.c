/* What a CA key may sign, over bytes that our own code makes for real authorities, twisted one by one. */
#include "tests/unit/pki/pki_fixture.h"

#include "pki/der.h"
#include "pki/profile.h"
#include "pki/signer_bucket.h"
#include "pki/signer_frames.h"
#include "pki/signer_rules.h"

static const int64_t now_ms = 1800000000000;
static const int64_t day_ms = 86400000;

struct scene {
    struct private_key *root_key, *device_key, *infrastructure_key;
    struct authority *root, *device, *infrastructure;
    struct signer_binding root_held, device_held, infrastructure_held;
};

static struct private_key *make_key(void)
{
    struct private_key *key = NULL;
    assert_ok(private_key_take(ec_key("P-256"), &key));
    return key;
}

static struct private_key *key_again(const struct private_key *key)
{
    struct private_key *again = NULL;
    assert_int_equal(EVP_PKEY_up_ref(key->pkey), 1);
    assert_ok(private_key_take(key->pkey, &again));
    return again;
}

static void make(struct scene *s, enum authority_role role, struct private_key **key, struct authority **out,
                 struct signer_binding *held)
{
    static const char *const ids[] = {[AUTHORITY_ROOT] = "root",
                                      [AUTHORITY_DEVICE] = "device",
                                      [AUTHORITY_INFRASTRUCTURE] = "infrastructure"};
    const char *id = ids[role];
    const uint8_t serial[SERIAL_SIZE] = {1, (uint8_t)role};
    const struct authority_spec spec = {.id = id,
                                        .role = role,
                                        .organisation = "Test",
                                        .not_before_ms = now_ms,
                                        .not_after_ms = now_ms + 1000 * day_ms,
                                        .publication = {.public_url = "http://localhost"}};
    AUTO_VAL(buf) der = {0};
    *key = make_key();
    assert_ok(role == AUTHORITY_ROOT ? authority_make_root(&spec, *key, serial, &der)
                                     : authority_make_issuing(&spec, *key, s->root, serial, &der));
    assert_ok(authority_load(id, role, buf_view(&der), key_again(*key), out));
    assert_ok(signer_binding_read(buf_view(&der), buf_view(&(*key)->spki), held));
}

static void scene_init(struct scene *s)
{
    *s = (struct scene){.root = NULL};
    make(s, AUTHORITY_ROOT, &s->root_key, &s->root, &s->root_held);
    make(s, AUTHORITY_DEVICE, &s->device_key, &s->device, &s->device_held);
    make(s, AUTHORITY_INFRASTRUCTURE, &s->infrastructure_key, &s->infrastructure, &s->infrastructure_held);
}

static void scene_clear(struct scene *s)
{
    private_key_free(s->root_key);
    private_key_free(s->device_key);
    private_key_free(s->infrastructure_key);
    authority_free(s->device);
    authority_free(s->infrastructure);
    authority_free(s->root);
    signer_binding_clear(&s->root_held);
    signer_binding_clear(&s->device_held);
    signer_binding_clear(&s->infrastructure_held);
}
DEFINE_AUTO_VAL(scene, scene_clear);

/* --- a certificate by hand -------------------------------------------------------------------------- */

struct wish {
    struct bytes issuer, subject, spki, aki;
    int64_t not_before_ms, not_after_ms;
    struct bytes purposes;    /* DER extension, or BYTES_NONE */
    struct bytes constraints; /* the same */
    struct bytes usage;
    bool is_doubled; /* an extension stands twice */
};

static void write_tbs(const struct wish *wish, struct buf *out)
{
    static const uint8_t version[] = {0xa0, 3, 2, 1, 2};
    static const uint8_t serial[] = {1, 2, 3};
    AUTO_VAL(buf) extensions = {0};
    struct der_writer e = der_writer(&extensions);
    profile_put_aki(&e, wish->aki);
    der_put_raw(&e, wish->usage);
    der_put_raw(&e, wish->purposes);
    der_put_raw(&e, wish->constraints);
    der_put_raw(&e, wish->is_doubled ? wish->usage : BYTES_NONE);
    assert_ok(der_finish(&e));
    struct der_writer w = der_writer(out);
    size_t outer = der_open(&w, DER_SEQUENCE);
    der_put_raw(&w, BYTES_OF(version));
    der_put_unsigned(&w, DER_INTEGER, BYTES_OF(serial));
    der_put_raw(&w, signature_algorithm_of(KEY_ALG_P256));
    der_put_raw(&w, wish->issuer);
    size_t validity = der_open(&w, DER_SEQUENCE);
    der_put_time(&w, wish->not_before_ms);
    der_put_time(&w, wish->not_after_ms);
    der_close(&w, validity);
    der_put_raw(&w, wish->subject);
    der_put_raw(&w, wish->spki);
    size_t tagged = der_open(&w, 0xa3);
    der_put(&w, DER_SEQUENCE, buf_view(&extensions));
    der_close(&w, tagged);
    der_close(&w, outer);
    assert_ok(der_finish(&w));
}

static struct wish leaf_of(const struct scene *s)
{
    return (struct wish){.issuer = s->device_held.says.subject,
                         .subject = s->root_held.says.subject,
                         .spki = buf_view(&s->root_key->spki),
                         .aki = s->device_held.says.ski,
                         .not_before_ms = now_ms,
                         .not_after_ms = now_ms + 300 * day_ms,
                         .purposes = profile_eku_client(),
                         .usage = profile_key_usage_signature()};
}

static err_t judge_by(const struct signer_binding *held, const struct private_key *key,
                      const struct wish *wish)
{
    AUTO_VAL(buf) tbs = {0};
    enum signer_matter matter = SIGNER_CERTIFICATE;
    const struct signer_judged judged = {.binding = held, .spki = buf_view(&key->spki), .alg = key->info.alg};
    write_tbs(wish, &tbs);
    return signer_judge(&judged, buf_view(&tbs), &matter);
}

static err_t judge_leaf(const struct scene *s, const struct wish *wish)
{
    return judge_by(&s->device_held, s->device_key, wish);
}

static void a_device_ca_signs_certificates_of_devices_and_no_others(void **state)
{
    AUTO_VAL(scene) s;
    (void)state;
    scene_init(&s);
    struct wish good = leaf_of(&s), wish = good;
    assert_ok(judge_leaf(&s, &good));
    wish.issuer = s.root_held.says.subject;
    assert_error(judge_leaf(&s, &wish), ERR_FORBIDDEN, "another's name");
    wish = good;
    wish.aki = s.root_held.says.ski;
    assert_error(judge_leaf(&s, &wish), ERR_FORBIDDEN, "key identifier");
    wish = good;
    wish.not_after_ms = now_ms + 1001 * day_ms;
    assert_error(judge_leaf(&s, &wish), ERR_FORBIDDEN, "when its authority is not");
    wish.not_after_ms = NO_EXPIRY_MS; /* an IDevID */
    assert_ok(judge_leaf(&s, &wish));
    wish.not_after_ms = NO_EXPIRY_MS - 1000;
    assert_error(judge_leaf(&s, &wish), ERR_FORBIDDEN, "when its authority is not");
    wish = good;
    wish.not_before_ms = now_ms - 1000;
    assert_error(judge_leaf(&s, &wish), ERR_FORBIDDEN, "when its authority is not");
    wish = good;
    wish.not_after_ms = wish.not_before_ms;
    assert_error(judge_leaf(&s, &wish), ERR_FORBIDDEN, "never good");
    wish = good;
    wish.purposes = profile_eku_server();
    assert_error(judge_leaf(&s, &wish), ERR_FORBIDDEN, "purposes");
    wish = good;
    wish.purposes = profile_eku_infrastructure();
    assert_error(judge_leaf(&s, &wish), ERR_FORBIDDEN, "purposes");
    wish = good;
    wish.purposes = profile_eku_document();
    assert_error(judge_leaf(&s, &wish), ERR_FORBIDDEN, "purposes");
    wish = good;
    wish.purposes = BYTES_NONE;
    assert_error(judge_leaf(&s, &wish), ERR_FORBIDDEN, "without key purposes");
    wish = good;
    wish.constraints = profile_ca(0);
    assert_error(judge_leaf(&s, &wish), ERR_FORBIDDEN, "none below it");
    wish = good;
    wish.usage = profile_key_usage_ca();
    assert_error(judge_leaf(&s, &wish), ERR_FORBIDDEN, "may sign certificates");
    wish = good;
    wish.usage = BYTES_NONE;
    assert_error(judge_leaf(&s, &wish), ERR_FORBIDDEN, "");
    wish = good;
    wish.is_doubled = true;
    assert_error(judge_leaf(&s, &wish), ERR_FORBIDDEN, "twice");
    wish = good;
    wish.spki = s.root_held.says.subject;
    assert_error(judge_leaf(&s, &wish), ERR_FORBIDDEN, "");
}

static void roots_make_authorities_and_signers_of_ocsp(void **state)
{
    /* clang-format off */
    static const uint8_t ocsp[] = {0x30, 0x13, 0x06, 0x03, 0x55, 0x1d, 0x25, 0x04, 0x0c, 0x30, 0x0a,
        0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x09};
    static const uint8_t any[] = {0x30, 0x0f, 0x06, 0x03, 0x55, 0x1d, 0x25, 0x04, 0x08, 0x30, 0x06,
        0x06, 0x04, 0x55, 0x1d, 0x25, 0x00};
    /* clang-format on */
    AUTO_VAL(scene) s;
    (void)state;
    scene_init(&s);
    struct wish good = leaf_of(&s), wish = good;
    good.issuer = s.root_held.says.subject;
    good.subject = s.device_held.says.subject;
    good.aki = s.root_held.says.ski;
    wish = good;
    assert_error(judge_by(&s.root_held, s.root_key, &wish), ERR_FORBIDDEN, "neither an authority's");
    wish.usage = profile_key_usage_ca();
    wish.constraints = profile_ca(0);
    assert_ok(judge_by(&s.root_held, s.root_key, &wish));
    wish.constraints = profile_ca(1); /* as deep as the root itself: for its own name only */
    assert_error(judge_by(&s.root_held, s.root_key, &wish), ERR_FORBIDDEN, "more below it");
    wish.subject = wish.issuer;
    wish.purposes = BYTES_NONE;
    assert_ok(judge_by(&s.root_held, s.root_key, &wish));
    wish = good;
    wish.purposes = BYTES_OF(ocsp);
    assert_error(judge_by(&s.root_held, s.root_key, &wish), ERR_FORBIDDEN, "31 days");
    wish.not_after_ms = now_ms + 7 * day_ms;
    assert_ok(judge_by(&s.root_held, s.root_key, &wish));
    wish = leaf_of(&s);
    wish.purposes = BYTES_OF(ocsp);
    wish.not_after_ms = now_ms + 7 * day_ms;
    assert_ok(judge_leaf(&s, &wish));
    wish.purposes = BYTES_OF(any);
    assert_error(judge_leaf(&s, &wish), ERR_FORBIDDEN, "any purpose");
    wish = good;
    wish.issuer = s.infrastructure_held.says.subject;
    wish.aki = s.infrastructure_held.says.ski;
    wish.purposes = profile_eku_document();
    assert_ok(judge_by(&s.infrastructure_held, s.infrastructure_key, &wish));
}

static void a_key_without_a_certificate_signs_its_own_only(void **state)
{
    AUTO_VAL(scene) s;
    (void)state;
    scene_init(&s);
    struct wish wish = leaf_of(&s);
    assert_error(judge_by(NULL, s.device_key, &wish), ERR_FORBIDDEN, "no certificate yet");
    wish = (struct wish){.issuer = s.root_held.says.subject,
                         .subject = s.root_held.says.subject,
                         .spki = buf_view(&s.root_key->spki),
                         .aki = s.root_held.says.ski,
                         .not_before_ms = now_ms,
                         .not_after_ms = now_ms + day_ms,
                         .usage = profile_key_usage_ca(),
                         .constraints = profile_ca(1)};
    assert_ok(judge_by(NULL, s.root_key, &wish));
    assert_error(judge_by(NULL, s.device_key, &wish), ERR_FORBIDDEN, "no certificate yet");
    wish.constraints = BYTES_NONE;
    assert_error(judge_by(NULL, s.root_key, &wish), ERR_FORBIDDEN, "something else");
}

/* Of everything that is signed here, each cut and each flipped byte is refused or is another text of its
 * form; none is read beyond its end. */
static void no_cut_of_a_certificate_is_signed(void **state)
{
    AUTO_VAL(scene) s;
    AUTO_VAL(buf) tbs = {0};
    enum signer_matter matter = SIGNER_CERTIFICATE;
    (void)state;
    scene_init(&s);
    const struct signer_judged judged = {
        .binding = &s.device_held, .spki = buf_view(&s.device_key->spki), .alg = KEY_ALG_P256};
    struct wish wish = leaf_of(&s);
    write_tbs(&wish, &tbs);
    for (size_t n = 0; n < tbs.n; n++) {
        AUTO_VAL(buf) cut = {0};
        assert_ok(buf_append(&cut, tbs.p, n));
        assert_int_equal(signer_judge(&judged, buf_view(&cut), &matter).code, ERR_FORBIDDEN);
    }
    for (size_t i = 0; i < tbs.n; i++) {
        tbs.p[i] ^= 0x20;
        err_t error = signer_judge(&judged, buf_view(&tbs), &matter);
        assert_true(error.code == ERR_OK || error.code == ERR_FORBIDDEN);
        tbs.p[i] ^= 0x20;
    }
    assert_error(signer_judge(&judged, bytes_str("a text"), &matter), ERR_FORBIDDEN, "no certificate, CRL");
}

static void a_binding_may_change_its_dates_only(void **state)
{
    AUTO_VAL(scene) s;
    AUTO_VAL(signer_binding) other = {.is_root = false};
    (void)state;
    scene_init(&s);
    assert_ok(signer_binding_check_next(&s.device_held, &s.device_held));
    assert_error(signer_binding_check_next(&s.device_held, &s.infrastructure_held), ERR_WRONG_STATE, "name");
    assert_error(signer_binding_read(authority_borrow_der(s.device), buf_view(&s.root_key->spki), &other),
                 ERR_UNPROCESSABLE, "another key's");
    assert_error(signer_binding_read(bytes_str("no DER"), buf_view(&s.root_key->spki), &other),
                 ERR_BAD_ENCODING, "DER");
}

static void a_bucket_gives_its_burst_then_its_rate(void **state)
{
    const struct signer_rate rate = {10, SIGNER_SECOND_MS, 100};
    const struct signer_rate none = {0, SIGNER_SECOND_MS, 0};
    struct signer_bucket bucket = {0};
    int taken = 0;
    (void)state;
    while (signer_bucket_take(&bucket, &rate, 5000)) {
        taken++;
    }
    assert_int_equal(taken, 100);
    assert_false(signer_bucket_take(&bucket, &rate, 5099));
    assert_true(signer_bucket_take(&bucket, &rate, 5100));
    assert_false(signer_bucket_take(&bucket, &rate, 5100));
    for (taken = 0; signer_bucket_take(&bucket, &rate, 5100 + 3600000); taken++) {
    }
    assert_int_equal(taken, 100);
    assert_true(signer_bucket_take(&bucket, &none, 0));
}

/* --- frames ----------------------------------------------------------------------------------------- */

static void heads_of_another_form_are_refused(void **state)
{
    uint8_t head[SIGNER_HEAD_SIZE];
    struct signer_question question = {
        .id = 7, .op = SIGNER_SIGN_TEXT, .label = "ca-device", .data = bytes_str("text")};
    struct signer_question read;
    struct signer_answer answer;
    err_t good = OK;
    (void)state;
    signer_question_head(&question, head);
    assert_ok(signer_question_read(head, &read));
    assert_int_equal(read.label_size + read.data_size, 13);
    assert_ok(signer_question_read_rest(bytes_str("ca-devicetext"), &read));
    assert_string_equal(read.label, "ca-device");
    assert_error(signer_question_read_rest(bytes_str("ca/devicetext"), &read), ERR_BAD_ENCODING, "label");
    assert_error(signer_question_read_rest(bytes_str("ca-devicetex"), &read), ERR_BAD_ENCODING, "");
    static const struct {
        size_t at;
        uint8_t value;
    } twists[] = {{0, 0xff}, {3, 3}, {12, 0}, {12, 99}, {13, 1}, {14, 0}, {14, 65}, {15, 1}};
    for (size_t i = 0; i < sizeof twists / sizeof twists[0]; i++) {
        signer_question_head(&question, head);
        head[twists[i].at] = twists[i].value;
        assert_error(signer_question_read(head, &read), ERR_BAD_ENCODING, "");
    }
    signer_answer_head(7, &good, 8193, head);
    assert_error(signer_answer_read(head, 7, &answer), ERR_BAD_ENCODING, "8193");
    signer_answer_head(7, &good, 64, head);
    assert_error(signer_answer_read(head, 8, &answer), ERR_BAD_ENCODING, "another question");
    err_t busy = ERR(ERR_BUSY, "too many");
    busy.retry_after_s = 3;
    signer_answer_head(7, &busy, 8, head);
    assert_ok(signer_answer_read(head, 7, &answer));
    err_t told = signer_answer_result(&answer, bytes_str("too many"));
    assert_error(told, ERR_BUSY, "too many");
    assert_int_equal(told.retry_after_s, 3);
    assert_error(signer_answer_result(&answer, bytes_str("\xff\xff\xff\xff\xff\xff\xff\xff")),
                 ERR_BAD_ENCODING, "no text");
    head[12] = 0x7f;
    assert_error(signer_answer_read(head, 7, &answer), ERR_BAD_ENCODING, "code");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_device_ca_signs_certificates_of_devices_and_no_others),
        cmocka_unit_test(roots_make_authorities_and_signers_of_ocsp),
        cmocka_unit_test(a_key_without_a_certificate_signs_its_own_only),
        cmocka_unit_test(no_cut_of_a_certificate_is_signed),
        cmocka_unit_test(a_binding_may_change_its_dates_only),
        cmocka_unit_test(a_bucket_gives_its_burst_then_its_rate),
        cmocka_unit_test(heads_of_another_form_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
