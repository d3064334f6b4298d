/* Rows as JSON, one function per resource: what the REST interface shows of them. */
#ifndef WHORL_API_RENDER_H
#define WHORL_API_RENDER_H

#include "base/json.h"
#include "db/rows.h"
#include "fleet/lots.h"

/** @param[out] out caller owns, NULL on error @thread any */
err_t render_device(const struct device_row *row, json_t **out);
/** @param product its name */
err_t render_batch(const struct batch_row *row, const char *product, json_t **out);
/** Without PEM. */
err_t render_certificate(const struct certificate_row *row, json_t **out);

/** {"devices": {"registered": …, …, "due": …, "expired": …}} into a product or a batch. */
err_t render_counts(const struct device_counts *counts, json_t *owner);

#endif
