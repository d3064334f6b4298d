/* Names that people give: one alphabet that needs no escaping anywhere (URLs, JSON, logs, labels). */
#ifndef WHORL_FLEET_NAMES_H
#define WHORL_FLEET_NAMES_H

#include "db/rows.h"

/** 1 … 64 of [A-Za-z0-9._-]. @param what "batch name", … for the reason @errors ERR_UNPROCESSABLE @thread any
 */
err_t name_check(struct bytes name, const char *what);
/** 1 … 63 of [a-z0-9-], the first no hyphen: a tenant's name is its EST label too. @errors ERR_UNPROCESSABLE
 */
err_t tenant_name_check(struct bytes name);
/** Copies a checked name. */
void name_copy(struct bytes name, char out[NAME_SIZE]);
/** Printable text of at most `size` - 1 bytes of UTF-8 into a fixed array; control characters are refused.
 *  @errors ERR_UNPROCESSABLE */
err_t text_copy(struct bytes text, const char *what, char *out, size_t size);

#endif
