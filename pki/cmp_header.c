/* Reading the outside of a CMP message. Each part says by its name in RFC 9810 what is wrong with it; the
 * form of the whole (DER, nesting) was checked before, so that what follows only asks for tags. */
#include "pki/cmp_header.h"

#include "pki/cmp_algorithm.h"
#include "pki/der.h"

/* The explicitly tagged fields of PKIHeader, in their order. */
enum field {
    FIELD_TIME,
    FIELD_ALGORITHM,
    FIELD_SENDER_KID,
    FIELD_RECIP_KID,
    FIELD_TRANSACTION,
    FIELD_SENDER_NONCE,
    FIELD_RECIP_NONCE,
    FIELD_FREE_TEXT,
    FIELD_INFO,
    FIELD_COUNT
};

/* --- small pieces ------------------------------------------------------------------------------------ */

static bool is_digits(struct bytes text)
{
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9') {
            return false;
        }
    }
    return true;
}

static int64_t number_of(struct bytes text, size_t at, size_t digits)
{
    int64_t value = 0;
    for (size_t i = at; i < at + digits; i++) {
        value = value * 10 + (text.p[i] - '0');
    }
    return value;
}

/* Days since 1970 of a date of the Gregorian calendar (years from 0). */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

static int64_t days_in(int64_t year, int64_t month)
{
    return days_of(month == 12 ? year + 1 : year, month == 12 ? 1 : month + 1, 1) - days_of(year, month, 1);
}

/* GeneralizedTime as DER has it (X.690 §11.7): YYYYMMDDHHMMSS, perhaps a fraction, Z. The fraction is
 * dropped. */
static bool read_time(struct bytes text, int64_t *out_ms)
{
    if (text.n < 15 || text.p[text.n - 1] != 'Z' || !is_digits((struct bytes){text.p, 14})) {
        return false;
    }
    if (text.n > 15) {
        struct bytes fraction = {text.p + 15, text.n - 16};
        if (text.p[14] != '.' || fraction.n == 0 || fraction.n > 9 || !is_digits(fraction) ||
            fraction.p[fraction.n - 1] == '0') {
            return false;
        }
    }
    int64_t year = number_of(text, 0, 4);
    int64_t month = number_of(text, 4, 2);
    int64_t day = number_of(text, 6, 2);
    int64_t hour = number_of(text, 8, 2);
    int64_t minute = number_of(text, 10, 2);
    int64_t second = number_of(text, 12, 2);
    if (month < 1 || month > 12 || day < 1 || day > days_in(year, month) || hour > 23 || minute > 59 ||
        second > 59) {
        return false;
    }
    *out_ms = (((days_of(year, month, day) * 24 + hour) * 60 + minute) * 60 + second) * 1000;
    return true;
}

/* [n] EXPLICIT OCTET STRING within bounds. */
static err_t read_octets(struct bytes tagged, const char *name, size_t min, size_t max, struct bytes *out)
{
    struct der_item octets;
    ENSURE(der_take(&tagged, DER_OCTET_STRING, &octets) && tagged.n == 0, ERR_BAD_ENCODING,
           "%s: not an OCTET STRING", name);
    ENSURE(octets.value.n >= min && octets.value.n <= max, ERR_BAD_REQUEST,
           "%s: %zu bytes; %zu to %zu are taken", name, octets.value.n, min, max);
    *out = octets.value;
    return OK;
}

/* --- header ------------------------------------------------------------------------------------------ */

/* RFC 9810 §7: 2 and 3 (cmp2021) differ in syntax that the bodies show. */
static err_t read_pvno(struct bytes *in, struct cmp_header *out, enum cmp_failure *failure)
{
    struct der_item number;
    ENSURE(der_take(in, DER_INTEGER, &number), ERR_BAD_ENCODING, "pvno: not an INTEGER");
    *failure = CMP_FAILURE_UNSUPPORTED_VERSION;
    ENSURE(number.value.n == 1 && (number.value.p[0] == 2 || number.value.p[0] == 3), ERR_BAD_REQUEST,
           "pvno: only 2 (cmp2000) and 3 (cmp2021) are known");
    *failure = CMP_FAILURE_BAD_DATA_FORMAT;
    out->pvno = number.value.p[0];
    return OK;
}

/* GeneralName: any of its nine forms; directoryName is the one that CMP uses (tagged explicitly, as a Name is
 * itself a choice). */
static err_t read_general_name(struct bytes *in, const char *field, struct bytes *whole, struct bytes *name)
{
    struct der_item item;
    struct der_item inside;
    ENSURE(der_next(in, &item) && (item.tag & 0xc0) == DER_CONTEXT && (item.tag & 0x1f) <= 8,
           ERR_BAD_ENCODING, "%s: not a GeneralName", field);
    *whole = item.whole;
    if (item.tag != (DER_CONTEXT_CONSTRUCTED | 4)) {
        return OK;
    }
    ENSURE(der_take(&item.value, DER_SEQUENCE, &inside) && item.value.n == 0, ERR_BAD_ENCODING,
           "%s: directoryName is not a Name", field);
    if (name != NULL) {
        *name = inside.whole;
    }
    return OK;
}

