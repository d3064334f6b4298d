/* JSON text in and out over jansson. Parsing is stricter than jansson's own limits: depth 32, no duplicate
 * keys, a byte limit, no more values than its length makes likely. Reading values by table is in json_read.c.
 */
#include "base/json.h"

#include <string.h>

enum { JSON_DEPTH = 32, JSON_SMALL = 1 << 20 };

/* What the parser makes of a text, before it does: how deep it nests, and about how much memory its values
 * take beside their text. jansson was measured at 237 bytes for "{}", 141 for "[]", 93 for a string and 45
 * for a number in an array, 112 for a member. */
struct shape {
    int deepest;
    size_t bytes;
};

static struct shape shape_of(struct bytes text)
{
    enum { OBJECT = 208, ARRAY = 128, STRING = 80, VALUE = 48, MEMBER = 16 };
    struct shape shape = {.deepest = 0, .bytes = text.n};
    int depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < text.n; i++) {
        uint8_t c = text.p[i];
        if (in_string) {
            i += c == '\\';
            in_string = c != '"';
        } else if (c == '"') {
            in_string = true;
            shape.bytes += STRING;
        } else if (c == '[' || c == '{') {
            depth++;
            shape.deepest = depth > shape.deepest ? depth : shape.deepest;
            shape.bytes += c == '{' ? OBJECT : ARRAY;
        } else if (c == ']' || c == '}') {
            depth--;
        } else if (c == ',' || c == ':') {
            shape.bytes += c == ',' ? VALUE : MEMBER;
        }
    }
    return shape;
}

err_t json_parse(struct bytes text, size_t limit, json_t **out)
{
    *out = NULL;
    ENSURE(text.n <= limit, ERR_TOO_LARGE, "the body has more than %zu bytes", limit);
    const struct shape shape = shape_of(text);
    ENSURE(shape.deepest <= JSON_DEPTH, ERR_BAD_JSON, "nested deeper than %d", JSON_DEPTH);
    ENSURE(shape.bytes <= (size_t)JSON_SMALL || (shape.bytes - JSON_SMALL) / JSON_GROWTH <= text.n,
           ERR_TOO_LARGE, "more values than a text of its size may have");
    json_error_t error = {0};
    const char *start = text.n == 0 ? "" : (const char *)text.p;
    *out = json_loadb(start, text.n, JSON_REJECT_DUPLICATES, &error);
    ENSURE(*out != NULL || error.text[0] != '\0', ERR_NO_MEMORY,
           "a JSON text"); /* all that it says of that */
    ENSURE(*out != NULL, ERR_BAD_JSON, "line %d, column %d: %s", error.line, error.column, error.text);
    return OK;
}

struct sink {
    struct buf *out;
    err_t error; /* kept: jansson goes on behind a key that could not be written */
};

static int append_part(const char *text, size_t n, void *context)
{
    struct sink *sink = context;
    if (sink->error.code == ERR_OK) {
        sink->error = buf_append(sink->out, text, n);
    }
    return sink->error.code == ERR_OK ? 0 : -1;
}

static err_t append(struct buf *out, const json_t *value, size_t flags)
{
    size_t before = out->n;
    struct sink sink = {.out = out, .error = OK};
    int failed = json_dump_callback(value, append_part, &sink, flags | JSON_COMPACT);
    if (failed != 0 || sink.error.code != ERR_OK) {
        out->n = before;
        return ERR(ERR_NO_MEMORY, "a JSON text cannot be made");
    }
    return OK;
}

err_t json_append(struct buf *out, const json_t *value)
{
    return append(out, value, JSON_ENCODE_ANY);
}

err_t json_append_sorted(struct buf *out, const json_t *value)
{
    return append(out, value, JSON_SORT_KEYS);
}

err_t json_take(json_t *object, const char *name, json_t *value)
{
    /* json_object_set_new consumes in every case, and fails on NULL: a failed allocation of `value` ends here
     * too */
    ENSURE(json_object_set_new(object, name, value) == 0, ERR_NO_MEMORY, "member '%s'", name);
    return OK;
}

err_t json_set_text(json_t *object, const char *name, const char *text)
{
    return json_take(object, name, json_string(text));
}

err_t json_set_int(json_t *object, const char *name, int64_t value)
{
    return json_take(object, name, json_integer(value));
}

err_t json_set_bool(json_t *object, const char *name, bool value)
{
    return json_take(object, name, json_boolean(value));
}

err_t json_set_time(json_t *object, const char *name, int64_t at_ms)
{
    char text[32];
    time_format(at_ms, text);
    return json_set_text(object, name, text);
}

err_t json_set_time_if(json_t *object, const char *name, int64_t at_ms)
{
    return at_ms == 0 ? OK : json_set_time(object, name, at_ms);
}

err_t json_set_uuid(json_t *object, const char *name, struct uuid id)
{
    char text[UUID_TEXT_SIZE];
    uuid_format(id, text);
    return json_set_text(object, name, text);
}

err_t json_set_words(json_t *object, const char *name, const char *words)
{
    AUTO(json_t) *list = json_array();
    while (*words != '\0') {
        size_t n = strcspn(words, ",");
        ENSURE(n == 0 || json_array_append_new(list, json_stringn(words, n)) == 0, ERR_NO_MEMORY,
               "a list of words");
        words += n + (words[n] == ',' ? 1 : 0);
    }
    return json_take(object, name, TAKE(list));
}

err_t json_set_hex(json_t *object, const char *name, struct bytes value)
{
    AUTO_VAL(buf) text = {0};
    TRY(hex_append(&text, value));
    return json_set_text(object, name, buf_str(&text));
}

err_t json_set_base64(json_t *object, const char *name, struct bytes value)
{
    AUTO_VAL(buf) text = {0};
    TRY(base64_append(&text, value));
    return json_set_text(object, name, buf_str(&text));
}
