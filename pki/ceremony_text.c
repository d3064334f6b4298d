/* A ceremony in words, for the people around the key: nothing is signed that did not stand here. */
#include <stdio.h>
#include <string.h>

#include <openssl/pem.h>

#include "pki/authority_internal.h"
#include "pki/ceremony_internal.h"

err_t ceremony_crl_to_pem(struct bytes der, struct buf *out)
{
    AUTO(BIO) *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    if (bio == NULL || PEM_write_bio(bio, PEM_STRING_X509_CRL, "", der.p, (long)der.n) <= 0) {
        return ERR_OPENSSL("writing a CRL as PEM failed");
    }
    long size = BIO_get_mem_data(bio, &text);
    return buf_append(out, text, (size_t)size);
}

static const char *reason_words(int reason)
{
    static const char *const words[] = {"unspecified",
                                        "keyCompromise",
                                        "cACompromise",
                                        "affiliationChanged",
                                        "superseded",
                                        "cessationOfOperation",
                                        "certificateHold",
                                        "",
                                        "",
                                        "privilegeWithdrawn",
                                        "aACompromise"};
    return reason >= 0 && reason <= 10 ? words[reason] : "";
}

static const struct {
    uint32_t bit;
    const char *word;
} purposes[] = {
    {PURPOSE_CLIENT_AUTH, "clientAuth"},
    {PURPOSE_SERVER_AUTH, "serverAuth"},
    {PURPOSE_CODE_SIGNING, "codeSigning"},
    {PURPOSE_CONFIG_SIGNING, "configSigning"},
    {PURPOSE_TRUST_ANCHOR_CONFIG, "trustAnchorConfigSigning"},
    {PURPOSE_UPDATE_PACKAGE_SIGNING, "updatePackageSigning"},
    {PURPOSE_SAFETY_COMMUNICATION, "safetyCommunication"},
};

static err_t put_purposes(const struct ceremony_certificate *wish, struct buf *out)
{
    if (wish->key_purposes == 0) {
        return buf_append_str(out, wish->role == AUTHORITY_DEVICE ? " clientAuth"
                                   : wish->role == AUTHORITY_EDGE
                                       ? " clientAuth serverAuth"
                                       : " serverAuth clientAuth OCSPSigning cmcRA");
    }
    for (size_t i = 0; i < sizeof purposes / sizeof purposes[0]; i++) {
        if ((wish->key_purposes & purposes[i].bit) != 0) {
            TRY(buf_printf(out, " %s", purposes[i].word));
        }
    }
    return OK;
}

static err_t put_hash(const struct sha256 *hash, struct buf *out)
{
    TRY(buf_append_str(out, "     key SHA-256  "));
    TRY(hex_append(out, BYTES_OF(hash->b)));
    return buf_append_str(out, "\n");
}

static err_t put_span(const char *label, int64_t from_ms, int64_t to_ms, struct buf *out)
{
    char from[32];
    char to[32];
    time_format(from_ms, from);
    time_format(to_ms, to);
    return buf_printf(out, "     %-11s  %s to %s\n", label, from, to);
}

/* A name as OpenSSL prints it: what a terminal would obey is escaped. */
static err_t put_name(struct bytes der, struct buf *out)
{
    const unsigned char *p = der.p;
    AUTO(X509_NAME) *name = d2i_X509_NAME(NULL, &p, (long)der.n);
    AUTO(BIO) *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    ENSURE(name != NULL && bio != NULL, ERR_UNPROCESSABLE, "a subject is malformed");
    (void)X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253);
    long size = BIO_get_mem_data(bio, &text);
    TRY(buf_append_str(out, "     subject      "));
    TRY(buf_append(out, text, size > 0 ? (size_t)size : 0));
    openssl_forget_errors();
    return buf_append_str(out, "\n");
}

static err_t put_names(const struct ceremony_certificate *wish, struct buf *out)
{
    AUTO_VAL(held_constraints) held = {.excludes_addresses = false};
    TRY(ceremony_names(wish, &held));
    for (size_t i = 0; i < held.names.permitted_count; i++) {
        TRY(buf_printf(out, "%s%s", i == 0 ? "     only below   " : " ", held.names.permitted[i]));
    }
    for (size_t i = 0; i < held.names.excluded_count; i++) {
        TRY(buf_printf(out, "%s%s", i == 0 ? "\n     never        " : " ", held.names.excluded[i]));
    }
    return held.names.permitted_count > 0 ? buf_append_str(out, "\n") : OK;
}

