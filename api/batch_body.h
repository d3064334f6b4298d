/* The body of a hand-over, read apart from its handler: a name, a product and up to 200,000 devices, each an
 * id or an object. Every bad line is found, not only the first. */
#ifndef WHORL_API_BATCH_BODY_H
#define WHORL_API_BATCH_BODY_H

#include "base/arena.h"
#include "base/json.h"
#include "fleet/registry.h"

struct batch_body {
    struct bytes name, product; /* may be empty; all slices live as long as the body */
    struct device_entry *devices;
    size_t count;
    json_t *document;
    struct arena *arena;
};
void batch_body_clear(struct batch_body *body);
DEFINE_AUTO_VAL(batch_body, batch_body_clear);

/** @param[out] out {0} before; cleared by the caller on failure too
 *  @param[out] report the bad lines, when the error is theirs
 *  @errors ERR_BAD_JSON, ERR_TOO_LARGE, ERR_UNPROCESSABLE a field, or bad lines (then report->refused > 0)
 * @thread any */
err_t batch_body_parse(struct bytes text, size_t limit, struct batch_body *out, struct batch_report *report);

#endif
