/* `whorld version`: what this is and what it runs on, for people and for programs. It does not say when or
 * where it was built: the same source gives the same bytes. */
#include <stdio.h>

#include "cmd/version.h"
#include "cmd/whorld/commands.h"
#include "cmd/whorld/syscall_filter.h"
#include "db/db.h"
#include "db/migrations.h"
#include "pki/library.h"
#include "server/server.h"

struct feature {
    const char *name, *text;
    bool is_there;
};

enum { FEATURES = 5 };

static void features_of(struct feature out[FEATURES])
{
    const struct feature all[FEATURES] = {
        {"ml_kem", "post-quantum key exchange in TLS (X25519MLKEM768)", pki_library_has_ml_kem()},
        {"pkcs11", "keys in a PKCS#11 token", true},
        {"signer_process", "keys in a process of their own", true},
        {"signer_filter", "server and signer under a filter of system calls", SYSCALL_FILTER_IS_THERE != 0},
        {"service_manager", "sockets, readiness and watchdog of a service manager", true},
    };
    for (size_t i = 0; i < FEATURES; i++) {
        out[i] = all[i];
    }
}

static void print_json(const struct feature *features, int schema)
{
    printf("{\"version\":\"%s\",\"schema\":%d,\"libraries\":{\"openssl\":\"%s\",\"sqlite\":\"%s\","
           "\"libmicrohttpd\":\"%s\",\"libuv\":\"%s\"},\"features\":{",
           WHORL_VERSION, schema, pki_library_version(), db_engine_version(), server_http_version(),
           server_loop_version());
    for (size_t i = 0; i < FEATURES; i++) {
        printf("%s\"%s\":%s", i > 0 ? "," : "", features[i].name, features[i].is_there ? "true" : "false");
    }
    printf("}}\n");
}

static void print_text(const struct feature *features, int schema)
{
    printf("whorld %s\n"
           "inventory schema %d\n"
           "OpenSSL %s, SQLite %s, libmicrohttpd %s, libuv %s\n",
           WHORL_VERSION, schema, pki_library_version(), db_engine_version(), server_http_version(),
           server_loop_version());
    for (size_t i = 0; i < FEATURES; i++) {
        printf("%c %-16s %s\n", features[i].is_there ? '+' : '-', features[i].name, features[i].text);
    }
}

int command_version(int argc, char **argv)
{
    bool is_json = false;
    const struct option_spec specs[] = {{.name = "json", .flag = &is_json}};
    struct feature features[FEATURES];
    if (!options_read(argc, argv, specs, 1)) {
        (void)fputs("usage: whorld version [--json]\n", stderr);
        return EXIT_USAGE;
    }
    int schema = db_migrations_sqlite[db_migrations_sqlite_count - 1].number;
    features_of(features);
    if (is_json) {
        print_json(features, schema);
    } else {
        print_text(features, schema);
    }
    return fflush(stdout) == 0 ? EXIT_OK : EXIT_FAILED;
}
