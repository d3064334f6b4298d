/* Roots, the words of one for another, and a server that gives them out, for test_anchors.c. The chains are
 * OpenSSL's; the trust port is the host's, but for the connection, which the fake server has none of. */
#ifndef WHORL_TESTS_UNIT_DEVICE_ANCHORS_FIXTURE_H
#define WHORL_TESTS_UNIT_DEVICE_ANCHORS_FIXTURE_H

#include "device/core/anchors.h"
#include "device/core/run.h"
#include "device/host/tls_transport.h"
#include "tests/unit/device/bench.h"

enum { NOW_S = 1795392000, YEAR_S = 31536000 };

/* A certificate in the making, for one key signed by another. */
struct paper {
    uint8_t subject_key, issuer_key; /* key_of numbers */
    const char *subject, *issuer;
    const char *constraints; /* basicConstraints; NULL: none */
    const char *extension;   /* one more: "name=value"; NULL: none */
    bool is_over;            /* its validity ended a year ago */
    int years;               /* it began so many years ago; 0: two */
    bool has_ids;            /* identifiers of both keys, as RFC 5280 wants them */
    bool is_server;          /* a TLS server's, not a CA's */
};

static void add_extension(X509 *certificate, const char *name, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf(NULL, NULL, name, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static void name_it(X509_NAME *name, const char *words)
{
    assert_int_equal(
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)words, -1, -1, 0), 1);
}

/* The same for a key wherever it stands. */
static void add_ids(X509 *certificate, EVP_PKEY *issuer)
{
    uint8_t hash[20];
    unsigned size = sizeof hash;
    X509 *other = X509_new();
    AUTHORITY_KEYID *authority = AUTHORITY_KEYID_new();
    ASN1_OCTET_STRING *subject = ASN1_OCTET_STRING_new();
    assert_true(other != NULL && authority != NULL && subject != NULL);
    assert_int_equal(X509_pubkey_digest(certificate, EVP_sha1(), hash, &size), 1);
    assert_int_equal(ASN1_OCTET_STRING_set(subject, hash, (int)size), 1);
    assert_int_equal(X509_add1_ext_i2d(certificate, NID_subject_key_identifier, subject, 0, 0), 1);
    assert_int_equal(X509_set_pubkey(other, issuer), 1);
    assert_int_equal(X509_pubkey_digest(other, EVP_sha1(), hash, &size), 1);
    authority->keyid = ASN1_OCTET_STRING_new();
    assert_int_equal(ASN1_OCTET_STRING_set(authority->keyid, hash, (int)size), 1);
    assert_int_equal(X509_add1_ext_i2d(certificate, NID_authority_key_identifier, authority, 0, 0), 1);
    ASN1_OCTET_STRING_free(subject);
    AUTHORITY_KEYID_free(authority);
    X509_free(other);
}

static X509 *write_paper(const struct paper *paper)
{
    static long serial = 100;
    X509 *certificate = X509_new();
    struct whorl_key subject = key_of(paper->subject_key);
    struct whorl_key issuer = key_of(paper->issuer_key);
    time_t from = NOW_S - (paper->years == 0 ? 2 : paper->years) * (time_t)YEAR_S;
    time_t to = paper->is_over ? NOW_S - YEAR_S : NOW_S + YEAR_S;
    assert_non_null(certificate);
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
    name_it(X509_get_subject_name(certificate), paper->subject);
    name_it(X509_get_issuer_name(certificate), paper->issuer);
    ASN1_TIME_set(X509_getm_notBefore(certificate), from);
    ASN1_TIME_set(X509_getm_notAfter(certificate), to);
    X509_set_pubkey(certificate, host_key_of(subject));
    if (paper->constraints != NULL) {
        add_extension(certificate, "basicConstraints", paper->constraints);
    }
    add_extension(certificate, "keyUsage",
                  paper->is_server ? "critical,digitalSignature" : "critical,keyCertSign,cRLSign");
    if (paper->has_ids) {
        add_ids(certificate, host_key_of(issuer));
    }
    if (paper->extension != NULL) {
        char name[64];
        const char *value = strchr(paper->extension, '=');
        (void)snprintf(name, sizeof name, "%.*s", (int)(value - paper->extension), paper->extension);
        add_extension(certificate, name, value + 1);
    }
    assert_true(X509_sign(certificate, host_key_of(issuer), EVP_sha256()) > 0);
    host_crypto.p256_destroy(NULL, subject);
    host_crypto.p256_destroy(NULL, issuer);
    return certificate;
}

/* What the host's trust port cannot know here: the server stands on one of the roots. */
struct standing {
    struct whorl_trust port;
    struct host_transport transport;
    const struct whorl_bytes *root; /* NULL: on none that the device can see */
    unsigned used;
};

static bool standing_use(void *context, const struct whorl_bytes *roots, size_t count)
{
    struct standing *standing = context;
    standing->used++;
    return standing->transport.anchors.use(&standing->transport, roots, count);
}

