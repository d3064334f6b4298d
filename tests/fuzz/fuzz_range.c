/* Range of a download: whatever is asked for lies within the file. The first byte is how long that is. */
#include <stdlib.h>
#include <string.h>

#include "api/range.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[300] = "";
    if (size < 1 || size > sizeof text) {
        return 0;
    }
    memcpy(text, data + 1, size - 1);
    int64_t whole = data[0];
    const struct range range = range_parse(text, whole);
    bool is_good = range.kind == RANGE_NONE
                       ? range.size == 0
                       : range.at >= 0 && range.size >= 0 && range.at + range.size <= whole;
    if (!is_good || (range.kind == RANGE_PART && range.size == 0)) {
        abort();
    }
    return 0;
}
