/* CMP messages as anybody sends them: whatever our reader takes, OpenSSL finds the same in. */
#include <stdlib.h>

#include <openssl/cmp.h>

#include "base/utf8.h"
#include "pki/cmp_header.h"
#include "pki/openssl.h"
#include "tests/fuzz/fuzz.h"

DEFINE_AUTO(OSSL_CMP_MSG, OSSL_CMP_MSG_free);

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void is_inside(struct bytes whole, struct bytes part)
{
    must(part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n));
}

static void is_string(struct bytes slice, const ASN1_OCTET_STRING *string)
{
    struct bytes theirs =
        string == NULL ? BYTES_NONE
                       : (struct bytes){ASN1_STRING_get0_data(string), (size_t)ASN1_STRING_length(string)};
    must(bytes_equal(slice, theirs));
}

static void check_slices(struct bytes der, const struct cmp_header *header)
{
    const struct bytes slices[] = {header->sender,       header->recipient,   header->sender_name,
                                   header->sender_kid,   header->recip_kid,   header->transaction_id,
                                   header->sender_nonce, header->recip_nonce, header->profile,
                                   header->protection,   header->mac.salt,    header->body_content,
                                   header->header_der,   header->body_der,    header->protection_alg};
    for (size_t i = 0; i < sizeof slices / sizeof slices[0]; i++) {
        is_inside(der, slices[i]);
    }
    for (size_t i = 0; i < header->extra_count; i++) {
        is_inside(der, header->extra_certs[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes der = {data, size};
    struct cmp_header header;
    enum cmp_failure failure;
    err_t error = cmp_header_read(der, &header, &failure);
    check_slices(der, &header);
    if (error.code != ERR_OK) {
        must(utf8_is_valid(bytes_str(error.detail)) && (int)failure >= 0 && (int)failure <= 26);
        return 0;
    }
    must(header.transaction_id.n >= CMP_ID_MIN && header.transaction_id.n <= CMP_ID_MAX);
    must(header.protection_kind == CMP_UNPROTECTED || header.protection_kind == CMP_SIGNED ||
         (header.mac.iterations >= CMP_ITERATIONS_MIN && header.mac.iterations <= CMP_ITERATIONS_MAX));
    const unsigned char *p = data;
    AUTO(OSSL_CMP_MSG) *theirs = d2i_OSSL_CMP_MSG(NULL, &p, (long)size);
    /* it also reads the body, which may be nonsense: then it has nothing to compare */
    if (theirs != NULL) {
        const OSSL_CMP_PKIHEADER *head = OSSL_CMP_MSG_get0_header(theirs);
        must(OSSL_CMP_MSG_get_bodytype(theirs) == (int)header.body);
        is_string(header.transaction_id, OSSL_CMP_HDR_get0_transactionID(head));
        is_string(header.recip_nonce, OSSL_CMP_HDR_get0_recipNonce(head));
    }
    openssl_forget_errors();
    return 0;
}
