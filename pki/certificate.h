/* Certificates as values: what others need to know of one, PEM and the certs-only message of EST. */
#ifndef WHORL_PKI_CERTIFICATE_H
#define WHORL_PKI_CERTIFICATE_H

#include "pki/key.h"

struct certificate_facts {
    uint8_t serial[20];
    size_t serial_size;
    int64_t not_before_ms, not_after_ms;
    bool is_self_issued;
    struct key_info key;
    struct buf subject;     /* DER Name */
    struct buf san;         /* DER GeneralNames, or empty */
    char subject_text[256]; /* RFC 2253, for people */
};
void certificate_facts_clear(struct certificate_facts *facts);
DEFINE_AUTO_VAL(certificate_facts, certificate_facts_clear);

/** @errors ERR_BAD_ENCODING @thread any */
err_t certificate_read(struct bytes der, struct certificate_facts *out);

/** Whether two DER Names are the same name (RFC 5280 §7.1): the string type, case and inner spaces do not
 * count, since clients write a name again in their own encoding. False when either is no Name. @thread any */
bool name_is_same(struct bytes a, struct bytes b);

/** The last common name of a DER Name, of any string type; BYTES_NONE: it has none. @thread any */
struct bytes name_common_name(struct bytes name);
/** Whether the certificate says this subjectKeyIdentifier of itself. A look at its bytes: of a certificate
 * that is not ours it proves nothing. @thread any */
bool certificate_has_key_id(struct bytes der, struct bytes key_id);

/** PEM text of one certificate, appended. */
err_t certificate_to_pem(struct bytes der, struct buf *out);
/** DER of the first certificate of a PEM text. */
err_t certificate_from_pem(struct bytes pem, struct buf *out);
/** "certs-only" SignedData without signers (RFC 7030 §4.1.3), DER, appended. */
err_t certificates_to_pkcs7(const struct bytes *ders, size_t count, struct buf *out);

#endif
