/* One JSON object a line on stderr: {"ts","level","event","request_id",…}. Never a secret, never unbounded
 * input: strings are escaped and cut at 256 bytes. */
#ifndef WHORL_BASE_LOG_H
#define WHORL_BASE_LOG_H

#include <stdint.h>

#include "base/err.h"
#include "base/ports.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

struct log;
struct trace_table; /* base/trace_table.h */

/** @param fd borrowed (2 for stderr) @param clock borrowed, for `ts` @thread init */
err_t log_new(int fd, enum log_level least, const struct clock *clock, struct log **out);
void log_free(struct log *log);
void log_set_level(struct log *log, enum log_level least);
/** From now on log_error() names the trace of the request that it names. @param traces borrowed for the life
 * of the log @thread init */
void log_set_traces(struct log *log, struct trace_table *traces);

struct log_field {
    const char *name;
    enum { LOG_TEXT, LOG_NUMBER, LOG_BOOL } kind;
    const char *text;
    int64_t number;
};
#define LOG_STR(name_, text_) ((struct log_field){.name = (name_), .kind = LOG_TEXT, .text = (text_)})
#define LOG_INT(name_, number_)                                                                              \
    ((struct log_field){.name = (name_), .kind = LOG_NUMBER, .number = (int64_t)(number_)})
#define LOG_FLAG(name_, on_) ((struct log_field){.name = (name_), .kind = LOG_BOOL, .number = (on_) ? 1 : 0})

/** Writes one line with a single write(2). A NULL log drops it. @thread any */
void log_event(struct log *log, enum log_level level, const char *event, const struct log_field *fields,
               size_t count);
#define LOG(log, level, event, ...)                                                                          \
    log_event((log), (level), (event), (const struct log_field[]){__VA_ARGS__},                              \
              sizeof((const struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field))
/* The request that a line is about; what is NULL is left out. */
struct log_origin {
    const char *request_id;
    const char *trace_id, *parent_id; /* base/trace.h */
};
/** An error with its code, detail and place in the source. */
void log_request_error(struct log *log, const char *event, const struct log_origin *origin, err_t error);
/** The same where no more than an id is known, or NULL. */
void log_error(struct log *log, const char *event, const char *request_id, err_t error);

#endif
