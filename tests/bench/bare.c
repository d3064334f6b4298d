/* The bare operations that an enrolment cannot do without, measured alone in one thread's CPU time: the
 * server half of an in-memory mutual TLS 1.3 handshake (client certificate verified against its CA), parsing
 * and verifying a CSR, building + signing + encoding a certificate with the extensions of our profile. No
 * project code runs here: it is the yardstick. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

static void must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "bare: %s failed\n", what);
        exit(1);
    }
}

static int64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    must(extension != NULL && X509_add_ext(cert, extension, -1) == 1, value);
    X509_EXTENSION_free(extension);
}

static X509 *make_certificate(const char *name, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key, bool is_ca)
{
    X509 *cert = X509_new();
    uint8_t serial[16];
    must(cert != NULL && RAND_bytes(serial, sizeof serial) == 1, "X509_new");
    serial[0] &= 0x7f;
    BIGNUM *number = BN_bin2bn(serial, sizeof serial, NULL);
    BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert));
    BN_free(number);
    X509_set_version(cert, X509_VERSION_3);
    X509_gmtime_adj(X509_getm_notBefore(cert), -600);
    X509_gmtime_adj(X509_getm_notAfter(cert), 31536000);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC, (const unsigned char *)name,
                               -1, -1, 0);
    X509_set_issuer_name(cert, X509_get_subject_name(issuer != NULL ? issuer : cert));
    X509_set_pubkey(cert, key);
    add_extension(cert, issuer != NULL ? issuer : cert, NID_subject_key_identifier, "hash");
    if (is_ca) {
        add_extension(cert, cert, NID_basic_constraints, "critical,CA:TRUE");
    }
    must(X509_sign(cert, issuer_key, EVP_sha256()) > 0, "X509_sign");
    return cert;
}

struct world {
    EVP_PKEY *ca_key, *server_key, *client_key;
    X509 *ca, *server, *client;
    SSL_CTX *server_ctx, *client_ctx;
};

static void make_world(struct world *w)
{
    w->ca_key = EVP_EC_gen("P-256");
    w->server_key = EVP_EC_gen("P-256");
    w->client_key = EVP_EC_gen("P-256");
    w->ca = make_certificate("ca", w->ca_key, NULL, w->ca_key, true);
    w->server = make_certificate("server", w->server_key, w->ca, w->ca_key, false);
    w->client = make_certificate("client", w->client_key, w->ca, w->ca_key, false);
    w->server_ctx = SSL_CTX_new(TLS_server_method());
    w->client_ctx = SSL_CTX_new(TLS_client_method());
    SSL_CTX_use_certificate(w->server_ctx, w->server);
    SSL_CTX_use_PrivateKey(w->server_ctx, w->server_key);
    SSL_CTX_use_certificate(w->client_ctx, w->client);
    SSL_CTX_use_PrivateKey(w->client_ctx, w->client_key);
    SSL_CTX_set_verify(w->server_ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(w->server_ctx), w->ca);
    SSL_CTX_set_num_tickets(w->server_ctx, 0);
    SSL_CTX_set_options(w->server_ctx, SSL_OP_NO_TICKET);
    SSL_CTX_set1_groups_list(w->server_ctx, "X25519");
    SSL_CTX_set1_groups_list(w->client_ctx, "X25519");
}

/* One handshake; returns the CPU time of the server's calls alone. */
static int64_t handshake(const struct world *w)
{
    BIO *server_side = NULL;
    BIO *client_side = NULL;
    must(BIO_new_bio_pair(&server_side, 65536, &client_side, 65536) == 1, "BIO pair");
    int64_t spent = -cpu_ns();
    SSL *server = SSL_new(w->server_ctx);
    SSL_set_bio(server, server_side, server_side);
    SSL_set_accept_state(server);
    spent += cpu_ns();
    SSL *client = SSL_new(w->client_ctx);
    SSL_set_bio(client, client_side, client_side);
    SSL_set_connect_state(client);
    int done = 0;
    for (int round = 0; round < 10 && done == 0; round++) {
        int c = SSL_do_handshake(client);
        int64_t start = cpu_ns();
        int s = SSL_do_handshake(server);
        spent += cpu_ns() - start;
        done = c == 1 && s == 1;
    }
    must(done, "handshake");
    int64_t start = cpu_ns();
    SSL_free(server);
    spent += cpu_ns() - start;
    SSL_free(client);
    return spent;
}

