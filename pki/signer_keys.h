/* The keys that a signer process has opened, what each is held to, and how often it may sign. A CA key is
 * held to the certificate that it is first used with: "<label>.cer" in the folder of keys, written once, so
 * that a server that was taken over cannot tell the next process another story. */
#ifndef WHORL_PKI_SIGNER_KEYS_H
#define WHORL_PKI_SIGNER_KEYS_H

#include "base/log.h"
#include "pki/openssl.h"
#include "pki/signer_frames.h"

struct signer_rates {
    int64_t certificates_per_s; /* of one CA key; ten times as many at once; 0: no limit, like below */
    int64_t firmware_per_s;     /* signatures of one firmware key; the same */
    int64_t authorities_per_h;  /* CA certificates of one CA key; as many at once */
};

struct signer_keys_options {
    struct keystore *keystore; /* all borrowed */
    const char *folder;
    struct signer_rates rates;
    int64_t (*now_ms)(void); /* monotonic; NULL: the system's */
};

struct signer_keys;
err_t signer_keys_new(const struct signer_keys_options *options, struct signer_keys **out);
void signer_keys_free(struct signer_keys *keys);
DEFINE_AUTO_PTR(signer_keys, signer_keys_free);

/** Wipes the keys that the keystore has no more (a root that was taken offline). @thread any */
void signer_keys_sweep(struct signer_keys *keys);

/* Questions, answered. Labels have been checked for their form; only "ca-…" and "fw-…" are known here.
 * @errors ERR_SIGNER_REFUSED with the rule that is broken; ERR_BUSY above a rate; ERR_NOT_FOUND; those of the
 * keystore. @thread any, many at once */
err_t signer_keys_has(struct signer_keys *keys, const char *label, bool *out);
err_t signer_keys_load(struct signer_keys *keys, const char *label, struct buf *spki);
err_t signer_keys_generate(struct signer_keys *keys, const char *label, enum key_alg alg, struct buf *spki);
/** Only what this process itself has made, and what has no certificate; else ERR_FORBIDDEN: an honest server
 * asks for it too, after this process was started again. */
err_t signer_keys_forget(struct signer_keys *keys, const char *label);
/** @errors ERR_SIGNER_REFUSED the key is held to another certificate */
err_t signer_keys_bind(struct signer_keys *keys, const char *label, struct bytes certificate);
err_t signer_keys_sign_text(struct signer_keys *keys, const char *label, struct bytes text,
                            struct buf *signature);
err_t signer_keys_sign_digest(struct signer_keys *keys, const struct signer_question *question,
                              struct buf *signature);

#endif
