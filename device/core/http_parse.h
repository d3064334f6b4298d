/* The parser behind http.h: feeds on a growing buffer and says when the answer is whole. Separate, so that it
 * can be fuzzed without a transport. */
#ifndef WHORL_DEVICE_CORE_HTTP_PARSE_H
#define WHORL_DEVICE_CORE_HTTP_PARSE_H

#include "device/core/http.h"

enum whorl_http_progress { WHORL_HTTP_NEEDS_MORE, WHORL_HTTP_COMPLETE, WHORL_HTTP_BROKEN };

struct whorl_http_parse {
    unsigned status;
    bool has_head;
    bool has_length;
    bool is_chunked;
    bool is_kept;
    bool has_rekey_line; /* Whorl-Rekey-After was there once: a second one makes both void */
    struct whorl_http_hints hints;
    bool has_range; /* Content-Range: range_first … range_last of range_whole */
    uint64_t range_first, range_last, range_whole;
    size_t body_at;     /* where the body starts in the buffer */
    size_t body_size;   /* what is there of it; chunks joined */
    size_t body_length; /* Content-Length */
    size_t at;          /* the first byte that is not looked at yet */
};

void whorl_http_parse_begin(struct whorl_http_parse *parse);

/** Looks at data[0 … *used). Joining chunks moves bytes down and makes *used smaller. A 1xx answer is dropped
 * the same way. Bytes behind the answer are an error: this client never pipelines. */
enum whorl_http_progress whorl_http_parse_more(struct whorl_http_parse *parse, uint8_t *data, size_t *used);

#endif
