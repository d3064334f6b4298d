/* A profile's DER that no device changes, made once: key usage, key purposes, policies, further extensions.
 * The rest, the names, is written for each certificate (authority_issue_device.c). */
#include "pki/certificate_profile.h"

#include <stdlib.h>
#include <string.h>

#include "pki/compiled_profile.h"
#include "pki/profile.h"

static const uint8_t oid_key_usage[] = {0x55, 0x1d, 0x0f};
static const uint8_t oid_policies[] = {0x55, 0x1d, 0x20};
static const uint8_t oid_tls_feature[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x18};
static const uint8_t oid_no_rev_avail[] = {0x55, 0x1d, 0x38};
static const uint8_t status_request[] = {DER_SEQUENCE, 3, DER_INTEGER, 1, 5};
static const uint8_t der_null[] = {DER_NULL, 0};

void compiled_profile_free(struct compiled_profile *compiled)
{
    if (compiled != NULL) {
        buf_clear(&compiled->extensions);
        buf_clear(&compiled->hw_type);
        free(compiled);
    }
}

uint32_t key_purpose_of_oid(struct bytes oid)
{
    static const uint8_t id_kp[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03};
    static const uint8_t last[] = {2, 1, 3, 41, 42, 43, 44}; /* as profile_put_key_purposes() */
    if (oid.n != sizeof id_kp + 1 || memcmp(oid.p, id_kp, sizeof id_kp) != 0) {
        return 0;
    }
    for (size_t i = 0; i < sizeof last; i++) {
        if (oid.p[sizeof id_kp] == last[i]) {
            return 1U << i;
        }
    }
    return 0;
}

/* A BIT STRING of named bits: no zeros at its end (X.690 §11.2.2). All of ours fit one byte. */
static void put_key_usage(struct der_writer *w, uint32_t usage)
{
    uint8_t value[] = {DER_BIT_STRING, 2, 7, 0};
    for (int bit = 0; bit < 8; bit++) {
        if ((usage & (1U << bit)) != 0) {
            value[3] = (uint8_t)(value[3] | 0x80 >> bit);
            value[2] = (uint8_t)(7 - bit);
        }
    }
    profile_put_extension(w, BYTES_OF(oid_key_usage), true, BYTES_OF(value));
}

static err_t put_policies(struct der_writer *w, const struct certificate_profile *profile)
{
    AUTO_VAL(buf) value = {0};
    struct der_writer inner = der_writer(&value);
    size_t list = der_open(&inner, DER_SEQUENCE);
    for (size_t i = 0; i < profile->policy_count; i++) {
        AUTO_VAL(buf) oid = {0};
        TRY(oid_parse(bytes_str(profile->policies[i]), &oid));
        size_t information = der_open(&inner, DER_SEQUENCE);
        der_put(&inner, DER_OID, buf_view(&oid));
        der_close(&inner, information);
    }
    der_close(&inner, list);
    TRY(der_finish(&inner));
    profile_put_extension(w, BYTES_OF(oid_policies), false, buf_view(&value));
    return OK;
}

static err_t put_extensions(const struct certificate_profile *profile, struct buf *out)
{
    struct der_writer w = der_writer(out);
    put_key_usage(&w, profile->key_usage);
    if (profile->key_purposes != 0) {
        profile_put_key_purposes(&w, profile->key_purposes);
    }
    if (profile->policy_count > 0) {
        TRY(put_policies(&w, profile));
    }
    if ((profile->extensions & EXTENSION_MUST_STAPLE) != 0) {
        profile_put_extension(&w, BYTES_OF(oid_tls_feature), false, BYTES_OF(status_request));
    }
    if ((profile->extensions & EXTENSION_NO_REVOCATION) != 0) {
        profile_put_extension(&w, BYTES_OF(oid_no_rev_avail), false, BYTES_OF(der_null));
    }
    return der_finish(&w);
}

err_t certificate_profile_compile(const struct certificate_profile *profile, struct compiled_profile **out)
{
    *out = NULL;
    AUTO_PTR(compiled_profile) *compiled = calloc(1, sizeof *compiled);
    ENSURE(compiled != NULL, ERR_NO_MEMORY, "a certificate profile");
    compiled->profile = *profile;
    TRY(put_extensions(profile, &compiled->extensions));
    if ((profile->san_forms & SAN_HARDWARE_MODULE) != 0) {
        TRY(oid_parse(bytes_str(profile->hw_type), &compiled->hw_type));
    }
    *out = TAKE(compiled);
    return OK;
}

static err_t check_serial(const struct certificate_profile *profile, const char *serial)
{
    bool is_needed = profile->subject == SUBJECT_SERIAL_NUMBER;
    ENSURE(!is_needed || serial[0] != '\0', ERR_UNPROCESSABLE,
           "the device has no serial number, which its certificate profile asks for");
    ENSURE(!is_needed || serial_number_is_valid(bytes_str(serial)), ERR_UNPROCESSABLE,
           "the device's serial number cannot stand in a certificate: 1 to 64 of A-Z a-z 0-9 space "
           "'()+,-./:=?");
    bool is_in_module = (profile->san_forms & SAN_HARDWARE_MODULE) != 0;
    ENSURE(!is_in_module || strlen(serial) <= HARDWARE_SERIAL_MAX, ERR_UNPROCESSABLE,
           "the device's serial number is too long for a hardwareModuleName: %d bytes at most",
           HARDWARE_SERIAL_MAX);
    return OK;
}

err_t certificate_profile_accepts(const struct certificate_profile *profile,
                                  const struct device_subject *subject)
{
    AUTO_VAL(buf) name = {0};
    TRY(check_serial(profile, subject->serial_number));
    if ((profile->san_forms & SAN_URI) != 0) {
        TRY(uri_template_fill(profile->uri_template, subject, &name));
    }
    return (profile->san_forms & SAN_DNS) == 0 ? OK
                                               : dns_template_fill(profile->dns_template, subject, &name);
}
