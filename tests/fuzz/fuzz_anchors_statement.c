/* Statements about manifest keys, as anybody with a token may send them. */
#include "tests/fuzz/fuzz.h"

#include "pki/anchors_statement.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct anchors_statement statement;
    struct bytes in = {data, size};
    if (anchors_statement_read(in, &statement).code == ERR_OK) {
        struct sha256 id;
        err_ignore(anchor_key_id(&statement.signing, &id));
        err_ignore(anchors_statement_verify(in, &statement.recovery));
    }
    return 0;
}
