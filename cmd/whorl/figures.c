/* One walk over a copy of the text, whose separators become ends of texts. */
#include "cmd/whorl/figures.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char NAME_FIRST[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_:";
static const char NAME[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_:0123456789";

void cli_figures_clear(struct cli_figures *figures)
{
    free(figures->text);
    free(figures->items);
    *figures = (struct cli_figures){.count = 0};
}

static err_t add(struct cli_figures *figures, const struct cli_figure *figure)
{
    ENSURE(figures->count < CLI_FIGURES_MAX, ERR_TOO_LARGE, "more than %d figures", CLI_FIGURES_MAX);
    if (figures->count == figures->capacity) {
        size_t capacity = figures->capacity == 0 ? 256 : 2 * figures->capacity;
        struct cli_figure *more = realloc(figures->items, capacity * sizeof *more);
        ENSURE(more != NULL, ERR_NO_MEMORY, "figures");
        figures->items = more;
        figures->capacity = capacity;
    }
    figures->items[figures->count++] = *figure;
    return OK;
}

/* Ends the name at *p, which goes behind it; the character that stood there is given. '\0': no name. */
static char take_name(char **p, const char **out)
{
    size_t n = strchr(NAME_FIRST, **p) != NULL && **p != '\0' ? strspn(*p, NAME) : 0;
    char next = n == 0 ? '\0' : (*p)[n];
    *out = *p;
    if (next != '\0') {
        (*p)[n] = '\0';
        *p += n + 1;
    }
    return next;
}

/* The text up to its closing quote, escapes undone in place; *p goes behind the quote. */
static bool take_value(char **p, const char **out)
{
    char *to = *p;
    *out = to;
    for (char *from = *p; *from != '\0'; from++) {
        if (*from == '"') {
            *to = '\0';
            *p = from + 1;
            return true;
        }
        if (*from == '\\') {
            from++;
            if (*from != '\\' && *from != '"' && *from != 'n') {
                return false;
            }
            *from = *from == 'n' ? '\n' : *from;
        }
        *to++ = *from;
    }
    return false;
}

/* Behind the {, up to behind the }. */
static bool take_labels(char **p, struct cli_figure *out)
{
    while (**p != '}') {
        struct cli_figure_label *label = &out->labels[out->label_count];
        if (out->label_count == CLI_FIGURE_LABELS_MAX || take_name(p, &label->name) != '=' || **p != '"') {
            return false;
        }
        (*p)++;
        if (!take_value(p, &label->value)) {
            return false;
        }
        out->label_count++;
        if (**p != '}' && *(*p)++ != ',') {
            return false;
        }
    }
    (*p)++;
    return true;
}

/* A decimal number or one of the words of the format; strtod() knows more of both. */
static bool take_number(const char *p, double *out)
{
    size_t n = strcspn(p, " ");
    char *end = NULL;
    bool is_word = strncmp(p, "+Inf", n) == 0 || strncmp(p, "-Inf", n) == 0 || strncmp(p, "NaN", n) == 0;
    if (n == 0 || (!is_word && strspn(p, "0123456789+-.eE") < n)) {
        return false;
    }
    *out = strtod(p, &end);
    return end == p + n;
}

static bool take_sample(char *line, struct cli_figure *out)
{
    char *p = line;
    char next = take_name(&p, &out->name);
    if (next == '{') {
        return take_labels(&p, out) && *p == ' ' && take_number(p + 1, &out->value);
    }
    return next == ' ' && take_number(p, &out->value);
}

/* @param[out] is_end the last line of the format was there */
static err_t take_lines(struct cli_figures *out, bool *is_end)
{
    size_t number = 0;
    *is_end = false;
    for (char *line = out->text; *line != '\0' && !*is_end;) {
        struct cli_figure figure = {.label_count = 0};
        char *end = strchr(line, '\n');
        ENSURE(end != NULL, ERR_BAD_ENCODING, "the last line of the figures is not whole");
        *end = '\0';
        number++;
        *is_end = strcmp(line, "# EOF") == 0;
        if (line[0] != '#') {
            ENSURE(take_sample(line, &figure), ERR_BAD_ENCODING, "line %zu of the figures is no sample",
                   number);
            TRY(add(out, &figure));
        }
        line = end + 1;
        ENSURE(!*is_end || *line == '\0', ERR_BAD_ENCODING, "something follows the end of the figures");
    }
    return OK;
}

err_t cli_figures_read(struct bytes text, struct cli_figures *out)
{
    bool is_end = false;
    ENSURE(text.n <= CLI_FIGURES_TEXT_MAX, ERR_TOO_LARGE, "more than %d bytes of figures",
           CLI_FIGURES_TEXT_MAX);
    ENSURE(text.n == 0 || memchr(text.p, '\0', text.n) == NULL, ERR_BAD_ENCODING,
           "a byte 0 is in the figures");
    out->text = calloc(1, text.n + 1);
    ENSURE(out->text != NULL, ERR_NO_MEMORY, "figures");
    if (text.n > 0) {
        memcpy(out->text, text.p, text.n);
    }
    TRY(take_lines(out, &is_end));
    ENSURE(is_end, ERR_BAD_ENCODING, "the figures end before their end");
    return OK;
}

const char *cli_figure_label(const struct cli_figure *figure, const char *name)
{
    for (size_t i = 0; i < figure->label_count; i++) {
        if (strcmp(figure->labels[i].name, name) == 0) {
            return figure->labels[i].value;
        }
    }
    return "";
}

bool cli_figure_is(const struct cli_figure *figure, const struct cli_figure_choice *choice)
{
    if (strcmp(figure->name, choice->name) != 0) {
        return false;
    }
    if (choice->label == NULL) {
        return true;
    }
    const char *value = cli_figure_label(figure, choice->label);
    return choice->is_beginning ? strncmp(value, choice->value, strlen(choice->value)) == 0
                                : strcmp(value, choice->value) == 0;
}

bool cli_figures_sum(const struct cli_figures *figures, const struct cli_figure_choice *choice, double *out)
{
    bool is_there = false;
    *out = 0;
    for (size_t i = 0; i < figures->count; i++) {
        const struct cli_figure *figure = &figures->items[i];
        if (cli_figure_is(figure, choice) && isfinite(figure->value)) {
            *out += figure->value;
            is_there = true;
        }
    }
    return is_there;
}
