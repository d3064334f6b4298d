/* The way back from DER, by OpenSSL. Only what a CA for servers at the edge has is understood: DNS names, and
 * that every address is excluded. */
#include "pki/name_constraints_read.h"

#include <stdio.h>
#include <string.h>

#include <openssl/x509v3.h>

#include "pki/dns_name.h"
#include "pki/openssl.h"

DEFINE_AUTO(NAME_CONSTRAINTS, NAME_CONSTRAINTS_free);
DEFINE_AUTO(X509_REQ, X509_REQ_free);

void held_constraints_clear(struct held_constraints *held)
{
    buf_clear(&held->text);
}

/* In lower case, with a zero behind it. "example.com" and ".example.com" (which leaves the name itself out,
 * as OpenSSL has it) are one as long as it is permitted, and that is all that is taken from the second. */
static err_t keep(const ASN1_IA5STRING *name, bool is_permitted, struct held_constraints *out, size_t *count)
{
    char text[DNS_NAME_SIZE + 1];
    const unsigned char *from = ASN1_STRING_get0_data(name);
    size_t n = (size_t)ASN1_STRING_length(name);
    size_t skip = is_permitted && n > 0 && from[0] == '.' ? 1 : 0;
    if (n - skip >= sizeof text) {
        n = skip; /* which is no name */
    }
    for (size_t i = skip; i < n; i++) {
        unsigned char c = from[i];
        text[i - skip] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    bool is_name = dns_name_is_valid((struct bytes){(const uint8_t *)text, n - skip});
    ENSURE(is_name || !is_permitted, ERR_UNPROCESSABLE,
           "nameConstraints permit what is no DNS name of lower-case letters, digits and hyphens");
    if (!is_name) {
        return OK; /* whatever it excludes, it is counted as excluding nothing */
    }
    ENSURE(*count < (is_permitted ? (size_t)CONSTRAINTS_MAX : (size_t)CONSTRAINTS_EXCLUDED_MAX),
           ERR_UNPROCESSABLE, "nameConstraints hold too many names");
    ++*count;
    TRY(buf_append(&out->text, text, n - skip));
    return buf_append(&out->text, "", 1);
}

static bool is_every_address(const ASN1_OCTET_STRING *base, int size)
{
    static const unsigned char zeros[32] = {0};
    return ASN1_STRING_length(base) == size && memcmp(ASN1_STRING_get0_data(base), zeros, (size_t)size) == 0;
}

static err_t keep_all(const STACK_OF(GENERAL_SUBTREE) * subtrees, bool is_permitted,
                      struct held_constraints *out, size_t *count)
{
    bool has_v4 = false, has_v6 = false;
    for (int i = 0; i < sk_GENERAL_SUBTREE_num(subtrees); i++) {
        const GENERAL_NAME *base = sk_GENERAL_SUBTREE_value(subtrees, i)->base;
        ENSURE(base->type == GEN_DNS || !is_permitted, ERR_UNPROCESSABLE,
               "nameConstraints permit other names than DNS names");
        if (base->type == GEN_DNS) {
            TRY(keep(base->d.dNSName, is_permitted, out, count));
        }
        has_v4 = has_v4 || (base->type == GEN_IPADD && is_every_address(base->d.iPAddress, 8));
        has_v6 = has_v6 || (base->type == GEN_IPADD && is_every_address(base->d.iPAddress, 32));
    }
    out->excludes_addresses = out->excludes_addresses || (has_v4 && has_v6);
    return OK;
}

/* Only now the text stays where it is. */
static void point(struct held_constraints *out)
{
    const char *at = buf_str(&out->text);
    for (size_t i = 0; i < out->names.permitted_count; i++, at += strlen(at) + 1) {
        out->permitted[i] = at;
    }
    for (size_t i = 0; i < out->names.excluded_count; i++, at += strlen(at) + 1) {
        out->excluded[i] = at;
    }
    out->names.permitted = out->permitted;
    out->names.excluded = out->excluded;
}

/* @param found as X509_get_ext_d2i() says it: -1 there is none */
static err_t take(const NAME_CONSTRAINTS *constraints, int found, struct held_constraints *out)
{
    openssl_forget_errors();
    ENSURE(constraints != NULL || found == -1, ERR_UNPROCESSABLE, "nameConstraints are not readable");
    if (constraints == NULL) {
        return OK;
    }
    TRY(keep_all(constraints->permittedSubtrees, true, out, &out->names.permitted_count));
    ENSURE(out->names.permitted_count > 0, ERR_UNPROCESSABLE, "nameConstraints permit no DNS name");
    TRY(keep_all(constraints->excludedSubtrees, false, out, &out->names.excluded_count));
    point(out);
    return OK;
}

err_t name_constraints_of_certificate(struct bytes der, struct held_constraints *out)
{
    const unsigned char *p = der.p;
    int found = -1;
    AUTO(X509) *x509 = d2i_X509(NULL, &p, (long)der.n);
    if (x509 == NULL) {
        openssl_forget_errors();
        return ERR(ERR_UNPROCESSABLE, "not a certificate");
    }
    AUTO(NAME_CONSTRAINTS) *constraints = X509_get_ext_d2i(x509, NID_name_constraints, &found, NULL);
    return take(constraints, found, out);
}

err_t name_constraints_of_request(struct bytes der, struct held_constraints *out)
{
    const unsigned char *p = der.p;
    int found = -1;
    AUTO(X509_REQ) *request = d2i_X509_REQ(NULL, &p, (long)der.n);
    if (request == NULL) {
        openssl_forget_errors();
        return ERR(ERR_UNPROCESSABLE, "not a certificate request");
    }
    STACK_OF(X509_EXTENSION) *extensions = X509_REQ_get_extensions(request);
    AUTO(NAME_CONSTRAINTS) *constraints = X509V3_get_d2i(extensions, NID_name_constraints, &found, NULL);
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    return take(constraints, found, out);
}

/* --- one against the other --------------------------------------------------------------------------------
 */

static bool is_within_any(const char *name, const char *const *subtrees, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (dns_name_is_within(bytes_str(name), bytes_str(subtrees[i]))) {
            return true;
        }
    }
    return false;
}

err_t name_constraints_check_within(const struct held_constraints *given,
                                    const struct held_constraints *asked)
{
    const struct name_constraints *has = &given->names;
    const struct name_constraints *wish = &asked->names;
    ENSURE(has->permitted_count > 0, ERR_UNPROCESSABLE,
           "it has no nameConstraints: a CA for servers at the edge is bound to the names of its request");
    for (size_t i = 0; i < has->permitted_count; i++) {
        ENSURE(is_within_any(has->permitted[i], wish->permitted, wish->permitted_count), ERR_UNPROCESSABLE,
               "its nameConstraints permit %.60s, for which its request did not ask", has->permitted[i]);
    }
    for (size_t i = 0; i < wish->excluded_count; i++) {
        bool is_possible = is_within_any(wish->excluded[i], has->permitted, has->permitted_count);
        ENSURE(!is_possible || is_within_any(wish->excluded[i], has->excluded, has->excluded_count),
               ERR_UNPROCESSABLE, "its nameConstraints do not exclude %.60s, which is this server's",
               wish->excluded[i]);
    }
    ENSURE(given->excludes_addresses, ERR_UNPROCESSABLE,
           "its nameConstraints do not exclude all addresses (IP:0.0.0.0/0.0.0.0 and IP:::/::)");
    return OK;
}
