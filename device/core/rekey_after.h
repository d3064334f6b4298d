/* The header field Whorl-Rekey-After: an Integer of seconds with an optional parameter `key=new` (RFC 9651).
 * Apart from the HTTP parser, so that it can be tested and fuzzed by itself. */
#ifndef WHORL_DEVICE_CORE_REKEY_AFTER_H
#define WHORL_DEVICE_CORE_REKEY_AFTER_H

#include "device/core/text.h"

struct whorl_rekey_after {
    int64_t delay_s; /* never negative; 0: now */
    bool is_new_key; /* a new key is wanted, not only a new certificate */
};

/** Reads the field's value. Other parameters, and other values of `key`, are stepped over: a later server may
 * know more. False for what is not such an item, and for negative numbers: the field is then as good as not
 * there (RFC 9651 §4.2). */
bool whorl_rekey_after_parse(struct whorl_bytes text, struct whorl_rekey_after *out);

#endif
