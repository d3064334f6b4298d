/* Sets of CA certificates, and who vouches for whom among them. */
#include "device/core/authority.h"

static const uint8_t oid_signed_data[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02};
static const uint8_t oid_basic_constraints[] = {0x55, 0x1d, 0x13};
static const uint8_t oid_key_usage[] = {0x55, 0x1d, 0x0f};
static const uint8_t oid_extended_key_usage[] = {0x55, 0x1d, 0x25};
static const uint8_t oid_name_constraints[] = {0x55, 0x1d, 0x1e};

#define IS(bytes, constant)                                                                                  \
    ((bytes).size == sizeof(constant) && whorl_equal((bytes).data, (constant), sizeof(constant)))

static bool take(struct whorl_bytes *in, uint8_t tag, struct whorl_bytes *content)
{
    struct whorl_der_item item;
    bool is_there = whorl_der_next(in, &item) && item.tag == tag;
    if (is_there) {
        *content = item.content;
    }
    return is_there;
}

bool whorl_certs_only_read(struct whorl_bytes der, struct whorl_set *out)
{
    /* ContentInfo { signedData, [0] SignedData { version, digests, content, [0] certificates, … } } */
    struct whorl_bytes info, oid, tagged, signed_data, skipped, certificates;
    struct whorl_der_item item;
    out->count = 0;
    bool is_sound =
        take(&der, WHORL_DER_SEQUENCE, &info) && der.size == 0 && take(&info, WHORL_DER_OID, &oid) &&
        IS(oid, oid_signed_data) && take(&info, WHORL_DER_CONTEXT_0, &tagged) &&
        take(&tagged, WHORL_DER_SEQUENCE, &signed_data) && take(&signed_data, WHORL_DER_INTEGER, &skipped) &&
        take(&signed_data, WHORL_DER_SET, &skipped) && take(&signed_data, WHORL_DER_SEQUENCE, &skipped) &&
        take(&signed_data, WHORL_DER_CONTEXT_0, &certificates);
    while (is_sound && certificates.size != 0) {
        is_sound = out->count < WHORL_SET_MAX && whorl_der_next(&certificates, &item) &&
                   item.tag == WHORL_DER_SEQUENCE;
        if (is_sound) {
            out->certificate[out->count++] = item.whole;
        }
    }
    return is_sound && out->count != 0;
}

/* BasicConstraints { cA, pathLenConstraint }: a CA, with room for another CA below it. */
static bool makes_authorities(struct whorl_bytes value)
{
    struct whorl_bytes body, flag, length;
    if (!take(&value, WHORL_DER_SEQUENCE, &body) || !take(&body, WHORL_DER_BOOLEAN, &flag) ||
        flag.size != 1 || flag.data[0] != 0xff) {
        return false;
    }
    if (body.size == 0) {
        return true;
    }
    return take(&body, WHORL_DER_INTEGER, &length) && length.size == 1 && length.data[0] >= 1 &&
           length.data[0] < 0x80 && body.size == 0;
}

/* One Extension { extnID, critical, extnValue }. */
static bool allows_all(struct whorl_bytes extension, bool *is_authority)
{
    struct whorl_bytes oid, value, flag = {NULL, 0};
    if (!take(&extension, WHORL_DER_OID, &oid)) {
        return false;
    }
    if (extension.size != 0 && extension.data[0] == WHORL_DER_BOOLEAN &&
        !take(&extension, WHORL_DER_BOOLEAN, &flag)) {
        return false;
    }
    if (!take(&extension, WHORL_DER_OCTET_STRING, &value)) {
        return false;
    }
    if (IS(oid, oid_basic_constraints)) {
        *is_authority = makes_authorities(value);
        return *is_authority;
    }
    if (IS(oid, oid_extended_key_usage) || IS(oid, oid_name_constraints)) {
        return false;
    }
    return flag.size == 0 || IS(oid, oid_key_usage); /* keyUsage itself is the port's matter */
}

bool whorl_certificate_is_sovereign(struct whorl_bytes der)
{
    struct whorl_certificate certificate;
    struct whorl_bytes list, extension;
    bool is_authority = false;
    if (!whorl_certificate_read(der, &certificate) ||
        !take(&certificate.extensions, WHORL_DER_SEQUENCE, &list)) {
        return false;
    }
    while (list.size != 0) {
        if (!take(&list, WHORL_DER_SEQUENCE, &extension) || !allows_all(extension, &is_authority)) {
            return false;
        }
    }
    return is_authority;
}

static bool is_same(struct whorl_bytes a, struct whorl_bytes b)
{
    return a.size == b.size && whorl_equal(a.data, b.data, a.size);
}

static bool is_issued_by(const struct whorl_judgement *judgement, struct whorl_bytes certificate,
                         struct whorl_bytes issuer)
{
    const struct whorl_trust *trust = judgement->trust;
    return trust->is_issued_by(trust->context, certificate, issuer, judgement->now_s);
}

/* Whether a trusted root, or one of those that are vouched for already, signed this certificate. */
static bool has_good_issuer(const struct whorl_judgement *judgement, const bool is_vouched[WHORL_SET_MAX],
                            struct whorl_bytes certificate)
{
    for (size_t i = 0; i < judgement->trusted->count; i++) {
        if (is_issued_by(judgement, certificate, judgement->trusted->certificate[i])) {
            return true;
        }
    }
    for (size_t i = 0; i < judgement->given->count; i++) {
        if (is_vouched[i] && is_issued_by(judgement, certificate, judgement->given->certificate[i])) {
            return true;
        }
    }
    return false;
}

/* A device that slept through several changes of the root finds a chain of them: each round adds the next
 * link. */
static void vouch(const struct whorl_judgement *judgement, bool is_vouched[WHORL_SET_MAX])
{
    const struct whorl_set *given = judgement->given;
    bool is_more = true;
    while (is_more) {
        is_more = false;
        for (size_t i = 0; i < given->count; i++) {
            if (!is_vouched[i] && whorl_certificate_is_sovereign(given->certificate[i]) &&
                has_good_issuer(judgement, is_vouched, given->certificate[i])) {
                is_vouched[i] = true;
                is_more = true;
            }
        }
    }
}

bool whorl_root_is_vouched_for(const struct whorl_judgement *judgement, struct whorl_bytes root)
{
    bool is_vouched[WHORL_SET_MAX] = {false};
    struct whorl_certificate wanted;
    struct whorl_certificate cross;
    if (!whorl_certificate_read(root, &wanted) || !whorl_certificate_is_sovereign(root) ||
        !is_issued_by(judgement, root, root)) {
        return false;
    }
    vouch(judgement, is_vouched);
    for (size_t i = 0; i < judgement->given->count; i++) {
        if (is_vouched[i] && whorl_certificate_read(judgement->given->certificate[i], &cross) &&
            is_same(cross.subject, wanted.subject) && is_same(cross.spki, wanted.spki)) {
            return true;
        }
    }
    return false;
}
