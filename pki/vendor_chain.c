/* A chip's certificate against a pinned CA, through OpenSSL, which takes the illegal strings in the names of
 * some chips. What costs a signature check comes last, and only for keys whose size is bounded. */
#include <stdlib.h>
#include <string.h>

#include <openssl/x509v3.h>

#include "pki/certificate.h"
#include "pki/der.h"
#include "pki/vendor_internal.h"

enum { OTHERS_MAX = VENDOR_CHAIN_MAX - 1, SLACK_S = 24 * 3600 };

struct vendor_chain {
    X509 *leaf, *others[OTHERS_MAX];
    size_t count; /* of others */
};

void vendor_chain_free(struct vendor_chain *chain)
{
    if (chain == NULL) {
        return;
    }
    X509_free(chain->leaf);
    for (size_t i = 0; i < chain->count; i++) {
        X509_free(chain->others[i]);
    }
    free(chain);
}

/* --- read ------------------------------------------------------------------------------------------- */

static err_t decode(struct bytes der, X509 **out)
{
    err_t error = certificate_decode(der, out);
    ENSURE(error.code != ERR_BAD_ENCODING, ERR_UNPROCESSABLE, "%s", error.detail);
    return error;
}

static err_t check_leaf(X509 *leaf)
{
    uint32_t usage = X509_get_key_usage(leaf); /* all bits when it says nothing */
    bool is_authority = X509_check_ca(leaf) == 1;
    openssl_forget_errors();
    ENSURE(!is_authority, ERR_UNPROCESSABLE, "it is a certificate authority's, no chip's");
    ENSURE((usage & KU_DIGITAL_SIGNATURE) != 0, ERR_UNPROCESSABLE, "its key usage is not for signatures");
    return OK;
}

static err_t take_others(struct vendor_chain *chain, struct bytes others)
{
    struct der_item item;
    while (others.n > 0) {
        bool is_next = chain->count < OTHERS_MAX && der_take(&others, DER_SEQUENCE, &item);
        ENSURE(is_next, ERR_UNPROCESSABLE, "at most %d certificates are sent along", OTHERS_MAX);
        TRY(decode(item.whole, &chain->others[chain->count]));
        chain->count++;
    }
    return OK;
}

err_t vendor_chain_new(struct bytes leaf, struct bytes others, struct vendor_chain **out)
{
    *out = NULL;
    AUTO_PTR(vendor_chain) *chain = calloc(1, sizeof *chain);
    ENSURE(chain != NULL, ERR_NO_MEMORY, "a chain of certificates");
    TRY(decode(leaf, &chain->leaf));
    TRY(take_others(chain, others));
    TRY(check_leaf(chain->leaf));
    *out = TAKE(chain);
    return OK;
}

static void add_hash(uint32_t hash, uint32_t hashes[VENDOR_CHAIN_MAX], size_t *count)
{
    for (size_t i = 0; i < *count; i++) {
        if (hashes[i] == hash) {
            return;
        }
    }
    hashes[(*count)++] = hash;
}

size_t vendor_chain_issuers(const struct vendor_chain *chain, uint32_t name_hashes[VENDOR_CHAIN_MAX])
{
    size_t count = 0;
    add_hash(vendor_name_hash(X509_get_issuer_name(chain->leaf)), name_hashes, &count);
    for (size_t i = 0; i < chain->count; i++) {
        add_hash(vendor_name_hash(X509_get_issuer_name(chain->others[i])), name_hashes, &count);
    }
    return count;
}

static bool copy_entry(const X509_NAME *subject, int nid, char out[VENDOR_NAME_SIZE])
{
    int at = X509_NAME_get_index_by_NID(subject, nid, -1);
    unsigned char *text = NULL;
    int size =
        at < 0 ? 0 : ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    bool fits = size > 0 && size < VENDOR_NAME_SIZE && memchr(text, '\0', (size_t)size) == NULL;
    if (fits) {
        memcpy(out, text, (size_t)size);
        out[size] = '\0';
    }
    OPENSSL_free(text);
    openssl_forget_errors();
    return fits;
}

void vendor_chain_name(const struct vendor_chain *chain, char out[VENDOR_NAME_SIZE])
{
    const X509_NAME *subject = X509_get_subject_name(chain->leaf);
    if (!copy_entry(subject, NID_serialNumber, out) && !copy_entry(subject, NID_commonName, out)) {
        out[0] = '\0';
    }
}

/* --- verified --------------------------------------------------------------------------------------- */

