/* CMP messages put together part by part, right or wrong, and tables of what the reader says of each. */
#ifndef WHORL_TESTS_CMP_PARTS_H
#define WHORL_TESTS_CMP_PARTS_H

#include "tests/unit/pki/cmp_fixture.h"

#define EMPTY_NAME "a4 02 30 00"
#define ID_16      "00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f"
#define ID_64      ID_16 " " ID_16 " " ID_16 " " ID_16
#define SHA256     "30 0d 06 09 60 86 48 01 65 03 04 02 01 05 00"
#define SHA1       "30 09 06 05 2b 0e 03 02 1a 05 00"
#define HMAC_1     "30 0c 06 08 2b 06 01 05 05 08 01 02 05 00"
#define HMAC_256   "30 0c 06 08 2a 86 48 86 f7 0d 02 09 05 00"
#define HMAC_MD5   "30 0c 06 08 2a 86 48 86 f7 0d 02 06 05 00"
#define SALT       "04 08 01 02 03 04 05 06 07 08"
#define PBM        "06 09 2a 86 48 86 f6 7d 07 42 0d"
#define PBMAC1     "06 09 2a 86 48 86 f7 0d 01 05 0e"
#define PBKDF2     "06 09 2a 86 48 86 f7 0d 01 05 0c"
#define ECDSA      "30 0a 06 08 2a 86 48 ce 3d 04 03 02"

/* The parts of a message, each DER in hex; NULL: as in a good one, "": left out. */
struct parts {
    const char *pvno, *sender, *recipient, *time, *algorithm, *sender_kid, *transaction, *sender_nonce;
    const char *recip_nonce, *text, *info, *behind_header, *body, *protection, *certs, *behind;
};

static inline void add_hex(struct buf *out, const char *hex)
{
    for (const char *p = hex; *p != '\0'; p += *p == ' ' ? 1 : 2) {
        if (*p != ' ') {
            unsigned value = 0;
            assert_int_equal(sscanf(p, "%2x", &value), 1);
            uint8_t byte = (uint8_t)value;
            assert_ok(buf_append(out, &byte, 1));
        }
    }
}

static inline void put(struct der_writer *w, const char *hex, const char *otherwise)
{
    AUTO_VAL(buf) piece = {0};
    add_hex(&piece, hex != NULL ? hex : otherwise);
    der_put_raw(w, buf_view(&piece));
}

static inline void put_tagged(struct der_writer *w, unsigned tag, const char *hex, const char *otherwise)
{
    if (hex != NULL ? *hex != '\0' : *otherwise != '\0') {
        size_t mark = der_open(w, (uint8_t)(DER_CONTEXT_CONSTRUCTED | tag));
        put(w, hex, otherwise);
        der_close(w, mark);
    }
}

static inline void build(const struct parts *parts, struct buf *der)
{
    struct der_writer w = der_writer(der);
    size_t message = der_open(&w, DER_SEQUENCE);
    size_t header = der_open(&w, DER_SEQUENCE);
    put(&w, parts->pvno, "02 01 02");
    put(&w, parts->sender, EMPTY_NAME);
    put(&w, parts->recipient, EMPTY_NAME);
    put_tagged(&w, 0, parts->time, "");
    put_tagged(&w, 1, parts->algorithm, ECDSA);
    put_tagged(&w, 2, parts->sender_kid, "");
    put_tagged(&w, 4, parts->transaction, "04 10 " ID_16);
    put_tagged(&w, 5, parts->sender_nonce, "04 10 " ID_16);
    put_tagged(&w, 6, parts->recip_nonce, "");
    put_tagged(&w, 7, parts->text, "");
    put_tagged(&w, 8, parts->info, "");
    put(&w, parts->behind_header, "");
    der_close(&w, header);
    put(&w, parts->body, "b3 02 05 00");
    put_tagged(&w, 0, parts->protection, "03 02 00 aa");
    put_tagged(&w, 1, parts->certs, "");
    der_close(&w, message);
    assert_ok(der_finish(&w));
    add_hex(der, parts->behind != NULL ? parts->behind : "");
}

struct form {
    struct parts parts;
    const char *word; /* NULL: it is read */
    enum cmp_failure failure;
};

static inline void try_forms(const struct form *forms, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        AUTO_VAL(buf) der = {0};
        struct cmp_header header;
        enum cmp_failure failure;
        build(&forms[i].parts, &der);
        err_t result = cmp_header_read(buf_view(&der), &header, &failure);
        bool is_right = forms[i].word == NULL
                            ? result.code == ERR_OK
                            : result.code != ERR_OK && strstr(result.detail, forms[i].word) != NULL &&
                                  failure == forms[i].failure;
        if (!is_right) {
            fail_msg("case %zu: %s \"%s\", failure %d", i, err_slug(result.code), result.detail,
                     (int)failure);
        }
    }
}

#define FORMAT CMP_FAILURE_BAD_DATA_FORMAT
#define RULE   CMP_FAILURE_BAD_REQUEST
#define ALG    CMP_FAILURE_BAD_ALG

#endif
