/* Cuts the elements of a JSON list out of a stream. Between elements only the list's own brackets and commas
 * count; an element is then parsed as a document of its own, so a fault inside it is found there. */
#include <string.h>

#include "fleet/handover_internal.h"

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The fixed text before or behind the list; white space may stand between its tokens. */
static err_t take_fixed(struct json_cutter *json, const char *fixed, uint8_t c)
{
    if (!json->is_quoted && is_space(c)) {
        return OK;
    }
    ENSURE(fixed[json->at] != '\0', ERR_BAD_JSON, "there is something behind the list");
    ENSURE(c == (uint8_t)fixed[json->at], ERR_BAD_JSON, "the body must have the form %s … %s",
           json->place == JSON_BEFORE ? fixed : "[", json->place == JSON_BEHIND ? fixed : "]");
    if (c == '"') {
        json->is_quoted = !json->is_quoted;
    }
    json->at++;
    return OK;
}

static bool is_blank(struct bytes text)
{
    for (size_t i = 0; i < text.n; i++) {
        if (!is_space(text.p[i])) {
            return false;
        }
    }
    return true;
}

static err_t end_element(struct handover *handover, bool is_last)
{
    struct json_cutter *json = &handover->u.json;
    struct bytes text = buf_view(&json->element);
    if (is_last) {
        json->place = JSON_BEHIND;
        json->at = 0;
        if (json->number == 0 && is_blank(text)) {
            return OK;
        }
    }
    json->number++;
    while (text.n > 0 && is_space(text.p[0])) {
        text = (struct bytes){text.p + 1, text.n - 1};
    }
    while (text.n > 0 && is_space(text.p[text.n - 1])) {
        text.n--;
    }
    err_t error = handover->kind->on_text(handover, json->number, text);
    json->element.n = 0;
    return error;
}

/* @return true when `c` ends the element */
static bool is_end(struct json_cutter *json, uint8_t c)
{
    if (json->is_quoted) {
        json->is_quoted = json->is_escaped || c != '"';
        json->is_escaped = !json->is_escaped && c == '\\';
        return false;
    }
    if (json->depth == 0 && (c == ',' || c == ']')) {
        return true;
    }
    json->is_quoted = c == '"';
    json->depth += (c == '[' || c == '{') - (c == ']' || c == '}');
    return false;
}

static err_t keep(struct json_cutter *json, const uint8_t *p, size_t n)
{
    ENSURE(json->element.n + n <= HANDOVER_PIECE_MAX, ERR_TOO_LARGE, "element %llu has more than %d bytes",
           (unsigned long long)json->number + 1, HANDOVER_PIECE_MAX);
    return buf_append(&json->element, p, n);
}

/* Takes bytes up to the end of an element. @param[out] used how many */
static err_t take_inside(struct handover *handover, struct bytes chunk, size_t *used)
{
    struct json_cutter *json = &handover->u.json;
    for (size_t i = 0; i < chunk.n; i++) {
        if (is_end(json, chunk.p[i])) {
            *used = i + 1;
            TRY(keep(json, chunk.p, i));
            return end_element(handover, chunk.p[i] == ']');
        }
        ENSURE(json->depth >= 0, ERR_BAD_JSON, "element %llu: a bracket that was not opened",
               (unsigned long long)json->number + 1);
    }
    *used = chunk.n;
    return keep(json, chunk.p, chunk.n);
}

err_t json_cut(struct handover *handover, struct bytes chunk)
{
    struct json_cutter *json = &handover->u.json;
    const struct handover_kind *kind = handover->kind;
    while (chunk.n > 0) {
        size_t used = 1;
        if (json->place == JSON_INSIDE) {
            TRY(take_inside(handover, chunk, &used));
        } else {
            TRY(take_fixed(json, json->place == JSON_BEFORE ? kind->before : kind->behind, chunk.p[0]));
            if (json->place == JSON_BEFORE && kind->before[json->at] == '\0') {
                json->place = JSON_INSIDE;
            }
        }
        chunk = (struct bytes){chunk.p + used, chunk.n - used};
    }
    return OK;
}

err_t json_cut_finish(struct handover *handover)
{
    const struct json_cutter *json = &handover->u.json;
    ENSURE(json->place == JSON_BEHIND && handover->kind->behind[json->at] == '\0', ERR_BAD_JSON,
           "the body ends within the list, after element %llu", (unsigned long long)json->number);
    return OK;
}

err_t json_element_parse(struct bytes text, uint64_t number, json_t **list)
{
    AUTO_VAL(buf) document = {0};
    AUTO(json_t) *parsed = NULL;
    TRY(buf_append(&document, "[", 1));
    TRY(buf_append_bytes(&document, text));
    TRY(buf_append(&document, "]", 1));
    err_t error = json_parse(buf_view(&document), document.n, &parsed);
    ENSURE(error.code == ERR_OK, ERR_BAD_JSON, "entry %llu: %.100s", (unsigned long long)number,
           error.detail);
    ENSURE(json_array_size(parsed) == 1, ERR_BAD_JSON, "entry %llu is not one value",
           (unsigned long long)number);
    *list = TAKE(parsed);
    return OK;
}
