/* Arguments become path, query and body. Each kind has one function; the walk knows no kind. */
#include "cmd/whorl/request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/utf8.h"

enum { FILE_LIMIT = 4 * 1024 * 1024 };

/* --- path and query --------------------------------------------------------------------------------- */

static err_t append_encoded(struct buf *out, const char *text)
{
    static const char unreserved[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    for (const char *p = text; *p != '\0'; p++) {
        if (strchr(unreserved, *p) != NULL) {
            TRY(buf_append(out, p, 1));
        } else {
            TRY(buf_printf(out, "%%%02X", (unsigned)(unsigned char)*p));
        }
    }
    return OK;
}

err_t cli_request_add_query(struct buf *path, const char *name, const char *value)
{
    TRY(buf_append_str(path, strchr(buf_str(path), '?') == NULL ? "?" : "&"));
    TRY(append_encoded(path, name));
    TRY(buf_append_str(path, "="));
    return append_encoded(path, value);
}

/* An id as it is; a name by look-up, where names are taken. */
static err_t resolve(const struct cli_request_parts *parts, const struct cli_given *given, struct buf *out)
{
    struct uuid id;
    const char *list = given->argument->names;
    if (list == NULL || parts->lookup == NULL || uuid_parse(bytes_str(given->text), &id).code == ERR_OK) {
        return buf_append_str(out, given->text);
    }
    return parts->lookup(parts->context, list, given->text, out);
}

static err_t append_query(const struct cli_request_parts *parts, const struct cli_given *given,
                          struct buf *out)
{
    AUTO_VAL(buf) value = {0};
    TRY(resolve(parts, given, &value));
    return cli_request_add_query(out, given->argument->member, buf_str(&value));
}

static err_t append_place(const struct cli_request_parts *parts, const struct cli_given *given,
                          struct buf *out)
{
    AUTO_VAL(buf) value = {0};
    TRY(resolve(parts, given, &value));
    /* "." and ".." would be taken out of the path on the way (RFC 3986 §5.2.4) */
    bool is_step = strcmp(buf_str(&value), ".") == 0 || strcmp(buf_str(&value), "..") == 0;
    ENSURE(value.n > 0 && !is_step, ERR_BAD_REQUEST, "%s cannot be `%s`", given->argument->name,
           buf_str(&value));
    return append_encoded(out, buf_str(&value));
}

static const struct cli_given *given_in_path(const struct cli_line *line, size_t place)
{
    for (size_t i = 0; i < line->given_count; i++) {
        if (line->given[i].argument->place == CLI_IN_PATH && place-- == 0) {
            return &line->given[i];
        }
    }
    return NULL;
}

err_t cli_request_path(const struct cli_request_parts *parts, const struct cli_line *line, struct buf *out)
{
    size_t place = 0;
    for (const char *p = line->command->path; *p != '\0'; p++) {
        if (p[0] != '{') {
            TRY(buf_append(out, p, 1));
            continue;
        }
        const struct cli_given *given = given_in_path(line, place++);
        ENSURE(given != NULL, ERR_BAD_REQUEST, "an argument is missing");
        TRY(append_place(parts, given, out));
        p++; /* its } */
    }
    for (size_t i = 0; i < line->given_count; i++) {
        if (line->given[i].argument->place == CLI_IN_QUERY) {
            TRY(append_query(parts, &line->given[i], out));
        }
    }
    return OK;
}

/* --- values ----------------------------------------------------------------------------------------- */

static bool parse_integer(const char *text, int64_t *out)
{
    char *end = NULL;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    *out = number;
    return errno == 0 && end != text && *end == '\0' &&
           (text[0] == '-' || (text[0] >= '0' && text[0] <= '9'));
}

bool cli_span_parse(const char *text, int64_t *seconds)
{
    static const struct {
        char unit;
        int64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'\0', 1}};
    char *end = NULL;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (errno != 0 || text[0] < '0' || text[0] > '9' || (end[0] != '\0' && end[1] != '\0')) {
        return false;
    }
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (*end == units[i].unit && number <= INT64_MAX / 1000 / units[i].seconds) {
            *seconds = number * units[i].seconds;
            return true;
        }
    }
    return false;
}

static err_t read_stdin(struct buf *out)
{
    char piece[4096];
    size_t n = 0;
    while ((n = fread(piece, 1, sizeof piece, stdin)) > 0) {
        TRY(buf_append(out, piece, n));
        ENSURE(out->n <= FILE_LIMIT, ERR_TOO_LARGE, "standard input has more than %d bytes", FILE_LIMIT);
    }
    ENSURE(!ferror(stdin), ERR_IO, "cannot read standard input");
    return OK;
}

