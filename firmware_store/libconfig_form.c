/* libconfig loses the memory of a text in quotes that stands where none may, or that nobody ends; and it
 * tells a line where a person wants the byte. So the form is read here first: what passes has its texts in
 * their places. */
#include "firmware_store/libconfig_form.h"

#include <string.h>

struct scan {
    struct bytes text;
    size_t at;
    int depth_max;
    const char *fault;
};

static bool fail(struct scan *scan, const char *fault)
{
    scan->fault = scan->fault == NULL ? fault : scan->fault;
    return false;
}

static uint8_t peek(const struct scan *scan)
{
    return scan->at < scan->text.n ? scan->text.p[scan->at] : 0;
}

static bool is_at(const struct scan *scan, const char *word)
{
    size_t n = strlen(word);
    return scan->text.n - scan->at >= n && memcmp(scan->text.p + scan->at, word, n) == 0;
}

static void skip_to(struct scan *scan, const char *end, size_t more)
{
    const uint8_t *from = scan->text.p + scan->at;
    const uint8_t *found = memmem(from, scan->text.n - scan->at, end, strlen(end));
    scan->at = found == NULL ? scan->text.n : (size_t)(found - scan->text.p) + more;
}

static void skip_space(struct scan *scan)
{
    for (;;) {
        if (is_at(scan, "/*")) {
            scan->at += 2;
            skip_to(scan, "*/", 2);
        } else if (is_at(scan, "//") || is_at(scan, "#")) {
            skip_to(scan, "\n", 0);
        } else if (peek(scan) != 0 && strchr(" \t\r\n", peek(scan)) != NULL) {
            scan->at++;
        } else {
            return;
        }
    }
}

static bool is_name_byte(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != 0 && strchr("-_*+.", c) != NULL);
}

static bool take_word(struct scan *scan)
{
    size_t from = scan->at;
    while (is_name_byte(peek(scan))) {
        scan->at++;
    }
    return scan->at > from || fail(scan, "here a name or a value must stand");
}

static bool take_texts(struct scan *scan)
{
    while (peek(scan) == '"') {
        scan->at++;
        while (scan->at < scan->text.n && peek(scan) != '"') {
            scan->at += peek(scan) == '\\' ? 2 : 1;
        }
        if (scan->at >= scan->text.n) {
            scan->at = scan->text.n;
            return fail(scan, "it ends within a text in quotes");
        }
        scan->at++;
        skip_space(scan);
    }
    return true;
}

static bool take_settings(struct scan *scan, int depth, uint8_t end);
static bool take_value(struct scan *scan, int depth);

static bool take_values(struct scan *scan, int depth, uint8_t end) // NOLINT(misc-no-recursion): by depth_max
{
    skip_space(scan);
    while (peek(scan) != end) {
        if (!take_value(scan, depth)) {
            return false;
        }
        skip_space(scan);
        if (peek(scan) != end && peek(scan) != ',') {
            return fail(scan, "here a comma or the end of the list must stand");
        }
        scan->at += peek(scan) == ',' ? 1 : 0;
        skip_space(scan);
    }
    scan->at++;
    return true;
}

/* `depth` is that of what the value stands in. */
static bool take_value(struct scan *scan, int depth) // NOLINT(misc-no-recursion): bounded by depth_max
{
    skip_space(scan);
    uint8_t first = peek(scan);
    if (first == '"') {
        return take_texts(scan);
    }
    if (first != '{' && first != '(' && first != '[') {
        return take_word(scan);
    }
    if (depth >= scan->depth_max) {
        return fail(scan, "it is nested deeper than is taken");
    }
    scan->at++;
    return first == '{' ? take_settings(scan, depth + 1, '}')
                        : take_values(scan, depth + 1, first == '(' ? ')' : ']');
}

/* @param end 0: that of the text */
static bool take_settings(struct scan *scan, int depth, uint8_t end) // NOLINT(misc-no-recursion): so is this
{
    for (skip_space(scan); peek(scan) != end || (end == 0 && scan->at < scan->text.n); skip_space(scan)) {
        if (!take_word(scan)) {
            return false;
        }
        skip_space(scan);
        if (peek(scan) != '=' && peek(scan) != ':') {
            return fail(scan, "here = or : must stand");
        }
        scan->at++;
        if (!take_value(scan, depth)) {
            return false;
        }
        skip_space(scan);
        scan->at += peek(scan) == ';' || peek(scan) == ',' ? 1 : 0;
    }
    scan->at += end == 0 ? 0 : 1;
    return true;
}

const char *libconfig_form_fault(struct bytes text, int depth_max, size_t *at)
{
    struct scan scan = {.text = text, .depth_max = depth_max};
    bool is_good = take_settings(&scan, 0, 0);
    *at = scan.at;
    return is_good ? NULL : scan.fault;
}
