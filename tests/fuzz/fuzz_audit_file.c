/* The verifier of exports of the audit log, and of checkpoints: files from anywhere. What was accepted once
 * is accepted again, and the same with its end cut off is not. */
#include <stdlib.h>
#include <string.h>

#include "fleet/audit_file.h"
#include "tests/fuzz/fuzz.h"

static err_t verify(struct bytes text, struct audit_file_report *report)
{
    AUTO_PTR(audit_file) *file = NULL;
    TRY(audit_file_new(BYTES_NONE, &file));
    while (text.n > 0) {
        const uint8_t *end = memchr(text.p, '\n', text.n);
        size_t n = end == NULL ? text.n : (size_t)(end - text.p);
        TRY(audit_file_line(file, (struct bytes){text.p, n}));
        n += end == NULL ? 0 : 1;
        text = (struct bytes){text.p + n, text.n - n};
    }
    return audit_file_finish(file, report);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct audit_file_report report;
    struct audit_file_report again;
    AUTO_VAL(audit_statement) statement = {.content = NULL};
    struct bytes text = {data, size};
    if (verify(text, &report).code == ERR_OK) {
        struct bytes cut = {data, size - 2}; /* within the last line */
        if (verify(text, &again).code != ERR_OK || report.shown != again.shown ||
            verify(cut, &again).code == ERR_OK) {
            abort();
        }
    }
    err_ignore(audit_statement_open(text, BYTES_NONE, &statement)); /* must not crash */
    return 0;
}
