/* Reads CRMF (RFC 4211) where it matters: key, names, old certificate, how possession is proved. What else a
 * template asks for is a wish that nobody follows, so it is well-formed and ignored. */
#include "pki/cmp_request.h"

#include "pki/der.h"
#include "pki/openssl.h"

static const uint8_t oid_san[] = {0x55, 0x1d, 0x11};
/* id-regCtrl-oldCertID, RFC 4211 §6.5 */
static const uint8_t oid_old_certificate[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x05, 0x01, 0x05};

enum {
    FIELD_ISSUER = DER_CONTEXT_CONSTRUCTED | 3,
    FIELD_SUBJECT = DER_CONTEXT_CONSTRUCTED | 5,
    FIELD_KEY = DER_CONTEXT_CONSTRUCTED | 6,
    FIELD_EXTENSIONS = DER_CONTEXT_CONSTRUCTED | 9,
    FIELD_LAST = 9,
    POP_RA_VERIFIED = DER_CONTEXT | 0,
    POP_SIGNATURE = DER_CONTEXT_CONSTRUCTED | 1,
    NAME_DIRECTORY = DER_CONTEXT_CONSTRUCTED | 4
};

static bool is_context(uint8_t tag)
{
    return (tag & 0xc0) == DER_CONTEXT;
}

/* Name is a CHOICE, so its tag is explicit. */
static err_t take_name(struct bytes field, struct bytes *out)
{
    struct der_item name;
    ENSURE(der_take(&field, DER_SEQUENCE, &name) && field.n == 0, ERR_BAD_ENCODING,
           "a name of the certificate template is malformed");
    *out = name.whole;
    return OK;
}

static err_t read_extension(struct bytes extension, struct cmp_request *out)
{
    struct der_item id;
    struct der_item value;
    ENSURE(der_take(&extension, DER_OID, &id), ERR_BAD_ENCODING, "an extension of the template is malformed");
    (void)der_take(&extension, DER_BOOLEAN, &value);
    ENSURE(der_take(&extension, DER_OCTET_STRING, &value) && extension.n == 0, ERR_BAD_ENCODING,
           "an extension of the template is malformed");
    if (!bytes_equal(id.value, BYTES_OF(oid_san))) {
        return OK;
    }
    ENSURE(out->san.p == NULL, ERR_BAD_ENCODING, "the template has two subjectAltName extensions");
    err_t form = der_check(value.value);
    ENSURE(form.code == ERR_OK && value.value.p[0] == DER_SEQUENCE, ERR_BAD_ENCODING,
           "the template's subjectAltName is malformed");
    out->san = value.value;
    return OK;
}

static err_t read_extensions(struct bytes extensions, struct cmp_request *out)
{
    struct der_item extension;
    while (extensions.n > 0) {
        ENSURE(der_take(&extensions, DER_SEQUENCE, &extension), ERR_BAD_ENCODING,
               "an extension of the template is malformed");
        TRY(read_extension(extension.value, out));
    }
    return OK;
}

static err_t read_field(const struct der_item *field, struct cmp_request *out)
{
    struct bytes issuer;
    switch (field->tag) {
    case FIELD_ISSUER:
        return take_name(field->value, &issuer);
    case FIELD_SUBJECT:
        return take_name(field->value, &out->subject);
    case FIELD_KEY:
        out->public_key = field->value;
        return OK;
    case FIELD_EXTENSIONS:
        return read_extensions(field->value, out);
    default:
        return OK;
    }
}

/* CertTemplate: ten optional fields in the order of their numbers. */
static err_t read_template(struct bytes fields, struct cmp_request *out)
{
    int last = -1;
    struct der_item field;
    while (fields.n > 0) {
        ENSURE(der_next(&fields, &field) && is_context(field.tag), ERR_BAD_ENCODING,
               "the certificate template is malformed");
        int number = field.tag & 0x1f;
        ENSURE(number > last && number <= FIELD_LAST, ERR_BAD_ENCODING,
               "the certificate template is malformed");
        last = number;
        TRY(read_field(&field, out));
    }
    return OK;
}

