/* A keystore whose keys of some labels are in a PKCS#11 token (docs/hsm.md), and everything else in files
 * beside it as pki/keystore.h keeps them: keys of other labels, and every secret of 32 bytes. A key is
 * wherever it is found, so a house may be mixed; new ones of those labels are made in the token, and never
 * leave it.
 *
 * For each key that was made there, "<label>.token" in the folder names it (RFC 7512) and holds its public
 * half: so it is known without the token, and found under that name even where others share the token. A key
 * that somebody else made is found by its label, or by the URI that the settings give. */
#ifndef WHORL_PKI_KEYSTORE_PKCS11_H
#define WHORL_PKI_KEYSTORE_PKCS11_H

#include "pki/keystore.h"

enum { KEYSTORE_TOKEN_AUTHORITIES = 1, KEYSTORE_TOKEN_FIRMWARE = 2 };

struct keystore_pkcs11 {
    const char *folder; /* of the files; as for keystore_open_files(), with its passphrase */
    struct bytes passphrase;
    const char *module; /* path of the module */
    const char *token;  /* label of the token; "": by slot */
    int64_t slot;       /* -1: by label */
    const char *uris;   /* "LABEL=URI LABEL=URI …" of keys that are under another name in the token; "" */
    struct bytes pin;   /* wiped copies only; empty: the token needs none, or is not used */
    int places;         /* KEYSTORE_TOKEN_…: whose new keys are made in the token */
};

/** The token is not touched before the first use of a key in it; a login that fails is an error of that use.
 * keystore_has() knows keys of the token by their notes and the settings, and asks the token only for what
 * has neither. Every key that was loaded from it is to be freed before the keystore.
 *  @param options borrowed for the call
 *  @errors ERR_UNPROCESSABLE settings that cannot be, short passphrase @thread init */
err_t keystore_open_pkcs11(const struct keystore_pkcs11 *options, const struct random *random,
                           struct keystore **out);

/* What `whorld token status` tells; texts are "" where the token does not answer. */
struct keystore_token_facts {
    char label[33], manufacturer[33], model[17], serial[17];
    bool is_pin_low, is_pin_final, is_pin_locked;
};
/** Looks at the token without logging in. @errors ERR_UNPROCESSABLE, ERR_UNAVAILABLE @thread init */
err_t keystore_token_look(const struct keystore_pkcs11 *options, struct keystore_token_facts *out);

#endif
