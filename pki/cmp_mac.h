/* The MAC over a CMP message (RFC 9810 §5.1.3): computed and compared by ourselves, since the code is not
 * known to be the right one until then, and a wrong one must cost what a right one costs; and because OpenSSL
 * knows no PBMAC1 here. The server that makes answers is given such messages without their protection, and
 * its answers get theirs here. */
#ifndef WHORL_PKI_CMP_MAC_H
#define WHORL_PKI_CMP_MAC_H

#include "base/ports.h"
#include "pki/cmp_header.h"

enum { CMP_MAC_SIZE_MAX = 64 };

/** What the code makes of header and body as they are told in `header` (protection_kind CMP_PBM or
 * CMP_PBMAC1, within the limits of cmp_header_read()). @param[out] size bytes written
 * @errors ERR_CRYPTO @thread any, like all here: up to some milliseconds */
err_t cmp_mac_compute(const struct cmp_header *header, struct bytes code, uint8_t out[CMP_MAC_SIZE_MAX],
                      size_t *size);
/** Whether the message's protection is that, compared in constant time. @param[out] out false for a message
 *  without a MAC too */
err_t cmp_mac_verify(const struct cmp_header *header, struct bytes code, bool *out);

/** A message whose MAC was verified, without it: neither protection nor the algorithm in the header, and no
 *  extraCerts. @param[out] der appended */
err_t cmp_mac_strip(const struct cmp_header *message, struct buf *der);

/* How an answer is protected: as the message that it answers was (RFC 9483 §4.1.5), under a salt of its own.
 * Borrowed. */
struct cmp_mac_spec {
    const struct cmp_header *like; /* its MAC held */
    struct bytes code;
    const struct random *random;
};
/** Protects a message of ours that has no protection. senderKID becomes the reference. @param[out] out
 * appended
 *  @errors ERR_BAD_ENCODING it is no such message; ERR_CRYPTO */
err_t cmp_mac_protect(const struct cmp_mac_spec *spec, struct bytes der, struct buf *out);

#endif
