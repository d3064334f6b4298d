/* What an rr asks: whatever the reader takes lies inside the message, and written again says the same. */
#include <stdlib.h>

#include "base/utf8.h"
#include "pki/cmp_revocation.h"
#include "pki/der.h"
#include "tests/fuzz/fuzz.h"

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void is_inside(struct bytes whole, struct bytes part)
{
    must(part.n > 0 && part.p >= whole.p && part.p + part.n <= whole.p + whole.n);
}

static void write_again(const struct cmp_revocation *asked, struct buf *out)
{
    static const uint8_t oid_reason[] = {0x55, 0x1d, 0x15};
    struct der_writer w = der_writer(out);
    size_t list = der_open(&w, DER_SEQUENCE);
    size_t details = der_open(&w, DER_SEQUENCE);
    size_t template = der_open(&w, DER_SEQUENCE);
    der_put(&w, DER_CONTEXT | 1, asked->serial);
    size_t issuer = der_open(&w, DER_CONTEXT_CONSTRUCTED | 3);
    der_put_raw(&w, asked->issuer);
    der_close(&w, issuer);
    der_close(&w, template);
    size_t extensions = der_open(&w, DER_SEQUENCE);
    size_t extension = der_open(&w, DER_SEQUENCE);
    der_put(&w, DER_OID, BYTES_OF(oid_reason));
    size_t value = der_open(&w, DER_OCTET_STRING);
    der_put_int64(&w, DER_ENUMERATED, asked->reason);
    der_close(&w, value);
    der_close(&w, extension);
    der_close(&w, extensions);
    der_close(&w, details);
    der_close(&w, list);
    must(der_finish(&w).code == ERR_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cmp_header header = {.body = CMP_BODY_RR, .body_content = {data, size}};
    struct cmp_revocation asked;
    struct cmp_revocation again;
    enum cmp_failure failure;
    if (der_check(header.body_content).code != ERR_OK) {
        return 0; /* the header's reader lets nothing else through */
    }
    err_t error = cmp_revocation_read(&header, &asked, &failure);
    if (error.code != ERR_OK) {
        must(utf8_is_valid(bytes_str(error.detail)) && (int)failure >= 0 && (int)failure <= 26);
        return 0;
    }
    AUTO_VAL(buf) der = {0};
    is_inside(header.body_content, asked.issuer);
    is_inside(header.body_content, asked.serial);
    must(asked.reason >= 0 && asked.reason < 128);
    write_again(&asked, &der);
    header.body_content = buf_view(&der);
    must(cmp_revocation_read(&header, &again, &failure).code == ERR_OK);
    must(again.reason == asked.reason && bytes_equal(again.issuer, asked.issuer) &&
         bytes_equal(again.serial, asked.serial));
    return 0;
}
