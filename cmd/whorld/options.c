/* Long options by table: the few that the commands need, and no more. */
#include <stdio.h>
#include <string.h>

#include "cmd/whorld/commands.h"

int fail(err_t error)
{
    (void)fprintf(stderr, "whorld: %s\n", error.detail[0] != '\0' ? error.detail : err_title(error.code));
    return EXIT_FAILED;
}

static bool usage(const char *text, const char *what)
{
    (void)fprintf(stderr, "whorld: %s \"%s\"; `whorld help` shows the commands\n", text, what);
    return false;
}

static bool store(const struct option_spec *spec, const char *value)
{
    if (spec->list != NULL) {
        if (*spec->list_count >= spec->list_max) {
            return usage("too many times", spec->name);
        }
        spec->list[(*spec->list_count)++] = value;
        return true;
    }
    *spec->value = value;
    return true;
}

static const struct option_spec *find(const struct option_spec *specs, int count, const char *name, size_t n)
{
    for (int i = 0; i < count; i++) {
        if (strlen(specs[i].name) == n && memcmp(specs[i].name, name, n) == 0) {
            return &specs[i];
        }
    }
    return NULL;
}

bool options_read(int argc, char **argv, const struct option_spec *specs, int count)
{
    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], "--", 2) != 0) {
            return usage("not an option:", argv[i]);
        }
        const char *name = argv[i] + 2;
        const char *equals = strchr(name, '=');
        size_t n = equals != NULL ? (size_t)(equals - name) : strlen(name);
        const struct option_spec *spec = find(specs, count, name, n);
        if (spec == NULL) {
            return usage("unknown option", argv[i]);
        }
        if (spec->flag != NULL) {
            *spec->flag = true;
            continue;
        }
        const char *value = equals != NULL ? equals + 1 : (i + 1 < argc ? argv[++i] : NULL);
        if (value == NULL) {
            return usage("a value is missing after", argv[i]);
        }
        if (!store(spec, value)) {
            return false;
        }
    }
    return true;
}
