/* A client of CMP for tests: OpenSSL's own (never the code under test), whose messages go through a function
 * instead of a socket. */
#ifndef WHORL_TESTS_CMP_CLIENT_H
#define WHORL_TESTS_CMP_CLIENT_H

#include "tests/unit/pki/pki_fixture.h"

#include <openssl/cmp.h>
#include <openssl/err.h>

#include "pki/cmp_answer.h"
#include "pki/cmp_header.h"
#include "pki/cmp_server.h"

DEFINE_AUTO(OSSL_CMP_CTX, OSSL_CMP_CTX_free);
DEFINE_AUTO(OSSL_CMP_MSG, OSSL_CMP_MSG_free);

/* Where the client's messages go. */
struct cmp_client {
    OSSL_CMP_CTX *context;
    EVP_PKEY *key;     /* that protects */
    X509 *certificate; /* over it */
    EVP_PKEY *new_key;
    /** Answers a message. */
    void (*serve)(void *server, struct bytes request, struct buf *answer);
    void *server;
    struct buf sent, got; /* the last message each way */
    /* changes a message of the client before it is served, or NULL */
    void (*spoil)(struct cmp_client *client, struct buf *der);
    int messages;
};

/** A self-signed certificate as a device makes it for its first contact. */
static inline X509 *cmp_self_signed(EVP_PKEY *key, const char *name)
{
    X509 *x509 = X509_new();
    assert_non_null(x509);
    X509_NAME *subject = X509_get_subject_name(x509);
    assert_int_equal(X509_set_version(x509, 2), 1);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(x509), 1), 1);
    assert_int_equal(
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0), 1);
    assert_int_equal(X509_set_issuer_name(x509, subject), 1);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(x509), -3600));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(x509), 3600L * 24 * 3650));
    assert_int_equal(X509_set_pubkey(x509, key), 1);
    X509V3_CTX context;
    X509V3_set_ctx(&context, x509, x509, NULL, NULL, 0);
    X509_EXTENSION *ski = X509V3_EXT_conf_nid(NULL, &context, NID_subject_key_identifier, "hash");
    assert_int_equal(X509_add_ext(x509, ski, -1), 1);
    X509_EXTENSION_free(ski);
    bool is_edwards = EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519;
    assert_true(X509_sign(x509, key, is_edwards ? NULL : EVP_sha256()) > 0);
    return x509;
}

static inline OSSL_CMP_MSG *cmp_client_transfer(OSSL_CMP_CTX *context, const OSSL_CMP_MSG *message)
{
    struct cmp_client *client = OSSL_CMP_CTX_get_transfer_cb_arg(context);
    unsigned char *der = NULL;
    int size = i2d_OSSL_CMP_MSG(message, &der);
    buf_clear(&client->sent);
    buf_clear(&client->got);
    bytes_of_i2d(size, der, &client->sent);
    client->messages++;
    if (client->spoil != NULL) {
        client->spoil(client, &client->sent);
    }
    client->serve(client->server, buf_view(&client->sent), &client->got);
    const unsigned char *p = client->got.p;
    return client->got.n == 0 ? NULL : d2i_OSSL_CMP_MSG(NULL, &p, (long)client->got.n);
}

static inline X509_STORE *cmp_store_of(const struct authority *root)
{
    struct bytes der = authority_borrow_der(root);
    const unsigned char *p = der.p;
    X509_STORE *store = X509_STORE_new();
    AUTO(X509) *x509 = d2i_X509(NULL, &p, (long)der.n);
    assert_non_null(store);
    assert_int_equal(X509_STORE_add_cert(store, x509), 1);
    return store;
}

/** Key and certificate are consumed. @param at_ms the time that the client believes it is */
static inline void cmp_client_init(struct cmp_client *client, EVP_PKEY *key, X509 *certificate,
                                   const struct authority *root, int64_t at_ms)
{
    *client = (struct cmp_client){.key = key, .certificate = certificate};
    client->context = OSSL_CMP_CTX_new(NULL, NULL);
    client->new_key = ec_key("P-256");
    X509_STORE *store = cmp_store_of(root);
    X509_VERIFY_PARAM_set_time(X509_STORE_get0_param(store), (time_t)(at_ms / 1000));
    OSSL_CMP_CTX *c = client->context;
    assert_int_equal(OSSL_CMP_CTX_set_log_verbosity(c, OSSL_CMP_LOG_ALERT), 1);
    assert_int_equal(OSSL_CMP_CTX_set_transfer_cb(c, cmp_client_transfer), 1);
    assert_int_equal(OSSL_CMP_CTX_set_transfer_cb_arg(c, client), 1);
    assert_int_equal(OSSL_CMP_CTX_set0_trustedStore(c, store), 1);
    assert_int_equal(OSSL_CMP_CTX_set1_cert(c, certificate), 1);
    assert_int_equal(OSSL_CMP_CTX_set1_pkey(c, key), 1);
    assert_int_equal(EVP_PKEY_up_ref(client->new_key), 1);
    assert_int_equal(OSSL_CMP_CTX_set0_newPkey(c, 1, client->new_key), 1);
}

static inline void cmp_client_clear(struct cmp_client *client)
{
    OSSL_CMP_CTX_free(client->context);
    EVP_PKEY_free(client->key);
    EVP_PKEY_free(client->new_key);
    X509_free(client->certificate);
    buf_clear(&client->sent);
    buf_clear(&client->got);
    ERR_clear_error();
}

static inline void cmp_client_new_key(struct cmp_client *client)
{
    EVP_PKEY_free(client->new_key);
    client->new_key = ec_key("P-256");
    assert_int_equal(EVP_PKEY_up_ref(client->new_key), 1);
    assert_int_equal(OSSL_CMP_CTX_set0_newPkey(client->context, 1, client->new_key), 1);
}

static inline bool cmp_failed_with(const struct cmp_client *client, enum cmp_failure failure)
{
    int bits = OSSL_CMP_CTX_get_failInfoCode(client->context);
    return OSSL_CMP_CTX_get_status(client->context) == OSSL_CMP_PKISTATUS_rejection &&
           bits == 1 << (int)failure;
}

#define assert_cmp_failure(client, failure)                                                                  \
    do {                                                                                                     \
        if (!cmp_failed_with((client), (failure))) {                                                         \
            fail_msg("status %d, failInfo %x", OSSL_CMP_CTX_get_status((client)->context),                   \
                     (unsigned)OSSL_CMP_CTX_get_failInfoCode((client)->context));                            \
        }                                                                                                    \
    } while (0)

static inline void cmp_read(struct bytes der, struct cmp_header *out)
{
    enum cmp_failure failure;
    assert_ok(cmp_header_read(der, out, &failure));
}

#endif
