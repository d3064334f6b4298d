/* Listening to a parser of hand-overs: what it gave, kept; every body is fed whole and byte by byte, with one
 * result. */
#ifndef TESTS_HANDOVER_SCENE_H
#define TESTS_HANDOVER_SCENE_H

#include "tests/unit/pki/pki_fixture.h"

#include "fleet/handover.h"
#include "fleet/manifest_signers.h"

enum { HEARD_MAX = 64 };

struct heard_item {
    uint64_t line;
    err_code code;
    char reason[ERR_DETAIL_SIZE];
    bool is_fatal, is_signed;
    char id[65], serial[65], model[65], attributes[512]; /* the id also of a key */
};

struct heard {
    size_t count;
    struct heard_item items[HEARD_MAX];
    struct manifest_signers *signers; /* or NULL */
    const char *slot;
};

static inline void copy_text(struct bytes text, char *out, size_t size)
{
    assert_true(text.n < size);
    if (text.n > 0) {
        memcpy(out, text.p, text.n);
    }
}

static inline err_t hear_item(const struct handover_item *item, void *arg)
{
    struct heard *heard = arg;
    assert_true(heard->count < HEARD_MAX);
    struct heard_item *out = &heard->items[heard->count++];
    memset(out, 0, sizeof *out); /* compared as a whole */
    out->line = item->line;
    out->code = item->refusal.code;
    (void)snprintf(out->reason, sizeof out->reason, "%s", item->refusal.detail);
    out->is_fatal = item->is_fatal;
    out->is_signed = item->is_signed;
    copy_text(item->device.serial, out->serial, sizeof out->serial);
    copy_text(item->device.model, out->model, sizeof out->model);
    copy_text(item->device.attributes, out->attributes, sizeof out->attributes);
    struct sha256 hash;
    if (item->device.has_id) {
        hex_encode(BYTES_OF(item->device.id.b), out->id);
    } else if (item->device.spki.n > 0) {
        assert_ok(sha256_of(item->device.spki, &hash));
        hex_encode(BYTES_OF(hash.b), out->id);
    }
    return OK;
}

static inline err_t hear_pieces(enum handover_format format, struct bytes body, size_t piece,
                                struct heard *heard)
{
    AUTO_PTR(handover) *handover = NULL;
    const struct handover_options options = {
        .signers = heard->signers, .slot = heard->slot, .fn = hear_item, .arg = heard};
    heard->count = 0;
    assert_ok(handover_new(format, &options, &handover));
    for (size_t at = 0; at < body.n; at += piece) {
        /* on the heap in its true size, so that a read behind it is seen */
        size_t n = body.n - at < piece ? body.n - at : piece;
        AUTO_VAL(buf) copy = {0};
        assert_ok(buf_append(&copy, body.p + at, n));
        TRY(handover_write(handover, buf_view(&copy)));
    }
    return handover_finish(handover);
}

/** @return the error of the body as a whole */
static inline err_t hear(enum handover_format format, struct bytes body, struct heard *heard)
{
    struct heard bytewise = {.signers = heard->signers, .slot = heard->slot};
    err_t error = hear_pieces(format, body, body.n + 1, heard);
    err_t other = hear_pieces(format, body, 1, &bytewise);
    assert_int_equal(error.code, other.code);
    assert_string_equal(error.detail, other.detail);
    assert_true(bytewise.count >= heard->count || error.code != ERR_OK);
    size_t common = heard->count < bytewise.count ? heard->count : bytewise.count;
    if (error.code == ERR_OK) {
        assert_int_equal(heard->count, bytewise.count);
    }
    assert_memory_equal(heard->items, bytewise.items, common * sizeof heard->items[0]);
    return error;
}

#define assert_refused(heard, at, word)                                                                      \
    do {                                                                                                     \
        assert_true((at) < (heard)->count);                                                                  \
        assert_int_not_equal((heard)->items[at].code, ERR_OK);                                               \
        assert_has((heard)->items[at].reason, (word));                                                       \
    } while (0)
