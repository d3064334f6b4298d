/* How an authority is shown. */
#ifndef WHORL_API_AUTHORITY_VIEWS_H
#define WHORL_API_AUTHORITY_VIEWS_H

#include "base/json.h"
#include "db/authority_rows.h"

/** Without its PEM. @param[out] out caller owns, NULL on error @thread any */
err_t render_authority(const struct authority_row *row, json_t **out);

#endif