/* implicitConfirm (4.13, RFC 9810 §5.1.1.1) and certProfile (4.21, §5.1.1.4); others are passed over. */
static err_t read_info(struct bytes in, struct cmp_header *out)
{
    static const uint8_t oid_implicit_confirm[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x04, 0x0d};
    static const uint8_t oid_profile[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x04, 0x15};
    struct der_item oid;
    struct der_item value = {.value = BYTES_NONE};
    ENSURE(der_take(&in, DER_OID, &oid), ERR_BAD_ENCODING, "generalInfo: an entry without a type");
    bool has_value = der_next(&in, &value);
    ENSURE(in.n == 0, ERR_BAD_ENCODING, "generalInfo: an entry with more than one value");
    if (bytes_equal(oid.value, BYTES_OF(oid_implicit_confirm))) {
        ENSURE(!has_value || value.tag == DER_NULL, ERR_BAD_ENCODING,
               "generalInfo: implicitConfirm is not NULL");
        out->has_implicit_confirm = true;
    }
    if (bytes_equal(oid.value, BYTES_OF(oid_profile))) {
        struct der_item text;
        ENSURE(value.tag == DER_SEQUENCE && der_take(&value.value, DER_UTF8_STRING, &text) &&
                   value.value.n == 0,
               ERR_BAD_ENCODING, "generalInfo: certProfile is not one UTF8String");
        out->profile = text.value;
    }
    return OK;
}

static err_t read_general_info(struct bytes tagged, struct cmp_header *out)
{
    struct der_item list;
    struct der_item entry;
    ENSURE(der_take(&tagged, DER_SEQUENCE, &list) && tagged.n == 0, ERR_BAD_ENCODING,
           "generalInfo: not a SEQUENCE");
    for (size_t i = 0; list.value.n > 0; i++) {
        ENSURE(i < CMP_INFO_MAX, ERR_BAD_REQUEST, "generalInfo: more than %d entries", CMP_INFO_MAX);
        ENSURE(der_take(&list.value, DER_SEQUENCE, &entry), ERR_BAD_ENCODING,
               "generalInfo: an entry is not a SEQUENCE");
        TRY(read_info(entry.value, out));
    }
    return OK;
}

static err_t read_field(enum field field, struct bytes tagged, struct cmp_header *out)
{
    struct der_item item;
    switch (field) {
    case FIELD_TIME:
        ENSURE(der_take(&tagged, DER_GENERALIZED_TIME, &item) && tagged.n == 0 &&
                   read_time(item.value, &out->message_time_ms),
               ERR_BAD_ENCODING, "messageTime: not a GeneralizedTime of the form YYYYMMDDHHMMSSZ");
        out->has_time = true;
        return OK;
    case FIELD_ALGORITHM:
        out->protection_alg = tagged;
        return OK; /* read at the end, when an answer can name the transaction */
    case FIELD_SENDER_KID:
        return read_octets(tagged, "senderKID", 0, CMP_KID_MAX, &out->sender_kid);
    case FIELD_RECIP_KID:
        return read_octets(tagged, "recipKID", 0, CMP_KID_MAX, &out->recip_kid);
    case FIELD_TRANSACTION:
        return read_octets(tagged, "transactionID", CMP_ID_MIN, CMP_ID_MAX, &out->transaction_id);
    case FIELD_SENDER_NONCE:
        return read_octets(tagged, "senderNonce", CMP_ID_MIN, CMP_ID_MAX, &out->sender_nonce);
    case FIELD_RECIP_NONCE:
        return read_octets(tagged, "recipNonce", CMP_ID_MIN, CMP_ID_MAX, &out->recip_nonce);
    case FIELD_FREE_TEXT:
        return OK; /* for people, and nobody reads it here */
    case FIELD_INFO:
        return read_general_info(tagged, out);
    case FIELD_COUNT:
        break;
    }
    return OK;
}

static err_t read_header(struct bytes in, struct cmp_header *out, enum cmp_failure *failure)
{
    struct der_item item;
    TRY(read_pvno(&in, out, failure));
    TRY(read_general_name(&in, "sender", &out->sender, &out->sender_name));
    TRY(read_general_name(&in, "recipient", &out->recipient, NULL));
    for (unsigned field = 0; field < FIELD_COUNT; field++) {
        if (der_take(&in, (uint8_t)(DER_CONTEXT_CONSTRUCTED | field), &item)) {
            TRY(read_field((enum field)field, item.value, out));
        }
    }
    ENSURE(in.n == 0, ERR_BAD_ENCODING, "header: a field that is not known, or not in its order");
    return OK;
}