static err_t put_issuing(const struct ceremony_certificate *wish, const struct ceremony_signer *signer,
                         struct buf *out)
{
    AUTO_PTR(csr) *csr = NULL;
    struct validity life;
    const char *role = authority_role_name(wish->role);
    TRY(ceremony_request(wish, &csr));
    ceremony_dates(signer, wish->lifetime_days, &life);
    TRY(buf_printf(out, "a certificate of the issuing CA \"%s\"\n", wish->authority));
    TRY(put_name(csr_borrow_subject(csr), out));
    TRY(buf_printf(out, "     role         %s\n", role != NULL ? role : "?"));
    TRY(put_hash(&csr_borrow_key(csr)->spki_sha256, out));
    TRY(buf_append_str(out, "     pathlen      0: it may certify no further CA\n     purposes    "));
    TRY(put_purposes(wish, out));
    TRY(buf_append_str(out, "\n"));
    TRY(put_names(wish, out));
    return put_span("valid", life.not_before_ms, life.not_after_ms, out);
}

static err_t put_cross(const struct ceremony_certificate *wish, const struct ceremony_signer *signer,
                       struct buf *out)
{
    AUTO_VAL(ca_certificate) other = {.is_ca = false};
    TRY(ca_certificate_read(buf_view(&wish->der), &other));
    int64_t end = other.facts.not_after_ms < signer->authority->validity.not_after_ms
                      ? other.facts.not_after_ms
                      : signer->authority->validity.not_after_ms;
    TRY(buf_printf(out, "a cross certificate: whoever trusts this CA will trust the root \"%s\" too\n",
                   wish->authority));
    TRY(put_name(buf_view(&other.facts.subject), out));
    TRY(put_hash(&other.facts.key.spki_sha256, out));
    TRY(buf_append_str(out, "     pathlen      "));
    TRY(other.path_length < 0 ? buf_append_str(out, "none") : buf_printf(out, "%d", other.path_length));
    TRY(buf_append_str(out, ": it certifies issuing CAs\n"));
    return put_span("valid", signer->now_ms, end, out);
}

static err_t put_crl(const struct ceremony *ceremony, const struct ceremony_signer *signer, struct buf *out)
{
    struct validity life;
    ceremony_dates(signer, ceremony->crl_days, &life);
    TRY(buf_printf(out, "the CRL with the number %lld\n", (long long)ceremony_crl_number(ceremony, signer)));
    TRY(put_span("valid", signer->now_ms, life.not_after_ms, out));
    for (size_t i = 0; i < ceremony->entry_count; i++) {
        const struct ceremony_entry *entry = &ceremony->entries[i];
        char at[32];
        time_format(entry->entry.revoked_at_ms, at);
        TRY(buf_append_str(out, "     revokes      "));
        TRY(hex_append(out, BYTES_OF(entry->entry.serial)));
        TRY(buf_printf(out, " at %s (%s) %s\n", at, reason_words(entry->entry.reason), entry->subject));
    }
    return ceremony->entry_count > 0 ? OK : buf_append_str(out, "     revokes      nothing\n");
}

err_t ceremony_describe(const struct ceremony *ceremony, const struct ceremony_signer *signer,
                        struct buf *out)
{
    char made[32];
    char now[32];
    int number = 1;
    time_format(ceremony->made_at_ms, made);
    time_format(signer->now_ms, now);
    TRY(buf_printf(out, "For authority \"%s\", asked for at %s. The clock of this machine says %s.\n\n",
                   ceremony->issuer, made, now));
    TRY(buf_append_str(out, "  signs with\n"));
    TRY(put_name(buf_view(&signer->authority->subject), out));
    TRY(put_hash(&signer->authority->spki_sha256, out));
    TRY(put_span("valid", signer->authority->validity.not_before_ms, signer->authority->validity.not_after_ms,
                 out));
    for (size_t i = 0; i < ceremony->certificate_count; i++) {
        const struct ceremony_certificate *wish = &ceremony->certificates[i];
        TRY(buf_printf(out, "\n  %d. ", number++));
        TRY(wish->kind == CEREMONY_ISSUING ? put_issuing(wish, signer, out) : put_cross(wish, signer, out));
    }
    if (ceremony->has_crl) {
        TRY(buf_printf(out, "\n  %d. ", number++));
        TRY(put_crl(ceremony, signer, out));
    }
    return ceremony->certificate_count == 0
               ? OK
               : buf_printf(out,
                            "\n  CRL and certificate of the signing CA: %s/crl/%s.crl and %s/ca/%s.cer\n",
                            ceremony->public_url, ceremony->issuer, ceremony->public_url, ceremony->issuer);
}
