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

static X509 *write_paper(const struct paper *paper)
{
    static long serial = 100;
    X509 *certificate = X509_new();
    struct whorl_key subject = key_of(paper->subject_key);
    struct whorl_key issuer = key_of(paper->issuer_key);
    time_t from = NOW_S - 2 * YEAR_S;
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
    add_extension(certificate, "keyUsage", "critical,keyCertSign,cRLSign");
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

static const struct paper old_root = {41,   41,   "Root old", "Root old", "critical,CA:TRUE,pathlen:1",
                                      NULL, false};
static const struct paper new_root = {42,   42,   "Root new", "Root new", "critical,CA:TRUE,pathlen:1",
                                      NULL, false};
static const struct paper newest_root = {43,   43,   "Root newest", "Root newest", "critical,CA:TRUE",
                                         NULL, false};
static const struct paper stranger = {70, 70, "Root", "Root", "critical,CA:TRUE", NULL, false};
static const struct paper new_with_old = {42,   41,   "Root new", "Root old", "critical,CA:TRUE,pathlen:1",
                                          NULL, false};
static const struct paper newest_with_new = {
    43, 42, "Root newest", "Root new", "critical,CA:TRUE,pathlen:1", NULL, false};
static const struct paper issuing = {
    50, 41, "Device CA", "Root old", "critical,CA:TRUE,pathlen:0", "extendedKeyUsage=clientAuth", false};

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

static void server_id_of(struct whorl_bytes root, uint8_t out[32])
{
    struct whorl_certificate certificate;
    assert_true(whorl_certificate_read(root, &certificate));
    assert_int_equal(whorl_sha256(&host_crypto, certificate.spki, out), WHORL_OK);
}

static void restart(struct anchored *a)
{
    power_off(a->b);
    power_on(a->b);
}

static void anchored_init(struct anchored *a, struct bench *b)
{
    memset(a, 0, sizeof *a);
    a->b = b;
    host_transport_init(&a->standing.transport, NULL);
    a->standing.port = (struct whorl_trust){.context = &a->standing,
                                            .use = standing_use,
                                            .stands_on = standing_on,
                                            .is_issued_by = standing_issued};
    a->firmware = der_of(&old_root);
    server_id_of(a->firmware, b->server.server_id);
    memcpy(b->settings.server_id, b->server.server_id, 32);
    b->settings.roots = &a->firmware;
    b->settings.root_count = 1;
    b->ports.trust = &a->standing.port;
    restart(a);
}

static void anchored_clear(struct anchored *a)
{
    host_transport_clear(&a->standing.transport);
    a->b->ports.trust = NULL;
    free_der(a->firmware);
    OPENSSL_free(a->message);
}

/* The server gives out these; `firmware` (the old root as the device has it) when is_with_firmware. */
static void give(struct anchored *a, bool is_with_firmware, const struct paper *const *papers)
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

static struct whorl_anchor_news look(struct anchored *a)
{
    struct whorl_run run;
    assert_int_equal(whorl_device_run(&a->b->device, &run), WHORL_OK);
    return run.anchors;
}

static bool trusts(const struct anchored *a, const struct paper *root)
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