static uint8_t *make_csr(EVP_PKEY *key, int *length)
{
    uint8_t *der = NULL;
    X509_REQ *request = X509_REQ_new();
    X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(request), "CN", MBSTRING_ASC,
                               (const unsigned char *)"device", -1, -1, 0);
    X509_REQ_set_pubkey(request, key);
    X509_REQ_sign(request, key, EVP_sha256());
    *length = i2d_X509_REQ(request, &der);
    X509_REQ_free(request);
    return der;
}

static X509_REQ *parse_csr(const uint8_t *der, int length)
{
    const uint8_t *p = der;
    X509_REQ *request = d2i_X509_REQ(NULL, &p, length);
    must(request != NULL && X509_REQ_verify(request, X509_REQ_get0_pubkey(request)) == 1, "verify CSR");
    return request;
}

/* The extensions of the device profile, added the quick way (no configuration parser). */
static void issue(const struct world *w, X509_REQ *request)
{
    uint8_t serial[16];
    uint8_t *der = NULL;
    X509 *cert = X509_new();
    must(RAND_bytes(serial, sizeof serial) == 1, "random");
    serial[0] &= 0x7f;
    BIGNUM *number = BN_bin2bn(serial, sizeof serial, NULL);
    BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert));
    BN_free(number);
    X509_set_version(cert, X509_VERSION_3);
    X509_gmtime_adj(X509_getm_notBefore(cert), -600);
    X509_gmtime_adj(X509_getm_notAfter(cert), 31536000);
    X509_set_subject_name(cert, X509_REQ_get_subject_name(request));
    X509_set_issuer_name(cert, X509_get_subject_name(w->ca));
    X509_set_pubkey(cert, X509_REQ_get0_pubkey(request));
    static const struct {
        int nid, critical, size;
        uint8_t value[80];
    } extensions[] = {
        {NID_key_usage, 1, 4, {0x03, 0x02, 0x07, 0x80}},
        {NID_ext_key_usage, 0, 12, {0x30, 0x0a, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02}},
        {NID_subject_key_identifier, 0, 22, {0x04, 0x14, 1}},
        {NID_authority_key_identifier, 0, 24, {0x30, 0x16, 0x80, 0x14, 1}},
        {NID_subject_alt_name, 0, 60, {0x30, 0x3a, 0x86, 0x38, 'n', 'i'}},
        {NID_crl_distribution_points,
         0,
         50,
         {0x30, 0x30, 0x30, 0x2e, 0xa0, 0x2c, 0xa0, 0x2a, 0x86, 0x28, 'h'}},
        {NID_info_access,
         0,
         54,
         {0x30, 0x34, 0x30, 0x32, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x02, 0x86, 0x26}},
    };
    for (size_t i = 0; i < sizeof extensions / sizeof extensions[0]; i++) {
        ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
        ASN1_OCTET_STRING_set(value, extensions[i].value, extensions[i].size);
        X509_EXTENSION *e =
            X509_EXTENSION_create_by_NID(NULL, extensions[i].nid, extensions[i].critical, value);
        X509_add_ext(cert, e, -1);
        X509_EXTENSION_free(e);
        ASN1_OCTET_STRING_free(value);
    }
    must(X509_sign(cert, w->ca_key, EVP_sha256()) > 0 && i2d_X509(cert, &der) > 0, "sign certificate");
    OPENSSL_free(der);
    X509_free(cert);
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 500;
    struct world w;
    make_world(&w);
    int64_t handshakes = 0;
    for (int i = 0; i < rounds + 20; i++) {
        int64_t one = handshake(&w);
        handshakes += i >= 20 ? one : 0; /* the first ones fill caches */
    }
    int64_t csr_ns = 0;
    int64_t issue_ns = 0;
    for (int i = 0; i < rounds; i++) {
        EVP_PKEY *key = EVP_EC_gen("P-256"); /* each device has its own */
        int length = 0;
        uint8_t *der = make_csr(key, &length);
        int64_t start = cpu_ns();
        X509_REQ *request = parse_csr(der, length);
        int64_t parsed = cpu_ns();
        issue(&w, request);
        issue_ns += cpu_ns() - parsed;
        csr_ns += parsed - start;
        X509_REQ_free(request);
        OPENSSL_free(der);
        EVP_PKEY_free(key);
    }
    printf("{\"handshake_us\":%.1f,\"csr_us\":%.1f,\"issue_us\":%.1f}\n", (double)handshakes / rounds / 1e3,
           (double)csr_ns / rounds / 1e3, (double)issue_ns / rounds / 1e3);
    return 0;
}
