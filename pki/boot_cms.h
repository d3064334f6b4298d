/* CMS signatures of updates (SWUpdate, RAUC) under one registered certificate, which is the only trust: it is
 * the signer's own, or that of an authority above it. */
#ifndef WHORL_PKI_BOOT_CMS_H
#define WHORL_PKI_BOOT_CMS_H

#include "base/byte_source.h"

struct boot_cms {
    struct bytes cms;            /* DER or BER ContentInfo, nothing behind it */
    struct byte_region region;   /* of a detached signature: what it is over; bytes NULL: it is none */
    struct bytes content_digest; /* else: the SHA-256 of the content that was read in it */
    int64_t now_ms;
};

/** One signer, SHA-256 or stronger, whose certificate chains to `certificate` now, is for codeSigning or
 * emailProtection or says nothing of its use, and whose signed attributes tell the truth. What a detached
 * signature covers is read piece by piece.
 *  @param certificate DER @errors ERR_UNPROCESSABLE with the reason, of the source
 *  @thread that of the source */
err_t boot_cms_verify(const struct boot_cms *order, struct bytes certificate);

#endif
