/* Microchip manifests: genuine ones, forged ones, and the odd things that real ones hold. The signer of the
 * samples made here is pinned as an operator would. */
#include "tests/unit/fleet/handover_scene.h"

#include "pki/foreign_certificate.h"

#include <openssl/ecdsa.h>

struct scene {
    struct test_folder folder;
    EVP_PKEY *signer, *chip;
    struct manifest_signers *signers;
    char fingerprint[64], kid[64]; /* base64url */
    char id[65];                   /* of the chip's key */
    char x[64], y[64];
};

static void base64url_of(struct bytes in, struct buf *out)
{
    size_t from = out->n;
    assert_ok(base64_append(out, in));
    while (out->n > from && out->p[out->n - 1] == '=') {
        out->n--;
    }
    for (size_t i = from; i < out->n; i++) {
        out->p[i] = out->p[i] == '+' ? '-' : out->p[i] == '/' ? '_' : out->p[i];
    }
    out->p[out->n] = '\0';
}

static void base64url_text(struct bytes in, char *out, size_t size)
{
    AUTO_VAL(buf) text = {0};
    base64url_of(in, &text);
    (void)snprintf(out, size, "%s", buf_str(&text));
}

static void pin(struct scene *scene)
{
    const struct leaf_spec spec = {.common_name = "Own Signer", .issuer_name = "Own Signer", .key_id = true};
    AUTO_VAL(buf) der = {0};
    AUTO_VAL(foreign_certificate) certificate = {.key_id_size = 0};
    struct sha256 hash;
    make_leaf(scene->signer, scene->signer, &spec, &der);
    write_pem_in(&scene->folder, "own.pem", buf_view(&der));
    write_in(&scene->folder, "README", bytes_str("not read"));
    assert_ok(foreign_certificate_read(buf_view(&der), &certificate));
    assert_ok(sha256_of(buf_view(&der), &hash));
    base64url_text(BYTES_OF(hash.b), scene->fingerprint, sizeof scene->fingerprint);
    base64url_text((struct bytes){certificate.key_id, certificate.key_id_size}, scene->kid,
                   sizeof scene->kid);
    assert_ok(manifest_signers_load(scene->folder.path, &scene->signers));
}

/* @param short_x until a key comes whose X begins with a zero byte, and that byte is left out */
static void take_chip(struct scene *scene, bool short_x)
{
    AUTO_VAL(buf) spki = {0};
    do {
        EVP_PKEY_free(scene->chip);
        scene->chip = ec_key("P-256");
        spki.n = 0;
        spki_of(scene->chip, &spki);
    } while (short_x && spki.p[27] != 0);
    size_t skipped = short_x ? 1 : 0;
    base64url_text((struct bytes){spki.p + 27 + skipped, 32 - skipped}, scene->x, sizeof scene->x);
    base64url_text((struct bytes){spki.p + 59, 32}, scene->y, sizeof scene->y);
    id_of_key(scene->chip, scene->id);
}

static int setup(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    test_folder_init(&scene->folder);
    scene->signer = ec_key("P-256");
    pin(scene);
    take_chip(scene, false);
    *state = scene;
    return 0;
}

static int teardown(void **state)
{
    struct scene *scene = *state;
    EVP_PKEY_free(scene->signer);
    EVP_PKEY_free(scene->chip);
    manifest_signers_free(scene->signers);
    test_folder_clear(&scene->folder);
    free(scene);
    return 0;
}

/* RFC 7515 §5.1 with ES256, by OpenSSL. */
static void sign(EVP_PKEY *key, const char *input, struct buf *out)
{
    AUTO(EVP_MD_CTX) *context = EVP_MD_CTX_new();
    unsigned char der[128], raw[64];
    const unsigned char *p = der;
    size_t size = sizeof der;
    assert_int_equal(EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key), 1);
    assert_int_equal(EVP_DigestSign(context, der, &size, (const unsigned char *)input, strlen(input)), 1);
    ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &p, (long)size);
    assert_non_null(signature);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_r(signature), raw, 32), 32);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_s(signature), raw + 32, 32), 32);
    ECDSA_SIG_free(signature);
    base64url_of(BYTES_OF(raw), out);
}

/* One entry, appended. @param head of the protected header; NULL: as it must be */
static void append_entry(const struct scene *scene, const char *head, const char *payload,
                         const char *outer_id, struct buf *out)
{
    AUTO_VAL(buf) header = {0};
    AUTO_VAL(buf) input = {0};
    assert_ok(head != NULL
                  ? buf_append_str(&header, head)
                  : buf_printf(&header,
                               "{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"%s\",\"x5t#S256\":\"%s\"}",
                               scene->kid, scene->fingerprint));
    base64url_of(buf_view(&header), &input);
    size_t head_size = input.n;
    assert_ok(buf_append_str(&input, "."));
    base64url_of(bytes_str(payload), &input);
    assert_ok(buf_printf(
        out, "%s{\"payload\":\"%s\",\"header\":{\"uniqueId\":\"%s\"},\"protected\":\"%.*s\",\"signature\":\"",
        out->n == 0 ? "[" : ",", buf_str(&input) + head_size + 1, outer_id, (int)head_size, buf_str(&input)));
    sign(scene->signer, buf_str(&input), out);
    assert_ok(buf_append_str(out, "\"}"));
}

