/* What a device shows to get in: an Authorization header with a code in it, and a code alone. */
#include <stdlib.h>
#include <string.h>

#include "api/basic.h"
#include "fleet/code_text.h"
#include "tests/fuzz/fuzz.h"

/* What is read is written again as it was, but for white space around it. */
static void check(struct bytes text)
{
    struct code_parts parts;
    char again[CODE_TEXT_SIZE];
    if (code_text_read(text, &parts).code != ERR_OK) {
        return;
    }
    code_text_write(&parts, again);
    if (text.n < CODE_TEXT_SIZE - 1 || memmem(text.p, text.n, again, CODE_TEXT_SIZE - 1) == NULL) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_VAL(buf) password = {0};
    struct bytes input = {data, size};
    err_t error = basic_password(input, &password);
    if (error.code != ERR_OK && (error.code != ERR_BAD_REQUEST || password.n != 0)) {
        abort();
    }
    if (password.n > BASIC_PASSWORD_MAX) {
        abort();
    }
    check(buf_view(&password));
    check(input);
    return 0;
}
