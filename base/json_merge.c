/* RFC 7396 §2, as a walk over the patch. Knows no field and no limit. */
#include "base/json_merge.h"

static err_t merge_member(json_t *target, const char *name, json_t *value)
{
    if (json_is_null(value)) {
        (void)json_object_del(target, name); /* one that is not there need not go */
        return OK;
    }
    if (!json_is_object(value)) {
        ENSURE(json_object_set(target, name, value) == 0, ERR_NO_MEMORY, "a member");
        return OK;
    }
    if (!json_is_object(json_object_get(target, name))) {
        TRY(json_take(target, name, json_object()));
    }
    return json_merge(json_object_get(target, name), value);
}

err_t json_merge(json_t *target, const json_t *patch)
{
    /* jansson's iterators take a json_t *, but only read */
    union {
        const json_t *borrowed;
        json_t *iterated;
    } p = {.borrowed = patch};
    for (void *i = json_object_iter(p.iterated); i != NULL; i = json_object_iter_next(p.iterated, i)) {
        TRY(merge_member(target, json_object_iter_key(i), json_object_iter_value(i)));
    }
    return OK;
}
