/* Every setting: its default, its range, whether SIGHUP changes it, and what docs/configuration.md says of
 * it. */
#include "cmd/whorld/config_table.h"

#define T(field, fallback, live, doc)                                                                        \
    {                                                                                                        \
#field, TEXT, offsetof(struct config, field), fallback, 0, 0, live, doc                              \
    }
#define N(field, fallback, min, max, live, doc)                                                              \
    {                                                                                                        \
#field, NUMBER, offsetof(struct config, field), fallback, min, max, live, doc                        \
    }

const struct setting config_table[] = {
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
    T(sandbox, "on", false,
      "What `serve` takes from itself at its start (docs/deployment.md): rights, files outside of the data "
      "directory, system calls. `on`: all that the kernel allows, and the log tells what it does not; "
      "`required`: all, or it does not start; `off`."),
    T(user, "", false,
      "User that `serve` becomes when root starts it. Empty: it stays who it is, without root's "
      "capabilities."),
    T(journal_dir, "", false,
      "Folder of the journal (docs/journal.md); its parent must exist. Best on another disk than the data "
      "directory. Empty: `journal` in the data directory."),
    T(log_level, "info", true, "debug, info, warn or error."),
    N(loops, "0", 0, 256, false, "Event loops; 0 is one per core."),
    N(workers, "64", 1, 1024, false, "Worker threads that run handlers."),
    N(queue_limit, "1024", 1, 1000000, false,
      "Requests of one listener that may wait for a worker; more are answered 503."),
    N(queue_wait_ms, "5000", 0, 600000, false,
      "A request that has waited longer for a worker is answered 503 instead, as its caller may have given "
      "up. "
      "0: no limit."),
    N(connections, "20000", 1, 1000000, false, "Open connections, all listeners together."),
    N(connections_per_address, "1000", 1, 1000000, false,
      "Open connections from one address (IPv6: one /64)."),
    N(body_memory_mib, "0", 0, 1048576, false,
      "Memory for bodies of requests and answers that are held at once, in MiB; more are told to come again "
      "(503). 0: a quarter of what there is, from 64 to 1536 (docs/operations.md#memory)."),
    N(handshakes, "0", 0, 1000000, false,
      "TLS handshakes that may be unfinished at once; one more, and the oldest gives way. 0: a quarter of "
      "`connections`."),
    N(accept_wait_ms, "3000", 0, 600000, false,
      "Who has waited longer to be accepted is reset before the handshake begins "
      "(docs/operations.md#overload). "
      "0: no limit."),
    N(handshake_timeout_s, "10", 1, 600, false, "From accept to the end of the TLS handshake."),
    N(header_timeout_s, "10", 1, 600, false,
      "From the first byte of a request to the end of its header fields."),
    N(idle_timeout_s, "75", 1, 86400, false, "Between two requests of a connection."),
    N(body_bytes_per_second, "256", 1, 1000000000, false,
      "Least average rate of a body, after its first ten seconds."),
    N(header_bytes, "7168", 1024, 1048576, false, "Request line and header fields together."),
    N(header_count, "64", 8, 1024, false, "Header fields of a request."),
    N(rate_address, "1000", 0, 1000000, true,
      "Requests a second from one address (IPv6: one /64) on the device and management listeners; more are "
      "answered 429 with `Retry-After`. 0: no limit. A proxy in front shows one address for all: set 0, or "
      "what the whole fleet may ask."),
    N(rate_address_burst, "20000", 1, 1000000, true, "Of those, how many at once."),
    N(rate_device, "10", 0, 1000000, true,
      "Requests a second by one device; the pieces of an image are not counted. 0: no limit."),
    N(rate_device_burst, "300", 1, 1000000, true, "Of those, how many at once."),
    N(rate_tenant, "500", 0, 1000000, true,
      "Requests a second to the management API by the people and back ends of one tenant together. 0: no "
      "limit."),
    N(rate_tenant_burst, "5000", 1, 1000000, true, "Of those, how many at once."),
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
const size_t config_table_size = sizeof config_table / sizeof config_table[0];