static bool standing_on(void *context, struct whorl_bytes root)
{
    const struct standing *standing = context;
    return standing->root != NULL && standing->root->size == root.size &&
           memcmp(standing->root->data, root.data, root.size) == 0;
}

static bool standing_issued(void *context, struct whorl_bytes certificate, struct whorl_bytes issuer,
                            int64_t now_s)
{
    struct standing *standing = context;
    return standing->transport.anchors.is_issued_by(&standing->transport, certificate, issuer, now_s);
}

/* The device of a bench with trust anchors; `old_root` is the firmware's. */
struct anchored {
    struct bench *b;
    struct standing standing;
    struct whorl_bytes firmware;
    uint8_t *message;
};

static struct whorl_bytes der_of(const struct paper *paper)
{
    X509 *certificate = write_paper(paper);
    uint8_t *der = NULL;
    int size = i2d_X509(certificate, &der);
    assert_true(size > 0);
    X509_free(certificate);
    return (struct whorl_bytes){der, (size_t)size};
}

static void free_der(struct whorl_bytes der)
{
    OPENSSL_free((void *)(uintptr_t)der.data);
}

static inline void server_id_of(struct whorl_bytes root, uint8_t out[32])
{
    struct whorl_certificate certificate;
    assert_true(whorl_certificate_read(root, &certificate));
    assert_int_equal(whorl_sha256(&host_crypto, certificate.spki, out), WHORL_OK);
}

static inline void restart(struct anchored *a)
{
    power_off(a->b);
    power_on(a->b);
}

/* Built with another root, and nothing stored of one. */
static inline void pin_anew(struct anchored *a, const struct paper *root)
{
    free_der(a->firmware);
    a->firmware = der_of(root);
    server_id_of(a->firmware, a->b->server.server_id);
    memcpy(a->b->settings.server_id, a->b->server.server_id, 32);
    restart(a);
}

static inline void anchored_init_with(struct anchored *a, struct bench *b, const struct paper *root)
{
    memset(a, 0, sizeof *a);
    a->b = b;
    host_transport_init(&a->standing.transport, NULL);
    a->standing.port = (struct whorl_trust){.context = &a->standing,
                                            .use = standing_use,
                                            .stands_on = standing_on,
                                            .is_issued_by = standing_issued};
    b->settings.roots = &a->firmware;
    b->settings.root_count = 1;
    b->ports.trust = &a->standing.port;
    pin_anew(a, root);
}

static inline void anchored_clear(struct anchored *a)
{
    host_transport_clear(&a->standing.transport);
    a->b->ports.trust = NULL;
    free_der(a->firmware);
    OPENSSL_free(a->message);
}

/* The server gives out these; `firmware` (the old root as the device has it) when is_with_firmware. */
static inline void give(struct anchored *a, bool is_with_firmware, const struct paper *const *papers)
{
    PKCS7 *message = PKCS7_new();
    assert_non_null(message);
    assert_int_equal(PKCS7_set_type(message, NID_pkcs7_signed), 1);
    assert_int_equal(PKCS7_content_new(message, NID_pkcs7_data), 1);
    ASN1_OCTET_STRING_free(message->d.sign->contents->d.data); /* certs-only: no content */
    message->d.sign->contents->d.data = NULL;
    if (is_with_firmware) {
        const uint8_t *at = a->firmware.data;
        X509 *root = d2i_X509(NULL, &at, (long)a->firmware.size);
        assert_int_equal(PKCS7_add_certificate(message, root), 1);
        X509_free(root);
    }
    for (size_t i = 0; papers[i] != NULL; i++) {
        X509 *certificate = write_paper(papers[i]);
        assert_int_equal(PKCS7_add_certificate(message, certificate), 1);
        X509_free(certificate);
    }
    OPENSSL_free(a->message);
    a->message = NULL;
    int size = i2d_PKCS7(message, &a->message);
    assert_true(size > 0);
    PKCS7_free(message);
    a->b->server.cacerts = (struct whorl_bytes){a->message, (size_t)size};
    assert_int_equal(whorl_sha256(&host_crypto, a->b->server.cacerts, a->b->server.anchors_sha256), WHORL_OK);
}

static inline struct whorl_anchor_news look(struct anchored *a)
{
    struct whorl_run run;
    assert_int_equal(whorl_device_run(&a->b->device, &run), WHORL_OK);
    return run.anchors;
}

static inline bool trusts(const struct anchored *a, const struct paper *root)
{
    uint8_t id[32];
    struct whorl_bytes der = der_of(root);
    server_id_of(der, id);
    free_der(der);
    return whorl_device_trusts(&a->b->device, id);
}

#define GIVE(a, is_with_firmware, ...)                                                                       \
    give((a), (is_with_firmware), (const struct paper *const[]){__VA_ARGS__, NULL})

#endif