static void payload_of(const struct scene *scene, int version, const char *more, struct buf *out)
{
    assert_ok(buf_printf(
        out,
        "{\"version\":%d,\"model\":\"ATECC608A\",\"partNumber\":\"ATECC608A-X\",\"uniqueId\":\"0123aa\",%s"
        "\"publicKeySet\":{\"keys\":[{\"kid\":\"0\",\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"%s\",\"y\":\"%"
        "s\"}]}}",
        version, more, scene->x, scene->y));
}

static err_t hear_payload(struct scene *scene, const char *head, const char *payload, struct heard *heard)
{
    AUTO_VAL(buf) body = {0};
    append_entry(scene, head, payload, "0123aa", &body);
    assert_ok(buf_append_str(&body, "]"));
    heard->signers = scene->signers;
    return hear(HANDOVER_MICROCHIP, buf_view(&body), heard);
}

static void versions_1_and_3_give_keys(void **state)
{
    struct scene *scene = *state;
    static const char *const spellings[] = {"\"distributor\":{},", "\"distributer\":{},", ""};
    for (int version = 1; version <= 3; version += 2) {
        for (size_t i = 0; i < 3; i++) {
            struct heard heard = {.count = 0};
            AUTO_VAL(buf) payload = {0};
            payload_of(scene, version, spellings[i], &payload);
            assert_ok(hear_payload(scene, NULL, buf_str(&payload), &heard));
            assert_int_equal(heard.count, 1);
            assert_taken(&heard, 0);
            assert_true(heard.items[0].is_signed);
            assert_string_equal(heard.items[0].id, scene->id);
            assert_string_equal(heard.items[0].serial, "0123aa");
            assert_string_equal(heard.items[0].model, "ATECC608A-X");
        }
    }
}

static void a_short_coordinate_is_padded(void **state)
{
    struct scene *scene = *state;
    struct heard heard = {.count = 0};
    AUTO_VAL(buf) payload = {0};
    take_chip(scene, true);
    payload_of(scene, 1, "", &payload);
    assert_ok(hear_payload(scene, NULL, buf_str(&payload), &heard));
    assert_taken(&heard, 0);
    assert_string_equal(heard.items[0].id, scene->id);
}

/* The leaf's illegal string is no reason: the signature covers the key itself. */
static void an_odd_certificate_inside_is_no_reason(void **state)
{
    struct scene *scene = *state;
    struct heard heard = {.count = 0};
    const struct leaf_spec spec = {
        .common_name = "sn0123AA", .issuer_name = "Crypto Signer", .odd_san = true};
    AUTO_VAL(buf) der = {0};
    AUTO_VAL(buf) payload = {0};
    make_leaf(scene->chip, scene->signer, &spec, &der);
    assert_ok(buf_printf(&payload,
                         "{\"version\":1,\"uniqueId\":\"0123aa\",\"publicKeySet\":{\"keys\":[{\"kid\":\"0\","
                         "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"%s\",\"y\":\"%s\",\"x5c\":[\"",
                         scene->x, scene->y));
    assert_ok(base64_append(&payload, buf_view(&der)));
    assert_ok(buf_append_str(&payload, "\"]}]}}"));
    assert_ok(hear_payload(scene, NULL, buf_str(&payload), &heard));
    assert_taken(&heard, 0);
    assert_string_equal(heard.items[0].id, scene->id);
    assert_string_equal(heard.items[0].model, "");
}

static void the_slot_chooses_the_key(void **state)
{
    struct scene *scene = *state;
    struct heard heard = {.slot = "4"};
    AUTO_VAL(buf) payload = {0};
    assert_ok(buf_printf(
        &payload,
        "{\"version\":3,\"uniqueId\":\"0123aa\",\"publicKeySet\":{\"keys\":[{\"kid\":\"0\",\"kty\":\"RSA\"},"
        "{\"kid\":\"4\",\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"%s\",\"y\":\"%s\"}]}}",
        scene->x, scene->y));
    assert_ok(hear_payload(scene, NULL, buf_str(&payload), &heard));
    assert_taken(&heard, 0);
    assert_string_equal(heard.items[0].id, scene->id);
    heard.slot = "9";
    assert_ok(hear_payload(scene, NULL, buf_str(&payload), &heard));
    assert_refused(&heard, 0, "in that slot");
    heard.slot = NULL;
    assert_ok(hear_payload(scene, NULL, buf_str(&payload), &heard));
    assert_refused(&heard, 0, "P-256");
    assert_false(heard.items[0].is_fatal);
}