/* CertId ::= SEQUENCE { issuer GeneralName, serialNumber INTEGER } */
static err_t read_old_certificate(struct bytes id, struct cmp_request *out)
{
    struct der_item item;
    ENSURE(!out->has_old && der_take(&id, DER_SEQUENCE, &item) && id.n == 0, ERR_BAD_ENCODING,
           "oldCertID is malformed");
    struct bytes fields = item.value;
    ENSURE(der_take(&fields, NAME_DIRECTORY, &item), ERR_BAD_ENCODING,
           "the issuer in oldCertID must be a directory name");
    TRY(take_name(item.value, &out->old_issuer));
    ENSURE(der_take(&fields, DER_INTEGER, &item) && fields.n == 0, ERR_BAD_ENCODING,
           "oldCertID is malformed");
    out->old_serial = item.value;
    out->has_old = true;
    return OK;
}

static err_t read_controls(struct bytes controls, struct cmp_request *out)
{
    struct der_item control;
    struct der_item type;
    ENSURE(controls.n > 0, ERR_BAD_ENCODING, "the list of controls is empty");
    while (controls.n > 0) {
        ENSURE(der_take(&controls, DER_SEQUENCE, &control) && der_take(&control.value, DER_OID, &type),
               ERR_BAD_ENCODING, "a control of the request is malformed");
        if (bytes_equal(type.value, BYTES_OF(oid_old_certificate))) {
            TRY(read_old_certificate(control.value, out));
        }
    }
    return OK;
}

/* CertRequest ::= SEQUENCE { certReqId INTEGER, certTemplate, controls OPTIONAL } */
static err_t read_request(struct bytes fields, struct cmp_request *out)
{
    struct der_item item;
    ENSURE(der_take(&fields, DER_INTEGER, &item), ERR_BAD_ENCODING, "the request has no certReqId");
    ENSURE(item.value.n == 1 && item.value.p[0] == 0, ERR_BAD_REQUEST,
           "certReqId must be 0 (RFC 9483, section 4.1.1)");
    ENSURE(der_take(&fields, DER_SEQUENCE, &item), ERR_BAD_ENCODING, "the request has no template");
    TRY(read_template(item.value, out));
    if (der_take(&fields, DER_SEQUENCE, &item)) {
        TRY(read_controls(item.value, out));
    }
    ENSURE(fields.n == 0, ERR_BAD_ENCODING, "something unknown follows the request's controls");
    return OK;
}

/* The key must sign: who else says that it did so (raVerified) is nobody whom we know. */
static err_t read_pop(struct bytes rest, struct cmp_request *out, enum cmp_failure *failure)
{
    struct der_item pop;
    struct der_item item;
    *failure = CMP_FAILURE_BAD_POP;
    ENSURE(der_next(&rest, &pop) && is_context(pop.tag), ERR_BAD_REQUEST,
           "the request has no proof of possession");
    ENSURE(pop.tag != POP_RA_VERIFIED, ERR_BAD_REQUEST,
           "raVerified is not taken: the key itself must sign the request");
    ENSURE(pop.tag == POP_SIGNATURE, ERR_BAD_REQUEST, "possession of the key must be proved by a signature");
    ENSURE(!der_take(&pop.value, DER_CONTEXT_CONSTRUCTED | 0, &item), ERR_BAD_REQUEST,
           "poposkInput is not taken: the signature must cover the request itself");
    ENSURE(der_take(&pop.value, DER_SEQUENCE, &item), ERR_BAD_ENCODING,
           "the proof of possession is malformed");
    out->pop_algorithm = item.whole;
    ENSURE(der_take(&pop.value, DER_BIT_STRING, &item) && pop.value.n == 0, ERR_BAD_ENCODING,
           "the proof of possession is malformed");
    *failure = CMP_FAILURE_BAD_DATA_FORMAT;
    ENSURE(rest.n == 0 || (der_take(&rest, DER_SEQUENCE, &item) && rest.n == 0), ERR_BAD_ENCODING,
           "something unknown follows the proof of possession");
    return OK;
}

static err_t read_messages(struct bytes body, struct cmp_request *out, enum cmp_failure *failure)
{
    struct der_item list;
    struct der_item one;
    struct der_item request;
    *failure = CMP_FAILURE_BAD_DATA_FORMAT;
    ENSURE(der_take(&body, DER_SEQUENCE, &list) && body.n == 0 && der_take(&list.value, DER_SEQUENCE, &one),
           ERR_BAD_ENCODING, "the body holds no certificate request");
    *failure = CMP_FAILURE_BAD_REQUEST;
    ENSURE(list.value.n == 0, ERR_BAD_REQUEST, "one message asks for one certificate");
    *failure = CMP_FAILURE_BAD_DATA_FORMAT;
    ENSURE(der_take(&one.value, DER_SEQUENCE, &request), ERR_BAD_ENCODING,
           "the body holds no certificate request");
    TRY(read_request(request.value, out));
    *failure = CMP_FAILURE_BAD_CERT_TEMPLATE;
    ENSURE(out->public_key.n > 0, ERR_BAD_REQUEST,
           "the template has no public key: a device's keys are made in the device");
    return read_pop(one.value, out, failure);
}

