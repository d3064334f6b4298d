/* Where CA keys live, and those that sign firmware. The file driver keeps each private key as an encrypted
 * PKCS#8 file (PBES2: scrypt, AES-256-CBC) in one folder; a PKCS#11 driver becomes a second table of the same
 * functions. Private keys never leave: callers hold a handle and ask for signatures through pki/authority.h.
 */
#ifndef WHORL_PKI_KEYSTORE_H
#define WHORL_PKI_KEYSTORE_H

#include "base/ports.h"
#include "pki/key.h"

struct keystore;
struct private_key; /* a handle; shared by threads; signs through pki/ only */

/* What a passphrase begins with that Whorl drew itself, 64 hex digits after it: who holds such a one has 256
 * random bits and nothing to guess, so nothing is gained by stretching it, and a start would pay for that key
 * by key. */
#define KEYSTORE_DRAWN_PREFIX "whorl-256-random-bits:"

/** Draws such a passphrase, appended, without a line's end. @thread any */
err_t keystore_draw_passphrase(const struct random *random, struct secret *out);

/** The file driver. @param folder made (0700) when missing @param passphrase at least 16 bytes; copied and
 * wiped on free
 *  @errors ERR_UNPROCESSABLE short passphrase, ERR_IO @thread init */
err_t keystore_open_files(const char *folder, struct bytes passphrase, const struct random *random,
                          struct keystore **out);
void keystore_free(struct keystore *keystore);
DEFINE_AUTO_PTR(keystore, keystore_free);

/** Makes a key under a label ([a-z0-9-]{1,64}), durably. @errors ERR_CONFLICT when the label is taken @thread
 * worker: of two who want one label, one gets it */
err_t keystore_generate(struct keystore *keystore, const char *label, enum key_alg alg,
                        struct private_key **out);
/** @errors ERR_NOT_FOUND, ERR_FORBIDDEN wrong passphrase @thread worker */
err_t keystore_load(struct keystore *keystore, const char *label, struct private_key **out);
bool keystore_has(struct keystore *keystore, const char *label);
/** Destroys a key that nobody relies on (one that was made, and whose row was not). @errors ERR_IO; none when
 * there is none @thread worker */
err_t keystore_forget(struct keystore *keystore, const char *label);
/** 32 secret bytes under a label, made at the first call (encrypted at rest like a key: AES-256-GCM under a
 * key from the passphrase).
 *  @thread worker */
err_t keystore_secret(struct keystore *keystore, const char *label, struct secret *out);

void private_key_free(struct private_key *key);
DEFINE_AUTO_PTR(private_key, private_key_free);
/** Canonical DER SPKI, appended. */
err_t private_key_spki(const struct private_key *key, struct buf *out);

#endif
