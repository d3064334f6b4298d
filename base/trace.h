/* The trace that a request belongs to (W3C Trace Context, https://www.w3.org/TR/trace-context/ §3.2): read
 * from its header `traceparent`, so that lines of the log can be found from the caller's own traces. Nothing
 * is decided by it: anybody can send any. */
#ifndef WHORL_BASE_TRACE_H
#define WHORL_BASE_TRACE_H

#include <stdbool.h>

enum { TRACE_ID_SIZE = 33, TRACE_PARENT_SIZE = 17 };

/* Lower case hexadecimal; both "" where there is no trace. */
struct trace {
    char id[TRACE_ID_SIZE];         /* of the whole trace */
    char parent[TRACE_PARENT_SIZE]; /* of the caller's part, which the request was sent in */
};

/** Reads the value of the header. Version 00 is exactly `00-<32>-<16>-<2>` in lower case hexadecimal, neither
 * id all zeros. A later version may have more behind a further dash (§3.2.4); version ff is none. False: what
 * was sent is no traceparent, and `out` is empty. @thread any */
bool trace_parse(const char *value, struct trace *out);

#endif
