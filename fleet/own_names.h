/* The names that this server is reached by, for those who must never be certified under them. */
#ifndef WHORL_FLEET_OWN_NAMES_H
#define WHORL_FLEET_OWN_NAMES_H

#include <stddef.h>

enum { OWN_NAMES_MAX = 64, OWN_NAMES_SIZE = 640 };

struct own_names {
    char text[OWN_NAMES_SIZE];
    const char *names[OWN_NAMES_MAX]; /* into text */
    size_t count;
};
/** @param hosts names and addresses with commas between them, as the server's certificate has them; NULL:
 * none. Lower case, and "*.example.com" as "example.com": what is below is the server's too.
 *  @thread any */
void own_names_of(const char *hosts, struct own_names *out);

#endif
