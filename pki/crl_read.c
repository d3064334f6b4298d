/* Reads CRLs of others. Judges form and signature; which list follows which is fleet/authority_import*.c's.
 */
#include "pki/crl_read.h"

#include <stdio.h>
#include <string.h>

#include "pki/der.h"
#include "pki/openssl.h"

enum { NUMBER_SIZE_MAX = 8, REASON_MAX = 10 };

static const uint8_t oid_aki[] = {0x55, 0x1d, 0x23};
static const uint8_t oid_number[] = {0x55, 0x1d, 0x14};
static const uint8_t oid_delta[] = {0x55, 0x1d, 0x1b};
static const uint8_t oid_idp[] = {0x55, 0x1d, 0x1c};
static const uint8_t oid_reason[] = {0x55, 0x1d, 0x15};
static const uint8_t oid_certificate_issuer[] = {0x55, 0x1d, 0x1d};

/* UTCTime and GeneralizedTime as RFC 5280 §4.1.2.5 allows them: seconds, no fraction, Z. */
static bool read_time(struct bytes *in, int64_t *out_ms)
{
    struct der_item item;
    char text[32];
    if (!der_next(in, &item)) {
        return false;
    }
    bool is_short = item.tag == DER_UTC_TIME && item.value.n == 13;
    bool is_long = item.tag == DER_GENERALIZED_TIME && item.value.n == 15;
    if ((!is_short && !is_long) || item.value.p[item.value.n - 1] != 'Z') {
        return false;
    }
    const char *digits = (const char *)item.value.p;
    const char *century = is_long ? "" : digits[0] >= '5' ? "19" : "20";
    int year = is_long ? 4 : 2;
    (void)snprintf(text, sizeof text, "%s%.*s-%.2s-%.2sT%.2s:%.2s:%.2sZ", century, year, digits,
                   digits + year, digits + year + 2, digits + year + 4, digits + year + 6, digits + year + 8);
    return time_parse(bytes_str(text), out_ms).code == ERR_OK;
}

/* --- extensions --------------------------------------------------------------------------------------- */

struct extension {
    struct bytes id, value;
    bool is_critical;
};

/* Extension ::= SEQUENCE { extnID, critical BOOLEAN DEFAULT FALSE, extnValue }. */
static err_t take_extension(struct bytes *list, struct extension *out)
{
    struct der_item whole;
    struct der_item item;
    bool is_good = der_take(list, DER_SEQUENCE, &whole) && der_take(&whole.value, DER_OID, &item);
    if (is_good) {
        out->id = item.value;
        out->is_critical = der_take(&whole.value, DER_BOOLEAN, &item);
        is_good = der_take(&whole.value, DER_OCTET_STRING, &item) && whole.value.n == 0;
        out->value = item.value;
    }
    ENSURE(is_good, ERR_UNPROCESSABLE, "an extension of the CRL is malformed");
    return OK;
}

static err_t read_number(struct bytes value, struct crl_facts *out)
{
    struct der_item item;
    ENSURE(der_take(&value, DER_INTEGER, &item) && value.n == 0 && item.value.p[0] < 0x80, ERR_UNPROCESSABLE,
           "the CRL's number is malformed");
    ENSURE(item.value.n <= NUMBER_SIZE_MAX, ERR_UNPROCESSABLE,
           "the CRL's number has more than 63 bits: it could not be compared with the next one here");
    out->number = 0;
    for (size_t i = 0; i < item.value.n; i++) {
        out->number = (out->number << 8) | item.value.p[i];
    }
    return OK;
}

static err_t read_aki(struct bytes value, struct crl_facts *out)
{
    struct der_item list;
    struct der_item item;
    ENSURE(der_take(&value, DER_SEQUENCE, &list) && value.n == 0, ERR_UNPROCESSABLE,
           "the CRL's authorityKeyIdentifier is malformed");
    if (der_take(&list.value, DER_CONTEXT | 0, &item)) {
        out->aki = item.value;
    }
    return OK;
}

static err_t read_extension(const struct extension *extension, struct crl_facts *out, bool *has_number)
{
    ENSURE(!bytes_equal(extension->id, BYTES_OF(oid_delta)), ERR_UNPROCESSABLE,
           "the CRL is a delta: give the complete one");
    ENSURE(!bytes_equal(extension->id, BYTES_OF(oid_idp)), ERR_UNPROCESSABLE,
           "the CRL is of a part of the certificates, or indirect (issuingDistributionPoint): give a "
           "complete one");
    if (bytes_equal(extension->id, BYTES_OF(oid_number))) {
        ENSURE(!*has_number, ERR_UNPROCESSABLE, "the CRL has two numbers");
        *has_number = true;
        return read_number(extension->value, out);
    }
    if (bytes_equal(extension->id, BYTES_OF(oid_aki))) {
        return read_aki(extension->value, out);
    }
    ENSURE(!extension->is_critical, ERR_UNPROCESSABLE,
           "the CRL has a critical extension that is not understood here");
    return OK;
}

