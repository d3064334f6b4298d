/* RevReqContent ::= SEQUENCE OF SEQUENCE { certDetails CertTemplate, crlEntryDetails Extensions OPTIONAL }.
 */
#include "pki/cmp_revocation.h"

#include "pki/der.h"

static const uint8_t oid_reason[] = {0x55, 0x1d, 0x15};

enum {
    FIELD_SERIAL = DER_CONTEXT | 1,
    FIELD_ISSUER = DER_CONTEXT_CONSTRUCTED | 3,
    FIELD_NUMBER = 0x1f,
    FIELD_LAST = 9
};

/* An implicit tag hides the type from der_check(), so the rules of an INTEGER are asked here. */
static bool is_integer(struct bytes value)
{
    if (value.n < 2) {
        return value.n == 1;
    }
    bool is_high = (value.p[1] & 0x80) != 0;
    return !(value.p[0] == 0x00 && !is_high) && !(value.p[0] == 0xff && is_high);
}

static err_t read_field(const struct der_item *field, struct cmp_revocation *out)
{
    struct bytes value = field->value;
    struct der_item name;
    if (field->tag == FIELD_SERIAL) {
        ENSURE(is_integer(value), ERR_BAD_ENCODING, "the serial number in certDetails is malformed");
        out->serial = value;
    }
    if (field->tag == FIELD_ISSUER) { /* Name is a CHOICE, so its tag is explicit */
        ENSURE(der_take(&value, DER_SEQUENCE, &name) && value.n == 0, ERR_BAD_ENCODING,
               "the issuer in certDetails is malformed");
        out->issuer = name.whole;
    }
    return OK;
}

/* CertTemplate: ten optional fields in the order of their numbers (RFC 4211 §5). */
static err_t read_details(struct bytes fields, struct cmp_revocation *out)
{
    int last = -1;
    struct der_item field;
    while (fields.n > 0) {
        ENSURE(der_next(&fields, &field) && (field.tag & 0xc0) == DER_CONTEXT, ERR_BAD_ENCODING,
               "certDetails is malformed");
        int number = field.tag & FIELD_NUMBER;
        ENSURE(number > last && number <= FIELD_LAST, ERR_BAD_ENCODING, "certDetails is malformed");
        last = number;
        TRY(read_field(&field, out));
    }
    return OK;
}

static err_t read_reason(struct bytes value, struct cmp_revocation *out)
{
    struct der_item reason;
    ENSURE(der_take(&value, DER_ENUMERATED, &reason) && value.n == 0 && reason.value.n == 1 &&
               reason.value.p[0] < 0x80,
           ERR_BAD_ENCODING, "reasonCode in crlEntryDetails is malformed");
    out->reason = reason.value.p[0];
    return OK;
}

static err_t read_entry_details(struct bytes extensions, struct cmp_revocation *out)
{
    struct der_item extension;
    struct der_item id;
    struct der_item critical = {.tag = 0};
    struct der_item value;
    bool has_reason = false;
    while (extensions.n > 0) {
        ENSURE(der_take(&extensions, DER_SEQUENCE, &extension) && der_take(&extension.value, DER_OID, &id),
               ERR_BAD_ENCODING, "crlEntryDetails is malformed");
        bool is_critical = der_take(&extension.value, DER_BOOLEAN, &critical) && critical.value.n == 1 &&
                           critical.value.p[0] != 0;
        ENSURE(der_take(&extension.value, DER_OCTET_STRING, &value) && extension.value.n == 0,
               ERR_BAD_ENCODING, "crlEntryDetails is malformed");
        bool is_reason = bytes_equal(id.value, BYTES_OF(oid_reason));
        ENSURE(!is_critical || is_reason, ERR_BAD_REQUEST,
               "an extension in crlEntryDetails is critical and not known here");
        ENSURE(!is_reason || !has_reason, ERR_BAD_ENCODING, "crlEntryDetails has two reasonCode extensions");
        has_reason = has_reason || is_reason;
        TRY(is_reason ? der_check(value.value) : OK);
        TRY(is_reason ? read_reason(value.value, out) : OK);
    }
    return OK;
}

static err_t read_one(struct bytes details, struct cmp_revocation *out)
{
    struct der_item item;
    ENSURE(der_take(&details, DER_SEQUENCE, &item), ERR_BAD_ENCODING, "the body holds no certDetails");
    TRY(read_details(item.value, out));
    if (der_take(&details, DER_SEQUENCE, &item)) {
        TRY(read_entry_details(item.value, out));
    }
    ENSURE(details.n == 0, ERR_BAD_ENCODING, "something unknown follows crlEntryDetails");
    return OK;
}

err_t cmp_revocation_read(const struct cmp_header *message, struct cmp_revocation *out,
                          enum cmp_failure *failure)
{
    struct bytes body = message->body_content;
    struct der_item list;
    struct der_item details;
    *out = (struct cmp_revocation){.reason = 0};
    *failure = CMP_FAILURE_BAD_DATA_FORMAT;
    ENSURE(der_take(&body, DER_SEQUENCE, &list) && body.n == 0 &&
               der_take(&list.value, DER_SEQUENCE, &details),
           ERR_BAD_ENCODING, "the body holds no request for revocation");
    *failure = CMP_FAILURE_BAD_REQUEST;
    ENSURE(list.value.n == 0, ERR_BAD_REQUEST, "one message revokes one certificate");
    err_t error = read_one(details.value, out);
    *failure = error.code == ERR_BAD_ENCODING ? CMP_FAILURE_BAD_DATA_FORMAT : CMP_FAILURE_BAD_REQUEST;
    TRY(error);
    *failure = CMP_FAILURE_BAD_CERT_TEMPLATE;
    ENSURE(out->issuer.n > 0 && out->serial.n > 0, ERR_BAD_REQUEST,
           "certDetails must name the certificate by issuer and serialNumber (RFC 9483, section 4.2)");
    return OK;
}
