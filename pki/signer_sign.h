/* Signatures over digests as the server's end asks for them, by a key of this process. */
#ifndef WHORL_PKI_SIGNER_SIGN_H
#define WHORL_PKI_SIGNER_SIGN_H

#include "pki/openssl.h"
#include "pki/signer_frames.h"

/** @param[out] signature appended; of a key that is doubted (private_key_doubt()) it is proved
 *  @errors ERR_FORBIDDEN the scheme does not suit the key or the digest; ERR_UNAVAILABLE a doubted key
 * failed; ERR_CRYPTO @thread any */
err_t signer_sign_digest(const struct private_key *key, enum signer_scheme scheme, struct bytes digest,
                         struct buf *signature);

#endif
