/* What a server said when it did not do what was asked (RFC 9457), in few lines. */
#include <string.h>

#include "cmd/whorl/cli.h"

enum { PROBLEM_LIMIT = 1024 * 1024 };

struct problem {
    const char *title, *detail, *request_id;
    json_t *errors;
};

/* Any part may be absent, or of another kind: a proxy may have answered. */
static void read_problem(const json_t *document, struct problem *out)
{
    out->title = json_string_value(json_object_get(document, "title"));
    out->detail = json_string_value(json_object_get(document, "detail"));
    out->request_id = json_string_value(json_object_get(document, "request_id"));
    out->errors = json_object_get(document, "errors");
}

static void tell_errors(struct cli_output *output, const json_t *errors)
{
    for (size_t i = 0; i < json_array_size(errors); i++) {
        const json_t *item = json_array_get(errors, i);
        const char *pointer = json_string_value(json_object_get(item, "pointer"));
        const char *detail = json_string_value(json_object_get(item, "detail"));
        cli_note(output, "  %s: %s", pointer == NULL || pointer[0] == '\0' ? "the whole" : pointer,
                 detail == NULL ? "not acceptable" : detail);
    }
}

/* Of one wrong field the detail says what errors[] says again. */
static const char *own_detail(const struct problem *problem)
{
    const char *first = json_string_value(json_object_get(json_array_get(problem->errors, 0), "detail"));
    bool is_told_below = first != NULL && problem->detail != NULL && strcmp(first, problem->detail) == 0;
    return is_told_below ? NULL : problem->detail;
}

/* What a person can do about it, where the server cannot know. */
static void tell_advice(struct cli_output *output, const struct cli_answer *answer)
{
    if (answer->status == 401) {
        cli_note(output, "  `whorl login` gets another credential");
    } else if (answer->status == 412) {
        cli_note(output,
                 "  it was changed by somebody else meanwhile, and nothing was done; the same command again "
                 "is based on what it is now");
    } else if (answer->retry_after[0] != '\0') {
        cli_note(output, "  to be tried again in %s s", answer->retry_after);
    } else if (answer->status >= 300 && answer->status < 400) {
        cli_note(output, "  it wants to send us to %s, where your credential must not go", answer->location);
    }
}

err_t cli_problem(struct cli_output *output, const struct cli_answer *answer)
{
    AUTO(json_t) *document = NULL;
    struct problem problem = {.title = NULL};
    if (json_parse(buf_view(&answer->body), PROBLEM_LIMIT, &document).code == ERR_OK) {
        read_problem(document, &problem);
    }
    const char *detail = own_detail(&problem);
    cli_note(output, "whorl: %s%s%s (%d)", problem.title == NULL ? "the server answered" : problem.title,
             detail == NULL ? "" : ": ", detail == NULL ? "" : detail, answer->status);
    tell_errors(output, problem.errors);
    tell_advice(output, answer);
    if (problem.request_id != NULL) {
        cli_note(output, "  request %s", problem.request_id);
    }
    return ERR(ERR_CONFLICT, "%s", "");
}