static err_t check_signed(const X509 *x509, const X509 *issuer)
{
    static const struct key_policy policy = {.allow_rsa = true, .allow_rsa_2048 = true};
    AUTO_VAL(buf) algorithm = {0};
    AUTO_VAL(buf) spki = {0};
    struct key_info key;
    TRY(certificate_algorithm(x509, &algorithm));
    TRY(certificate_spki(issuer, &spki));
    TRY(key_check_form(buf_view(&spki), &policy, &key));
    const char *refusal = signature_refusal(buf_view(&algorithm), key.alg);
    ENSURE(refusal == NULL, ERR_UNPROCESSABLE, "a signature in the chain: %s", refusal);
    return OK;
}

/* @param[out] made_at_s when the CAs must have been valid: a day late, for chips whose dates were rounded
 * down */
static err_t check_dates(const struct vendor_chain *chain, int64_t now_ms, int64_t *made_at_s)
{
    AUTO_VAL(certificate_facts) facts = {.serial_size = 0};
    err_t error = certificate_facts_read(chain->leaf, &facts);
    ENSURE(error.code != ERR_BAD_ENCODING, ERR_UNPROCESSABLE, "%s", error.detail);
    TRY(error);
    ENSURE(now_ms + SLACK_S * 1000LL >= facts.not_before_ms, ERR_UNPROCESSABLE,
           "the chip's certificate is not valid yet");
    ENSURE(now_ms <= facts.not_after_ms, ERR_UNPROCESSABLE, "the chip's certificate has expired");
    int64_t late_s = facts.not_before_ms / 1000 + SLACK_S;
    int64_t last_s = facts.not_after_ms / 1000 - 1; /* for OpenSSL the last valid second has expired */
    *made_at_s = late_s < last_s ? late_s : last_s;
    return OK;
}

/* What OpenSSL works on; the context lets go of the others first. */
struct work {
    STACK_OF(X509) * others;
    X509_STORE *store;
    X509_STORE_CTX *context;
};

static void work_clear(struct work *work)
{
    X509_STORE_CTX_free(work->context);
    X509_STORE_free(work->store);
    sk_X509_free(work->others); /* the certificates are the chain's */
}
DEFINE_AUTO_VAL(work, work_clear);

/* What is no authority, or a weak one, is as good as not sent: OpenSSL spends no signature check on it. */
static err_t work_init(const struct vendor_chain *chain, X509 *ca, struct work *work)
{
    work->others = sk_X509_new_null();
    work->store = X509_STORE_new();
    work->context = X509_STORE_CTX_new();
    ENSURE(work->others != NULL && work->store != NULL && work->context != NULL, ERR_NO_MEMORY,
           "no memory for a chain of certificates");
    for (size_t i = 0; i < chain->count; i++) {
        err_t error = vendor_authority_check(chain->others[i]);
        bool is_good = error.code == ERR_OK;
        ENSURE(is_good || error.code == ERR_UNPROCESSABLE, error.code, "%s", error.detail);
        ENSURE(!is_good || sk_X509_push(work->others, chain->others[i]) > 0, ERR_NO_MEMORY,
               "a chain of certificates");
    }
    bool is_ready = X509_STORE_add_cert(work->store, ca) == 1 &&
                    X509_STORE_CTX_init(work->context, work->store, chain->leaf, work->others) == 1;
    return is_ready ? OK : ERR_OPENSSL("preparing the check of a chain failed");
}

static err_t build(const struct work *work, int64_t at_s)
{
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(work->context);
    X509_VERIFY_PARAM_set_time(param, (time_t)at_s);
    X509_VERIFY_PARAM_set_depth(param, VENDOR_CHAIN_MAX);
    (void)X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
    int verified = X509_verify_cert(work->context);
    openssl_forget_errors();
    ENSURE(verified == 1, ERR_UNPROCESSABLE, "the chain does not lead to the pinned CA: %s",
           X509_verify_cert_error_string(X509_STORE_CTX_get_error(work->context)));
    return OK;
}

static err_t check_links(const STACK_OF(X509) * path, const X509 *ca, unsigned *depth)
{
    int last = sk_X509_num(path) - 1;
    ENSURE(last >= 1 && X509_cmp(sk_X509_value(path, last), ca) == 0, ERR_UNPROCESSABLE,
           "the chain does not end in the pinned CA");
    for (int i = 0; i < last; i++) {
        TRY(check_signed(sk_X509_value(path, i), sk_X509_value(path, i + 1)));
    }
    *depth = (unsigned)last - 1;
    return OK;
}

err_t vendor_chain_verify(const struct vendor_chain *chain, struct bytes ca_der, int64_t now_ms,
                          unsigned *depth)
{
    AUTO(X509) *ca = NULL;
    AUTO_VAL(work) work = {.context = NULL};
    int64_t made_at_s = 0;
    TRY(decode(ca_der, &ca));
    TRY(vendor_authority_check(ca));
    TRY(check_dates(chain, now_ms, &made_at_s));
    TRY(work_init(chain, ca, &work));
    TRY(build(&work, made_at_s));
    return check_links(X509_STORE_CTX_get0_chain(work.context), ca, depth);
}
