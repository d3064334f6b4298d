/* Command line options from one table. The server's URL is taken apart here, so that commands see host and
 * port only. */
#include "cmd/whorl-device/options.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind { KIND_TEXT, KIND_WORD, KIND_NUMBER, KIND_SPAN, KIND_SHARE, KIND_PART, KIND_FLAG };

struct option {
    const char *name;
    enum kind kind;
    size_t offset;
};

enum { SLOT_BYTES = 1 << 30 };

#define WORD_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"

static const struct option option_table[] = {
    {"--dir", KIND_TEXT, offsetof(struct options, dir)},
    {"--server", KIND_TEXT, offsetof(struct options, server)},
    {"--ca", KIND_TEXT, offsetof(struct options, ca)},
    {"--list", KIND_TEXT, offsetof(struct options, list)},
    {"--save", KIND_TEXT, offsetof(struct options, save)},
    {"--code", KIND_WORD, offsetof(struct options, code)},
    {"--certificate", KIND_TEXT, offsetof(struct options, certificate)},
    {"--tenant", KIND_TEXT, offsetof(struct options, tenant)},
    {"--product", KIND_TEXT, offsetof(struct options, product)},
    {"--model", KIND_TEXT, offsetof(struct options, model)},
    {"--signing-key", KIND_TEXT, offsetof(struct options, signing_key)},
    {"--recovery-key", KIND_TEXT, offsetof(struct options, recovery_key)},
    {"--slot-bytes", KIND_NUMBER, offsetof(struct options, slot_bytes)},
    {"--kill-at", KIND_NUMBER, offsetof(struct options, kill_at)},
    {"--seed", KIND_NUMBER, offsetof(struct options, seed)},
    {"--seed-base", KIND_NUMBER, offsetof(struct options, seed_base)},
    {"--count", KIND_NUMBER, offsetof(struct options, count)},
    {"--connections", KIND_NUMBER, offsetof(struct options, connections)},
    {"--contacts", KIND_NUMBER, offsetof(struct options, contacts)},
    {"--years", KIND_NUMBER, offsetof(struct options, years)},
    {"--contact-every", KIND_SPAN, offsetof(struct options, contact_every_s)},
    {"--stay", KIND_SPAN, offsetof(struct options, stay_s)},
    {"--power-back", KIND_TEXT, offsetof(struct options, power_back)},
    {"--second-ms", KIND_NUMBER, offsetof(struct options, second_ms)},
    {"--clock", KIND_TEXT, offsetof(struct options, clock)},
    {"--report", KIND_TEXT, offsetof(struct options, report)},
    {"--every", KIND_SPAN, offsetof(struct options, every_s)},
    {"--failing", KIND_PART, offsetof(struct options, failing)},
    {"--power-cuts", KIND_PART, offsetof(struct options, power_cuts)},
    {"--noise", KIND_SHARE, offsetof(struct options, noise)},
    {"--spki", KIND_FLAG, offsetof(struct options, is_spki)},
    {"--challenge", KIND_FLAG, offsetof(struct options, is_challenge)},
    {"--keep-alive", KIND_FLAG, offsetof(struct options, is_keep_alive)},
    {"--renew", KIND_FLAG, offsetof(struct options, is_renew)},
};

static const struct option *find(const char *name)
{
    for (size_t i = 0; i < sizeof option_table / sizeof option_table[0]; i++) {
        if (strcmp(option_table[i].name, name) == 0) {
            return &option_table[i];
        }
    }
    return NULL;
}

static bool parse_number(const char *text, uint64_t *out)
{
    char *end = NULL;
    errno = 0;
    *out = strtoull(text, &end, 10);
    return errno == 0 && text[0] >= '0' && text[0] <= '9' && *end == '\0';
}

/* Seconds: 90s, 15m, 6h, 5d, 1y (of 365 days). */
static bool parse_span(const char *text, uint64_t *out)
{
    static const struct {
        char unit;
        uint64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'y', 31536000}};
    char *end = NULL;
    errno = 0;
    *out = strtoull(text, &end, 10);
    if (errno != 0 || text[0] < '0' || text[0] > '9' || *end == '\0' || end[1] != '\0') {
        return false;
    }
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (units[i].unit == *end) {
            bool is_fitting = *out != 0 && *out <= UINT32_MAX / units[i].seconds;
            *out *= units[i].seconds;
            return is_fitting;
        }
    }
    return false;
}

static bool parse_share(const char *text, double most, double *out)
{
    char *end = NULL;
    *out = strtod(text, &end);
    return end != text && *end == '\0' && *out >= 0 && *out <= most;
}

static bool store(const struct option *option, const char *value, struct options *out)
{
    void *at = (char *)out + option->offset;
    switch (option->kind) {
    case KIND_TEXT:
        *(const char **)at = value;
        return true;
    case KIND_WORD: /* goes into JSON as it is */
        *(const char **)at = value;
        return value[0] != '\0' && value[strspn(value, WORD_CHARACTERS)] == '\0';
    case KIND_NUMBER:
        return parse_number(value, at);
    case KIND_SPAN:
        return parse_span(value, at);
    case KIND_SHARE:
        return parse_share(value, 0.5, at);
    case KIND_PART:
        return parse_share(value, 1, at);
    case KIND_FLAG:
        *(bool *)at = true;
        return true;
    }
    return false;
}

/* https://HOST:PORT, https://[v6]:PORT; the port is 8443 when it is not said */
static bool parse_server(struct options *out)
{
    static const char scheme[] = "https://";
    const char *at = out->server;
    if (strncmp(at, scheme, sizeof scheme - 1) != 0) {
        return false;
    }
    at += sizeof scheme - 1;
    bool is_bracketed = at[0] == '[';
    at += is_bracketed ? 1 : 0;
    size_t size = strcspn(at, is_bracketed ? "]" : ":/");
    if (size == 0 || size >= sizeof out->host || (is_bracketed && at[size] != ']')) {
        return false;
    }
    memcpy(out->host, at, size);
    out->host[size] = '\0';
    at += size + (is_bracketed ? 1 : 0);
    out->port = 8443;
    if (at[0] == ':') {
        char *end = NULL;
        unsigned long port = strtoul(at + 1, &end, 10);
        if (end == at + 1 || port == 0 || port > UINT16_MAX) {
            return false;
        }
        out->port = (uint16_t)port;
        at = end;
    }
    return at[0] == '\0' || strcmp(at, "/") == 0;
}

bool options_parse(int argc, char **argv, struct options *out)
{
    *out = (struct options){
        .noise = 0.15, .seed_base = 1, .connections = 8, .slot_bytes = SLOT_BYTES, .failing = 1};
    for (int i = 2; i < argc; i++) {
        const struct option *option = find(argv[i]);
        if (option == NULL) {
            (void)fprintf(stderr, "whorl-device: unknown option %s\n", argv[i]);
            return false;
        }
        const char *value = "";
        if (option->kind != KIND_FLAG) {
            i++;
            value = i < argc ? argv[i] : NULL;
        }
        if (value == NULL || !store(option, value, out)) {
            (void)fprintf(stderr, "whorl-device: %s needs a proper value\n", option->name);
            return false;
        }
        out->has_seed = out->has_seed || strcmp(option->name, "--seed") == 0;
    }
    if (out->server != NULL && !parse_server(out)) {
        (void)fprintf(stderr, "whorl-device: --server wants https://HOST:PORT\n");
        return false;
    }
    return true;
}
