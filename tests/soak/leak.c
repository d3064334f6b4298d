/* Loaded into the server by the control of the soak: every accepted connection keeps some memory, or a
 * descriptor, for ever. A soak that does not notice it shows nothing. WHORL_SOAK_LEAK says which: memory or
 * descriptors. */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LEAKED_BYTES = 262144 };

int accept4(int fd, struct sockaddr *address, socklen_t *size, int flags)
{
    int (*real)(int, struct sockaddr *, socklen_t *, int) = NULL;
    void *symbol = dlsym(RTLD_NEXT, "accept4");
    memcpy(&real, &symbol, sizeof real);
    int accepted = real(fd, address, size, flags);
    const char *what = getenv("WHORL_SOAK_LEAK");
    if (accepted >= 0 && what != NULL) {
        if (strcmp(what, "descriptors") == 0) {
            (void)dup(accepted);
        } else {
            char *kept = malloc(LEAKED_BYTES);
            if (kept != NULL) {
                memset(kept, 1, LEAKED_BYTES); /* touched: it counts as anonymous memory */
                __asm__ volatile("" : : "r"(kept) : "memory");
            }
        }
    }
    return accepted;
}
