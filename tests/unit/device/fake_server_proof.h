/* The challenge half of fake_server_body.h: a nonce, and whether a proof over it holds. */
#ifndef WHORL_TESTS_UNIT_DEVICE_FAKE_SERVER_PROOF_H
#define WHORL_TESTS_UNIT_DEVICE_FAKE_SERVER_PROOF_H

#include "tests/unit/device/fake_server.h"

static void spki_hash_of(const X509_PUBKEY *key, uint8_t out[32])
{
    uint8_t *der = NULL;
    int size = i2d_X509_PUBKEY(key, &der);
    assert_true(size > 0);
    struct whorl_bytes bytes = {der, (size_t)size};
    assert_int_equal(whorl_sha256(&host_crypto, bytes, out), WHORL_OK);
    OPENSSL_free(der);
}

static void put(struct whorl_text *text, const char *before, const uint8_t *bytes, size_t size)
{
    struct whorl_bytes b = {bytes, size};
    whorl_text_put(text, before);
    whorl_text_base64(text, b);
    whorl_text_put(text, "\"");
}

/* Under the root that the device names, where the server has it; else under its own. */
static unsigned answer_challenge(struct fake_server *server, struct whorl_bytes json, struct whorl_text *body)
{
    static const uint8_t nobody[32];
    uint8_t asked[32];
    struct whorl_bytes text;
    struct whorl_bytes id = {server->answered_id, 32};
    assert_true(whorl_message_text(json, "server_id", &text) && whorl_hex_decode(text, asked, 32));
    bool is_second = memcmp(server->second_id, nobody, 32) != 0 && memcmp(asked, server->second_id, 32) == 0;
    memcpy(server->answered_id, is_second ? server->second_id : server->server_id, 32);
    server->nonce[0]++;
    server->has_nonce = true;
    put(body, "{\"nonce\":\"", server->nonce, sizeof server->nonce);
    whorl_text_put(body, ",\"server_id\":\"");
    whorl_text_hex(body, id);
    whorl_text_put(body, "\"}");
    return 200;
}

static bool is_proved(struct fake_server *server, struct whorl_bytes proof, enum whorl_pop_purpose purpose,
                      uint32_t generation, struct whorl_bytes csr)
{
    struct whorl_pop pop = {.purpose = purpose, .generation = generation, .nonce_size = sizeof server->nonce};
    struct whorl_bytes text;
    uint8_t spki[WHORL_SPKI_BYTES];
    uint8_t nonce[WHORL_NONCE_MAX];
    uint8_t signature[WHORL_ECDSA_DER_MAX];
    uint8_t signed_text[WHORL_POP_MAX];
    size_t spki_size = 0, nonce_size = 0, signature_size = 0;
    struct whorl_space spki_room = {spki, sizeof spki};
    struct whorl_space nonce_room = {nonce, sizeof nonce};
    struct whorl_space signature_room = {signature, sizeof signature};
    struct whorl_bytes number;
    assert_true(whorl_message_text(proof, "spki", &text) && whorl_base64_decode(text, spki_room, &spki_size));
    assert_true(whorl_message_text(proof, "nonce", &text) &&
                whorl_base64_decode(text, nonce_room, &nonce_size));
    assert_true(whorl_message_text(proof, "signature", &text) &&
                whorl_base64_decode(text, signature_room, &signature_size));
    assert_true(whorl_json_member(proof, "counter", &number) && whorl_json_number(number, &pop.counter));
    assert_true(pop.counter > server->last_counter);
    server->last_counter = pop.counter;
    memcpy(pop.nonce, server->nonce, sizeof server->nonce);
    memcpy(pop.server_id, server->answered_id, 32);
    memcpy(pop.device_id, server->device_id, 32);
    memcpy(pop.tls_exporter, server->exporter, 32);
    if (purpose == WHORL_POP_ENROL) {
        const uint8_t *at = csr.data;
        X509_REQ *request = d2i_X509_REQ(NULL, &at, (long)csr.size);
        assert_non_null(request);
        spki_hash_of(X509_REQ_get_X509_PUBKEY(request), pop.new_spki_sha256);
        assert_int_equal(whorl_sha256(&host_crypto, csr, pop.csr_sha256), WHORL_OK);
        X509_REQ_free(request);
    }
    const uint8_t *at = spki;
    EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)spki_size);
    EVP_MD_CTX *check = EVP_MD_CTX_new();
    bool is_live = server->has_nonce && nonce_size == sizeof server->nonce &&
                   memcmp(nonce, server->nonce, nonce_size) == 0;
    server->has_nonce = false; /* single use */
    bool is_signed = EVP_DigestVerifyInit(check, NULL, EVP_sha256(), NULL, key) == 1 &&
                     EVP_DigestVerify(check, signature, signature_size, signed_text,
                                      whorl_pop_write(&pop, signed_text)) == 1;
    EVP_MD_CTX_free(check);
    EVP_PKEY_free(key);
    return is_live && is_signed;
}

#endif