static err_t read_extensions(struct bytes rest, struct crl_facts *out)
{
    struct der_item tagged;
    struct der_item list;
    bool has_number = false;
    if (rest.n > 0) {
        ENSURE(der_take(&rest, DER_CONTEXT_CONSTRUCTED | 0, &tagged) && rest.n == 0 &&
                   der_take(&tagged.value, DER_SEQUENCE, &list) && tagged.value.n == 0,
               ERR_UNPROCESSABLE, "something unknown follows the CRL's entries");
        while (list.value.n > 0) {
            struct extension extension = {.is_critical = false};
            TRY(take_extension(&list.value, &extension));
            TRY(read_extension(&extension, out, &has_number));
        }
    }
    ENSURE(has_number, ERR_UNPROCESSABLE,
           "the CRL has no number (crlNumber): nobody could say which of two is the newer one");
    return OK;
}

/* --- entries ------------------------------------------------------------------------------------------ */

static err_t read_entry_extension(const struct extension *extension, struct crl_line *out)
{
    struct bytes value = extension->value;
    struct der_item item;
    ENSURE(!bytes_equal(extension->id, BYTES_OF(oid_certificate_issuer)), ERR_UNPROCESSABLE,
           "the CRL is indirect: it holds certificates of another issuer");
    if (bytes_equal(extension->id, BYTES_OF(oid_reason))) {
        ENSURE(der_take(&value, DER_ENUMERATED, &item) && value.n == 0 && item.value.n == 1 &&
                   item.value.p[0] <= REASON_MAX,
               ERR_UNPROCESSABLE, "an entry of the CRL has a reason that does not exist");
        out->reason = item.value.p[0];
        return OK;
    }
    ENSURE(!extension->is_critical, ERR_UNPROCESSABLE,
           "an entry of the CRL has a critical extension that is not understood here");
    return OK;
}

static err_t take_line(struct bytes *entries, struct crl_line *out)
{
    struct der_item entry;
    struct der_item serial;
    struct der_item list;
    *out = (struct crl_line){.reason = 0};
    bool is_good = der_take(entries, DER_SEQUENCE, &entry) && der_take(&entry.value, DER_INTEGER, &serial) &&
                   serial.value.p[0] < 0x80 && read_time(&entry.value, &out->revoked_at_ms);
    ENSURE(is_good, ERR_UNPROCESSABLE, "an entry of the CRL is malformed");
    out->serial = serial.value;
    if (out->serial.n > 1 && out->serial.p[0] == 0) {
        out->serial = (struct bytes){out->serial.p + 1, out->serial.n - 1};
    }
    if (entry.value.n == 0) {
        return OK;
    }
    ENSURE(der_take(&entry.value, DER_SEQUENCE, &list) && entry.value.n == 0, ERR_UNPROCESSABLE,
           "an entry of the CRL is malformed");
    while (list.value.n > 0) {
        struct extension extension = {.is_critical = false};
        TRY(take_extension(&list.value, &extension));
        TRY(read_entry_extension(&extension, out));
    }
    return OK;
}

err_t crl_each(const struct crl_facts *crl, err_t (*fn)(const struct crl_line *line, void *arg), void *arg)
{
    struct bytes rest = crl->entries;
    while (rest.n > 0) {
        struct crl_line line;
        TRY(take_line(&rest, &line));
        TRY(fn(&line, arg));
    }
    return OK;
}

err_t crl_find(const struct crl_facts *crl, struct bytes serial, struct crl_line *line, bool *is_there)
{
    struct bytes rest = crl->entries;
    *is_there = false;
    while (rest.n > 0 && !*is_there) {
        TRY(take_line(&rest, line));
        *is_there = bytes_equal(line->serial, serial);
    }
    return OK;
}

static err_t count_line(const struct crl_line *line, void *arg)
{
    (void)line;
    ++*(size_t *)arg;
    return OK;
}

/* --- the whole ---------------------------------------------------------------------------------------- */

