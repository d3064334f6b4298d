/* Scopes as a list of words in JSON. */
#ifndef WHORL_API_SCOPE_LIST_H
#define WHORL_API_SCOPE_LIST_H

#include "base/json.h"

enum { SCOPE_LIST_MAX = 64 };

/** @errors ERR_NO_MEMORY @thread any */
err_t scope_list_set(json_t *object, const char *name, uint32_t scopes);
/** Every wrong word is a fault at /scopes/0, …. @param list or NULL @param[out] scopes added to @errors of
 * memory */
err_t scope_list_read(const json_t *list, struct faults *faults, uint32_t *scopes);
/** The i-th word of a list; empty when it is no text. */
struct bytes word_at(const json_t *list, size_t i);

#endif
