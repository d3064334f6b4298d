/* Settings: one table makes the parser of whorl.conf, the WHORL_<KEY> environment, the defaults, the output
 * of `whorld config` and docs/configuration.md. The only place in the tree that reads the environment. */
#ifndef WHORL_CMD_CONFIG_H
#define WHORL_CMD_CONFIG_H

#include <stdio.h>

#include "base/log.h"

enum { CONFIG_TEXT_SIZE = 512 };

struct config {
    char name[CONFIG_TEXT_SIZE];
    char hosts[CONFIG_TEXT_SIZE]; /* comma-separated */
    char device_listen[CONFIG_TEXT_SIZE], management_listen[CONFIG_TEXT_SIZE],
        public_listen[CONFIG_TEXT_SIZE];
    char public_url[CONFIG_TEXT_SIZE];
    char ca_passphrase_file[CONFIG_TEXT_SIZE];
    char keystore[CONFIG_TEXT_SIZE], pkcs11_module[CONFIG_TEXT_SIZE], pkcs11_token[CONFIG_TEXT_SIZE];
    int64_t pkcs11_slot;
    char pkcs11_pin_file[CONFIG_TEXT_SIZE], pkcs11_keys[CONFIG_TEXT_SIZE], pkcs11_uris[CONFIG_TEXT_SIZE];
    char signer[CONFIG_TEXT_SIZE];
    int64_t signer_threads, signer_queue, signer_timeout_ms, signer_network;
    int64_t signer_rate_certificates, signer_rate_firmware, signer_rate_authorities;
    char sandbox[CONFIG_TEXT_SIZE], user[CONFIG_TEXT_SIZE];
    char journal_dir[CONFIG_TEXT_SIZE];
    char log_level[CONFIG_TEXT_SIZE];
    int64_t loops, workers, queue_limit, queue_wait_ms;
    int64_t connections, connections_per_address;
    int64_t handshakes, accept_wait_ms, body_memory_mib;
    int64_t handshake_timeout_s, header_timeout_s, idle_timeout_s, body_bytes_per_second;
    int64_t header_bytes, header_count;
    int64_t rate_address, rate_address_burst, rate_device, rate_device_burst;
    int64_t rate_tenant, rate_tenant_burst;
    int64_t event_streams, event_streams_per_tenant;
    int64_t tls_ticket_lifetime_s, server_certificate_days;
    int64_t challenge_ttl_s, crl_lifetime_h, supersede_overlap_h, clock_step_limit_s;
    char management_client_ca[CONFIG_TEXT_SIZE];
    int64_t firmware_image_mib, firmware_reserve_mib, firmware_scrub_days;
    int64_t session_hours, session_idle_minutes;
    char outbound_allow[CONFIG_TEXT_SIZE], outbound_ca_file[CONFIG_TEXT_SIZE];
    int64_t outbound_allow_http;
    char oidc_issuer[CONFIG_TEXT_SIZE], oidc_audience[CONFIG_TEXT_SIZE];
    char oidc_tenant_claim[CONFIG_TEXT_SIZE], oidc_roles_claim[CONFIG_TEXT_SIZE],
        oidc_default_tenant[CONFIG_TEXT_SIZE];
};

/** Defaults, then DIR/whorl.conf, then the environment. An unknown key, a value out of range or a broken line
 * is refused by name and line. @errors ERR_UNPROCESSABLE, ERR_NOT_FOUND no file, ERR_IO @thread init,
 * background (reload) */
err_t config_load(const char *folder, struct config *out);
/** Defaults, then the text of a whorl.conf: nothing of the environment, and config_check() follows.
 * @errors ERR_UNPROCESSABLE naming the line @thread any */
err_t config_read(const struct buf *text, struct config *out);
/** What the table cannot say: known words, a URL fit for certificates. @errors ERR_UNPROCESSABLE naming the
 * key */
err_t config_check(const struct config *config);
/** One setting, within its range; config_check() follows when all are there. @errors ERR_UNPROCESSABLE */
err_t config_set(struct config *config, const char *key, const char *value);
/** Defaults alone. */
void config_defaults(struct config *out);
/** The file that `init` writes: what differs from its default in force, every other key as a comment.
 * @errors ERR_UNPROCESSABLE a value that would not be read back: a line's end, a ";" that begins a comment */
err_t config_render_file(const struct config *config, struct buf *out);
/** "key = value" lines of what is in force, or the table of docs/configuration.md. */
void config_print(const struct config *config, FILE *to);
void config_print_markdown(FILE *to);
/** The first key whose change needs a restart and that differs, or NULL. */
const char *config_needs_restart(const struct config *old, const struct config *new);
/** Copies the settings that SIGHUP may change. */
void config_take_live(struct config *config, const struct config *fresh);
enum log_level config_log_level(const struct config *config);
/** An environment variable that is no setting: a secret, or what a service manager says. NULL when unset or
 * empty. */
const char *config_environment(const char *name);

#endif
