/* The command line of whorl-device: one table of options, parsed into plain data. Does nothing with them. */
#ifndef WHORL_CMD_WHORL_DEVICE_OPTIONS_H
#define WHORL_CMD_WHORL_DEVICE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, HOST_SIZE = 256 };

struct options {
    const char *dir;
    const char *server;
    const char *ca;
    const char *list;
    const char *save;
    const char *code;
    const char *certificate;
    const char *tenant; /* what firmware is for, and whose signature it takes */
    const char *product;
    const char *model;
    const char *signing_key;
    const char *recovery_key;
    uint64_t slot_bytes;
    uint64_t kill_at; /* the process kills itself at this change of what lasts; 0: it does not */
    uint64_t seed;
    uint64_t seed_base;
    uint64_t count;
    uint64_t connections;
    uint64_t contacts; /* of `run`; 0: no end */
    uint64_t years;    /* of a fleet; 0: none */
    uint64_t contact_every_s;
    uint64_t stay_s;        /* of a fleet, after it was onboarded */
    const char *power_back; /* the file that says so */
    uint64_t second_ms;     /* how long a second lasts that a device waits; 0: a second */
    const char *clock;
    const char *report;
    uint64_t every_s; /* at most so long between two contacts; 0: as the server says */
    double noise;
    double failing;    /* share of a fleet on which bad firmware does not come up */
    double power_cuts; /* share of a fleet's looks at firmware */
    bool has_seed;
    bool is_spki;
    bool is_challenge;
    bool is_keep_alive;
    bool is_renew;
    /* from `server` */
    char host[HOST_SIZE];
    uint16_t port;
};

/** Reads argv from its third word on. False, with a line on stderr, for anything that is not an option or not
 * a value. */
bool options_parse(int argc, char **argv, struct options *out);

#endif
