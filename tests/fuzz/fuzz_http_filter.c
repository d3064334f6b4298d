/* The filter of HTTP framing: never reads past its input, never takes more than it was given, and judges the
 * same bytes the same way however they were cut into pieces. */
#include <stdlib.h>

#include "server/http_filter.h"
#include "tests/fuzz/fuzz.h"

enum { HEADER_BYTES = 512, HEADER_COUNT = 8 };

static size_t feed_all(struct http_filter *filter, struct bytes in, size_t piece)
{
    size_t taken = 0;
    http_filter_init(filter, HEADER_BYTES, HEADER_COUNT);
    while (taken < in.n && filter->refusal == FILTER_OK) {
        size_t n = in.n - taken < piece ? in.n - taken : piece;
        size_t got = http_filter_feed(filter, (struct bytes){in.p + taken, n});
        if (got > n || (got < n && filter->refusal == FILTER_OK)) {
            abort();
        }
        taken += got;
        if (filter->pending > taken || filter->pending > HEADER_BYTES + n) {
            abort();
        }
    }
    return taken;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_filter whole, cut;
    struct bytes in = {data, size};
    size_t taken = feed_all(&whole, in, size == 0 ? 1 : size);
    for (size_t piece = 1; piece < 8; piece += 3) {
        size_t again = feed_all(&cut, in, piece);
        /* a limit on the section is noticed at the end of a run, so the place may differ, the judgement may
         * not */
        bool is_limit = whole.refusal == FILTER_TOO_LARGE;
        if (cut.refusal != whole.refusal && !is_limit && cut.refusal != FILTER_TOO_LARGE) {
            abort();
        }
        if (whole.refusal == FILTER_OK &&
            (again != taken || cut.requests != whole.requests || cut.pending != whole.pending)) {
            abort();
        }
    }
    return 0;
}
