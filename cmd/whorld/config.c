/* The table of settings and everything that is made from it. Values are checked here once, so that no other
 * code doubts them. */
#include "cmd/whorld/config.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <ini.h>

#include "base/file.h"

enum kind { TEXT, NUMBER };

struct setting {
    const char *key;
    enum kind kind;
    size_t offset;
    const char *fallback; /* the default, as text */
    int64_t min, max;
    bool is_live; /* SIGHUP changes it */
    const char *text;
};

#define T(field, fallback, live, doc)                                                                        \
    {                                                                                                        \
#field, TEXT, offsetof(struct config, field), fallback, 0, 0, live, doc                              \
    }
#define N(field, fallback, min, max, live, doc)                                                              \
    {                                                                                                        \
#field, NUMBER, offsetof(struct config, field), fallback, min, max, live, doc                        \
    }

static const struct setting SETTINGS[] = {
    T(name, "Whorl", false, "Name of the installation: the organisation in the CA certificates."),
    T(hosts, "localhost,127.0.0.1", true,
      "DNS names and IP addresses of this server, comma-separated: the names in its TLS certificate."),
    T(device_listen, "0.0.0.0:8443", false,
      "Address and port for devices (HTTPS, client certificates). Port 0: any free one."),
    T(management_listen, "127.0.0.1:9443", false, "Address and port of the management API (HTTPS)."),
    T(public_listen, "0.0.0.0:8080", false,
      "Address and port for CRLs, CA certificates and health (HTTP). Empty: off."),
    T(public_url, "http://localhost:8080", false,
      "How devices and brokers reach the public listener; stands in every certificate, so choose a name that "
      "lasts."),
    T(ca_passphrase_file, "", false,
      "File with the passphrase of the CA keys. Without it: systemd credential `ca_passphrase`, then "
      "`WHORL_CA_PASSPHRASE`, then "
      "`keys/passphrase` in the data directory (generated; protects nothing against who has the directory)."),
    T(keystore, "files", false,
      "Where the keys of `pkcs11_keys` are: `files` (encrypted, in `keys/`) or `pkcs11`, a token "
      "(docs/hsm.md)."),
    T(pkcs11_module, "", false, "Path of the PKCS#11 module (`.so`) of the token."),
    T(pkcs11_token, "", false, "Label of the token."),
    N(pkcs11_slot, "-1", -1, INT64_MAX, false, "Number of the token's slot instead. -1: by label."),
    T(pkcs11_pin_file, "", false,
      "File with the token's PIN. Without it: systemd credential `pkcs11_pin`, then `WHORL_PKCS11_PIN`."),
    T(pkcs11_keys, "authorities,firmware", false,
      "Whose new keys are made in the token: `authorities`, `firmware`, both with a comma, or empty. Keys "
      "that "
      "are there already stay where they are."),
    T(pkcs11_uris, "", false,
      "Keys that are in the token under another name: `LABEL=pkcs11:…` (RFC 7512), with blanks between "
      "several."),
    T(signer, "process", false,
      "Where `serve` signs with the keys of authorities and firmware: `process`, one of its own beside the "
      "server "
      "(docs/hsm.md), or `inside` the server."),
    N(signer_threads, "4", 1, 64, false, "How many signatures the signer process makes at once."),
    N(signer_queue, "32", 1, 1024, false,
      "Requests that may wait while the signer process is away or slow; others are told to come again (503). "
      "Keep it below `workers`."),
    N(signer_timeout_ms, "5000", 100, 600000, false,
      "For an answer of the signer process, which is then ended and started again. Starting, and making a "
      "key, "
      "may take ten times that."),
    N(signer_network, "0", 0, 1, false,
      "1: the signer process may use the network, for an HSM that is reached over it."),
    N(signer_rate_certificates, "2000", 0, 1000000, false,
      "Certificates a second that one authority's key signs, and ten times as many at once; 0: no limit. "
      "This "
      "and the next two hold in the signer process."),
    N(signer_rate_firmware, "100", 0, 1000000, false,
      "Signatures a second by one firmware key, and ten times as many at once. 0: no limit."),
    N(signer_rate_authorities, "60", 0, 1000000, false,
      "Certificates of authorities that one authority's key signs in an hour. 0: no limit."),
    T(journal_dir, "", false,
      "Folder of the journal (docs/journal.md); its parent must exist. Best on another disk than the data "
      "directory. Empty: `journal` in the data directory."),
    T(log_level, "info", true, "debug, info, warn or error."),
    N(loops, "0", 0, 256, false, "Event loops; 0 is one per core."),
    N(workers, "64", 1, 1024, false, "Worker threads that run handlers."),
    N(queue_limit, "1024", 1, 1000000, false, "Requests that may wait for a worker; more are answered 503."),
    N(connections, "20000", 1, 1000000, false, "Open connections, all listeners together."),
    N(connections_per_address, "1000", 1, 1000000, false,
      "Open connections from one address (IPv6: one /64)."),
    N(handshake_timeout_s, "10", 1, 600, false, "From accept to the end of the TLS handshake."),
    N(header_timeout_s, "10", 1, 600, false,
      "From the first byte of a request to the end of its header fields."),
    N(idle_timeout_s, "75", 1, 86400, false, "Between two requests of a connection."),
    N(body_bytes_per_second, "256", 1, 1000000000, false,
      "Least average rate of a body, after its first ten seconds."),
    N(header_bytes, "7168", 1024, 1048576, false, "Request line and header fields together."),
    N(header_count, "64", 8, 1024, false, "Header fields of a request."),
    N(event_streams, "256", 1, 100000, false, "Streams of events (Server-Sent Events) open at once."),
    N(event_streams_per_tenant, "32", 1, 100000, false, "Of those, how many one tenant may have."),
    N(tls_ticket_lifetime_s, "3600", 60, 7200, true, "Life of a session ticket."),
    N(server_certificate_days, "90", 1, 825, true,
      "Life of the server's own certificate; it is renewed after two thirds."),
    N(challenge_ttl_s, "120", 30, 600, false, "Life of a challenge nonce."),
    N(crl_lifetime_h, "168", 1, 8760, false,
      "nextUpdate of a CRL; a fresh one is made after half of it and after each revocation."),
    N(supersede_overlap_h, "24", 0, 8760, false,
      "How long a superseded certificate stays off the CRL, for brokers that use it still."),
    N(clock_step_limit_s, "300", 0, 86400, false,
      "By how much the clock may leave the monotonic clock, or be behind what was seen before the start, "
      "until issuing and expiries are held for an operator to confirm it (`whorl clock confirm`). 0: it is "
      "trusted."),
    T(management_client_ca, "", true,
      "PEM file of trust anchors for client certificates of back ends on the management API; each key is "
      "registered too (`/api/v1/client-certificates`). Read again at SIGHUP. Empty: none are asked for."),
    T(outbound_allow, "", false,
      "Networks that this server may call (webhooks, the OIDC issuer) although they are private, loopback or "
      "otherwise special: CIDRs, comma-separated. Empty: addresses of the public Internet only."),
    T(outbound_ca_file, "", false,
      "PEM file of trust anchors for calls to others, beside those of the system."),
    N(outbound_allow_http, "0", 0, 1, false, "1: calls to others may use plain http:// too."),
    T(oidc_issuer, "", false,
      "URL of the OpenID Connect issuer whose bearer JWTs the management API takes, exactly as in their "
      "`iss`. Empty: none."),
    T(oidc_audience, "", false, "The name of this server in the `aud` of those tokens."),
    T(oidc_tenant_claim, "whorl_tenant", false,
      "The claim that holds the name of the caller's tenant; dots lead into objects (`a.b`)."),
    T(oidc_roles_claim, "whorl_roles", false,
      "The claim that lists the caller's roles (a list, or a text with spaces); dots lead into objects "
      "(`realm_access.roles`)."),
    T(oidc_default_tenant, "", false, "The tenant of tokens without that claim. Empty: they are refused."),
    N(firmware_image_mib, "2048", 1, 65536, false, "Largest firmware image, in MiB."),
    N(firmware_reserve_mib, "256", 0, 1048576, false,
      "Free space of the disk that uploads of firmware leave for the inventory, in MiB."),
    N(firmware_scrub_days, "7", 0, 365, false,
      "Stored firmware is read and held against its hash again after so many days. 0: only before it is "
      "used."),
    N(session_hours, "12", 1, 168, false, "Life of a person's session."),
    N(session_idle_minutes, "60", 1, 1440, false, "A session ends after this long without a request."),
};
enum { SETTING_COUNT = sizeof SETTINGS / sizeof SETTINGS[0] };

