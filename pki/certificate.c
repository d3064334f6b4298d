/* Certificates as values: parsed by OpenSSL, held as plain facts. For people (the management API) and for the
 * TLS peer; the certificates that we make are written in profile*.c. */
#include "pki/certificate.h"

#include <string.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "pki/der.h"
#include "pki/openssl.h"

enum { CERTIFICATE_SIZE_MAX = 64 * 1024 };

void certificate_facts_clear(struct certificate_facts *facts)
{
    buf_clear(&facts->subject);
    buf_clear(&facts->san);
}

err_t certificate_decode(struct bytes der, X509 **out)
{
    ENSURE(der.n <= CERTIFICATE_SIZE_MAX, ERR_BAD_ENCODING,
           "the certificate has %zu bytes; at most %d are accepted", der.n, CERTIFICATE_SIZE_MAX);
    TRY(der_check(der));
    *out = NULL;
    err_t refused = OK;
    /* twice: OpenSSL 3.5 does not always say that it refused for want of memory */
    for (int look = 0; look < 2 && *out == NULL; look++) {
        const unsigned char *p = der.p;
        *out = d2i_X509(NULL, &p, (long)der.n);
        refused = openssl_refused(ERR(ERR_BAD_ENCODING, "not an X.509 certificate"));
    }
    return *out != NULL ? OK : refused;
}

err_t certificate_encode(const X509 *x509, struct buf *out)
{
    unsigned char *der = NULL;
    int size = i2d_X509(x509, &der);
    if (size <= 0) {
        return ERR_OPENSSL("encoding a certificate failed");
    }
    err_t error = buf_append(out, der, (size_t)size);
    OPENSSL_free(der);
    return error;
}

err_t certificate_spki(const X509 *x509, struct buf *out)
{
    unsigned char *der = NULL;
    int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x509), &der);
    if (size <= 0) {
        return ERR_OPENSSL("encoding a certificate's key failed");
    }
    err_t error = buf_append(out, der, (size_t)size);
    OPENSSL_free(der);
    return error;
}

err_t certificate_algorithm(const X509 *x509, struct buf *out)
{
    const X509_ALGOR *algorithm = NULL;
    unsigned char *der = NULL;
    X509_get0_signature(NULL, &algorithm, x509);
    int size = i2d_X509_ALGOR(algorithm, &der);
    if (size <= 0) {
        return ERR_OPENSSL("encoding a signature algorithm failed");
    }
    err_t error = buf_append(out, der, (size_t)size);
    OPENSSL_free(der);
    return error;
}

/* Unix milliseconds; a certificate's times have whole seconds. */
static err_t read_time(const ASN1_TIME *time, int64_t *out_ms)
{
    AUTO(ASN1_TIME) *epoch = ASN1_TIME_set(NULL, 0);
    int days = 0;
    int seconds = 0;
    ENSURE(epoch != NULL, ERR_NO_MEMORY, "no memory for a time");
    if (ASN1_TIME_diff(&days, &seconds, epoch, time) != 1) {
        openssl_forget_errors();
        return ERR(ERR_BAD_ENCODING, "the certificate's dates are malformed");
    }
    *out_ms = ((int64_t)days * 86400 + seconds) * 1000;
    return OK;
}

static err_t read_serial(const X509 *x509, struct certificate_facts *out)
{
    const ASN1_INTEGER *serial = X509_get0_serialNumber(x509);
    size_t size = (size_t)ASN1_STRING_length(serial);
    ENSURE(size >= 1 && size <= sizeof out->serial && ASN1_STRING_type(serial) == V_ASN1_INTEGER,
           ERR_BAD_ENCODING,
           "the certificate's serial number is negative or longer than 20 bytes (RFC 5280 section 4.1.2.2)");
    memcpy(out->serial, ASN1_STRING_get0_data(serial), size);
    out->serial_size = size;
    return OK;
}