#define assert_taken(heard, at)                                                                              \
    do {                                                                                                     \
        assert_true((at) < (heard)->count);                                                                  \
        assert_string_equal((heard)->items[at].reason, "");                                                  \
        assert_int_equal((heard)->items[at].code, ERR_OK);                                                   \
    } while (0)

/* --- samples of others, for who has them */

static const char sample_folder[] = "../shared/data/";

/** @return false, with a word to the person, when the sample is not here */
static inline bool read_sample(const char *name, struct buf *out)
{
    AUTO_VAL(buf) path = {0};
    assert_ok(buf_printf(&path, "%s%s", sample_folder, name));
    if (file_read(buf_str(&path), 1 << 20, out).code != ERR_OK) {
        print_message("skipped: no sample %s\n", buf_str(&path));
        return false;
    }
    return true;
}

/* --- certificates made by OpenSSL */

/* key_id: with a subject key identifier; odd_san: with a directoryName whose PrintableString holds an
 * underscore, as in real chips. */
struct leaf_spec {
    const char *common_name, *issuer_name;
    bool is_authority, key_id, odd_san;
};

static inline void add_extension(X509 *x509, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, x509, x509, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(x509, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

/* GeneralNames { directoryName { serialNumber = PrintableString "eui48_0" } }: an underscore is no
 * PrintableString */
static const uint8_t odd_san_der[] = {0x30, 0x16, 0xa4, 0x14, 0x30, 0x12, 0x31, 0x10, 0x30, 0x0e, 0x06, 0x03,
                                      0x55, 0x04, 0x05, 0x13, 0x07, 'e',  'u',  'i',  '4',  '8',  '_',  '0'};

static inline void add_odd_san(X509 *x509)
{
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    assert_int_equal(ASN1_OCTET_STRING_set(value, odd_san_der, (int)sizeof odd_san_der), 1);
    X509_EXTENSION *extension = X509_EXTENSION_create_by_NID(NULL, NID_subject_alt_name, 0, value);
    assert_int_equal(X509_add_ext(x509, extension, -1), 1);
    X509_EXTENSION_free(extension);
    ASN1_OCTET_STRING_free(value);
}

static inline void make_leaf(EVP_PKEY *key, EVP_PKEY *issuer, const struct leaf_spec *spec, struct buf *der)
{
    AUTO(X509) *x509 = X509_new();
    unsigned char *out = NULL;
    AUTO(X509_NAME) *by = X509_NAME_new();
    assert_int_equal(X509_set_version(x509, 2), 1);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(x509), 7), 1);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(x509), -60));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(x509), 3600));
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_ASC,
                               (const unsigned char *)spec->common_name, -1, -1, 0);
    X509_NAME_add_entry_by_txt(by, "CN", MBSTRING_ASC, (const unsigned char *)spec->issuer_name, -1, -1, 0);
    assert_int_equal(X509_set_issuer_name(x509, by), 1);
    assert_int_equal(X509_set_pubkey(x509, key), 1);
    add_extension(x509, NID_basic_constraints, spec->is_authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (spec->key_id) {
        add_extension(x509, NID_subject_key_identifier, "hash");
    }
    if (spec->odd_san) {
        add_odd_san(x509);
    }
    assert_true(X509_sign(x509, issuer, EVP_sha256()) > 0);
    int size = i2d_X509(x509, &out);
    bytes_of_i2d(size, out, der);
}

/** The id of a key, as hex. */
static inline void id_of_key(EVP_PKEY *key, char out[65])
{
    AUTO_VAL(buf) spki = {0};
    struct sha256 hash;
    spki_of(key, &spki);
    assert_ok(sha256_of(buf_view(&spki), &hash));
    hex_encode(BYTES_OF(hash.b), out);
}

#endif
