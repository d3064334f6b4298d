/* A certificate that somebody else issued, as far as a hand-over of chips needs it: the key, two names, and
 * whether it is an authority's. Judges neither dates nor signatures nor the form of names: chip makers'
 * leaves hold strings that their types do not allow, and their keys are good all the same. */
#ifndef WHORL_PKI_FOREIGN_CERTIFICATE_H
#define WHORL_PKI_FOREIGN_CERTIFICATE_H

#include "base/bytes.h"

enum { FOREIGN_NAME_SIZE = 65, FOREIGN_KEY_ID_SIZE = 32 };

struct foreign_certificate {
    struct buf spki;                     /* DER, as it stands in the certificate; not checked */
    char common_name[FOREIGN_NAME_SIZE]; /* UTF-8; "" when there is none, or it is longer */
    uint8_t key_id[FOREIGN_KEY_ID_SIZE]; /* the subject key identifier */
    size_t key_id_size;                  /* 0: none, or longer */
    bool is_authority;                   /* basic constraints say CA, or it is self-issued */
};
void foreign_certificate_clear(struct foreign_certificate *certificate);
DEFINE_AUTO_VAL(foreign_certificate, foreign_certificate_clear);

/** @param[out] out {0} before; cleared by the caller on failure too @errors ERR_BAD_ENCODING @thread any */
err_t foreign_certificate_read(struct bytes der, struct foreign_certificate *out);

#endif
