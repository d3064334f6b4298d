/* whorl-device: the reference device (a soft PUF, the device core and the host's ports) and a fleet of them.
 * Picks the command; the commands are in cmd/whorl-device/. Exit codes: 0 ok, 1 failed, 2 usage. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cmd/whorl-device/commands.h"

struct command {
    const char *name;
    int (*run)(const struct options *options);
};

static const struct command commands[] = {
    {"new", command_new},         {"id", command_id},       {"enrol", command_enrol},
    {"status", command_status},   {"renew", command_renew}, {"rekey", command_rekey},
    {"recover", command_recover}, {"run", command_run},     {"firmware", command_firmware},
    {"fleet", command_fleet},
};

static const char help_text[] =
    "whorl-device: a reference device and a fleet simulator for whorld\n"
    "\n"
    "  whorl-device new    --dir DIR [--seed N] [--noise 0.15] [--spki]   grow a PUF key; prints the device "
    "id\n"
    "  whorl-device id     --dir DIR [--spki]                             print the id (and the public key, "
    "base64)\n"
    "  whorl-device enrol  --dir DIR --server URL --ca FILE [--challenge] get a certificate\n"
    "                      [--code CODE] [--certificate FILE]             … as a device that no list names\n"
    "  whorl-device status --dir DIR --server URL --ca FILE [--challenge] what the server says, as JSON\n"
    "  whorl-device renew  --dir DIR --server URL --ca FILE               a new certificate, same key\n"
    "  whorl-device rekey  --dir DIR --server URL --ca FILE               a new certificate, next key "
    "generation\n"
    "  whorl-device recover --dir DIR --server URL --ca FILE              a new certificate by the identity "
    "key\n"
    "  whorl-device run    --dir DIR --server URL --ca FILE               do what the server asks for, "
    "contact "
    "after contact\n"
    "                      [--contacts N] [--every 6h]\n"
    "  whorl-device firmware --dir DIR --tenant T --product P [--model M] --signing-key PEM --recovery-key "
    "PEM\n"
    "                                                                     what its firmware is for, and "
    "whose "
    "signature it takes\n"
    "  whorl-device firmware --dir DIR --server URL --ca FILE             fetch, verify, install and report "
    "what is offered\n"
    "                      [--slot-bytes N] [--kill-at N]\n"
    "  whorl-device fleet  --count N [--seed-base S] --list FILE          write the ids of N devices and "
    "stop\n"
    "  whorl-device fleet  --count N [--seed-base S] --server URL --ca FILE [--connections C]\n"
    "                      [--renew] [--keep-alive] [--save DIR]          onboard N devices, C at a time\n"
    "                      [--stay 10m [--contact-every 60s]]             and let them make contact, as "
    "`run` "
    "does\n"
    "                      [--report FILE]                                … and tell in JSON whom they "
    "trust, "
    "again and "
    "again\n"
    "                      [--tenant T --product P [--model M] --signing-key PEM --recovery-key PEM\n"
    "                       [--failing 1] [--power-cuts 0]]               … and install firmware, each "
    "device in "
    "slots of its own\n"
    "  whorl-device fleet  --count N [--seed-base S] --server URL --ca FILE --power-back FILE\n"
    "                      [--second-ms 1000] [--stay 15m]                onboard N devices, and let them "
    "come "
    "back at once\n"
    "                                                                     when FILE is there; figures in "
    "JSON\n"
    "  whorl-device fleet  --count N [--seed-base S] --server URL --ca FILE --years Y --clock FILE\n"
    "                      [--contact-every 5d] [--report FILE]           let N devices live through Y "
    "years\n"
    "\n"
    "URL is https://HOST:PORT; FILE holds the root CA (PEM). --challenge proves the key by signing a nonce "
    "instead of\n"
    "by a TLS client certificate. --code shows an enrolment code; --certificate shows a certificate of the "
    "chip's maker\n"
    "over the identity key, then its CAs (PEM), instead of one that the device signs for itself (both: "
    "status "
    "too). --seed makes the same chip each time; --noise is the share of cells that "
    "read wrong.\n"
    "run: enrols, renews, makes new keys, comes back by the identity key and follows new trust anchors; "
    "stops "
    "after N\n"
    "contacts; --every shortens the time between two of them (s, m, h, d, y).\n"
    "firmware: the public keys are those of the manifests. `run` does it too, once the folder knows them. "
    "--kill-at\n"
    "ends the process at the N-th change of what lasts, as a power cut would.\n"
    "fleet: --keep-alive keeps the C connections open and enrols device after device over them, by "
    "challenge;\n"
    "--renew lets each device confirm and renew its certificate; --save writes each one to DIR/<device "
    "id>.pem.\n"
    "--failing: the share of the fleet on which an image that starts with \"does not boot\" does not; "
    "--power-cuts: the share\n"
    "of looks at firmware in which the power fails.\n"
    "--power-back: a device that is turned away waits as it would in the field; --second-ms makes its "
    "seconds shorter.\n"
    "--stay is when who was not served is lost.\n"
    "--years: power cuts, lost answers, months in a drawer and wiped flash included. Server and fleet follow "
    "the time "
    "in\n"
    "the clock file, which the fleet moves: start both with LD_PRELOAD=libfaketimeMT.so.1 TZ=UTC "
    "FAKETIME_NO_CACHE=1\n"
    "DONT_FAKE_MONOTONIC=1 FAKETIME_FORCE_MONOTONIC_FIX=0 FAKETIME_TIMESTAMP_FILE=FILE, the server with "
    "clock_step_limit_s = 0.\n"
    "Exit codes: 0 ok, 1 failed (also: any unexpected answer to a fleet), 2 usage.\n";

int main(int argc, char **argv)
{
    struct options options;
    (void)signal(SIGPIPE, SIG_IGN);
    if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)) {
        (void)fputs(help_text, stdout);
        return EXIT_OK;
    }
    for (size_t i = 0; argc >= 2 && i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            return options_parse(argc, argv, &options) ? commands[i].run(&options) : EXIT_USAGE;
        }
    }
    (void)fputs(help_text, stderr);
    return EXIT_USAGE;
}