static err_t read_names(const X509 *x509, struct certificate_facts *out)
{
    const X509_NAME *subject = X509_get_subject_name(x509);
    const unsigned char *der = NULL;
    size_t size = 0;
    if (X509_NAME_get0_der(subject, &der, &size) != 1) {
        return ERR_OPENSSL("encoding a certificate's subject failed");
    }
    TRY(buf_append(&out->subject, der, size));
    out->is_self_issued = X509_NAME_cmp(subject, X509_get_issuer_name(x509)) == 0;

    int at = X509_get_ext_by_NID(x509, NID_subject_alt_name, -1);
    if (at >= 0) {
        const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(X509_get_ext(x509, at));
        TRY(buf_append(&out->san, ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value)));
    }
    AUTO(BIO) *bio = BIO_new(BIO_s_mem());
    ENSURE(bio != NULL, ERR_NO_MEMORY, "no memory for a name");
    (void)X509_NAME_print_ex(bio, subject, 0, XN_FLAG_RFC2253); /* an unprintable name shows as nothing */
    int n = BIO_read(bio, out->subject_text, (int)sizeof out->subject_text - 1);
    out->subject_text[n > 0 ? n : 0] = '\0';
    return OK;
}

err_t certificate_facts_read(X509 *x509, struct certificate_facts *out)
{
    static const struct key_policy any = {.allow_rsa = true, .allow_rsa_2048 = true};
    AUTO_VAL(buf) spki = {0};
    certificate_facts_clear(out);
    *out = (struct certificate_facts){0};
    TRY(read_serial(x509, out));
    TRY(read_time(X509_get0_notBefore(x509), &out->not_before_ms));
    TRY(read_time(X509_get0_notAfter(x509), &out->not_after_ms));
    TRY(read_names(x509, out));
    TRY(certificate_spki(x509, &spki));
    err_t key = key_check_form(buf_view(&spki), &any, &out->key);
    if (key.code == ERR_UNPROCESSABLE || key.code == ERR_BAD_ENCODING) {
        out->key = (struct key_info){.alg = KEY_ALG_NONE};
        return sha256_of(buf_view(&spki), &out->key.spki_sha256);
    }
    return key;
}

err_t certificate_read(struct bytes der, struct certificate_facts *out)
{
    AUTO(X509) *x509 = NULL;
    TRY(certificate_decode(der, &x509));
    return certificate_facts_read(x509, out);
}

err_t certificate_to_pem(struct bytes der, struct buf *out)
{
    AUTO(BIO) *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    if (bio == NULL || PEM_write_bio(bio, PEM_STRING_X509, "", der.p, (long)der.n) <= 0) {
        return ERR_OPENSSL("writing a certificate as PEM failed");
    }
    long size = BIO_get_mem_data(bio, &text);
    return buf_append(out, text, (size_t)size);
}

err_t certificate_from_pem(struct bytes pem, struct buf *out)
{
    ENSURE(pem.n > 0 && pem.n <= INT32_MAX, ERR_BAD_ENCODING, "the text holds no PEM certificate");
    AUTO(BIO) *bio = BIO_new_mem_buf(pem.p, (int)pem.n);
    ENSURE(bio != NULL, ERR_NO_MEMORY, "no memory for a PEM text");
    char no_passphrase[] = ""; /* an encrypted PEM block must not ask on the terminal */
    unsigned char *der = NULL;
    long size = 0;
    int found = PEM_bytes_read_bio(&der, &size, NULL, PEM_STRING_X509, bio, NULL, no_passphrase);
    openssl_forget_errors();
    ENSURE(found == 1, ERR_BAD_ENCODING, "the text holds no PEM certificate");
    err_t error = buf_append(out, der, (size_t)size);
    OPENSSL_free(der);
    return error;
}

static X509_NAME *name_parse(struct bytes der)
{
    const unsigned char *p = der.p;
    X509_NAME *name = der.n <= CERTIFICATE_SIZE_MAX ? d2i_X509_NAME(NULL, &p, (long)der.n) : NULL;
    if (name != NULL && p != der.p + der.n) {
        X509_NAME_free(name);
        name = NULL;
    }
    openssl_forget_errors();
    return name;
}

bool name_is_same(struct bytes a, struct bytes b)
{
    AUTO(X509_NAME) *first = name_parse(a);
    AUTO(X509_NAME) *second = name_parse(b);
    return first != NULL && second != NULL && X509_NAME_cmp(first, second) == 0;
}
