/* What several features show of people. */
#ifndef WHORL_API_USERS_H
#define WHORL_API_USERS_H

#include "base/json.h"
#include "fleet/users.h"

/** ["admin", …] @errors ERR_NO_MEMORY @thread any */
err_t role_list_set(json_t *object, const char *name, const struct role_names *roles);
/** @param[out] out caller owns, NULL on error */
err_t render_user(const struct user_view *view, json_t **out);

#endif
