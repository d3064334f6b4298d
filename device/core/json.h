/* A small JSON reader for the device protocol; the few members that a device writes need no escapes
 * (messages.c). It finds one member or element at a time in
 * text that stays where it is: no tree, no recursion, no allocation. Unknown members are stepped over. */
#ifndef WHORL_DEVICE_CORE_JSON_H
#define WHORL_DEVICE_CORE_JSON_H

#include "device/core/text.h"

/** The value of member `name` of the object in `json`; nested objects by asking again. False: absent, or not
 * an object. */
bool whorl_json_member(struct whorl_bytes json, const char *name, struct whorl_bytes *value);

/** Element `index` of the array in `json`. */
bool whorl_json_element(struct whorl_bytes json, size_t index, struct whorl_bytes *value);

/** The text of a string value without its quotes, when it needs no unescaping (hex, base64, times, words). */
bool whorl_json_plain(struct whorl_bytes value, struct whorl_bytes *text);

/** The text of a string value with its escapes undone; out.data may be the place where the value stands. */
bool whorl_json_string(struct whorl_bytes value, struct whorl_space out, size_t *size);

/** A non-negative integer. */
bool whorl_json_number(struct whorl_bytes value, uint64_t *out);

#endif
