/* UTF-8 (RFC 3629): what may be stored, logged or shown. Neither overlong forms nor surrogates pass. */
#ifndef WHORL_BASE_UTF8_H
#define WHORL_BASE_UTF8_H

#include "base/bytes.h"

/** Bytes of the character at the start of `s`; 0 when none is complete and valid there. @thread any */
size_t utf8_char_size(struct bytes s);
bool utf8_is_valid(struct bytes s);

#endif
