/* What a place for keys must be able to do: one table of functions per kind of place (files; later a PKCS#11
 * token). Labels were checked by keystore.c before any of these is called, and what makes or
 * removes is called by one thread at a time. Private to pki/. */
#ifndef WHORL_PKI_KEYSTORE_DRIVER_H
#define WHORL_PKI_KEYSTORE_DRIVER_H

#include "pki/openssl.h"

struct keystore_driver {
    /* Its keys live in a device of another maker: each signature is proved before it is used. */
    bool is_token;
    /* Durable before it returns; refuses (ERR_CONFLICT) a label that is taken. */
    err_t (*generate)(void *state, const char *label, enum key_alg alg, EVP_PKEY **out);
    err_t (*load)(void *state, const char *label, EVP_PKEY **out);
    bool (*has)(void *state, const char *label);
    err_t (*forget)(void *state, const char *label); /* durably gone */
    err_t (*secret)(void *state, const char *label, struct secret *out);
    void (*free)(void *state);
    /* Instead of generate and load, where the private half never is in this process: whole handles. */
    err_t (*generate_remote)(void *state, const char *label, enum key_alg alg, struct private_key **out);
    err_t (*load_remote)(void *state, const char *label, struct private_key **out);
};

/** @param state consumed, always */
err_t keystore_new(const struct keystore_driver *driver, void *state, struct keystore **out);

/** The file driver and its state, for one that keeps other things beside its own. @errors as
 * keystore_open_files() */
err_t keystore_files_new(const char *folder, struct bytes passphrase, const struct random *random,
                         const struct keystore_driver **driver, void **state);
const struct keystore_driver *keystore_borrow_driver(const struct keystore *keystore);
/** Of a keystore of this driver; NULL: it is of another. */
void *keystore_borrow_state(const struct keystore *keystore, const struct keystore_driver *driver);

/** Encrypts a private key as PEM "ENCRYPTED PRIVATE KEY" (PBES2: scrypt, AES-256-CBC), appended. */
err_t keystore_seal_key(const EVP_PKEY *key, struct bytes passphrase, const struct random *random,
                        struct buf *out);
/** @param name for the message @errors ERR_FORBIDDEN wrong passphrase, ERR_CRYPTO damaged */
err_t keystore_unseal_key(struct bytes pem, struct bytes passphrase, const char *name, EVP_PKEY **out);
/** Encrypts 32 bytes by AES-256-GCM under scrypt(passphrase), bound to the label, appended. */
err_t keystore_seal_secret(struct bytes secret, struct bytes passphrase, const char *label,
                           const struct random *random, struct buf *out);
err_t keystore_unseal_secret(struct bytes sealed, struct bytes passphrase, const char *label,
                             struct secret *out);

#endif
