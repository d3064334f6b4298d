/* CMP messages made by OpenSSL's client: what it would have sent is caught before it leaves. */
#ifndef WHORL_TESTS_CMP_FIXTURE_H
#define WHORL_TESTS_CMP_FIXTURE_H

#include "tests/unit/pki/pki_fixture.h"

#include <openssl/cmp.h>

#include "pki/cmp_header.h"
#include "pki/der.h"

DEFINE_AUTO(OSSL_CMP_CTX, OSSL_CMP_CTX_free);
DEFINE_AUTO(OSSL_CMP_MSG, OSSL_CMP_MSG_free);

/* Stands for the server: keeps the request, answers nothing. */
static inline OSSL_CMP_MSG *cmp_catch(OSSL_CMP_CTX *client, const OSSL_CMP_MSG *request)
{
    unsigned char *der = NULL;
    int size = i2d_OSSL_CMP_MSG(request, &der);
    bytes_of_i2d(size, der, OSSL_CMP_CTX_get_transfer_cb_arg(client));
    return NULL;
}

/** A client that protects by `code` under `reference`. @param[out] caught gets the request, appended */
static inline OSSL_CMP_CTX *cmp_client(struct bytes reference, struct bytes code, struct buf *caught)
{
    OSSL_CMP_CTX *client = OSSL_CMP_CTX_new(NULL, NULL);
    assert_non_null(client);
    assert_int_equal(OSSL_CMP_CTX_set1_referenceValue(client, reference.p, (int)reference.n), 1);
    assert_int_equal(OSSL_CMP_CTX_set1_secretValue(client, code.p, (int)code.n), 1);
    assert_int_equal(OSSL_CMP_CTX_set_transfer_cb(client, cmp_catch), 1);
    assert_int_equal(OSSL_CMP_CTX_set_transfer_cb_arg(client, caught), 1);
    return client;
}

/** An ir for `key` under the MAC of a code. */
static inline void cmp_mac_request(EVP_PKEY *key, struct bytes reference, struct bytes code, struct buf *der)
{
    AUTO(OSSL_CMP_CTX) *client = cmp_client(reference, code, der);
    assert_int_equal(EVP_PKEY_up_ref(key), 1);
    assert_int_equal(OSSL_CMP_CTX_set0_newPkey(client, 1, key), 1);
    assert_null(OSSL_CMP_exec_certreq(client, CMP_BODY_IR, NULL));
    openssl_forget_errors();
    assert_true(der->n > 0);
}

/** A general message under the same kind of protection. */
static inline void cmp_mac_genm(struct bytes reference, struct bytes code, struct buf *der)
{
    AUTO(OSSL_CMP_CTX) *client = cmp_client(reference, code, der);
    assert_null(OSSL_CMP_exec_GENM_ses(client));
    openssl_forget_errors();
    assert_true(der->n > 0);
}

#endif
