/* Issues certificates to devices as their profile says. The subject, the names and the dates are the server's
 * decision; of a request only the key is taken. Called on a worker for each enrolment, so it does no more
 * than it must. */
#include <string.h>

#include "pki/compiled_profile.h"
#include "pki/leaf.h"

static const uint8_t oid_hardware_module[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x08, 0x04};

/* The built-in "ldevid", whose extensions are constants (pki/profile.c). */
static const struct certificate_profile ldevid = {.subject = SUBJECT_DEVICE_ID,
                                                  .san_forms = SAN_NI_URI,
                                                  .key_usage = USAGE_DIGITAL_SIGNATURE,
                                                  .key_purposes = PURPOSE_CLIENT_AUTH};

/* "ni:///sha-256;" and the hash in base64url without padding (RFC 6920 §3). */
static err_t put_ni_uri(struct bytes device_id, struct der_writer *w)
{
    AUTO_VAL(buf) uri = {0};
    ENSURE(device_id.n == SHA256_SIZE, ERR_INTERNAL, "a device id has 32 bytes");
    TRY(buf_append_str(&uri, "ni:///sha-256;"));
    size_t start = uri.n;
    TRY(base64_append(&uri, device_id));
    while (uri.n > start && uri.p[uri.n - 1] == '=') {
        uri.n--;
    }
    for (size_t i = start; i < uri.n; i++) {
        uri.p[i] = uri.p[i] == '+' ? '-' : uri.p[i] == '/' ? '_' : uri.p[i];
    }
    der_put(w, DER_CONTEXT | 6, buf_view(&uri));
    return OK;
}

/* otherName hardwareModuleName: the type of hardware and its serial number (RFC 4108 §5). */
static void put_hardware_module(const struct compiled_profile *compiled, const struct device_subject *subject,
                                struct der_writer *w)
{
    struct bytes serial = bytes_str(subject->serial_number);
    size_t marks[3];
    marks[0] = der_open(w, DER_CONTEXT_CONSTRUCTED | 0);
    der_put(w, DER_OID, BYTES_OF(oid_hardware_module));
    marks[1] = der_open(w, DER_CONTEXT_CONSTRUCTED | 0);
    marks[2] = der_open(w, DER_SEQUENCE);
    der_put(w, DER_OID, buf_view(&compiled->hw_type));
    der_put(w, DER_OCTET_STRING, serial.n > 0 ? serial : subject->device_id);
    for (size_t i = sizeof marks / sizeof marks[0]; i > 0; i--) {
        der_close(w, marks[i - 1]);
    }
}

static err_t put_dns(const struct authority *authority, const struct certificate_profile *profile,
                     const struct device_subject *subject, struct der_writer *w)
{
    AUTO_VAL(buf) name = {0};
    TRY(dns_template_fill(profile->dns_template, subject, &name));
    ENSURE(authority_permits_dns(authority, buf_view(&name)), ERR_UNPROCESSABLE,
           "authority %s may not certify %.100s: its name constraints forbid it", authority->id,
           buf_str(&name));
    der_put(w, DER_CONTEXT | 2, buf_view(&name));
    return OK;
}

/* The forms in the order of their bits. @param compiled NULL: of the built-in one */
static err_t put_names(const struct leaf *leaf, const struct certificate_profile *profile,
                       const struct device_subject *subject, struct buf *out)
{
    struct der_writer w = der_writer(out);
    size_t names = der_open(&w, DER_SEQUENCE);
    if ((profile->san_forms & SAN_NI_URI) != 0) {
        TRY(put_ni_uri(subject->device_id, &w));
    }
    if ((profile->san_forms & SAN_URI) != 0) {
        AUTO_VAL(buf) uri = {0};
        TRY(uri_template_fill(profile->uri_template, subject, &uri));
        der_put(&w, DER_CONTEXT | 6, buf_view(&uri));
    }
    if ((profile->san_forms & SAN_HARDWARE_MODULE) != 0) {
        put_hardware_module(leaf->spec->profile, subject, &w);
    }
    if ((profile->san_forms & SAN_DNS) != 0) {
        TRY(put_dns(leaf->authority, profile, subject, &w));
    }
    der_close(&w, names);
    return der_finish(&w);
}

static err_t put_subject(const struct certificate_profile *profile, const struct device_subject *subject,
                         struct buf *out)
{
    struct der_writer w = der_writer(out);
    size_t name = der_open(&w, DER_SEQUENCE);
    if (profile->subject != SUBJECT_ID_ONLY && serial_number_is_valid(bytes_str(subject->serial_number))) {
        profile_put_serial_number(&w, subject->serial_number);
    }
    profile_put_common_name(&w, subject->device_id_hex);
    der_close(&w, name);
    return der_finish(&w);
}

/* An authority that says what it certifies is held to it, as every client would. */
static err_t check_authority(const struct authority *authority, const struct certificate_profile *profile)
{
    ENSURE(authority->role == AUTHORITY_DEVICE || authority->role == AUTHORITY_EDGE, ERR_INTERNAL,
           "authority %s does not issue to devices", authority->id);
    ENSURE((profile->key_purposes & ~authority->key_purposes) == 0, ERR_UNPROCESSABLE,
           "the certificate profile asks for key purposes that authority %s may not certify", authority->id);
    return OK;
}

err_t authority_issue_device(const struct authority *authority, const struct csr *csr,
                             const struct device_subject *subject, const struct certificate_spec *spec,
                             struct issued *out)
{
    const struct compiled_profile *compiled = spec->profile;
    const struct certificate_profile *profile = compiled != NULL ? &compiled->profile : &ldevid;
    struct leaf leaf = {.authority = authority,
                        .spec = spec,
                        .spki = csr_borrow_spki(csr),
                        .usage = {profile_key_usage_signature(), profile_eku_client()},
                        .is_without_end = profile->is_without_end,
                        .is_unrevocable = (profile->extensions & EXTENSION_NO_REVOCATION) != 0};
    if (compiled != NULL) {
        leaf.usage[0] = buf_view(&compiled->extensions);
        leaf.usage[1] = BYTES_NONE;
    }
    TRY(check_authority(authority, profile));
    TRY(certificate_profile_accepts(profile, subject));
    issued_clear(out);
    TRY(put_subject(profile, subject, &out->subject));
    if (profile->san_forms != 0) {
        TRY(put_names(&leaf, profile, subject, &out->san));
    }
    return leaf_issue(&leaf, out);
}
