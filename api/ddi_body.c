/* The bodies that devices send, as values. Lenient where clients are careless: unknown fields, ids of any
 * kind, times of any form are not looked at; strict where a word decides something. */
#include "api/ddi.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

static const char *const words[] = {
    [FIRMWARE_PROCEEDING] = "proceeding", [FIRMWARE_DOWNLOAD] = "download",
    [FIRMWARE_DOWNLOADED] = "downloaded", [FIRMWARE_SCHEDULED] = "scheduled",
    [FIRMWARE_RESUMED] = "resumed",       [FIRMWARE_REJECTED] = "rejected",
    [FIRMWARE_CANCELED] = "canceled",     [FIRMWARE_CLOSED] = "closed",
};
static const char *const finishes[] = {
    [FIRMWARE_NONE] = "none", [FIRMWARE_SUCCESS] = "success", [FIRMWARE_FAILURE] = "failure"};
static const char *const modes[] = {
    [ATTRIBUTES_MERGE] = "merge", [ATTRIBUTES_REPLACE] = "replace", [ATTRIBUTES_REMOVE] = "remove"};

static err_t read_word(const json_t *value, const char *const *known, size_t count, const char *where,
                       int *out)
{
    const char *word = json_string_value(value);
    ENSURE(word != NULL, ERR_BAD_REQUEST, "%s is missing, or no text", where);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(word, known[i]) == 0) {
            *out = (int)i;
            return OK;
        }
    }
    return ERR(ERR_BAD_REQUEST, "%s '%.32s' is not known", where, word);
}

/* --- feedback ---------------------------------------------------------------------------------------- */

struct text_out {
    char *at;
    size_t room; /* the NUL not counted */
};

/* Whole characters, in one line. @return whether all of it found room */
static bool text_add(struct text_out *out, struct bytes text)
{
    while (text.n > 0) {
        size_t step = utf8_char_size(text);
        step = step == 0 ? 1 : step;
        if (step > out->room) {
            out->room = 0;
            return false;
        }
        bool is_control = step == 1 && (text.p[0] < 0x20 || text.p[0] >= 0x7f);
        (void)memcpy(out->at, is_control ? (const uint8_t *)" " : text.p, step);
        out->at += step;
        out->room -= step;
        text = (struct bytes){text.p + step, text.n - step};
    }
    return true;
}

static void join_details(const json_t *details, char out[FIRMWARE_REPORT_TEXT_SIZE])
{
    struct text_out text = {.at = out, .room = FIRMWARE_REPORT_TEXT_SIZE - 1};
    for (size_t i = 0; i < json_array_size(details); i++) {
        const json_t *item = json_array_get(details, i);
        struct bytes line = {(const uint8_t *)json_string_value(item), json_string_length(item)};
        if (line.n == 0) {
            continue;
        }
        if ((text.at != out && !text_add(&text, bytes_str("; "))) || !text_add(&text, line)) {
            break;
        }
    }
    *text.at = '\0';
}

static void read_numbers(const json_t *status, const json_t *result, struct ddi_feedback *out)
{
    const json_t *progress = json_object_get(result, "progress");
    const json_t *done = json_object_get(progress, "cnt");
    const json_t *of = json_object_get(progress, "of");
    const json_t *code = json_object_get(status, "code");
    out->done = json_integer_value(done);
    out->of = json_integer_value(of);
    /* what counts nothing is no progress */
    out->has_progress = json_is_integer(done) && out->done >= 0 && out->of >= 1 && out->done <= out->of;
    out->has_code = json_is_integer(code);
    out->code = json_integer_value(code);
}

err_t ddi_feedback_read(const json_t *document, struct ddi_feedback *out)
{
    int word = 0;
    int finish = 0;
    *out = (struct ddi_feedback){.text = ""};
    ENSURE(json_is_object(document), ERR_BAD_REQUEST, "a report is an object");
    const json_t *status = json_object_get(document, "status");
    ENSURE(json_is_object(status), ERR_BAD_REQUEST, "status is missing, or no object");
    const json_t *result = json_object_get(status, "result");
    ENSURE(json_is_object(result), ERR_BAD_REQUEST, "status.result is missing, or no object");
    TRY(read_word(json_object_get(status, "execution"), words, sizeof words / sizeof words[0],
                  "status.execution", &word));
    TRY(read_word(json_object_get(result, "finished"), finishes, sizeof finishes / sizeof finishes[0],
                  "status.result.finished", &finish));
    out->word = (enum firmware_word)word;
    out->finish = (enum firmware_finish)finish;
    read_numbers(status, result, out);
    join_details(json_object_get(status, "details"), out->text);
    return OK;
}

/* --- configData -------------------------------------------------------------------------------------- */

void ddi_attributes_clear(struct ddi_attributes *attributes)
{
    json_decref(attributes->data);
    *attributes = (struct ddi_attributes){.data = NULL};
}

/* Numbers and flags as the text that they are. */
static err_t add_value(json_t *data, const char *name, const json_t *value)
{
    char number[32];
    if (json_is_string(value)) {
        return json_set_text(data, name, json_string_value(value));
    }
    if (json_is_integer(value)) {
        (void)snprintf(number, sizeof number, "%" PRId64, (int64_t)json_integer_value(value));
        return json_set_text(data, name, number);
    }
    ENSURE(json_is_boolean(value), ERR_BAD_REQUEST, "the attribute '%.64s' is no text", name);
    return json_set_text(data, name, json_is_true(value) ? "true" : "false");
}

err_t ddi_attributes_read(const json_t *document, struct ddi_attributes *out)
{
    union {
        const json_t *borrowed;
        json_t *iterated; /* jansson's iterators take a json_t *, but only read */
    } o;
    int mode = ATTRIBUTES_MERGE;
    const json_t *word = json_object_get(document, "mode");
    ENSURE(json_is_object(document), ERR_BAD_REQUEST, "configData is an object");
    o.borrowed = json_object_get(document, "data");
    ENSURE(json_is_object(o.borrowed), ERR_BAD_REQUEST, "data is missing, or no object");
    if (word != NULL && !json_is_null(word)) {
        TRY(read_word(word, modes, sizeof modes / sizeof modes[0], "mode", &mode));
    }
    out->mode = (enum attributes_mode)mode;
    out->data = json_object();
    ENSURE(out->data != NULL, ERR_NO_MEMORY, "attributes");
    for (void *i = json_object_iter(o.iterated); i != NULL; i = json_object_iter_next(o.iterated, i)) {
        TRY(add_value(out->data, json_object_iter_key(i), json_object_iter_value(i)));
    }
    return OK;
}
