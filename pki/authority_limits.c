/* What an authority's own certificate lets it certify: key purposes (as clients nest extKeyUsage) and DNS
 * names. Read once, when it is loaded, so that what no client would take is refused and not issued. */
#include <string.h>

#include <openssl/x509v3.h>

#include "pki/authority_internal.h"
#include "pki/certificate_profile.h"
#include "pki/dns_name.h"

DEFINE_AUTO(EXTENDED_KEY_USAGE, EXTENDED_KEY_USAGE_free);
DEFINE_AUTO(NAME_CONSTRAINTS, NAME_CONSTRAINTS_free);

static uint32_t purpose_of(const ASN1_OBJECT *object)
{
    if (OBJ_obj2nid(object) == NID_anyExtendedKeyUsage) {
        return PURPOSES_ALL;
    }
    return key_purpose_of_oid((struct bytes){OBJ_get0_data(object), OBJ_length(object)});
}

static uint32_t purposes_of(X509 *x509)
{
    AUTO(EXTENDED_KEY_USAGE) *list = X509_get_ext_d2i(x509, NID_ext_key_usage, NULL, NULL);
    uint32_t purposes = list == NULL ? PURPOSES_ALL : 0; /* without the extension, no client asks */
    for (int i = 0; i < sk_ASN1_OBJECT_num(list); i++) {
        purposes |= purpose_of(sk_ASN1_OBJECT_value(list, i));
    }
    return purposes;
}

/* Each name with a zero behind it. */
static err_t keep_names(const STACK_OF(GENERAL_SUBTREE) * subtrees, struct buf *out)
{
    for (int i = 0; i < sk_GENERAL_SUBTREE_num(subtrees); i++) {
        const GENERAL_NAME *base = sk_GENERAL_SUBTREE_value(subtrees, i)->base;
        if (base->type == GEN_DNS) {
            const ASN1_IA5STRING *name = base->d.dNSName;
            TRY(buf_append(out, ASN1_STRING_get0_data(name), (size_t)ASN1_STRING_length(name)));
            TRY(buf_append(out, "", 1));
        }
    }
    return OK;
}

err_t authority_limits_read(X509 *x509, struct authority *authority)
{
    AUTO(NAME_CONSTRAINTS) *constraints = X509_get_ext_d2i(x509, NID_name_constraints, NULL, NULL);
    authority->key_purposes = purposes_of(x509);
    openssl_forget_errors();
    if (constraints == NULL) {
        return OK;
    }
    TRY(keep_names(constraints->permittedSubtrees, &authority->permitted_dns));
    return keep_names(constraints->excludedSubtrees, &authority->excluded_dns);
}

static bool is_within_any(struct bytes name, const struct buf *list)
{
    struct bytes rest = buf_view(list);
    while (rest.n > 0) {
        size_t n = strlen((const char *)rest.p);
        if (dns_name_is_within(name, (struct bytes){rest.p, n})) {
            return true;
        }
        rest = (struct bytes){rest.p + n + 1, rest.n - n - 1};
    }
    return false;
}

uint32_t authority_key_purposes(const struct authority *authority)
{
    return authority->key_purposes;
}

bool authority_permits_dns(const struct authority *authority, struct bytes name)
{
    bool is_permitted = authority->permitted_dns.n == 0 || is_within_any(name, &authority->permitted_dns);
    return is_permitted && !is_within_any(name, &authority->excluded_dns);
}
