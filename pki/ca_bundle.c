/* PEM and PKCS #7 with OpenSSL's readers, which know all of their variants; each item then has to be DER by
 * our own reading, and its form says whether it is a certificate or a CRL. */
#include "pki/ca_bundle.h"

#include <limits.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>

#include "pki/der.h"
#include "pki/openssl.h"

DEFINE_AUTO(PKCS7, PKCS7_free);

void ca_bundle_clear(struct ca_bundle *bundle)
{
    for (size_t i = 0; i < bundle->count; i++) {
        buf_clear(&bundle->items[i].der);
    }
    bundle->count = 0;
}

/* --- one item ----------------------------------------------------------------------------------------- */

/* TBSCertList has a time where TBSCertificate has the Validity (RFC 5280 §4.1, §5.1): the fourth of version,
 * algorithm, issuer, thisUpdate; the version may be missing. */
static bool has_form_of_crl(struct bytes der)
{
    struct der_item outer;
    struct der_item tbs;
    struct der_item item;
    if (!der_take(&der, DER_SEQUENCE, &outer) || !der_take(&outer.value, DER_SEQUENCE, &tbs)) {
        return false;
    }
    (void)der_take(&tbs.value, DER_INTEGER, &item);
    return der_take(&tbs.value, DER_SEQUENCE, &item) && der_take(&tbs.value, DER_SEQUENCE, &item) &&
           der_next(&tbs.value, &item) && (item.tag == DER_UTC_TIME || item.tag == DER_GENERALIZED_TIME);
}

static err_t add(struct bytes der, enum ca_item_kind kind, struct ca_bundle *bundle)
{
    err_t form = der_check(der);
    ENSURE(form.code == ERR_OK, ERR_UNPROCESSABLE, "%s %zu is broken: %.100s",
           kind == CA_ITEM_CRL ? "CRL" : "certificate", bundle->count + 1, form.detail);
    for (size_t i = 0; i < bundle->count; i++) {
        if (bytes_equal(buf_view(&bundle->items[i].der), der)) {
            return OK;
        }
    }
    ENSURE(bundle->count < CA_BUNDLE_ITEMS_MAX, ERR_UNPROCESSABLE,
           "more than %d certificates and CRLs: give those of this installation's authorities only",
           CA_BUNDLE_ITEMS_MAX);
    struct ca_item *item = &bundle->items[bundle->count++];
    item->kind = kind;
    return buf_append_bytes(&item->der, der);
}

/* --- PKCS #7 ------------------------------------------------------------------------------------------ */

static err_t add_encoded(int size, unsigned char *der, enum ca_item_kind kind, struct ca_bundle *bundle)
{
    if (size <= 0) {
        return ERR_OPENSSL("encoding a part of PKCS #7 failed");
    }
    err_t error = add((struct bytes){der, (size_t)size}, kind, bundle);
    OPENSSL_free(der);
    return error;
}

static err_t add_pkcs7(struct bytes der, struct ca_bundle *bundle)
{
    const unsigned char *p = der.p;
    AUTO(PKCS7) *message = d2i_PKCS7(NULL, &p, (long)der.n);
    openssl_forget_errors();
    ENSURE(message != NULL && p == der.p + der.n && PKCS7_type_is_signed(message) && message->d.sign != NULL,
           ERR_UNPROCESSABLE, "the PKCS #7 message is broken, or holds no certificates");
    const PKCS7_SIGNED *content = message->d.sign;
    int certificates = sk_X509_num(content->cert);
    int crls = sk_X509_CRL_num(content->crl);
    ENSURE(certificates > 0 || crls > 0, ERR_UNPROCESSABLE, "the PKCS #7 message holds no certificates");
    for (int i = 0; i < certificates; i++) {
        unsigned char *item = NULL;
        int size = i2d_X509(sk_X509_value(content->cert, i), &item);
        TRY(add_encoded(size, item, CA_ITEM_CERTIFICATE, bundle));
    }
    for (int i = 0; i < crls; i++) {
        unsigned char *item = NULL;
        int size = i2d_X509_CRL(sk_X509_CRL_value(content->crl, i), &item);
        TRY(add_encoded(size, item, CA_ITEM_CRL, bundle));
    }
    return OK;
}

