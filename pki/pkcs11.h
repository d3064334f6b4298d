/* A token behind a PKCS#11 module (v2.40), for the driver of the keystore alone: one slot, one login, and
 * keys that are found, made and destroyed through the module's own functions. Signing is OpenSSL's matter,
 * which reaches the same module by its provider or its engine (pkcs11_openssl.c) and shares the login: a PIN
 * is tried here and nowhere else. One module a process: OpenSSL keeps what it was told first. Private to
 * pki/. */
#ifndef WHORL_PKI_PKCS11_H
#define WHORL_PKI_PKCS11_H

#include <pthread.h>

#include <p11-kit/pkcs11.h>

#include "pki/openssl.h"
#include "pki/pin_attempts.h"

enum { PKCS11_LABEL_SIZE = 129, PKCS11_ID_MAX = 64, PKCS11_ID_OURS = 16 };

/* A key pair by name: those of its parts that are given. */
struct pkcs11_name {
    char label[PKCS11_LABEL_SIZE]; /* CKA_LABEL; "": any */
    uint8_t id[PKCS11_ID_MAX];     /* CKA_ID */
    size_t id_size;                /* 0: any */
};
/** Reads an RFC 7512 URI that names an object (`object`, `id`, both); `token` and `type` are let by, and what
 *  would lead elsewhere (a module, a PIN) is refused. @errors ERR_UNPROCESSABLE @thread any */
err_t pkcs11_name_parse(const char *uri, struct pkcs11_name *out);
/** The URI of a private key with this name, appended. @param token NULL: no token stands in it */
err_t pkcs11_name_uri(const struct pkcs11_name *name, const struct pkcs11_name *token, struct buf *out);

/* Where a token is. */
struct pkcs11_place {
    const char *module; /* path of the shared object */
    const char *token;  /* its label; "": by slot */
    int64_t slot;       /* CK_SLOT_ID; -1: by label */
};

struct pkcs11_token {
    void *library;
    CK_FUNCTION_LIST *f;
    bool is_initialised; /* by us: then we finalise, unless OpenSSL knows the module */
    bool is_bridged;
    bool has_session;
    CK_SLOT_ID slot;
    CK_SESSION_HANDLE session; /* of what is done under `mutex`; the login lives as long as it does */
    pthread_mutex_t mutex;
    struct pkcs11_name label; /* the token's own */
};

/** Loads the module, finds the token and logs in, as pin_attempts.h allows. @param pin empty: no login, which
 * a token may demand
 *  @errors ERR_UNPROCESSABLE no such module, ERR_UNAVAILABLE the token is not there, ERR_FORBIDDEN the PIN
 *  @thread worker */
err_t pkcs11_token_open(const struct pkcs11_place *place, struct bytes pin,
                        const struct pin_attempts *attempts, struct pkcs11_token **out);
/** Every key that was loaded is to be freed before. */
void pkcs11_token_close(struct pkcs11_token *token);
DEFINE_AUTO_PTR(pkcs11_token, pkcs11_token_close);

/* What a token says of itself, without a login. */
struct pkcs11_facts {
    char label[33], manufacturer[33], model[17], serial[17];
    bool is_pin_low, is_pin_final, is_pin_locked;
};
err_t pkcs11_token_facts(const struct pkcs11_token *token, struct pkcs11_facts *out);

/** How many private keys have this name; 2 stands for more than one. @thread worker */
err_t pkcs11_count(struct pkcs11_token *token, const struct pkcs11_name *name, int *out);
/** Makes a pair in the token: sensitive, never extractable, for signatures only. RSA has 3072 bits.
 *  @errors ERR_UNPROCESSABLE a kind of key that tokens are not asked for, ERR_UNAVAILABLE, ERR_CRYPTO */
err_t pkcs11_generate(struct pkcs11_token *token, const struct pkcs11_name *name, enum key_alg alg);
/** Destroys both halves of every pair with this name; none is no error. */
err_t pkcs11_destroy(struct pkcs11_token *token, const struct pkcs11_name *name);
/** OpenSSL's handle of a private key. Signatures by it may be asked for by many threads at once.
 *  @errors ERR_NOT_FOUND, ERR_CONFLICT the name is that of several, ERR_UNAVAILABLE */
err_t pkcs11_load(struct pkcs11_token *token, const struct pkcs11_name *name, EVP_PKEY **out);

/** An error of what a module answered: ERR_UNAVAILABLE where the token is not there or not well. */
#define ERR_PKCS11(rv, what) (pkcs11_error(__FILE__, __LINE__, (rv), (what)))
err_t pkcs11_error(const char *file, int line, CK_RV rv, const char *what);

/** Makes a module known to OpenSSL, for the life of the process: the first one that is named.
 *  @errors ERR_CRYPTO engine or provider are not installed */
err_t pkcs11_bridge_open(const char *module);
/** @errors ERR_UNAVAILABLE OpenSSL does not reach the key */
err_t pkcs11_bridge_load(const char *uri, EVP_PKEY **out);

#endif
