/* Requests for the certificate of a CA key (RFC 2986): what somebody else's root, or a root whose key is
 * elsewhere, signs. */
#include <string.h>

#include "pki/authority_internal.h"
#include "pki/authority_succession.h"

err_t authority_organisation(const struct authority *authority, char out[ORGANISATION_SIZE])
{
    const unsigned char *p = authority->subject.p;
    AUTO(X509_NAME) *name = d2i_X509_NAME(NULL, &p, (long)authority->subject.n);
    unsigned char *text = NULL;
    int at = name == NULL ? -1 : X509_NAME_get_index_by_NID(name, NID_organizationName, -1);
    int size =
        at < 0 ? -1 : ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
    bool fits = size > 0 && size < ORGANISATION_SIZE;
    if (fits) {
        memcpy(out, text, (size_t)size);
        out[size] = '\0';
    }
    OPENSSL_free(text);
    openssl_forget_errors();
    ENSURE(fits, ERR_UNPROCESSABLE, "the name of the authority %s has no organisation", authority->id);
    return OK;
}

/* extensionRequest (RFC 2985 §5.4.2): one SET with one Extensions. */
static err_t put_attributes(const struct authority_spec *spec, const struct private_key *key,
                            struct der_writer *w)
{
    /* clang-format off */
    static const uint8_t oid_extension_request[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x0e};
    /* clang-format on */
    uint8_t ski[SKI_SIZE];
    TRY(profile_ski(buf_view(&key->spki), ski));
    size_t attributes = der_open(w, DER_CONTEXT_CONSTRUCTED | 0);
    size_t attribute = der_open(w, DER_SEQUENCE);
    der_put(w, DER_OID, BYTES_OF(oid_extension_request));
    size_t values = der_open(w, DER_SET);
    size_t extensions = der_open(w, DER_SEQUENCE);
    authority_put_basics(w, spec);
    profile_put_ski(w, ski);
    der_close(w, extensions);
    der_close(w, values);
    der_close(w, attribute);
    der_close(w, attributes);
    return OK;
}

err_t authority_make_request(const struct authority_spec *spec, const struct private_key *key,
                             const struct authority *predecessor, struct buf *der)
{
    AUTO_VAL(buf) subject = {0};
    AUTO_VAL(buf) info = {0};
    if (predecessor == NULL) {
        TRY(authority_put_subject(spec, key, &subject));
    } else {
        TRY(buf_append_bytes(&subject, buf_view(&predecessor->subject)));
    }
    struct der_writer w = der_writer(&info);
    size_t outer = der_open(&w, DER_SEQUENCE);
    der_put_int64(&w, DER_INTEGER, 0);
    der_put_raw(&w, buf_view(&subject));
    der_put_raw(&w, buf_view(&key->spki));
    TRY(put_attributes(spec, key, &w));
    der_close(&w, outer);
    TRY(der_finish(&w));
    return profile_sign(buf_view(&info), key, der);
}
