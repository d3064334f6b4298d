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

enum { TIME_DIGITS = 14 };

/* notBefore as YYYYMMDDHHMMSS. UTCTime has two digits of the year, 1950 to 2049 (RFC 5280 §4.1.2.5.1). */
static bool read_begin(struct whorl_bytes der, uint8_t out[TIME_DIGITS])
{
    struct whorl_certificate certificate;
    struct whorl_der_item item;
    size_t missing = 0;
    if (!whorl_certificate_read(der, &certificate) || !whorl_der_next(&certificate.validity, &item)) {
        return false;
    }
    if (item.tag == WHORL_DER_UTC_TIME && item.content.size == TIME_DIGITS - 1) {
        bool is_last_century = item.content.data[0] >= '5';
        out[0] = is_last_century ? '1' : '2';
        out[1] = is_last_century ? '9' : '0';
        missing = 2;
    } else if (item.tag != WHORL_DER_GENERALIZED_TIME || item.content.size != TIME_DIGITS + 1) {
        return false;
    }
    whorl_copy(out + missing, item.content.data, TIME_DIGITS - missing);
    return true;
}

static bool begins_before(struct whorl_bytes certificate, struct whorl_bytes issuer)
{
    uint8_t one[TIME_DIGITS];
    uint8_t other[TIME_DIGITS];
    if (!read_begin(certificate, one) || !read_begin(issuer, other)) {
        return true; /* dates that nobody can read: no successor */
    }
    for (size_t i = 0; i < TIME_DIGITS; i++) {
        if (one[i] != other[i]) {
            return one[i] < other[i];
        }
    }
    return false;
}

/* The best that a trusted root, or one with a word of its own, says by having signed this certificate. */
static enum whorl_word word_for(const struct whorl_judgement *judgement,
                                const enum whorl_word words[WHORL_SET_MAX], struct whorl_bytes certificate)
{
    enum whorl_word best = WHORL_WORD_NONE;
    for (size_t i = 0; i < judgement->trusted->count; i++) {
        struct whorl_bytes issuer = judgement->trusted->certificate[i];
        if (is_issued_by(judgement, certificate, issuer)) {
            best = begins_before(certificate, issuer) ? WHORL_WORD_FORMER : WHORL_WORD_GOOD;
        }
        if (best == WHORL_WORD_GOOD) {
            return best;
        }
    }
    for (size_t i = 0; i < judgement->given->count; i++) {
        struct whorl_bytes issuer = judgement->given->certificate[i];
        if (words[i] == WHORL_WORD_NONE || !is_issued_by(judgement, certificate, issuer)) {
            continue;
        }
        if (words[i] == WHORL_WORD_GOOD && !begins_before(certificate, issuer)) {
            return WHORL_WORD_GOOD;
        }
        best = WHORL_WORD_FORMER;
    }
    return best;
}

/* A device that slept through several changes of the root finds a chain of them: each round adds the next
 * link. */
static void hear(const struct whorl_judgement *judgement, enum whorl_word words[WHORL_SET_MAX])
{
    const struct whorl_set *given = judgement->given;
    bool is_more = true;
    while (is_more) {
        is_more = false;
        for (size_t i = 0; i < given->count; i++) {
            if (words[i] == WHORL_WORD_GOOD || !whorl_certificate_is_sovereign(given->certificate[i])) {
                continue;
            }
            enum whorl_word word = word_for(judgement, words, given->certificate[i]);
            if (word > words[i]) {
                words[i] = word;
                is_more = true;
            }
        }
    }
}

bool whorl_certificate_is_root(const struct whorl_judgement *judgement, struct whorl_bytes der)
{
    const struct whorl_trust *trust = judgement->trust;
    struct whorl_certificate certificate;
    return whorl_certificate_read(der, &certificate) && is_same(certificate.issuer, certificate.subject) &&
           trust->is_issued_by(trust->context, der, der, 0); /* one that is over is a root as well */
}

enum whorl_word whorl_root_word(const struct whorl_judgement *judgement, struct whorl_bytes root)
{
    enum whorl_word words[WHORL_SET_MAX] = {WHORL_WORD_NONE};
    enum whorl_word best = WHORL_WORD_NONE;
    struct whorl_certificate wanted;
    struct whorl_certificate cross;
    if (!whorl_certificate_read(root, &wanted) || !whorl_certificate_is_sovereign(root) ||
        !is_issued_by(judgement, root, root)) {
        return WHORL_WORD_NONE;
    }
    hear(judgement, words);
    for (size_t i = 0; i < judgement->given->count; i++) {
        if (words[i] > best && whorl_certificate_read(judgement->given->certificate[i], &cross) &&
            is_same(cross.subject, wanted.subject) && is_same(cross.spki, wanted.spki)) {
            best = words[i];
        }
    }
    return best;
}
