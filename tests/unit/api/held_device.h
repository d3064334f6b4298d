/* A device that has a certificate and holds its key. */
#ifndef WHORL_TESTS_API_HELD_DEVICE_H
#define WHORL_TESTS_API_HELD_DEVICE_H

#include "tests/unit/api/device_house.h"

struct held {
    struct chip chip;
    EVP_PKEY *key;
    struct peer_identity peer; /* by its certificate */
};

static inline void held_clear(struct held *held)
{
    chip_clear(&held->chip);
    EVP_PKEY_free(held->key);
    peer_identity_clear(&held->peer);
}
DEFINE_AUTO_VAL(held, held_clear);

/* By the device protocol: with the subject of `like` when there is one. @return the status */
static inline int enrol(struct house *h, const struct peer_identity *peer, EVP_PKEY *key, struct reply *reply)
{
    AUTO_VAL(buf) csr = {0};
    AUTO_VAL(buf) body = {0};
    AUTO(X509_REQ) *request = X509_REQ_new();
    if (peer->kind == PEER_ISSUED) {
        AUTO(X509) *x509 = NULL;
        assert_ok(certificate_decode(buf_view(&peer->der), &x509));
        assert_int_equal(X509_REQ_set_subject_name(request, X509_get_subject_name(x509)), 1);
    }
    assert_int_equal(X509_REQ_set_pubkey(request, key), 1);
    assert_true(X509_REQ_sign(request, key, EVP_sha256()) > 0);
    unsigned char *der = NULL;
    int size = i2d_X509_REQ(request, &der);
    bytes_of_i2d(size, der, &csr);
    assert_ok(buf_append_str(&body, "{\"csr\":\""));
    assert_ok(base64_append(&body, buf_view(&csr)));
    assert_ok(buf_append_str(&body, "\"}"));
    struct call call = {.method = HTTP_POST,
                        .route = "/device/v1/enrol",
                        .peer = peer,
                        .type = "application/json",
                        .body = buf_view(&body)};
    return send_call(h, &call, reply);
}

static inline void take_certificate(const struct reply *reply, struct peer_identity *out)
{
    AUTO_VAL(buf) der = {0};
    assert_ok(base64_decode(bytes_str(text_at(reply, "certificate")), &der));
    peer_identity_clear(out);
    peer_of_certificate(buf_view(&der), out);
}

/* A device with a certificate of a year. */
static inline void held_make(struct house *h, struct held *held)
{
    AUTO_VAL(reply) reply = {.json = NULL};
    *held = (struct held){.key = ec_key("P-256")};
    chip_make(&held->chip);
    register_chips(h, &held->chip, 1);
    assert_int_equal(enrol(h, &held->chip.peer, held->key, &reply), 200);
    take_certificate(&reply, &held->peer);
}

#endif
