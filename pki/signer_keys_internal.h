/* What the two halves of the signer's keys share: opening and keeping them (signer_keys.c), and signing with
 * them under their rules (signer_keys_sign.c). */
#ifndef WHORL_PKI_SIGNER_KEYS_INTERNAL_H
#define WHORL_PKI_SIGNER_KEYS_INTERNAL_H

#include <pthread.h>

#include "pki/signer_bucket.h"
#include "pki/signer_keys.h"
#include "pki/signer_rules.h"

enum { OPEN_MAX = 256, MADE_MAX = 64 };

struct signer_entry {
    char label[SIGNER_LABEL_MAX + 1];
    struct private_key *key;
    size_t users;  /* by the mutex of all, like the following */
    uint64_t used; /* when, in uses of all */
    struct signer_bucket signatures, authorities;
    pthread_rwlock_t holding; /* of the binding */
    bool is_bound;
    struct signer_binding binding;
};

struct signer_keys {
    struct signer_keys_options options;
    pthread_mutex_t mutex;
    struct signer_entry *entries[OPEN_MAX];
    size_t count;
    uint64_t uses;
    char made[MADE_MAX][SIGNER_LABEL_MAX + 1]; /* the latest */
    size_t made_count;
    struct signer_bucket making;
};

bool signer_label_is_authority(const char *label);
err_t signer_label_check(const char *label);
/** An opened key, to be put back. */
err_t signer_keys_take(struct signer_keys *keys, const char *label, struct signer_entry **out);
void signer_keys_put_back(struct signer_keys *keys, struct signer_entry *entry);

#endif
