/* A private key outside of any keystore, as a PEM text: what an offline root is kept as. */
#ifndef WHORL_PKI_KEY_FILE_H
#define WHORL_PKI_KEY_FILE_H

#include "base/ports.h"
#include "pki/keystore.h"

enum { KEY_FILE_PASSPHRASE_MIN = 16, KEY_FILE_MAX = 64 * 1024 };

/** The key as encrypted PKCS #8 (PBES2: scrypt, AES-256-CBC), which the openssl command reads too.
 *  @param[out] pem appended @errors ERR_UNPROCESSABLE a short passphrase, or a key that does not leave the
 *  place where it is (a token, another process) @thread any, like all functions here */
err_t key_file_write(const struct private_key *key, struct bytes passphrase, const struct random *random,
                     struct buf *pem);
/** Reads a key of any PEM form that has no encryption, or the encrypted PKCS #8.
 *  @param passphrase empty: none was given @param name for messages
 *  @errors ERR_UNPROCESSABLE no private key, an encryption that is not read, no passphrase where one is
 *  needed, a kind of key that no authority has; ERR_FORBIDDEN the passphrase is wrong; ERR_CRYPTO it is
 *  damaged */
err_t key_file_read(struct bytes pem, struct bytes passphrase, const char *name, struct private_key **out);

#endif
