/* What comes back from a CA that is elsewhere: files of certificates and CRLs, in PEM (several blocks, any
 * order), DER, or PKCS #7 as company CAs like to send. Taken apart here; what each item is good for is not
 * asked. */
#ifndef WHORL_PKI_CA_BUNDLE_H
#define WHORL_PKI_CA_BUNDLE_H

#include "base/bytes.h"

enum {
    CA_BUNDLE_ITEMS_MAX = 32,
    CA_BUNDLE_FILE_MAX = 2 * 1024 * 1024 /* of one file, as text: a CRL of 20,000 entries */
};

enum ca_item_kind { CA_ITEM_CERTIFICATE, CA_ITEM_CRL };

struct ca_item {
    enum ca_item_kind kind;
    struct buf der; /* strict DER, one value */
};
struct ca_bundle {
    struct ca_item items[CA_BUNDLE_ITEMS_MAX];
    size_t count;
};
void ca_bundle_clear(struct ca_bundle *bundle);
DEFINE_AUTO_VAL(ca_bundle, ca_bundle_clear);

/** Adds what a file holds; what is in the bundle already is not added twice. Text between PEM blocks is
 *  dropped; every block must be a certificate, a CRL or PKCS #7 of such: a private key that was pasted along
 *  is refused. @param[out] bundle {0} before the first file; cleared by the caller on failure too
 *  @errors ERR_UNPROCESSABLE nothing, something broken, something else, too many; ERR_TOO_LARGE @thread any
 */
err_t ca_bundle_add(struct bytes file, struct ca_bundle *bundle);

#endif
