/* Changing one JSON object by another (RFC 7396). */
#ifndef WHORL_BASE_JSON_MERGE_H
#define WHORL_BASE_JSON_MERGE_H

#include "base/json.h"

/** null takes a member away, an object is merged into one, everything else replaces. The depth is that of
 *  `patch`, which json_parse() bounds. @param target an object, changed in place @errors ERR_NO_MEMORY
 *  @thread any @since RFC 7396 §2 */
err_t json_merge(json_t *target, const json_t *patch);

#endif
