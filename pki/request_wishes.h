/* What a request should hold so that a certificate comes of it, as a plain value, and how the two enrolment
 * protocols say it: EST by csrattrs (RFC 7030 §4.5.2, RFC 9908), CMP by id-it-certReqTemplate (RFC 9810
 * §5.3.19.16, RFC 9483 §4.3.3). Which wishes a product has is fleet/request_wishes.h's matter. */
#ifndef WHORL_PKI_REQUEST_WISHES_H
#define WHORL_PKI_REQUEST_WISHES_H

#include "pki/certificate_profile.h"
#include "pki/key.h"

struct request_wishes {
    enum key_alg key; /* the one that is liked best of those that are taken */
    int rsa_bits;     /* of KEY_ALG_RSA */
    bool wants_channel_binding;
    bool is_of_device; /* of the asker's own product, not of the tenant's default one */
    /* of the certificate in force, DER, lent: what the next request has to repeat. BYTES_NONE: the device
       fills the forms in */
    struct bytes subject, san;
    /* the forms */
    bool wants_serial_number; /* in the subject, beside the common name */
    uint32_t san_forms;
    struct buf hw_type;    /* content octets of an OID; of SAN_HARDWARE_MODULE */
    struct buf extensions; /* that certificates of the profile have: whole DER, one behind the other */
};
void request_wishes_clear(struct request_wishes *wishes);
DEFINE_AUTO_VAL(request_wishes, request_wishes_clear);

/** Names and extensions as the profile has them. @errors ERR_NO_MEMORY @thread any, like all functions here
 */
err_t request_wishes_follow(const struct compiled_profile *profile, struct request_wishes *out);

/** CsrAttrs: the list of RFC 7030, and for the asker's own product the template of RFC 9908 §3.4 as its last
 * element. Not where channel binding is wanted: who understands templates passes the rest over, and a
 * template has no place for it.
 *  @param[out] out appended */
err_t request_wishes_put_csrattrs(const struct request_wishes *wishes, struct buf *out);
/** CertReqTemplateContent. @param[out] out appended */
err_t request_wishes_put_template(const struct request_wishes *wishes, struct buf *out);

#endif
