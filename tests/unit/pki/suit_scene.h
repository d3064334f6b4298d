/* A manifest of two images, and a key that signs it by OpenSSL alone. */
#ifndef WHORL_TESTS_PKI_SUIT_SCENE_H
#define WHORL_TESTS_PKI_SUIT_SCENE_H

#include "tests/unit/pki/pki_fixture.h"

#include <openssl/ecdsa.h>

#include "pki/suit.h"

DEFINE_AUTO(ECDSA_SIG, ECDSA_SIG_free);

struct suit_scene {
    EVP_PKEY *key;
    struct buf spki;
    struct sha256 kid;
    struct suit_manifest manifest;
    struct buf bytes, envelope;
};

static inline void sign_raw(EVP_PKEY *key, struct bytes text, uint8_t out[COSE_SIGNATURE_SIZE])
{
    unsigned char der[128];
    size_t n = sizeof der;
    AUTO(EVP_MD_CTX) *context = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key), 1);
    assert_int_equal(EVP_DigestSign(context, der, &n, text.p, text.n), 1);
    const unsigned char *p = der;
    AUTO(ECDSA_SIG) *pair = d2i_ECDSA_SIG(NULL, &p, (long)n);
    assert_non_null(pair);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_r(pair), out, 32), 32);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_s(pair), out + 32, 32), 32);
}

static inline void suit_scene_envelope(struct suit_scene *scene)
{
    AUTO_VAL(buf) payload = {0};
    AUTO_VAL(buf) text = {0};
    uint8_t signature[COSE_SIGNATURE_SIZE];
    scene->bytes.n = 0;
    scene->envelope.n = 0;
    assert_ok(suit_manifest_write(&scene->manifest, &scene->bytes));
    assert_ok(suit_digest_write(buf_view(&scene->bytes), &payload));
    assert_ok(cose_to_be_signed(&scene->kid, buf_view(&payload), &text));
    sign_raw(scene->key, buf_view(&text), signature);
    assert_ok(suit_envelope_write(buf_view(&scene->bytes), &scene->kid, signature, &scene->envelope));
}

static inline void suit_scene_init(struct suit_scene *scene)
{
    *scene = (struct suit_scene){.key = EVP_EC_gen("P-256")};
    unsigned char *der = NULL;
    int size = i2d_PUBKEY(scene->key, &der); /* first: the order of arguments is nobody's promise */
    bytes_of_i2d(size, der, &scene->spki);
    assert_ok(sha256_of(buf_view(&scene->spki), &scene->kid));
    struct suit_manifest *manifest = &scene->manifest;
    *manifest = (struct suit_manifest){.sequence = 12, .min_sequence = 3, .count = 2};
    assert_ok(suit_vendor_of("default", &manifest->vendor));
    assert_ok(suit_class_of(manifest->vendor, "lamp", "rev-b", &manifest->class));
    for (size_t i = 0; i < 2; i++) {
        struct suit_component *component = &manifest->components[i];
        *component = (struct suit_component){.size = i == 0 ? 70000 : 5, .counter = i == 0 ? 7 : -1};
        memset(component->digest.b, (int)(0xa0 + i), sizeof component->digest.b);
        (void)snprintf(component->version, sizeof component->version, "1.4.2+7");
        (void)snprintf(component->format, sizeof component->format, i == 0 ? "mcuboot" : "raw");
        (void)snprintf(component->part, sizeof component->part, i == 0 ? "os" : "");
    }
    suit_scene_envelope(scene);
}

static inline void suit_scene_clear(struct suit_scene *scene)
{
    EVP_PKEY_free(scene->key);
    buf_clear(&scene->spki);
    buf_clear(&scene->bytes);
    buf_clear(&scene->envelope);
}

#endif
