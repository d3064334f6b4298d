/* Splits the setting `hosts`. */
#include "fleet/own_names.h"

#include <stdio.h>
#include <string.h>

void own_names_of(const char *hosts, struct own_names *out)
{
    *out = (struct own_names){.count = 0};
    (void)snprintf(out->text, sizeof out->text, "%s", hosts == NULL ? "" : hosts);
    for (char *c = out->text; *c != '\0'; c++) {
        *c = *c >= 'A' && *c <= 'Z' ? (char)(*c + ('a' - 'A')) : *c;
    }
    char *rest = NULL;
    char *name = strtok_r(out->text, ", \t", &rest);
    while (name != NULL && out->count < OWN_NAMES_MAX) {
        out->names[out->count++] = strncmp(name, "*.", 2) == 0 ? name + 2 : name;
        name = strtok_r(NULL, ", \t", &rest);
    }
}
