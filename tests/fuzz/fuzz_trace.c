/* traceparent: whatever a client sends, what goes on from here is two ids of hexadecimal digits, or nothing;
 * and what was read is read again from what it says. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/trace.h"
#include "tests/fuzz/fuzz.h"

static bool is_hex_of(const char *text, size_t digits)
{
    return strlen(text) == digits && strspn(text, "0123456789abcdef") == digits && strspn(text, "0") < digits;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1); /* of its exact length: a byte too far is seen */
    if (text == NULL) {
        return 0;
    }
    if (size > 0) {
        memcpy(text, data, size);
    }
    text[size] = '\0';
    struct trace trace, again;
    if (!trace_parse(text, &trace)) {
        if (trace.id[0] != '\0' || trace.parent[0] != '\0') {
            abort();
        }
    } else {
        char made[64];
        (void)snprintf(made, sizeof made, "00-%s-%s-00", trace.id, trace.parent);
        if (!is_hex_of(trace.id, 32) || !is_hex_of(trace.parent, 16) || !trace_parse(made, &again) ||
            strcmp(again.id, trace.id) != 0 || strcmp(again.parent, trace.parent) != 0) {
            abort();
        }
    }
    free(text);
    return 0;
}
