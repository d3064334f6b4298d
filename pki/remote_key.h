/* A key whose private half is in the signer process: how it signs from here. Private to pki/. */
#ifndef WHORL_PKI_REMOTE_KEY_H
#define WHORL_PKI_REMOTE_KEY_H

#include "pki/openssl.h"
#include "pki/signer_client.h"

/** @param client a reference of its own is taken @param spki of a checked form */
err_t remote_key_new(struct signer_client *client, const char *label, struct bytes spki, enum key_alg alg,
                     struct remote_key **out);
void remote_key_unref(struct remote_key *key);
DEFINE_AUTO_PTR(remote_key, remote_key_unref);
/** A whole handle. @param spki as the signer told it @errors ERR_UNPROCESSABLE a kind of key that nobody has
 */
err_t private_key_take_remote(struct signer_client *client, const char *label, struct bytes spki,
                              struct private_key **out);

/** All that is to be signed. @param[out] signature appended
 *  @errors ERR_UNAVAILABLE, ERR_BUSY (its rate), ERR_SIGNER_REFUSED (its rules), ERR_CRYPTO @thread worker */
err_t remote_key_sign_text(const struct remote_key *key, struct bytes text, struct buf *signature);
/** A digest, as scheme says. @errors as above */
err_t remote_key_sign_digest(const struct remote_key *key, enum signer_scheme scheme, struct bytes digest,
                             struct buf *signature);
/** Tells the signer the certificate of a CA key, to which it then holds what it signs.
 *  @errors ERR_SIGNER_REFUSED it holds it to another already; ERR_UNAVAILABLE */
err_t remote_key_bind(const struct remote_key *key, struct bytes certificate);

#endif