static err_t setting_apply(const struct setting *s, struct config *config, const char *value)
{
    char *base = (char *)config + s->offset;
    if (s->kind == TEXT) {
        ENSURE(strlen(value) < CONFIG_TEXT_SIZE, ERR_UNPROCESSABLE, "%s: longer than %d bytes", s->key,
               CONFIG_TEXT_SIZE - 1);
        memcpy(base, value, strlen(value) + 1);
        return OK;
    }
    char *end = NULL;
    errno = 0;
    long long number = strtoll(value, &end, 10);
    ENSURE(errno == 0 && end != value && *end == '\0', ERR_UNPROCESSABLE, "%s: \"%.40s\" is no whole number",
           s->key, value);
    ENSURE(number >= s->min && number <= s->max, ERR_UNPROCESSABLE,
           "%s: %lld is not within %" PRId64 " … %" PRId64, s->key, number, s->min, s->max);
    int64_t stored = number;
    memcpy(base, &stored, sizeof stored);
    return OK;
}

void config_defaults(struct config *out)
{
    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < SETTING_COUNT; i++) { /* the defaults hold their own limits: a test proves it */
        err_ignore(setting_apply(&SETTINGS[i], out, SETTINGS[i].fallback));
    }
}

err_t config_set(struct config *config, const char *key, const char *value)
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        if (strcmp(SETTINGS[i].key, key) == 0) {
            return setting_apply(&SETTINGS[i], config, value);
        }
    }
    return ERR(ERR_UNPROCESSABLE, "unknown setting \"%.60s\"", key);
}