/* ContentInfo begins with an OID; certificates and CRLs begin with what is signed. */
static bool has_form_of_pkcs7(struct bytes der)
{
    struct der_item outer;
    struct der_item type;
    return der_take(&der, DER_SEQUENCE, &outer) && der_take(&outer.value, DER_OID, &type);
}

static err_t add_der(struct bytes der, struct ca_bundle *bundle)
{
    if (has_form_of_pkcs7(der)) {
        return add_pkcs7(der, bundle);
    }
    return add(der, has_form_of_crl(der) ? CA_ITEM_CRL : CA_ITEM_CERTIFICATE, bundle);
}

/* --- PEM ---------------------------------------------------------------------------------------------- */

struct block {
    char *name, *header;
    unsigned char *data;
    long size;
};

static void block_clear(struct block *block)
{
    OPENSSL_free(block->name);
    OPENSSL_free(block->header);
    OPENSSL_clear_free(block->data, block->size > 0 ? (size_t)block->size : 0);
    *block = (struct block){0};
}
DEFINE_AUTO_VAL(block, block_clear);

static bool is_named(const struct block *block, const char *name, const char *other_name)
{
    return strcmp(block->name, name) == 0 || strcmp(block->name, other_name) == 0;
}

static err_t take_block(const struct block *block, int number, struct ca_bundle *bundle)
{
    const struct bytes der = {block->data, (size_t)block->size};
    if (is_named(block, PEM_STRING_X509, PEM_STRING_X509_OLD)) {
        return add(der, CA_ITEM_CERTIFICATE, bundle);
    }
    if (is_named(block, PEM_STRING_X509_CRL, "CRL")) {
        return add(der, CA_ITEM_CRL, bundle);
    }
    if (is_named(block, PEM_STRING_PKCS7, PEM_STRING_PKCS7_SIGNED)) {
        return add_pkcs7(der, bundle);
    }
    ENSURE(!is_named(block, PEM_STRING_X509_REQ, PEM_STRING_X509_REQ_OLD), ERR_UNPROCESSABLE,
           "block %d is a request: give what was signed for it", number);
    return ERR(ERR_UNPROCESSABLE, "block %d is neither a certificate nor a CRL but \"%.40s\"", number,
               block->name);
}

static err_t add_pem(struct bytes pem, struct ca_bundle *bundle)
{
    AUTO(BIO) *bio = BIO_new_mem_buf(pem.p, (int)pem.n);
    ENSURE(bio != NULL, ERR_NO_MEMORY, "no memory for a PEM text");
    for (int number = 1;; number++) {
        AUTO_VAL(block) block = {0};
        int found = PEM_read_bio(bio, &block.name, &block.header, &block.data, &block.size);
        unsigned long reason = found == 1 ? 0 : ERR_peek_last_error();
        openssl_forget_errors();
        if (found != 1) {
            ENSURE(ERR_GET_REASON(reason) == PEM_R_NO_START_LINE, ERR_UNPROCESSABLE, "PEM block %d is broken",
                   number);
            ENSURE(number > 1, ERR_UNPROCESSABLE, "the text holds neither a certificate nor a CRL");
            return OK;
        }
        TRY(take_block(&block, number, bundle));
    }
}

err_t ca_bundle_add(struct bytes file, struct ca_bundle *bundle)
{
    ENSURE(file.n <= CA_BUNDLE_FILE_MAX, ERR_TOO_LARGE, "the file has %zu bytes; at most %d are read", file.n,
           CA_BUNDLE_FILE_MAX);
    ENSURE(file.n > 0, ERR_UNPROCESSABLE, "the file is empty");
    return file.p[0] == DER_SEQUENCE ? add_der(file, bundle) : add_pem(file, bundle);
}
