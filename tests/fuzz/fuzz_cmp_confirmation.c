/* What a certConf says: whatever the reader takes says the same when it is written again. */
#include <stdlib.h>

#include "base/utf8.h"
#include "pki/cmp_request.h"
#include "pki/der.h"
#include "tests/fuzz/fuzz.h"

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void write_again(const struct cmp_confirmation *said, struct buf *out)
{
    struct der_writer w = der_writer(out);
    size_t list = der_open(&w, DER_SEQUENCE);
    if (said->count > 0) {
        const uint8_t id[] = {(uint8_t)said->id}; /* -1 too */
        size_t status = der_open(&w, DER_SEQUENCE);
        der_put(&w, DER_OCTET_STRING, said->hash);
        der_put(&w, DER_INTEGER, BYTES_OF(id));
        size_t info = der_open(&w, DER_SEQUENCE);
        der_put_int64(&w, DER_INTEGER, said->is_accepted ? 0 : 2);
        der_close(&w, info);
        der_close(&w, status);
    }
    der_close(&w, list);
    must(der_finish(&w).code == ERR_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cmp_header header = {.body = CMP_BODY_CERTCONF, .body_content = {data, size}};
    struct cmp_confirmation said;
    struct cmp_confirmation again;
    if (der_check(header.body_content).code != ERR_OK) {
        return 0; /* the header's reader lets nothing else through */
    }
    err_t error = cmp_confirmation_read(&header, &said);
    if (error.code != ERR_OK) {
        must(utf8_is_valid(bytes_str(error.detail)));
        return 0;
    }
    must(said.count <= 1);
    must(said.hash.n == 0 || (said.hash.p >= data && said.hash.p + said.hash.n <= data + size));
    AUTO_VAL(buf) der = {0};
    write_again(&said, &der);
    header.body_content = buf_view(&der);
    must(cmp_confirmation_read(&header, &again).code == ERR_OK);
    must(again.count == said.count && again.is_accepted == said.is_accepted && again.id == said.id &&
         bytes_equal(again.hash, said.hash));
    return 0;
}