struct ini_state {
    struct config *config;
    err_t error;
};

static int ini_line(void *user, const char *section, const char *name, const char *value)
{
    struct ini_state *state = user;
    if (state->error.code == ERR_OK) {
        state->error = section[0] != '\0'
                           ? ERR(ERR_UNPROCESSABLE, "sections like [%.40s] are not used", section)
                           : config_set(state->config, name, value);
    }
    return state->error.code == ERR_OK;
}

static err_t apply_environment(struct config *config)
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        char variable[64] = "WHORL_";
        size_t n = strlen(variable);
        for (const char *p = SETTINGS[i].key; *p != '\0' && n + 1 < sizeof variable; p++) {
            variable[n++] = (char)toupper((unsigned char)*p);
        }
        variable[n] = '\0';
        const char *value = getenv(variable);
        if (value != NULL) {
            TRY(setting_apply(&SETTINGS[i], config, value));
        }
    }
    return OK;
}

static int level_index(const char *word)
{
    static const char *const words[] = {"debug", "info", "warn",
                                        "error"}; /* in the order of enum log_level */
    for (int i = 0; i < 4; i++) {
        if (strcmp(words[i], word) == 0) {
            return i;
        }
    }
    return -1;
}

enum log_level config_log_level(const struct config *config)
{
    return (enum log_level)level_index(config->log_level); /* config_check has seen it */
}

static err_t check_keystore(const struct config *c)
{
    bool is_token = strcmp(c->keystore, "pkcs11") == 0;
    ENSURE(is_token || strcmp(c->keystore, "files") == 0, ERR_UNPROCESSABLE,
           "keystore: \"%.40s\" is neither files nor pkcs11", c->keystore);
    static const char *const lists[] = {"", "authorities", "firmware", "authorities,firmware",
                                        "firmware,authorities"};
    size_t i = 0;
    while (i < sizeof lists / sizeof lists[0] && strcmp(lists[i], c->pkcs11_keys) != 0) {
        i++;
    }
    ENSURE(i < sizeof lists / sizeof lists[0], ERR_UNPROCESSABLE,
           "pkcs11_keys: \"%.40s\" is not made of authorities and firmware", c->pkcs11_keys);
    ENSURE(!is_token || c->pkcs11_module[0] == '/', ERR_UNPROCESSABLE,
           "pkcs11_module: the path of the PKCS#11 module is needed, from / on");
    ENSURE(!is_token || c->pkcs11_token[0] != '\0' || c->pkcs11_slot >= 0, ERR_UNPROCESSABLE,
           "pkcs11_token or pkcs11_slot is needed");
    return OK;
}

/* What the table cannot say: words, and a URL that will stand in certificates. */
err_t config_check(const struct config *c)
{
    ENSURE(level_index(c->log_level) >= 0, ERR_UNPROCESSABLE,
           "log_level: \"%.40s\" is none of debug, info, warn, error", c->log_level);
    bool is_http = strncmp(c->public_url, "http://", 7) == 0 || strncmp(c->public_url, "https://", 8) == 0;
    ENSURE(is_http, ERR_UNPROCESSABLE, "public_url: must begin with http:// or https://");
    size_t n = strlen(c->public_url);
    ENSURE(c->public_url[n - 1] != '/', ERR_UNPROCESSABLE, "public_url: no slash at its end");
    for (size_t i = 0; i < n; i++) {
        ENSURE(c->public_url[i] > 0x20 && c->public_url[i] < 0x7f, ERR_UNPROCESSABLE,
               "public_url: only visible ASCII");
    }
    ENSURE(c->name[0] != '\0' && strlen(c->name) <= 64, ERR_UNPROCESSABLE, "name: 1 … 64 bytes");
    ENSURE(c->hosts[0] != '\0', ERR_UNPROCESSABLE, "hosts: at least one name or address");
    ENSURE(c->device_listen[0] != '\0' && c->management_listen[0] != '\0', ERR_UNPROCESSABLE,
           "device_listen and management_listen cannot be empty");
    ENSURE(strcmp(c->signer, "process") == 0 || strcmp(c->signer, "inside") == 0, ERR_UNPROCESSABLE,
           "signer: \"%.40s\" is neither process nor inside", c->signer);
    return check_keystore(c);
}

