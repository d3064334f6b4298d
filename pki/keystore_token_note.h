/* The note of a key in a token, "<label>.token" in the keystore's folder: its URI on the first line, then its
 * public half as PEM. Without the PEM it is an intention: the pair is being made, or the making was
 * interrupted. Private to pki/. */
#ifndef WHORL_PKI_KEYSTORE_TOKEN_NOTE_H
#define WHORL_PKI_KEYSTORE_TOKEN_NOTE_H

#include "pki/pkcs11.h"

struct token_note {
    struct pkcs11_name name;
    struct buf spki; /* DER; empty: an intention */
};
void token_note_clear(struct token_note *note);
DEFINE_AUTO_VAL(token_note, token_note_clear);

/** @errors ERR_NOT_FOUND, ERR_CRYPTO damaged @thread any */
err_t token_note_read(const char *folder, const char *label, struct token_note *out);
/** Durably. @param pkey NULL: an intention */
err_t token_note_write(const char *folder, const char *label, const struct pkcs11_name *name,
                       const EVP_PKEY *pkey);
/** Durably gone; none is no error. */
err_t token_note_remove(const char *folder, const char *label);

#endif