static err_t split(struct bytes der, struct crl_facts *out, struct bytes *fields)
{
    struct der_item outer;
    struct der_item item;
    bool is_good = der_take(&der, DER_SEQUENCE, &outer) && der_take(&outer.value, DER_SEQUENCE, &item);
    if (is_good) {
        out->tbs = item.whole;
        *fields = item.value;
        is_good = der_take(&outer.value, DER_SEQUENCE, &item);
        out->algorithm = item.whole;
    }
    is_good = is_good && der_take(&outer.value, DER_BIT_STRING, &item) && outer.value.n == 0 &&
              item.value.n > 1 && item.value.p[0] == 0;
    ENSURE(is_good, ERR_UNPROCESSABLE, "not a CRL");
    out->signature = (struct bytes){item.value.p + 1, item.value.n - 1};
    return OK;
}

static err_t read_fields(struct bytes fields, struct crl_facts *out)
{
    static const uint8_t version_2[] = {DER_INTEGER, 1, 1};
    struct der_item item;
    ENSURE(der_take(&fields, DER_INTEGER, &item) && bytes_equal(item.whole, BYTES_OF(version_2)),
           ERR_UNPROCESSABLE, "the CRL is not of version 2, which alone has a number");
    ENSURE(der_take(&fields, DER_SEQUENCE, &item) && bytes_equal(item.whole, out->algorithm),
           ERR_UNPROCESSABLE, "the CRL names two signature algorithms");
    ENSURE(der_take(&fields, DER_SEQUENCE, &item), ERR_UNPROCESSABLE, "the CRL names no issuer");
    out->issuer = item.whole;
    ENSURE(read_time(&fields, &out->this_update_ms), ERR_UNPROCESSABLE, "the CRL's thisUpdate is malformed");
    ENSURE(read_time(&fields, &out->next_update_ms), ERR_UNPROCESSABLE,
           "the CRL does not say when the next one comes (nextUpdate)");
    ENSURE(out->this_update_ms < out->next_update_ms, ERR_UNPROCESSABLE, "the CRL ends before it begins");
    if (der_take(&fields, DER_SEQUENCE, &item)) {
        out->entries = item.value;
    }
    return read_extensions(fields, out);
}

err_t crl_read(struct bytes der, struct crl_facts *out)
{
    struct bytes fields;
    *out = (struct crl_facts){.number = 0};
    ENSURE(der.n <= CRL_DER_MAX, ERR_UNPROCESSABLE, "the CRL has %zu bytes; at most %d are taken", der.n,
           CRL_DER_MAX);
    err_t form = der_check(der);
    ENSURE(form.code == ERR_OK, ERR_UNPROCESSABLE, "the CRL: %.140s", form.detail);
    TRY(split(der, out, &fields));
    TRY(read_fields(fields, out));
    return crl_each(out, count_line, &out->count);
}

err_t crl_verify(const struct crl_facts *crl, const struct ca_certificate *issuer)
{
    AUTO(EVP_PKEY) *key = NULL;
    ENSURE(name_is_same(crl->issuer, buf_view(&issuer->facts.subject)), ERR_UNPROCESSABLE,
           "the CRL is of another issuer");
    ENSURE(crl->aki.n == 0 || issuer->ski.n == 0 || bytes_equal(crl->aki, buf_view(&issuer->ski)),
           ERR_UNPROCESSABLE, "the CRL is of another key of its issuer (authorityKeyIdentifier)");
    ENSURE(issuer->may_sign_crls, ERR_UNPROCESSABLE,
           "its issuer's certificate does not allow the signing of CRLs (cRLSign)");
    const char *refusal = signature_refusal(crl->algorithm, issuer->facts.key.alg);
    ENSURE(refusal == NULL, ERR_UNPROCESSABLE, "the CRL's signature: %.100s", refusal);
    TRY(key_open(buf_view(&issuer->spki), issuer->facts.key.alg, &key));
    return signature_verify(key, crl->algorithm, crl->tbs, crl->signature,
                            ERR(ERR_UNPROCESSABLE, "the CRL's signature is not its issuer's"));
}

err_t crl_check_dates(const struct crl_facts *crl, int64_t now_ms)
{
    static const int64_t slack_ms = 5 * 60 * 1000; /* two clocks */
    char text[32];
    time_format(crl->this_update_ms, text);
    ENSURE(crl->this_update_ms <= now_ms + slack_ms, ERR_UNPROCESSABLE, "the CRL begins at %s only", text);
    time_format(crl->next_update_ms, text);
    ENSURE(crl->next_update_ms > now_ms, ERR_UNPROCESSABLE, "the CRL ran out at %s", text);
    return OK;
}
