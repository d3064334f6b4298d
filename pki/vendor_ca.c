/* Pinned CAs of chip makers. Reads what an operator hands in; chips' certificates are vendor_chain.c's. */
#include "pki/vendor_ca.h"

#include <stdio.h>
#include <string.h>

#include <openssl/x509v3.h>

#include "pki/certificate.h"
#include "pki/trust_anchors.h"
#include "pki/vendor_internal.h"

enum { PEM_MAX = 16 * 1024, DER_MAX = 4096 };

void vendor_ca_clear(struct vendor_ca *ca)
{
    buf_clear(&ca->der);
    *ca = (struct vendor_ca){.name_hash = 0};
}

err_t vendor_authority_check(X509 *x509)
{
    static const struct key_policy policy = {.allow_rsa = true, .allow_rsa_2048 = true};
    AUTO_VAL(buf) spki = {0};
    struct key_info key;
    bool is_authority = X509_check_ca(x509) == 1; /* 1: by its basic constraints, and by its key usage */
    openssl_forget_errors();
    ENSURE(is_authority, ERR_UNPROCESSABLE, "the certificate is no certificate authority's");
    TRY(certificate_spki(x509, &spki));
    err_t error = key_check_spki(buf_view(&spki), &policy, &key);
    ENSURE(error.code != ERR_BAD_ENCODING, ERR_UNPROCESSABLE, "the authority's key: %.120s", error.detail);
    return error;
}

uint32_t vendor_name_hash(const X509_NAME *name)
{
    int is_done = 0;
    unsigned long hash = X509_NAME_hash_ex(name, NULL, NULL, &is_done);
    openssl_forget_errors();
    return is_done == 1 ? (uint32_t)hash : 0;
}

/* One certificate and nothing else: of several nobody could say which one is meant. */
static err_t read_one(struct bytes pem, struct buf *der)
{
    static const char begin[] = "-----BEGIN";
    AUTO_VAL(buf) clean = {0};
    ENSURE(pem.n <= PEM_MAX, ERR_UNPROCESSABLE, "the text is longer than %d bytes", PEM_MAX);
    TRY(trust_anchors_read(pem, &clean));
    const char *first = strstr(buf_str(&clean), begin);
    ENSURE(first != NULL && strstr(first + 1, begin) == NULL, ERR_UNPROCESSABLE,
           "give one certificate: each CA is pinned on its own");
    TRY(certificate_from_pem(buf_view(&clean), der));
    ENSURE(der->n <= DER_MAX, ERR_UNPROCESSABLE, "the certificate is longer than %d bytes", DER_MAX);
    return OK;
}

err_t vendor_ca_read(struct bytes pem, struct vendor_ca *out)
{
    AUTO(X509) *x509 = NULL;
    AUTO_VAL(certificate_facts) facts = {.serial_size = 0};
    TRY(read_one(pem, &out->der));
    TRY(certificate_decode(buf_view(&out->der), &x509));
    TRY(vendor_authority_check(x509));
    TRY(certificate_facts_read(x509, &facts));
    out->name_hash = vendor_name_hash(X509_get_subject_name(x509));
    out->spki_sha256 = facts.key.spki_sha256;
    out->not_before_ms = facts.not_before_ms;
    out->not_after_ms = facts.not_after_ms;
    (void)snprintf(out->subject, sizeof out->subject, "%s", facts.subject_text);
    return OK;
}