err_t cli_file_read(const char *path, struct buf *out)
{
    return strcmp(path, "-") == 0 ? read_stdin(out) : file_read(path, FILE_LIMIT, out);
}

static err_t text_value(const struct cli_request_parts *parts, const struct cli_given *given, json_t **out)
{
    AUTO_VAL(buf) text = {0};
    if (given->text[0] == '\0' && (given->argument->flags & CLI_NULLABLE) != 0) {
        *out = json_null();
        return OK;
    }
    TRY(resolve(parts, given, &text));
    *out = json_stringn(buf_str(&text), text.n);
    ENSURE(*out != NULL, ERR_BAD_REQUEST, "%s is not UTF-8", given->argument->name);
    return OK;
}

static err_t integer_value(const struct cli_given *given, json_t **out)
{
    int64_t number = 0;
    ENSURE(parse_integer(given->text, &number), ERR_BAD_REQUEST, "%s is a whole number",
           given->argument->name);
    *out = json_integer(number);
    return OK;
}

static err_t boolean_value(const struct cli_given *given, json_t **out)
{
    bool is_true = strcmp(given->text, "true") == 0;
    ENSURE(is_true || strcmp(given->text, "false") == 0, ERR_BAD_REQUEST, "%s is true or false",
           given->argument->name);
    *out = json_boolean(is_true);
    return OK;
}

static err_t file_value(const struct cli_given *given, json_t **out)
{
    AUTO_VAL(buf) text = {0};
    TRY(cli_file_read(given->text, &text));
    if (given->argument->kind == CLI_JSON) {
        return json_parse(buf_view(&text), FILE_LIMIT, out);
    }
    *out = json_stringn(buf_str(&text), text.n);
    ENSURE(*out != NULL, ERR_BAD_REQUEST, "%.100s is not a text in UTF-8", given->text);
    return OK;
}

static err_t seconds_value(const struct cli_given *given, json_t **out)
{
    int64_t seconds = 0;
    ENSURE(cli_span_parse(given->text, &seconds), ERR_BAD_REQUEST, "%s is a span of time: 90d, 12h, 30m, 10s",
           given->argument->name);
    *out = json_integer(seconds);
    return OK;
}

static err_t when_value(const struct cli_request_parts *parts, const struct cli_given *given, json_t **out)
{
    char text[32];
    int64_t seconds = 0;
    int64_t at_ms = 0;
    if (time_parse(bytes_str(given->text), &at_ms).code != ERR_OK) {
        ENSURE(cli_span_parse(given->text, &seconds), ERR_BAD_REQUEST,
               "%s is a time (2026-11-22T17:40:39Z) or a span of it from now on (90d)",
               given->argument->name);
        at_ms = clock_now_ms(parts->clock) + seconds * 1000;
    }
    time_format(at_ms, text);
    *out = json_string(text);
    return OK;
}

/* --- the body --------------------------------------------------------------------------------------- */

/* The member, made when it is not there yet. */
static err_t member_of(json_t *body, const char *name, json_t *(*make)(void), json_t **out)
{
    *out = json_object_get(body, name);
    if (*out == NULL) {
        TRY(json_take(body, name, make()));
        *out = json_object_get(body, name);
    }
    return OK;
}

/* Where a value goes: a member of the body, or of an object in it. */
struct place {
    json_t *object;
    const char *member;
};

static err_t place_of(json_t *body, const char *path, struct place *out)
{
    const char *dot = strchr(path, '.');
    *out = (struct place){body, path};
    if (dot == NULL) {
        return OK;
    }
    AUTO(char) *name = strndup(path, (size_t)(dot - path));
    ENSURE(name != NULL, ERR_NO_MEMORY, "no memory for a name");
    out->member = dot + 1;
    return member_of(body, name, json_object, &out->object);
}

static err_t add_words(const struct place *place, const struct cli_given *given)
{
    json_t *list = NULL;
    const char *separators = given->argument->kind == CLI_WORDS ? "," : "";
    TRY(member_of(place->object, place->member, json_array, &list));
    for (const char *p = given->text; *p != '\0';) {
        size_t size = strcspn(p, separators);
        if (size > 0) {
            ENSURE(json_array_append_new(list, json_stringn(p, size)) == 0, ERR_NO_MEMORY,
                   "no memory for a list");
        }
        p += size + (p[size] == '\0' ? 0 : 1);
    }
    return OK;
}

static err_t put_pair(json_t *object, const struct cli_given *given, const char *text, size_t size)
{
    const char *sign = memchr(text, '=', size);
    ENSURE(sign != NULL && sign != text, ERR_BAD_REQUEST, "%s is NAME=VALUE", given->argument->name);
    AUTO(char) *name = strndup(text, (size_t)(sign - text));
    ENSURE(name != NULL, ERR_NO_MEMORY, "no memory for a name");
    return json_take(object, name, json_stringn(sign + 1, size - (size_t)(sign + 1 - text)));
}

