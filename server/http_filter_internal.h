/* Shared by http_filter.c (lines and bodies) and http_filter_fields.c (header fields) only. */
#ifndef WHORL_SERVER_HTTP_FILTER_INTERNAL_H
#define WHORL_SERVER_HTTP_FILTER_INTERNAL_H

#include "server/http_filter.h"

enum state {
    AT_START, /* before a request line; one blank line is tolerated (RFC 9112 §2.2) */
    AT_START_LF,
    IN_METHOD,
    AT_TARGET,
    IN_SCHEME,
    IN_TARGET,
    IN_VERSION,
    AT_LINE_LF,
    AT_FIELD,
    IN_NAME,
    IN_VALUE,
    AT_VALUE_LF,
    AT_END_LF,
    IN_BODY,
    IN_CHUNK_SIZE,
    AT_CHUNK_SIZE_LF,
    IN_CHUNK,
    AT_CHUNK_CR,
    AT_CHUNK_LF
};

enum { IS_TOKEN = 1, IS_TARGET = 2, IS_VALUE = 4 };

/* What a byte may be part of. */
extern const uint8_t filter_classes[256];

static inline void filter_refuse(struct http_filter *f, enum filter_refusal refusal)
{
    f->refusal = refusal;
}

/** One byte in AT_FIELD, IN_NAME or IN_VALUE. */
void filter_field_step(struct http_filter *filter, uint8_t c);

#endif
