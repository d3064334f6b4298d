/* Which traces the requests that run just now belong to, found by their request ids: what knows a request by
 * its id alone (an audit record, a line of the log) names the trace too. An entry lives in the memory of its
 * request and stands in the table from the header to the end of the answer; of a request that has ended, or
 * that came without a trace, nothing is found. */
#ifndef WHORL_BASE_TRACE_TABLE_H
#define WHORL_BASE_TRACE_TABLE_H

#include "base/encoding.h"
#include "base/err.h"
#include "base/trace.h"

struct trace_table;

/* Zeroed by its owner before its first use. */
struct trace_entry {
    char request_id[UUID_TEXT_SIZE];
    struct trace trace;
    struct trace_entry *next; /* of the table, like the one below */
    bool is_in;
};

/** @errors ERR_NO_MEMORY @thread init */
err_t trace_table_new(struct trace_table **out);
/** No entry is in it any more. */
void trace_table_free(struct trace_table *table);
DEFINE_AUTO_PTR(trace_table, trace_table_free);

/** Puts an entry in, whose id and trace are set; it stays where it is until it is taken out. A NULL table
 * keeps nothing. @thread any, like all below */
void trace_table_put(struct trace_table *table, struct trace_entry *entry);
/** Takes it out, if it is in. */
void trace_table_drop(struct trace_table *table, struct trace_entry *entry);
/** @param table or NULL @param request_id any text, or NULL @return false: no such request, `out` is empty */
bool trace_table_find(struct trace_table *table, const char *request_id, struct trace *out);

#endif
