/* JSON bodies: parsing, reading by a table with every kind of field, merging into another one (RFC 7396), and
 * writing what was read. */
#include <stdlib.h>

#include "base/json.h"
#include "base/json_merge.h"
#include "base/utf8.h"
#include "tests/fuzz/fuzz.h"

struct target {
    const char *text;
    int64_t number, at_ms;
    bool on;
    struct uuid id;
    uint8_t hash[32];
    struct buf der;
    json_t *object, *array;
};

#define FIELD(name_, kind_, max_)                                                                            \
    {                                                                                                        \
#name_, kind_, false, offsetof(struct target, name_), 0, max_, JSON_NO_HAS                           \
    }

static const struct json_field fields[] = {
    FIELD(text, JSON_KIND_TEXT, 64),  FIELD(number, JSON_KIND_INTEGER, 1000),
    FIELD(on, JSON_KIND_BOOLEAN, 0),  FIELD(at_ms, JSON_KIND_TIME, 0),
    FIELD(id, JSON_KIND_UUID, 0),     FIELD(hash, JSON_KIND_HEX32, 0),
    FIELD(der, JSON_KIND_BASE64, 64), FIELD(object, JSON_KIND_OBJECT, 0),
    FIELD(array, JSON_KIND_ARRAY, 4),
};

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

/* A detail goes into a JSON answer. */
static void check_detail(err_t error)
{
    must(error.code == ERR_OK || utf8_is_valid(bytes_str(error.detail)));
}

/* Merging a second time changes nothing. */
static void check_merge(const json_t *patch)
{
    AUTO(json_t) *once =
        json_pack("{s:{s:i,s:s},s:[i],s:s}", "object", "a", 1, "b", "x", "array", 1, "text", "");
    AUTO(json_t) *twice = NULL;
    must(once != NULL && json_merge(once, patch).code == ERR_OK);
    twice = json_deep_copy(once);
    must(twice != NULL && json_merge(twice, patch).code == ERR_OK && json_equal(once, twice) == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(json_t) *document = NULL;
    AUTO(json_t) *again = NULL;
    AUTO_VAL(buf) text = {0};
    struct target target = {0};
    err_t error = json_parse((struct bytes){data, size}, 65536, &document);
    check_detail(error);
    if (error.code != ERR_OK) {
        return 0;
    }
    check_detail(json_read(document, fields, sizeof fields / sizeof fields[0], true, &target));
    check_detail(json_read(document, fields, sizeof fields / sizeof fields[0], false, &target));
    buf_clear(&target.der);
    err_ignore(json_append(&text, document)); /* the next line fails when this did */
    must(json_parse(buf_view(&text), 1U << 20, &again).code == ERR_OK);
    must(json_equal(document, again) == 1);
    if (json_is_object(document)) {
        check_merge(document);
    }
    return 0;
}
