/* whorld, the server: reads the command's name and hands over. The commands are in cmd/whorld/. */
#include <stdio.h>
#include <string.h>

#include "cmd/whorld/commands.h"

struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *usage;
};

static const struct command COMMANDS[] = {
    {"init", command_init,
     "init --dir DIR [--name NAME] [--host DNS-or-IP]… [--public-url URL] [--passphrase-file FILE]\n"
     "          [--keystore pkcs11 --pkcs11-module FILE.so --pkcs11-token LABEL [--pkcs11-pin-file FILE]]\n"
     "        Make a complete data directory: authorities, server certificate, inventory, settings, admin "
     "token."},
    {"serve", command_serve,
     "serve --dir DIR [--accept-rollback]\n        Run the server. SIGTERM stops it, SIGHUP reloads settings "
     "and certificate."},
    {"signer", command_signer,
     "signer …\n        The process that holds the CA keys; `serve` starts it (docs/hsm.md)."},
    {"ping", command_ping,
     "ping --dir DIR\n        Ask the running server whether it is ready (for health checks)."},
    {"check", command_check,
     "check --dir DIR\n        Tell whether the directory is whole, what to back up and what to improve."},
    {"config", command_config,
     "config [--dir DIR] [--markdown]\n        Print the settings in force, or the reference table."},
    {"backup", command_backup,
     "backup --dir DIR --to FILE|- --recipient CERT.pem [--recipient …] [--with-keys]\n"
     "        Write the installation as it is now into one file that only the owners of these certificates "
     "open; "
     "the\n        server may run. The CA keys only with --with-keys (docs/backup.md)."},
    {"restore", command_restore,
     "restore --from FILE|- --key OPERATOR.key --certificate OPERATOR.pem --dir NEW [--ca ca.pem]\n"
     "          [--key-passphrase-file FILE] [--keys-from FOLDER] [--journal FOLDER] [--accept-rollback]\n"
     "  restore --verify --from FILE|- --key OPERATOR.key --certificate OPERATOR.pem [--ca ca.pem]\n"
     "        Make a new data directory from a backup, or only prove that the backup is good."},
    {"hsm", command_hsm,
     "hsm status|reset-pin-attempts --dir DIR\n        Look at the token that holds the CA keys, or forgive "
     "wrong PINs "
     "(docs/hsm.md)."},
    {"tenant", command_tenant,
     "tenant add|list --dir DIR [--name NAME]\n        Tenants; a tenant's name is also its EST label."},
    {"token", command_token,
     "token add --dir DIR --name NAME [--tenant NAME] [--scope WORDS] [--expires DAYS|RFC3339]\n"
     "  token revoke --dir DIR --id ID [--tenant NAME]\n        Credentials of back ends; the text is shown "
     "once."},
    {"user", command_user,
     "user add|reset --dir DIR --name NAME [--tenant NAME] [--role NAME]\n        Invite a person (role "
     "admin by "
     "default), or invite one anew; the code is shown once."},
    {"audit", command_audit,
     "audit verify --dir DIR [--checkpoint FILE]\n"
     "  audit verify FILE [--ca ca.pem] [--checkpoint FILE]\n"
     "        Prove the hash chains of the audit log, or of an export or a checkpoint that was kept; exit "
     "code 1 "
     "on any change."},
    {"journal", command_journal,
     "journal verify --dir DIR | --folder FOLDER\n"
     "  journal replay --dir DIR\n"
     "        Prove the hash chain of the journal, or bring an older copy of the inventory up to date with "
     "it."},
    {"ca", command_ca,
     "ca request --dir DIR --out FOLDER [--new ID --role device|infrastructure] [--issuer ROOT]\n"
     "             [--lifetime-days N] [--crl-days N]\n"
     "  ca sign --key KEY.pem --ca ROOT.pem [--passphrase-file FILE] REQUEST -o ANSWER [--yes]\n"
     "  ca import --dir DIR FILE…\n"
     "  ca take-offline --dir DIR --id ROOT --out FOLDER --passphrase-file FILE [--crl-days N]\n"
     "        Authorities whose keys are elsewhere: what must be signed, the signing on a machine without "
     "network,\n        what came back, and a root's key moved out."},
};
enum { COMMAND_COUNT = sizeof COMMANDS / sizeof COMMANDS[0] };

static void print_usage(FILE *to)
{
    (void)fputs("usage: whorld COMMAND …\n\n", to);
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        (void)fprintf(to, "  %s\n", COMMANDS[i].usage);
    }
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_usage(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        print_usage(stdout);
        return EXIT_OK;
    }
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(argv[1], COMMANDS[i].name) == 0) {
            return COMMANDS[i].run(argc - 2, argv + 2);
        }
    }
    (void)fprintf(stderr, "whorld: no command \"%s\"; `whorld help` lists them\n", argv[1]);
    return EXIT_USAGE;
}
