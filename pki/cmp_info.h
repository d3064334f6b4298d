/* General messages of CMP that tell what is public (RFC 9810 §5.3.19, RFC 9483 §4.3): read from genm, written
 * for genp as DER, since OpenSSL 3.0 has no constructors for them. */
#ifndef WHORL_PKI_CMP_INFO_H
#define WHORL_PKI_CMP_INFO_H

#include "pki/cmp_header.h"

enum { CMP_QUESTIONS_MAX = 8 };

enum cmp_question_kind {
    CMP_ASKS_CA_CERTS, /* id-it-caCerts */
    CMP_ASKS_ROOT,     /* id-it-rootCaCert: what follows the root in `value` */
    CMP_ASKS_TEMPLATE, /* id-it-certReqTemplate: what a request should hold */
    CMP_ASKS_OTHER     /* something that is not answered here */
};

struct cmp_info_question {
    enum cmp_question_kind kind;
    struct bytes value; /* DER, of the message; BYTES_NONE when there is none */
};
struct cmp_info_questions {
    struct cmp_info_question items[CMP_QUESTIONS_MAX];
    size_t count;
};

/** @errors ERR_BAD_ENCODING the form, ERR_BAD_REQUEST none or too many @thread any, like all functions here
 */
err_t cmp_info_read(const struct cmp_header *message, struct cmp_info_questions *out);

/** The content of a genp from its entries. */
err_t cmp_info_put_list(struct bytes entries, struct buf *out);
/* One InfoTypeAndValue each, appended to the content of a genp. */
err_t cmp_info_put_ca_certs(const struct bytes *ders, size_t count, struct buf *out);
struct cmp_root_update {
    struct bytes new_with_new, new_with_old, old_with_new; /* the last two may be missing */
};
/** @param template CertReqTemplateContent (request_wishes.h) */
err_t cmp_info_put_template(struct bytes template, struct buf *out);
/** @param update NULL: nothing follows this root */
err_t cmp_info_put_root_update(const struct cmp_root_update *update, struct buf *out);

#endif
