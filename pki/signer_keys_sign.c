/* Signing with the signer's keys: first the rule, then the rate, then the key. */
#include "pki/signer_keys_internal.h"
#include "pki/signer_sign.h"

enum { BURST_S = 10 };

/* What a rule or a rate forbids; other errors are the keystore's. */
static err_t refuse(const char *label, const err_t *why)
{
    if (why->code != ERR_FORBIDDEN && why->code != ERR_BUSY) {
        return *why;
    }
    err_t error = ERR(why->code == ERR_BUSY ? ERR_BUSY : ERR_SIGNER_REFUSED,
                      "the signer refuses key %s: %.100s", label, why->detail);
    error.retry_after_s = why->retry_after_s;
    return error;
}

static err_t check_rate(struct signer_keys *keys, struct signer_entry *entry, bool is_of_authority)
{
    const struct signer_rates *rates = &keys->options.rates;
    int64_t per_s =
        signer_label_is_authority(entry->label) ? rates->certificates_per_s : rates->firmware_per_s;
    int64_t per_h = rates->authorities_per_h;
    const struct signer_rate rate = is_of_authority
                                        ? (struct signer_rate){per_h, SIGNER_HOUR_MS, per_h}
                                        : (struct signer_rate){per_s, SIGNER_SECOND_MS, BURST_S * per_s};
    (void)pthread_mutex_lock(&keys->mutex);
    bool may = signer_bucket_take(is_of_authority ? &entry->authorities : &entry->signatures, &rate,
                                  keys->options.now_ms());
    (void)pthread_mutex_unlock(&keys->mutex);
    if (may) {
        return OK;
    }
    err_t error = ERR(ERR_BUSY, "more signatures than its rate (signer_rate_%s)",
                      is_of_authority                           ? "authorities"
                      : signer_label_is_authority(entry->label) ? "certificates"
                                                                : "firmware");
    error.retry_after_s = is_of_authority ? 60 : 1;
    return error;
}

static err_t judge(struct signer_keys *keys, struct signer_entry *entry, struct bytes text)
{
    enum signer_matter matter = SIGNER_CERTIFICATE;
    if (!signer_label_is_authority(entry->label)) {
        return check_rate(keys, entry, false);
    }
    (void)pthread_rwlock_rdlock(&entry->holding);
    const struct signer_judged judged = {.binding = entry->is_bound ? &entry->binding : NULL,
                                         .spki = buf_view(&entry->key->spki),
                                         .alg = entry->key->info.alg};
    err_t error = signer_judge(&judged, text, &matter);
    (void)pthread_rwlock_unlock(&entry->holding);
    TRY(error);
    return matter == SIGNER_CERTIFICATE || matter == SIGNER_CA_CERTIFICATE
               ? check_rate(keys, entry, matter == SIGNER_CA_CERTIFICATE)
               : OK;
}

err_t signer_keys_sign_text(struct signer_keys *keys, const char *label, struct bytes text,
                            struct buf *signature)
{
    struct signer_entry *entry = NULL;
    TRY(signer_keys_take(keys, label, &entry));
    err_t error = judge(keys, entry, text);
    error = error.code == ERR_OK ? private_key_sign(entry->key, text, signature) : refuse(label, &error);
    signer_keys_put_back(keys, entry);
    return error;
}

err_t signer_keys_sign_digest(struct signer_keys *keys, const struct signer_question *question,
                              struct buf *signature)
{
    struct signer_entry *entry = NULL;
    TRY(signer_label_check(question->label));
    ENSURE(!signer_label_is_authority(question->label), ERR_SIGNER_REFUSED,
           "the signer refuses key %s: an authority signs what can be read, no digests", question->label);
    TRY(signer_keys_take(keys, question->label, &entry));
    err_t error = check_rate(keys, entry, false);
    enum signer_scheme scheme = (enum signer_scheme)question->argument;
    if (error.code == ERR_OK) {
        error = signer_sign_digest(entry->key, scheme, question->data, signature);
    }
    error = error.code == ERR_OK ? OK : refuse(question->label, &error);
    signer_keys_put_back(keys, entry);
    return error;
}
