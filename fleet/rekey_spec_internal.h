/* What the readers of a campaign's JSON share. */
#ifndef WHORL_FLEET_REKEY_SPEC_INTERNAL_H
#define WHORL_FLEET_REKEY_SPEC_INTERNAL_H

#include "fleet/rekey_spec.h"

struct rekey_nested {
    const struct json_field *fields;
    size_t count;
    void *target;
};
/** json_read_all() of an object inside the document; faults are told at `place`. @errors as there */
err_t rekey_read_nested(const json_t *object, const char *place, const struct rekey_nested *nested,
                        struct faults *faults);
/** @errors ERR_UNPROCESSABLE */
err_t rekey_label_read(const char *name, const json_t *value, struct rekey_label *out);

#endif