static err_t add_pair(const struct place *place, const struct cli_given *given)
{
    json_t *object = NULL;
    TRY(member_of(place->object, place->member, json_object, &object));
    if (given->argument->kind == CLI_ABSENT) {
        return json_take(object, given->text, json_null());
    }
    return put_pair(object, given, given->text, strlen(given->text));
}

static const char WAVE_COUNT[] = "count:";

static err_t wave_value(const struct cli_given *given, const char *text, size_t size, json_t *out)
{
    char number[12];
    int64_t n = 0;
    if (memchr(text, '=', size) != NULL) {
        AUTO(json_t) *label = json_object();
        TRY(put_pair(label, given, text, size));
        return json_take(out, "label", TAKE(label));
    }
    const size_t prefix = strlen(WAVE_COUNT);
    bool is_count = size > prefix && strncmp(text, WAVE_COUNT, prefix) == 0;
    text += is_count ? prefix : 0;
    size -= is_count ? prefix : 0;
    bool fits = size < sizeof number;
    (void)memcpy(number, text, fits ? size : 0);
    number[fits ? size : 0] = '\0';
    ENSURE(parse_integer(number, &n), ERR_BAD_REQUEST,
           "%s are labels (NAME=VALUE), percents and, of rollouts, counts (count:N)", given->argument->name);
    return json_set_int(out, is_count ? "count" : "percent", n);
}

static err_t add_waves(const struct place *place, const struct cli_given *given)
{
    json_t *list = NULL;
    TRY(member_of(place->object, place->member, json_array, &list));
    for (const char *p = given->text; *p != '\0';) {
        size_t size = strcspn(p, ",");
        AUTO(json_t) *wave = json_object();
        TRY(wave_value(given, p, size, wave));
        ENSURE(json_array_append_new(list, TAKE(wave)) == 0, ERR_NO_MEMORY, "no memory for a list");
        p += size + (p[size] == '\0' ? 0 : 1);
    }
    return OK;
}

static err_t add_image(const struct place *place, const struct cli_given *given)
{
    json_t *list = NULL;
    json_t *image = NULL;
    TRY(member_of(place->object, place->member, json_array, &list));
    TRY(cli_release_image(given->text, &image));
    ENSURE(json_array_append_new(list, image) == 0, ERR_NO_MEMORY, "no memory for a list");
    return OK;
}

static err_t single_value(const struct cli_request_parts *parts, const struct cli_given *given, json_t **out)
{
    switch (given->argument->kind) {
    case CLI_INTEGER:
        return integer_value(given, out);
    case CLI_BOOLEAN:
    case CLI_FLAG:
        return boolean_value(given, out);
    case CLI_FILE:
    case CLI_JSON:
        return file_value(given, out);
    case CLI_SECONDS:
        return seconds_value(given, out);
    case CLI_WHEN:
        return when_value(parts, given, out);
    case CLI_TEXT:
    case CLI_WORDS:
    case CLI_ITEMS:
    case CLI_PAIR:
    case CLI_WAVES:
    case CLI_IMAGES:
    case CLI_ABSENT:
        break;
    }
    return text_value(parts, given, out);
}

static err_t add_member(const struct cli_request_parts *parts, const struct cli_given *given, json_t *body)
{
    json_t *value = NULL;
    struct place place;
    enum cli_kind kind = given->argument->kind;
    TRY(place_of(body, given->argument->member, &place));
    if (kind == CLI_WORDS || kind == CLI_ITEMS) {
        return add_words(&place, given);
    }
    if (kind == CLI_PAIR || kind == CLI_ABSENT) {
        return add_pair(&place, given);
    }
    if (kind == CLI_WAVES) {
        return add_waves(&place, given);
    }
    if (kind == CLI_IMAGES) {
        return add_image(&place, given);
    }
    TRY(single_value(parts, given, &value));
    return json_take(place.object, place.member, value);
}

err_t cli_request_body(const struct cli_request_parts *parts, const struct cli_line *line, json_t **out)
{
    *out = NULL;
    AUTO(json_t) *body = json_object();
    for (size_t i = 0; i < line->given_count; i++) {
        const struct cli_given *given = &line->given[i];
        if (given->argument->place == CLI_IN_BODY) {
            ENSURE(utf8_is_valid(bytes_str(given->text)), ERR_BAD_REQUEST, "%s is not UTF-8",
                   given->argument->name);
            TRY(add_member(parts, given, body));
        }
    }
    *out = TAKE(body);
    return OK;
}
