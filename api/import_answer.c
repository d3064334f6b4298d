/* The report of an import as JSON, piece by piece out of the import's temporary file. A short one becomes a
 * plain body. */
#include "api/import_answer.h"

#include <stdio.h>
#include <stdlib.h>

#include "api/render.h"
#include "base/json.h"
#include "base/utf8.h"

enum { PIECE_SIZE = 64 * 1024 };

struct answer {
    struct import *import;
    struct buf head; /* up to the list's '[' and what follows of the first piece */
    bool has_line;
};

static void answer_free(void *state)
{
    struct answer *answer = state;
    if (answer != NULL) {
        import_free(answer->import);
        buf_clear(&answer->head);
        free(answer);
    }
}

/* A text that was cut within a character, or that quotes bytes of the list, may not be UTF-8. */
static err_t set_clean(json_t *object, const char *name, const char *text)
{
    bool is_clean = utf8_is_valid(bytes_str(text));
    return json_set_text(object, name, is_clean ? text : "refused, for a value that is not UTF-8");
}

static err_t append_line(struct answer *answer, const struct import_refusal *line, struct buf *out)
{
    char id[2 * DEVICE_ID_SIZE + 1];
    AUTO(json_t) *object = json_object();
    TRY(json_set_int(object, "line", (int64_t)line->line));
    if (line->has_id) {
        hex_encode(BYTES_OF(line->id.b), id);
        TRY(json_set_text(object, "id", id));
    }
    if (line->serial[0] != '\0') {
        TRY(json_set_text(object, "serial", line->serial));
    }
    TRY(json_set_text(object, "code", err_slug(line->code)));
    TRY(set_clean(object, "reason", line->reason));
    TRY(answer->has_line ? buf_append(out, ",", 1) : OK);
    answer->has_line = true;
    return json_append(out, object);
}

static err_t next(void *state, struct buf *chunk, bool *is_end)
{
    struct answer *answer = state;
    struct import_refusal line;
    bool is_last = false;
    TRY(buf_append_bytes(chunk, buf_view(&answer->head)));
    answer->head.n = 0;
    while (chunk->n < PIECE_SIZE) {
        TRY(import_next_refusal(answer->import, &line, &is_last));
        if (is_last) {
            *is_end = true;
            return buf_append_str(chunk, "]}");
        }
        TRY(append_line(answer, &line, chunk));
    }
    return OK;
}

static err_t render_success(const struct import_outcome *outcome, json_t *object)
{
    const struct import_result *result = &outcome->result;
    if (result->is_registered) {
        AUTO(json_t) *batch = NULL;
        TRY(render_batch(&result->batch, outcome->product, &batch));
        TRY(json_take(object, "batch", TAKE(batch)));
    } else {
        TRY(json_take(object, "batch", json_null()));
    }
    return json_set_bool(object, "dry_run", outcome->is_dry_run);
}

static err_t render_problem(const struct request *request, const err_t *error, json_t *object)
{
    char type[64];
    snprintf(type, sizeof type, "/problems/%s", err_slug(error->code));
    TRY(json_set_text(object, "type", type));
    TRY(json_set_text(object, "title", err_title(error->code)));
    TRY(json_set_int(object, "status", err_status(error->code)));
    TRY(set_clean(object, "detail", error->detail));
    return json_set_text(object, "request_id", request->request_id);
}

/* Everything but the lines; the object stays open behind `"lines":[`. */
static err_t render_head(const struct request *request, const struct import_outcome *outcome, bool is_problem,
                         struct buf *out)
{
    const struct import_result *result = &outcome->result;
    AUTO(json_t) *object = json_object();
    TRY(is_problem ? render_problem(request, &result->refusal, object) : render_success(outcome, object));
    TRY(json_set_int(object, "accepted", result->accepted));
    TRY(json_set_int(object, "refused", result->refused));
    TRY(json_append(out, object));
    out->n--; /* its '}' */
    return buf_append_str(out, ",\"lines\":[");
}

static err_t make_answer(struct import *import, struct answer **out)
{
    *out = calloc(1, sizeof **out);
    if (*out == NULL) {
        import_free(import);
        return ERR(ERR_NO_MEMORY, "no memory for an answer");
    }
    (*out)->import = import;
    return OK;
}

static err_t set_source(struct answer *answer, struct response *response)
{
    response->source = calloc(1, sizeof *response->source);
    ENSURE(response->source != NULL, ERR_NO_MEMORY, "no memory for an answer");
    *response->source = (struct response_source){.state = answer, .next = next, .free = answer_free};
    return OK;
}

static err_t fill(const struct request *request, const struct import_outcome *outcome, struct answer **answer,
                  struct response *response)
{
    bool is_problem = outcome->result.refusal.code != ERR_OK && !outcome->is_dry_run;
    bool is_end = false;
    TRY(render_head(request, outcome, is_problem, &(*answer)->head));
    TRY(next(*answer, &response->body, &is_end));
    response->status = is_problem            ? err_status(outcome->result.refusal.code)
                       : outcome->is_dry_run ? 200
                                             : 201;
    response->content_type = is_problem ? "application/problem+json" : "application/json";
    if (is_end) {
        return OK;
    }
    /* too long for one piece: what is made already is the source's first */
    TRY(buf_append_bytes(&(*answer)->head, buf_view(&response->body)));
    buf_clear(&response->body);
    TRY(set_source(*answer, response));
    *answer = NULL;
    return OK;
}

err_t import_answer(const struct request *request, struct import *import,
                    const struct import_outcome *outcome, struct response *response)
{
    struct answer *answer = NULL;
    TRY(make_answer(import, &answer));
    err_t error = fill(request, outcome, &answer, response);
    answer_free(answer);
    return error;
}
