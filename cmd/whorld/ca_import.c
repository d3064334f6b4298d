/* `whorld ca import`: brings in what was signed elsewhere, all or nothing, and tells what each item was. */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "cmd/whorld/ca.h"
#include "cmd/whorld/house.h"
#include "fleet/authority_import.h"

static const struct actor ACTOR = {.name = "whorld", .request_id = ""};

static err_t read_files(const struct ca_files *files, struct ca_bundle *bundle)
{
    for (int i = 0; i < files->count; i++) {
        AUTO_VAL(buf) text = {0};
        TRY(file_read(files->names[i], CA_BUNDLE_FILE_MAX, &text));
        err_t added = ca_bundle_add(buf_view(&text), bundle);
        ENSURE(added.code == ERR_OK, added.code, "%.60s: %.95s", files->names[i], added.detail);
    }
    return OK;
}

static void tell(const struct import_step *step)
{
    char until[32];
    time_format(step->to_ms, until);
    switch (step->kind) {
    case IMPORT_KNOWN:
        printf("  here already  %s\n", step->authority[0] != '\0' ? step->authority : "a cross certificate");
        break;
    case IMPORT_ISSUED:
        printf("  certificate   %s, issued by %s, until %s: it stands by; activate it\n", step->authority,
               step->issuer, until);
        break;
    case IMPORT_EXTERNAL:
        printf("  external CA   %s, issued by %s, until %s\n", step->authority,
               step->issuer[0] != '\0' ? step->issuer : "itself", until);
        break;
    case IMPORT_NEW_WITH_OLD:
    case IMPORT_OLD_WITH_NEW:
        printf("  cross         %s, signed by %s, until %s\n", step->authority, step->issuer, until);
        break;
    case IMPORT_CRL:
        printf("  CRL           of %s, number %lld, %zu entries, until %s\n", step->authority,
               (long long)step->number, step->entries, until);
        break;
    }
    if (step->note[0] != '\0') {
        printf("                %s\n", step->note);
    }
}

static err_t run(const char *dir, const struct ca_files *files)
{
    AUTO_VAL(ca_bundle) bundle = {.count = 0};
    AUTO_VAL(house) house = {0};
    struct import_plan plan;
    TRY(read_files(files, &bundle));
    TRY(house_open(dir, HOUSE_ADMIN, &house));
    TRY(authority_import(house.fleet, &ACTOR, &bundle, &plan));
    printf("Imported:\n");
    for (size_t i = 0; i < plan.count; i++) {
        tell(&plan.steps[i]);
    }
    return OK;
}

int command_ca_import(int argc, char **argv)
{
    const char *dir = NULL;
    struct ca_files files;
    const struct option_spec specs[] = {{.name = "dir", .value = &dir}};
    if (!ca_options_read(argc, argv, specs, 1, &files) || dir == NULL || files.count == 0) {
        (void)fputs("usage: whorld ca import --dir DIR FILE…\n", stderr);
        return EXIT_USAGE;
    }
    err_t error = run(dir, &files);
    return error.code == ERR_OK ? EXIT_OK : fail(error);
}
