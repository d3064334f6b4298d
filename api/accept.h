/* Choosing a representation (RFC 9110 §12.5.1). */
#ifndef WHORL_API_ACCEPT_H
#define WHORL_API_ACCEPT_H

#include <stddef.h>

/** Which of the media types the caller likes best: the highest weight, then the first offered. Nothing that
 * suits, or no header: the first, which is always there. @param accept the header's value or NULL @thread any
 */
size_t accept_choose(const char *accept, const char *const *offers, size_t count);

#endif
