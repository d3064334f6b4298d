/* Landlock: which files can be opened, and how. Its numbers of the kernel are written out where the headers
 * of an older Debian lack them. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/landlock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "cmd/whorld/sandbox_internal.h"

#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif

enum {
    ABI_MIN = 2,     /* 5.19: files may be moved between folders; before, never */
    ABI_TRUNCATE = 3 /* 6.2; before, nothing is said of truncate(2), and the filter of calls refuses it */
};

static const uint64_t reading = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
static const uint64_t writing = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                                LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |
                                LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REFER |
                                LANDLOCK_ACCESS_FS_TRUNCATE;
/* nobody needs these anywhere */
static const uint64_t never = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR |
                              LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |
                              LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM;
static const uint64_t of_files =
    LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE;

/* What libraries read while the server runs: names and addresses, anchors, time zones, modules of the C
 * library and of OpenSSL, the number of processors. */
static const char *const places[] = {
    "/etc",           "/usr/lib",      "/usr/lib64",       "/lib",       "/lib64",
    "/usr/local/lib", "/usr/share",    "/usr/local/share", "/proc/self", "/proc/meminfo",
    "/proc/stat",     "/proc/cpuinfo", "/proc/sys",        "/proc/net",  "/sys/devices/system/cpu",
    "/sys/fs/cgroup", "/dev/urandom",  "/dev/random",      "/dev/zero"};

struct rules {
    int fd;
    uint64_t handled;
};

/* @return 0, or the error */
static int allow(const struct rules *rules, const char *path, uint64_t access)
{
    struct stat facts;
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0) {
        return errno;
    }
    bool is_folder = fstat(fd, &facts) == 0 && S_ISDIR(facts.st_mode);
    const struct landlock_path_beneath_attr rule = {
        .allowed_access = access & rules->handled & (is_folder ? ~0ULL : of_files), .parent_fd = fd};
    int done =
        syscall(SYS_landlock_add_rule, rules->fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0 ? 0 : errno;
    (void)close(fd);
    return done;
}

/* Where a file lies that is replaced by another of its name: its folder. A link counts where it leads. */
static void allow_place_of(const struct rules *rules, const char *path)
{
    char *real = path[0] != '\0' ? realpath(path, NULL) : NULL;
    char *slash = real != NULL ? strrchr(real, '/') : NULL;
    if (slash != NULL && slash != real) {
        *slash = '\0';
        (void)allow(rules, real, reading); /* what cannot be read is told by whoever reads it */
    }
    free(real);
}

/* A link in the folder leads to what is the server's too: a larger disk for the firmware. */
static void allow_links(const struct rules *rules, const char *folder)
{
    DIR *dir = opendir(folder);
    const struct dirent *entry = NULL;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        AUTO(char) *path = NULL;
        struct stat facts;
        bool is_link = path_join(folder, entry->d_name, &path).code == ERR_OK && lstat(path, &facts) == 0 &&
                       S_ISLNK(facts.st_mode);
        if (is_link) {
            (void)allow(rules, path, reading | writing);
        }
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
}

static err_t allow_all(const struct rules *rules, const char *folder, const char *journal,
                       const struct config *config)
{
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        (void)allow(rules, places[i], reading); /* not every system has all */
    }
    (void)allow(rules, "/dev/null", of_files);
    const char *const named[] = {config->ca_passphrase_file,   config->pkcs11_pin_file,
                                 config->management_client_ca, config->outbound_ca_file,
                                 "/etc/resolv.conf",           "/etc/localtime"};
    for (size_t i = 0; i < sizeof named / sizeof named[0]; i++) {
        allow_place_of(rules, named[i]);
    }
    const char *credentials = config_environment("CREDENTIALS_DIRECTORY");
    if (credentials != NULL) {
        (void)allow(rules, credentials, reading);
    }
    allow_links(rules, folder);
    const char *const own[] = {folder, journal};
    for (size_t i = 0; i < 2; i++) {
        int error = allow(rules, own[i], reading | writing);
        ENSURE(error == 0, ERR_IO, "%.100s: %s", own[i], strerror(error));
    }
    return OK;
}

static err_t restrict_to(const struct rules *rules)
{
    ENSURE(syscall(SYS_landlock_restrict_self, rules->fd, 0) == 0, ERR_UNAVAILABLE, "no Landlock: %s",
           strerror(errno));
    return OK;
}

err_t sandbox_files_close(const char *folder, const char *journal, const struct config *config)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    ENSURE(abi >= 0, ERR_UNAVAILABLE, "no Landlock: %s", strerror(errno));
    ENSURE(abi >= ABI_MIN, ERR_UNAVAILABLE, "Landlock of version %ld: %d is needed", abi, ABI_MIN);
    struct rules rules = {.handled = reading | writing | never};
    rules.handled &= abi >= ABI_TRUNCATE ? ~0ULL : ~LANDLOCK_ACCESS_FS_TRUNCATE;
    const struct landlock_ruleset_attr attributes = {.handled_access_fs = rules.handled};
    /* its first member alone: the first version's size */
    rules.fd = (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof rules.handled, 0);
    ENSURE(rules.fd >= 0, ERR_UNAVAILABLE, "no Landlock: %s", strerror(errno));
    err_t error = allow_all(&rules, folder, journal, config);
    error = error.code != ERR_OK ? error : restrict_to(&rules);
    (void)close(rules.fd);
    return error;
}
