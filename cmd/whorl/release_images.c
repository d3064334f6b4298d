/* An image of a release as one word of the command line: ID[,part=NAME][,embedded=KEY|,detached=KEY]. */
#include <string.h>

#include "base/json.h"
#include "cmd/whorl/request.h"

static err_t put_setting(json_t *image, const char *text, size_t size)
{
    const char *sign = memchr(text, '=', size);
    size_t name_size = sign == NULL ? size : (size_t)(sign - text);
    const struct bytes name = {(const uint8_t *)text, name_size};
    bool is_part = bytes_is(name, "part");
    ENSURE(sign != NULL && (is_part || bytes_is(name, "embedded") || bytes_is(name, "detached")),
           ERR_BAD_REQUEST, "an image is ID[,part=NAME][,embedded=KEY|,detached=KEY]");
    json_t *value = json_stringn(sign + 1, size - name_size - 1);
    if (is_part) {
        return json_take(image, "part", value);
    }
    AUTO(json_t) *recipe = json_object();
    TRY(json_take(recipe, "key", value));
    TRY(json_take(recipe, "form", json_stringn(text, name_size)));
    return json_take(image, "recipe", TAKE(recipe));
}

err_t cli_release_image(const char *text, json_t **out)
{
    *out = NULL;
    AUTO(json_t) *image = json_object();
    size_t size = strcspn(text, ",");
    ENSURE(size > 0 && memchr(text, '=', size) == NULL, ERR_BAD_REQUEST, "an image begins with its id");
    TRY(json_take(image, "image", json_stringn(text, size)));
    for (const char *p = text + size; *p == ',';) {
        size = strcspn(++p, ",");
        TRY(put_setting(image, p, size));
        p += size;
    }
    *out = TAKE(image);
    return OK;
}
