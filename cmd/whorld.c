/* whorld, the server: reads the command's name and hands over. The commands are in cmd/whorld/. */
#include <stdio.h>
#include <string.h>

#include "cmd/version.h"
#include "cmd/whorld/commands.h"

struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *usage;
};

static const struct command COMMANDS[] = {
    {"init", command_init,
     "init --dir DIR [--name NAME] [--host DNS-or-IP]… [--public-url URL] [--passphrase-file FILE]\n"
     "          [--admin-token-file FILE] [--crl-shards N] [--if-missing]\n"
     "          [--keystore pkcs11 --pkcs11-module FILE.so --pkcs11-token LABEL [--pkcs11-pin-file FILE]]\n"
     "        Make a complete data directory: authorities, server certificate, inventory, settings, admin "
     "token.\n        --if-missing: content with one that is there already."},
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
     "config [--dir DIR] [--markdown|--example]\n        Print the settings in force, the reference table, "
     "or a whorl.conf "
     "with all that there is."},
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
     "token make\n"
     "  token add --dir DIR --name NAME [--tenant NAME] [--scope WORDS] [--expires DAYS|RFC3339]\n"
     "  token revoke --dir DIR --id ID [--tenant NAME]\n        Credentials of back ends; the text is shown "
     "once. `make` prints one for `init --admin-token-file`."},
    {"version", command_version,
     "version [--json]\n        Tell the version, and what this build and its libraries can do."},
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

/* One line of roff: what it would take for its own is escaped. */
static void print_roff(const char *text, size_t n)
{
    if (n > 0 && (text[0] == '.' || text[0] == '\'')) {
        (void)fputs("\\&", stdout);
    }
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '\\' || text[i] == '-') {
            (void)putchar('\\');
        }
        (void)putchar(text[i]);
    }
    (void)putchar('\n');
}

/* The lines of a usage that begin a form of the command have two blanks before them or none, those that go on
 * with it ten, and the explanation eight. */
static void print_manual_of(const char *usage)
{
    bool is_told = false;
    (void)fputs(".TP\n.nf\n", stdout);
    while (*usage != '\0') {
        size_t n = strcspn(usage, "\n");
        size_t blanks = strspn(usage, " ");
        if (blanks == 8 && !is_told) {
            (void)fputs(".fi\n", stdout);
            is_told = true;
        }
        size_t skipped = is_told ? blanks : blanks > 2 ? 2 : blanks;
        print_roff(usage + skipped, n - skipped);
        usage += n + (usage[n] == '\n' ? 1 : 0);
    }
}

static void print_manual(void)
{
    (void)fputs(
        ".TH WHORLD 8 2026-11-25 \"Whorl " WHORL_VERSION "\" \"\"\n"
        ".SH NAME\nwhorld \\- the Whorl server: onboarding of devices that are known by their silicon\n"
        ".SH SYNOPSIS\n.B whorld\n.I command\n.RI [ options ]\n"
        ".SH DESCRIPTION\n"
        "Keeps one installation in a data directory: its authorities, the inventory of devices and "
        "certificates, firmware, settings.\n"
        ".B whorld init\nmakes it,\n.B whorld serve\nruns it until SIGTERM.\n"
        "Everything else is done over its management API, with\n.BR whorl (1).\n"
        ".PP\nUnder systemd it is\n.IR whorld.service ;\n"
        "sockets that\n.I whorld.socket\nmakes are taken over:\n.BR sd_listen_fds (3).\n"
        ".SH COMMANDS\n",
        stdout);
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        print_manual_of(COMMANDS[i].usage);
    }
    (void)fputs(".SH FILES\n.TP\n.I /var/lib/whorl\nthe data directory of the service\n"
                ".TP\n.I DIR/whorl.conf\nsettings;\n.B whorld config \\-\\-markdown\ntells all of them\n"
                ".TP\n.I /etc/credstore/whorl.ca_passphrase\nthe passphrase of the CA keys, for the service\n"
                ".SH EXIT STATUS\n0 done, 1 failed, 2 wrong usage.\n"
                ".SH SEE ALSO\n.BR whorl (1),\n.BR whorl\\-device (1),\n"
                ".I /usr/share/doc/whorl/deployment.md\n",
                stdout);
}

int main(int argc, char **argv)
{
    char version[] = "version";
    if (argc < 2) {
        print_usage(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        if (argc > 2 && strcmp(argv[2], "--man") == 0) {
            print_manual();
        } else {
            print_usage(stdout);
        }
        return EXIT_OK;
    }
    argv[1] = strcmp(argv[1], "--version") == 0 ? version : argv[1];
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(argv[1], COMMANDS[i].name) == 0) {
            return COMMANDS[i].run(argc - 2, argv + 2);
        }
    }
    (void)fprintf(stderr, "whorld: no command \"%s\"; `whorld help` lists them\n", argv[1]);
    return EXIT_USAGE;
}