err_t config_read(const struct buf *text, struct config *out)
{
    config_defaults(out);
    struct ini_state state = {.config = out, .error = OK};
    ENSURE(strlen(buf_str(text)) == text->n, ERR_UNPROCESSABLE, "whorl.conf holds a byte 0");
    int line = ini_parse_string(buf_str(text), ini_line, &state);
    const char *why = state.error.code != ERR_OK ? state.error.detail : "not a \"key = value\" line";
    return line == 0 ? OK : ERR(ERR_UNPROCESSABLE, "whorl.conf line %d: %.120s", line, why);
}

err_t config_load(const char *folder, struct config *out)
{
    AUTO(char) *path = NULL;
    AUTO_VAL(buf) text = {0};
    TRY(path_join(folder, "whorl.conf", &path));
    TRY(file_read(path, 65536, &text));
    TRY(config_read(&text, out));
    TRY(apply_environment(out));
    return config_check(out);
}

static void print_value(const struct setting *s, const struct config *config, FILE *to)
{
    const char *base = (const char *)config + s->offset;
    if (s->kind == TEXT) {
        (void)fputs(base, to);
        return;
    }
    int64_t number = 0;
    memcpy(&number, base, sizeof number);
    (void)fprintf(to, "%" PRId64, number);
}

void config_print(const struct config *config, FILE *to)
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        (void)fprintf(to, "%s = ", SETTINGS[i].key);
        print_value(&SETTINGS[i], config, to);
        (void)fputc('\n', to);
    }
}

void config_print_markdown(FILE *to)
{
    (void)fputs("# Settings\n\nMade by `whorld config --markdown` from the table in `cmd/whorld/config.c`; a "
                "test compares them.\n\n"
                "Each key stands in `DIR/whorl.conf` as `key = value` and may be given as `WHORL_<KEY>` in "
                "the environment, which "
                "wins. SIGHUP applies those marked *live*; the others need a restart.\n\n"
                "| Key | Default | Range | Live | Meaning |\n|---|---|---|---|---|\n",
                to);
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        const struct setting *s = &SETTINGS[i];
        (void)fprintf(to, "| `%s` | %s%s%s | ", s->key, s->fallback[0] ? "`" : "", s->fallback,
                      s->fallback[0] ? "`" : "");
        if (s->kind == NUMBER) {
            (void)fprintf(to, "%" PRId64 " … %" PRId64, s->min, s->max);
        }
        (void)fprintf(to, " | %s | %s |\n", s->is_live ? "yes" : "", s->text);
    }
}

static bool is_same(const struct setting *s, const struct config *a, const struct config *b)
{
    const char *left = (const char *)a + s->offset;
    const char *right = (const char *)b + s->offset;
    return s->kind == TEXT ? strcmp(left, right) == 0 : memcmp(left, right, sizeof(int64_t)) == 0;
}

err_t config_render_file(const struct config *config, struct buf *out)
{
    struct config defaults;
    config_defaults(&defaults);
    TRY(buf_append_str(out,
                       "# Settings of this installation; docs/configuration.md explains each one.\n"
                       "# A line without # is in force; WHORL_<KEY> in the environment wins over it.\n\n"));
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        const struct setting *s = &SETTINGS[i];
        const char *mark = is_same(s, config, &defaults) ? "# " : "";
        if (s->kind == TEXT) {
            const char *text = (const char *)config + s->offset;
            ENSURE(text[0] != ';' && strstr(text, " ;") == NULL && strpbrk(text, "\t\r\n\v\f") == NULL,
                   ERR_UNPROCESSABLE, "%s: a line of whorl.conf cannot hold this value", s->key);
            TRY(buf_printf(out, "%s%s = %s\n", mark, s->key, text));
        } else {
            int64_t number = 0;
            memcpy(&number, (const char *)config + s->offset, sizeof number);
            TRY(buf_printf(out, "%s%s = %" PRId64 "\n", mark, s->key, number));
        }
    }
    return OK;
}

const char *config_needs_restart(const struct config *old, const struct config *new)
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        if (!SETTINGS[i].is_live && !is_same(&SETTINGS[i], old, new)) {
            return SETTINGS[i].key;
        }
    }
    return NULL;
}

void config_take_live(struct config *config, const struct config *fresh)
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        if (SETTINGS[i].is_live) {
            size_t n = SETTINGS[i].kind == TEXT ? CONFIG_TEXT_SIZE : sizeof(int64_t);
            memcpy((char *)config + SETTINGS[i].offset, (const char *)fresh + SETTINGS[i].offset, n);
        }
    }
}

const char *config_environment(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}
