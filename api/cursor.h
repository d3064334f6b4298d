/* Cursors of device lists: the last id seen, bound to the list it was seen in. */
#ifndef WHORL_API_CURSOR_H
#define WHORL_API_CURSOR_H

#include "fleet/registry.h"

enum { CURSOR_TEXT_SIZE = 2 * (DEVICE_ID_SIZE + 8) + 1 };

/** @param filter of the list; its cursor and limit do not count @thread any */
err_t cursor_format(const struct device_filter *filter, const struct device_id *last,
                    char out[CURSOR_TEXT_SIZE]);
/** @errors ERR_BAD_REQUEST not a cursor of this list */
err_t cursor_parse(const struct device_filter *filter, const char *text, struct device_id *out);

#endif
