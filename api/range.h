/* Which part of a file a request asks for: RFC 9110 §14, as far as one range goes. Pure: knows no file. */
#ifndef WHORL_API_RANGE_H
#define WHORL_API_RANGE_H

#include <stdint.h>

#include "base/bytes.h"

enum range_kind {
    RANGE_WHOLE, /* none, one that is malformed, of another unit, or several: a server may send all of it */
    RANGE_PART,
    RANGE_NONE /* nothing of what is there: 416 */
};

struct range {
    enum range_kind kind;
    int64_t at, size; /* of RANGE_PART; RANGE_WHOLE: 0 and all */
};

/** @param text the value of Range, or NULL @param size of the whole @thread any */
struct range range_parse(const char *text, int64_t size);

#endif