/* --- the rest of the message ------------------------------------------------------------------------- */

static err_t read_body(struct bytes *in, struct cmp_header *out)
{
    struct der_item item;
    ENSURE(der_next(in, &item) && (item.tag & 0xe0) == DER_CONTEXT_CONSTRUCTED && (item.tag & 0x1f) <= 26,
           ERR_BAD_ENCODING, "body: none of the choices of PKIBody");
    out->body = (enum cmp_body)(item.tag & 0x1f);
    out->body_content = item.value;
    out->body_der = item.whole;
    return OK;
}

static err_t read_protection(struct bytes tagged, struct cmp_header *out)
{
    struct der_item bits;
    ENSURE(der_take(&tagged, DER_BIT_STRING, &bits) && tagged.n == 0 && bits.value.n > 1 &&
               bits.value.p[0] == 0,
           ERR_BAD_ENCODING, "protection: not a BIT STRING of whole bytes");
    out->protection = (struct bytes){bits.value.p + 1, bits.value.n - 1};
    return OK;
}

static err_t read_extra_certs(struct bytes tagged, struct cmp_header *out)
{
    struct der_item list;
    struct der_item certificate;
    ENSURE(der_take(&tagged, DER_SEQUENCE, &list) && tagged.n == 0 && list.value.n > 0, ERR_BAD_ENCODING,
           "extraCerts: not a SEQUENCE of certificates");
    while (list.value.n > 0) {
        ENSURE(out->extra_count < CMP_EXTRA_CERTS_MAX, ERR_BAD_REQUEST,
               "extraCerts: more than %d certificates", CMP_EXTRA_CERTS_MAX);
        ENSURE(der_take(&list.value, DER_SEQUENCE, &certificate), ERR_BAD_ENCODING,
               "extraCerts: something that is no certificate");
        out->extra_certs[out->extra_count++] = certificate.whole;
    }
    return OK;
}

static err_t read_message(struct bytes in, struct cmp_header *out, enum cmp_failure *failure)
{
    struct der_item item;
    ENSURE(der_take(&in, DER_SEQUENCE, &item), ERR_BAD_ENCODING, "header: not a SEQUENCE");
    out->header_der = item.whole;
    TRY(read_header(item.value, out, failure));
    TRY(read_body(&in, out));
    if (der_take(&in, DER_CONTEXT_CONSTRUCTED | 0, &item)) {
        TRY(read_protection(item.value, out));
    }
    if (der_take(&in, DER_CONTEXT_CONSTRUCTED | 1, &item)) {
        TRY(read_extra_certs(item.value, out));
    }
    ENSURE(in.n == 0, ERR_BAD_ENCODING, "message: something follows extraCerts, or is not in its order");
    return OK;
}

/* What RFC 9483 §3.1 asks of every message, and what ties protection to its algorithm (RFC 9810 §5.1.3). */
static err_t check_rules(struct cmp_header *out, enum cmp_failure *failure)
{
    *failure = CMP_FAILURE_BAD_REQUEST;
    ENSURE(out->transaction_id.n > 0, ERR_BAD_REQUEST, "transactionID: it is missing");
    ENSURE(out->sender_nonce.n > 0, ERR_BAD_REQUEST, "senderNonce: it is missing");
    ENSURE((out->protection.n > 0) == (out->protection_alg.n > 0), ERR_BAD_REQUEST,
           "protection: one of protection and protectionAlg is there without the other");
    if (out->protection_alg.n == 0) {
        out->protection_kind = CMP_UNPROTECTED;
        return OK;
    }
    err_t error = cmp_algorithm_read(out);
    *failure = error.code == ERR_BAD_ENCODING ? CMP_FAILURE_BAD_DATA_FORMAT : CMP_FAILURE_BAD_ALG;
    return error;
}

err_t cmp_header_read(struct bytes der, struct cmp_header *out, enum cmp_failure *failure)
{
    struct der_item message;
    *out = (struct cmp_header){.pvno = 0};
    *failure = CMP_FAILURE_BAD_DATA_FORMAT;
    ENSURE(der.n > 0, ERR_BAD_ENCODING, "message: it is empty");
    ENSURE(der.n <= CMP_MESSAGE_MAX, ERR_TOO_LARGE, "message: %zu bytes; at most %d are taken", der.n,
           CMP_MESSAGE_MAX);
    TRY(der_check(der));
    ENSURE(der_take(&der, DER_SEQUENCE, &message), ERR_BAD_ENCODING, "message: not a SEQUENCE");
    err_t error = read_message(message.value, out, failure);
    if (error.code == ERR_BAD_REQUEST && *failure == CMP_FAILURE_BAD_DATA_FORMAT) {
        *failure = CMP_FAILURE_BAD_REQUEST;
    }
    TRY(error);
    return check_rules(out, failure);
}
