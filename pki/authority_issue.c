/* The one way in which certificates for end entities are put together, and those for our own servers and
 * signers. Those for devices are in authority_issue_device.c. */
#include <arpa/inet.h>
#include <string.h>

#include "pki/certificate_profile.h"
#include "pki/leaf.h"

enum { COMMON_NAME_SIZE_MAX = 64, SERIAL_NUMBER_SIZE_MAX = 64, HOST_SIZE_MAX = 253 };

void issued_clear(struct issued *issued)
{
    buf_clear(&issued->der);
    buf_clear(&issued->subject);
    buf_clear(&issued->san);
}

bool serial_number_is_valid(struct bytes text)
{
    static const char printable[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 '()+,-./:=?";
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == 0 || strchr(printable, text.p[i]) == NULL) {
            return false;
        }
    }
    return text.n >= 1 && text.n <= SERIAL_NUMBER_SIZE_MAX;
}

static err_t put_extensions(const struct leaf *leaf, const struct issued *out, struct buf *extensions)
{
    uint8_t ski[SKI_SIZE];
    const struct publication *publication = &leaf->spec->publication;
    TRY(profile_ski(leaf->spki, ski));
    TRY(buf_reserve(extensions, 512));
    struct der_writer w = der_writer(extensions);
    if (out->san.n > 0) {
        profile_put_san(&w, buf_view(&out->san), leaf->has_empty_subject);
    }
    profile_put_aki(&w, buf_view(&leaf->authority->ski));
    profile_put_ski(&w, ski);
    der_put_raw(&w, leaf->usage[0]);
    der_put_raw(&w, leaf->usage[1]);
    if (leaf->is_unrevocable) {
        TRY(profile_put_issuer(&w, publication, leaf->authority));
    } else {
        TRY(profile_put_publication(&w, publication, leaf->authority));
    }
    return der_finish(&w);
}

err_t leaf_issue(const struct leaf *leaf, struct issued *out)
{
    const struct authority *authority = leaf->authority;
    AUTO_VAL(buf) extensions = {0};
    struct validity validity;
    ENSURE(authority->key != NULL, ERR_UNAVAILABLE, "the key of authority %s is not here", authority->id);
    TRY(profile_validity(leaf->spec->not_before_ms, leaf->spec->not_after_ms, &authority->validity,
                         &validity));
    validity.not_after_ms = leaf->is_without_end ? NO_EXPIRY_MS : validity.not_after_ms;
    TRY(put_extensions(leaf, out, &extensions));
    memcpy(out->serial, leaf->spec->serial, SERIAL_SIZE);
    serial_normalise(out->serial);
    out->not_before_ms = validity.not_before_ms;
    out->not_after_ms = validity.not_after_ms;
    struct certificate_content content = {
        .serial = out->serial,
        .issuer = buf_view(&authority->subject),
        .subject = buf_view(&out->subject),
        .spki = leaf->spki,
        .validity = validity,
        .extensions = buf_view(&extensions),
    };
    return profile_sign_certificate(&content, authority->key, &out->der);
}

/* Letters, digits, '-' and '.', perhaps a leading "*.": what a DNS name in a certificate may hold (RFC 5280
 * §4.2.1.6). */
static bool is_dns_name(const char *host)
{
    const char *name = strncmp(host, "*.", 2) == 0 ? host + 2 : host;
    size_t n = strlen(name);
    return n >= 1 && strlen(host) <= HOST_SIZE_MAX && name[0] != '.' && name[0] != '-' &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.") == n;
}

static err_t put_host(struct der_writer *w, const char *host)
{
    uint8_t address[sizeof(struct in6_addr)];
    if (inet_pton(AF_INET, host, address) == 1) {
        der_put(w, DER_CONTEXT | 7, (struct bytes){address, 4});
    } else if (inet_pton(AF_INET6, host, address) == 1) {
        der_put(w, DER_CONTEXT | 7, (struct bytes){address, 16});
    } else {
        ENSURE(is_dns_name(host), ERR_UNPROCESSABLE, "\"%.100s\" is neither a DNS name nor an IP address",
               host);
        der_put(w, DER_CONTEXT | 2, bytes_str(host));
    }
    return OK;
}

err_t authority_issue_server(const struct authority *authority, struct bytes spki, const char *const *hosts,
                             size_t host_count, const struct certificate_spec *spec, struct issued *out)
{
    struct leaf leaf = {.authority = authority,
                        .spec = spec,
                        .spki = spki,
                        .usage = {profile_key_usage_signature(), profile_eku_server()}};
    ENSURE(authority->role == AUTHORITY_INFRASTRUCTURE, ERR_INTERNAL,
           "authority %s does not issue to servers", authority->id);
    ENSURE(host_count > 0, ERR_UNPROCESSABLE, "a server certificate needs at least one host name or address");
    issued_clear(out);
    struct der_writer san = der_writer(&out->san);
    size_t names = der_open(&san, DER_SEQUENCE);
    for (size_t i = 0; i < host_count; i++) {
        TRY(put_host(&san, hosts[i]));
    }
    der_close(&san, names);
    TRY(der_finish(&san));

    bool has_common_name = strlen(hosts[0]) <= COMMON_NAME_SIZE_MAX;
    struct der_writer subject = der_writer(&out->subject);
    size_t name = der_open(&subject, DER_SEQUENCE);
    if (has_common_name) {
        profile_put_common_name(&subject, hosts[0]);
    }
    der_close(&subject, name);
    TRY(der_finish(&subject));
    leaf.has_empty_subject = !has_common_name;
    return leaf_issue(&leaf, out);
}

err_t authority_issue_signer(const struct authority *authority, struct bytes spki,
                             const struct certificate_spec *spec, struct issued *out)
{
    const struct leaf leaf = {.authority = authority,
                              .spec = spec,
                              .spki = spki,
                              .usage = {profile_key_usage_signature(), profile_eku_document()}};
    ENSURE(authority->role == AUTHORITY_INFRASTRUCTURE, ERR_INTERNAL,
           "authority %s does not issue to signers", authority->id);
    issued_clear(out);
    struct der_writer w = der_writer(&out->subject);
    size_t name = der_open(&w, DER_SEQUENCE);
    profile_put_common_name(&w, "Whorl audit log");
    der_close(&w, name);
    TRY(der_finish(&w));
    return leaf_issue(&leaf, out);
}