err_t cmp_request_read(const struct cmp_header *message, struct cmp_request *out, enum cmp_failure *failure)
{
    *out = (struct cmp_request){.is_pkcs10 = message->body == CMP_BODY_P10CR};
    if (out->is_pkcs10) {
        out->pkcs10 = message->body_content;
        return OK;
    }
    return read_messages(message->body_content, out, failure);
}

/* --- as enrolment knows it -------------------------------------------------------------------------- */

static err_t of_pkcs10(const struct cmp_request *request, const struct key_policy *policy, struct csr **out,
                       enum cmp_failure *failure)
{
    err_t error = csr_parse(request->pkcs10, policy, out);
    *failure = error.code == ERR_BAD_CSR ? CMP_FAILURE_BAD_POP : CMP_FAILURE_BAD_CERT_TEMPLATE;
    return error;
}

static err_t of_template(const struct cmp_request *request, const struct key_policy *policy,
                         struct bytes subject, struct csr **out, enum cmp_failure *failure)
{
    const struct csr_template template = {.subject = request->subject.n > 0 ? request->subject : subject,
                                          .public_key = request->public_key,
                                          .san = request->san};
    *failure = CMP_FAILURE_BAD_CERT_TEMPLATE;
    AUTO_PTR(csr) *csr = NULL;
    TRY(csr_of_template(&template, policy, &csr));
    const char *refusal = signature_refusal(request->pop_algorithm, csr_borrow_key(csr)->alg);
    *failure = CMP_FAILURE_BAD_ALG;
    ENSURE(refusal == NULL, ERR_BAD_CSR, "the proof of possession is refused: %s", refusal);
    *out = TAKE(csr);
    return OK;
}

err_t cmp_request_csr(const struct cmp_request *request, const struct key_policy *policy,
                      struct bytes subject, struct csr **out, enum cmp_failure *failure)
{
    *out = NULL;
    return request->is_pkcs10 ? of_pkcs10(request, policy, out, failure)
                              : of_template(request, policy, subject, out, failure);
}

/* --- confirmations ---------------------------------------------------------------------------------- */

/* CertStatus ::= SEQUENCE { certHash, certReqId, statusInfo OPTIONAL, hashAlg [0] OPTIONAL }; without
 * statusInfo the certificate is accepted. */
static err_t read_status(struct bytes fields, struct cmp_confirmation *out)
{
    struct der_item item;
    struct der_item status;
    struct der_item id;
    ENSURE(der_take(&fields, DER_OCTET_STRING, &item) && der_take(&fields, DER_INTEGER, &id) &&
               id.value.n == 1,
           ERR_BAD_ENCODING, "a confirmation is malformed");
    out->hash = item.value;
    out->id = (int8_t)id.value.p[0];
    out->is_accepted = true;
    if (der_take(&fields, DER_SEQUENCE, &item)) {
        ENSURE(der_take(&item.value, DER_INTEGER, &status), ERR_BAD_ENCODING, "a confirmation is malformed");
        /* accepted, grantedWithMods */
        out->is_accepted = status.value.n == 1 && (status.value.p[0] == 0 || status.value.p[0] == 1);
    }
    return OK;
}

err_t cmp_confirmation_read(const struct cmp_header *message, struct cmp_confirmation *out)
{
    struct der_item list;
    struct der_item status;
    struct bytes body = message->body_content;
    *out = (struct cmp_confirmation){0};
    ENSURE(der_take(&body, DER_SEQUENCE, &list) && body.n == 0, ERR_BAD_ENCODING,
           "a confirmation is malformed");
    while (list.value.n > 0) {
        ENSURE(out->count == 0, ERR_BAD_REQUEST, "one message confirms one certificate");
        ENSURE(der_take(&list.value, DER_SEQUENCE, &status), ERR_BAD_ENCODING, "a confirmation is malformed");
        TRY(read_status(status.value, out));
        out->count++;
    }
    return OK;
}
