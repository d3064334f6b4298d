/* Reads a chip maker's certificate through OpenSSL, which takes the illegal strings that a strict reader
 * refuses. */
#include "pki/foreign_certificate.h"

#include <string.h>

#include <openssl/x509v3.h>

#include "pki/openssl.h"

DEFINE_AUTO(ASN1_OCTET_STRING, ASN1_OCTET_STRING_free);
DEFINE_AUTO(BASIC_CONSTRAINTS, BASIC_CONSTRAINTS_free);

void foreign_certificate_clear(struct foreign_certificate *certificate)
{
    buf_clear(&certificate->spki);
    *certificate = (struct foreign_certificate){.key_id_size = 0};
}

static void read_common_name(const X509_NAME *subject, struct foreign_certificate *out)
{
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at < 0) {
        return;
    }
    unsigned char *text = NULL;
    int size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    if (size > 0 && size < FOREIGN_NAME_SIZE) {
        memcpy(out->common_name, text, (size_t)size);
        out->common_name[size] = '\0';
    }
    OPENSSL_free(text);
}

static void read_key_id(const X509 *x509, struct foreign_certificate *out)
{
    AUTO(ASN1_OCTET_STRING) *id = X509_get_ext_d2i(x509, NID_subject_key_identifier, NULL, NULL);
    int size = id == NULL ? 0 : ASN1_STRING_length(id);
    if (size > 0 && size <= FOREIGN_KEY_ID_SIZE) {
        memcpy(out->key_id, ASN1_STRING_get0_data(id), (size_t)size);
        out->key_id_size = (size_t)size;
    }
}

err_t foreign_certificate_read(struct bytes der, struct foreign_certificate *out)
{
    AUTO(X509) *x509 = NULL;
    TRY(certificate_decode(der, &x509));
    const X509_NAME *subject = X509_get_subject_name(x509);
    AUTO(BASIC_CONSTRAINTS) *constraints = X509_get_ext_d2i(x509, NID_basic_constraints, NULL, NULL);
    out->is_authority = (constraints != NULL && constraints->ca != 0) ||
                        X509_NAME_cmp(subject, X509_get_issuer_name(x509)) == 0;
    read_common_name(subject, out);
    read_key_id(x509, out);
    openssl_forget_errors();
    return certificate_spki(x509, &out->spki);
}
