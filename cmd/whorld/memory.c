/* The parts were measured or follow from limits in the code; tests/e2e/test_memory.sh holds a server that is
 * treated badly against their sum. */
#include "cmd/whorld/memory.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

enum {
    MIB_KB = 1024,
    PROCESS_KB =
        96 * 1024, /* program, inventory's writer with its cache, jobs, tables of rates and addresses */
    LOOP_KB = 1024,
    /* a TLS connection 20, its two records while they are not whole 34, what waits for either side 33, the
       beginning of a request and of its answer 9: beside the memory that the HTTP library has for it */
    CONNECTION_KB = 96,
    POOL_KB = 8,
    POOL_MANAGEMENT_KB = 32,
    MANAGEMENT_CONNECTIONS = 1000, /* each address has its limit; operators and back ends have few */
    WORKER_KB = 5 * 1024,          /* stack, a connection to the inventory, a page of 1000 rows as text */
    BODIES_PART = 4,
    BODIES_LEAST = 64,
    BODIES_MOST = 1536,
    GROUP_TEXT_MAX = 4096
};

static int64_t min(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t read_limit(const char *folder, const char *name)
{
    AUTO_VAL(buf) path = {0};
    AUTO_VAL(buf) text = {0};
    if (buf_printf(&path, "%s/%s", folder, name).code != ERR_OK ||
        file_read(buf_str(&path), GROUP_TEXT_MAX, &text).code != ERR_OK) {
        return INT64_MAX;
    }
    char *end = NULL;
    int64_t bytes = strtoll(buf_str(&text), &end, 10);
    return end == buf_str(&text) || bytes <= 0 ? INT64_MAX : bytes; /* "max" is no number */
}

int64_t memory_of_group(const char *folder)
{
    int64_t bytes = min(read_limit(folder, "memory.max"), read_limit(folder, "memory.limit_in_bytes"));
    return bytes == INT64_MAX ? bytes : bytes / (MIB_KB * 1024);
}

/* The groups that the process is in; in a container the file's paths are those outside, and the mounted root
 * is the container's own. */
static int64_t of_own_groups(void)
{
    AUTO_VAL(buf) text = {0};
    int64_t least = min(memory_of_group("/sys/fs/cgroup"), memory_of_group("/sys/fs/cgroup/memory"));
    if (file_read("/proc/self/cgroup", GROUP_TEXT_MAX, &text).code != ERR_OK) {
        return least;
    }
    char *rest = NULL;
    for (char *line = strtok_r((char *)text.p, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        const char *memory = strstr(line, ":memory:/");
        const char *path = memory != NULL ? memory + 8 : strncmp(line, "0::/", 4) == 0 ? line + 3 : NULL;
        AUTO_VAL(buf) folder = {0};
        if (path != NULL &&
            buf_printf(&folder, "/sys/fs/cgroup%s%s", memory != NULL ? "/memory" : "", path).code == ERR_OK) {
            least = min(least, memory_of_group(buf_str(&folder)));
        }
    }
    return least;
}

int64_t memory_there(void)
{
    int64_t pages = sysconf(_SC_PHYS_PAGES);
    int64_t page = sysconf(_SC_PAGESIZE);
    int64_t machine = pages > 0 && page > 0 ? pages / MIB_KB * page / 1024 : INT64_MAX;
    return min(machine, of_own_groups());
}

int64_t memory_bodies(const struct config *config, int64_t there_mib)
{
    if (config->body_memory_mib > 0) {
        return config->body_memory_mib;
    }
    int64_t part = min(there_mib / BODIES_PART, BODIES_MOST);
    return part > BODIES_LEAST ? part : BODIES_LEAST;
}

int64_t memory_bound(const struct config *config, int connections, int64_t there_mib)
{
    int64_t count = connections > 0 ? connections : config->connections;
    int64_t header_kb = config->header_bytes / 1024 + 1;
    int64_t kb = PROCESS_KB + count * (CONNECTION_KB + POOL_KB + header_kb) +
                 min(count, MANAGEMENT_CONNECTIONS) * (POOL_MANAGEMENT_KB - POOL_KB) +
                 config->workers * WORKER_KB + (config->loops > 0 ? config->loops : 8) * LOOP_KB;
    return kb / MIB_KB + 1 + memory_bodies(config, there_mib);
}