/* Genuine, but of no use: the line's fault, not the manifest's. */
static void genuine_entries_may_be_of_no_use(void **state)
{
    static const char *const cases[][2] = {
        {"{\"version\":2,\"uniqueId\":\"0123aa\"}", "version 2 of the manifest holds no key"},
        {"{\"version\":4,\"uniqueId\":\"0123aa\"}", "version 4 is not known"},
        {"{\"version\":1,\"uniqueId\":\"0123aa\"}", "no publicKeySet"},
        {"{\"version\":1,\"uniqueId\":\"0123aa\",\"publicKeySet\":{}}", "keys"},
        {"{\"version\":1,\"uniqueId\":\"0123aa\",\"publicKeySet\":{\"keys\":[]}}", "in that slot"},
        {"{\"version\":1,\"uniqueId\":\"0123aa\",\"publicKeySet\":{\"keys\":[7]}}", "a key is an object"},
        {"{\"version\":1,\"uniqueId\":\"0123aa\",\"publicKeySet\":{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-"
         "256\","
         "\"x\":\"AA\"}]}}",
         "P-256"},
        {"{\"version\":1,\"uniqueId\":\"0123aa\",\"publicKeySet\":{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-"
         "256\","
         "\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\",\"y\":\"AA\"}]}}",
         "32 bytes, not 36"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct heard heard = {.count = 0};
        assert_ok(hear_payload(*state, NULL, cases[i][0], &heard));
        assert_refused(&heard, 0, cases[i][1]);
        assert_false(heard.items[0].is_fatal);
        assert_string_equal(heard.items[0].serial, "0123aa");
    }
}

static void a_private_key_inside_ends_the_import(void **state)
{
    struct scene *scene = *state;
    struct heard heard = {.count = 0};
    AUTO_VAL(buf) payload = {0};
    assert_ok(buf_printf(
        &payload,
        "{\"version\":1,\"uniqueId\":\"0123aa\",\"publicKeySet\":{\"keys\":[{\"kid\":\"0\",\"kty\":"
        "\"EC\",\"crv\":\"P-256\",\"x\":\"%s\",\"y\":\"%s\",\"d\":\"AAAA\"}]}}",
        scene->x, scene->y));
    assert_error(hear_payload(scene, NULL, buf_str(&payload), &heard), ERR_UNPROCESSABLE, "private key");
    assert_int_equal(heard.count, 0);
}

static void the_header_is_pinned(void **state)
{
    struct scene *scene = *state;
    char none[256], other_kid[256], unknown[256], critical[256];
    AUTO_VAL(buf) payload = {0};
    payload_of(scene, 1, "", &payload);
    (void)snprintf(none, sizeof none, "{\"alg\":\"none\",\"kid\":\"%s\",\"x5t#S256\":\"%s\"}", scene->kid,
                   scene->fingerprint);
    (void)snprintf(other_kid, sizeof other_kid, "{\"alg\":\"ES256\",\"kid\":\"AAAA\",\"x5t#S256\":\"%s\"}",
                   scene->fingerprint);
    (void)snprintf(unknown, sizeof unknown, "{\"alg\":\"ES256\",\"kid\":\"%s\",\"x5t#S256\":\"AAAA\"}",
                   scene->kid);
    (void)snprintf(critical, sizeof critical,
                   "{\"alg\":\"ES256\",\"crit\":[],\"kid\":\"%s\",\"x5t#S256\":\"%s\"}", scene->kid,
                   scene->fingerprint);
    const char *const cases[][2] = {
        {none, "alg"}, {other_kid, "kid"}, {unknown, "not pinned"}, {critical, "crit"},
        {"{}", "alg"}, {"[]", "object"},   {"{", "line 1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct heard heard = {.count = 0};
        assert_ok(hear_payload(scene, cases[i][0], buf_str(&payload), &heard));
        assert_refused(&heard, 0, cases[i][1]);
        assert_true(heard.items[0].is_fatal);
        assert_false(heard.items[0].is_signed);
    }
}

/* The first is good, the second is bent; every place where it can be bent. */
static void one_forged_entry_is_fatal(void **state)
{
    struct scene *scene = *state;
    AUTO_VAL(buf) payload = {0};
    payload_of(scene, 1, "", &payload);
    static const char *const marks[] = {"\"payload\":\"", "\"protected\":\"", "\"signature\":\""};
    for (size_t i = 0; i < 3; i++) {
        struct heard heard = {.signers = scene->signers};
        AUTO_VAL(buf) body = {0};
        append_entry(scene, NULL, buf_str(&payload), "0123aa", &body);
        size_t second = body.n;
        append_entry(scene, NULL, buf_str(&payload), "0123aa", &body);
        char *at = strstr((char *)body.p + second, marks[i]) + strlen(marks[i]) + 20;
        *at = *at == 'A' ? 'B' : 'A';
        assert_ok(buf_append_str(&body, "]"));
        assert_ok(hear(HANDOVER_MICROCHIP, buf_view(&body), &heard));
        assert_int_equal(heard.count, 2);
        assert_taken(&heard, 0);
        assert_int_equal(heard.items[1].code != ERR_OK, 1);
        assert_true(heard.items[1].is_fatal);
    }
}

static void the_unsigned_header_must_agree(void **state)
{
    struct scene *scene = *state;
    struct heard heard = {.signers = scene->signers};
    AUTO_VAL(buf) payload = {0};
    AUTO_VAL(buf) body = {0};
    payload_of(scene, 1, "", &payload);
    append_entry(scene, NULL, buf_str(&payload), "0123ab", &body);
    assert_ok(buf_append_str(
        &body, ",7,{},{\"payload\":\"a\",\"protected\":\"?\",\"signature\":\"x\",\"header\":{\"uniqueId\":"
               "\"1\"}}]"));
    assert_ok(hear(HANDOVER_MICROCHIP, buf_view(&body), &heard));
    static const char *const words[] = {"uniqueId", "signed object", "payload", "base64"};
    assert_int_equal(heard.count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_refused(&heard, i, words[i]);
        assert_true(heard.items[i].is_fatal);
    }
}

static void pinned_files_must_be_signers(void **state)
{
    struct scene *scene = *state;
    struct manifest_signers *signers = NULL;
    AUTO(char) *missing = NULL;
    assert_ok(path_join(scene->folder.path, "none", &missing));
    assert_ok(manifest_signers_load(missing, &signers));
    struct bytes spki = BYTES_NONE;
    assert_error(manifest_signers_find(signers, BYTES_NONE, BYTES_NONE, &spki), ERR_UNPROCESSABLE,
                 "not pinned");
    manifest_signers_free(signers);
    write_in(&scene->folder, "bad.pem", bytes_str("nothing"));
    assert_error(manifest_signers_load(scene->folder.path, &signers), ERR_INTERNAL, "bad.pem");
    assert_null(signers);
}

static void real_manifests_verify(void **state)
{
    (void)state;
    AUTO_VAL(buf) full = {0};
    AUTO_VAL(buf) lite = {0};
    AUTO_PTR(manifest_signers) *signers = NULL;
    assert_ok(manifest_signers_load(NULL, &signers));
    struct heard heard = {.signers = signers};
    if (read_sample("microchip/manifest_ATECC608A-MAH4I.json", &full)) {
        assert_ok(hear(HANDOVER_MICROCHIP, buf_view(&full), &heard));
        assert_int_equal(heard.count, 2);
        assert_taken(&heard, 0);
        assert_taken(&heard, 1);
        assert_true(heard.items[0].is_signed && heard.items[1].is_signed);
        assert_string_equal(heard.items[0].serial, "01230390b3d1450c01");
    }
    if (read_sample("microchip/ECC608-TMNGTLSS-B.json", &lite)) {
        assert_ok(hear(HANDOVER_MICROCHIP, buf_view(&lite), &heard));
        assert_int_equal(heard.count, 10);
        for (size_t i = 0; i < heard.count; i++) {
            assert_refused(&heard, i, "version 2");
            assert_true(heard.items[i].is_signed && !heard.items[i].is_fatal);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(versions_1_and_3_give_keys, setup, teardown),
        cmocka_unit_test_setup_teardown(a_short_coordinate_is_padded, setup, teardown),
        cmocka_unit_test_setup_teardown(an_odd_certificate_inside_is_no_reason, setup, teardown),
        cmocka_unit_test_setup_teardown(the_slot_chooses_the_key, setup, teardown),
        cmocka_unit_test_setup_teardown(genuine_entries_may_be_of_no_use, setup, teardown),
        cmocka_unit_test_setup_teardown(a_private_key_inside_ends_the_import, setup, teardown),
        cmocka_unit_test_setup_teardown(the_header_is_pinned, setup, teardown),
        cmocka_unit_test_setup_teardown(one_forged_entry_is_fatal, setup, teardown),
        cmocka_unit_test_setup_teardown(the_unsigned_header_must_agree, setup, teardown),
        cmocka_unit_test_setup_teardown(pinned_files_must_be_signers, setup, teardown),
        cmocka_unit_test(real_manifests_verify),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
