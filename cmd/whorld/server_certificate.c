/* The server's own certificate: issued by the infrastructure authority over a key of the keystore, renewed
 * when a third of its life is left, or when the host names of the settings or that authority have changed. */
#include <string.h>

#include "base/file.h"
#include "cmd/whorld/house.h"
#include "fleet/clock_guard.h"
#include "pki/ca_certificate.h"

enum { HOSTS_MAX = 32, DAY_MS = 86400000 };

struct host_list {
    char text[CONFIG_TEXT_SIZE];
    const char *names[HOSTS_MAX];
    size_t count;
};

static err_t split_hosts(const char *hosts, struct host_list *out)
{
    memcpy(out->text, hosts, strlen(hosts) + 1); /* both hold CONFIG_TEXT_SIZE */
    char *save = NULL;
    for (char *p = strtok_r(out->text, ", ", &save); p != NULL; p = strtok_r(NULL, ", ", &save)) {
        ENSURE(out->count < HOSTS_MAX, ERR_UNPROCESSABLE, "hosts: more than %d names", HOSTS_MAX);
        out->names[out->count++] = p;
    }
    ENSURE(out->count > 0, ERR_UNPROCESSABLE, "hosts: at least one name or address");
    return OK;
}

/* Names alone would do for issuing authorities, which never share one; the signature costs nothing here. */
static err_t is_signed_by(struct bytes leaf, const struct authority *issuer, bool *out)
{
    AUTO_VAL(ca_certificate) own = {.is_ca = false};
    AUTO_VAL(ca_certificate) above = {.is_ca = false};
    TRY(ca_certificate_read(leaf, &own));
    TRY(ca_certificate_read(authority_borrow_der(issuer), &above));
    *out = ca_certificate_names_issuer(&own, &above) && ca_certificate_verify(&own, &above).code == ERR_OK;
    return OK;
}

/* The hosts that a certificate was made for stand beside it: comparing text is simpler than reading names
 * back. */
static err_t is_current(const struct house *house, const struct server_issuer *by, const char *hosts_path,
                        struct bytes leaf, bool *out)
{
    AUTO_VAL(buf) hosts = {0};
    AUTO_VAL(buf) spki = {0};
    AUTO_VAL(certificate_facts) facts = {0};
    struct sha256 key;
    bool is_signed = false;
    *out = false;
    TRY(file_read(hosts_path, CONFIG_TEXT_SIZE, &hosts));
    TRY(private_key_spki(house->tls_key, &spki));
    TRY(sha256_of(buf_view(&spki), &key));
    if (certificate_read(leaf, &facts).code != ERR_OK) {
        return OK; /* damaged: a new one is made */
    }
    TRY(is_signed_by(leaf, by->authority, &is_signed));
    int64_t now = clock_now_ms(clock_system());
    int64_t life = facts.not_after_ms - facts.not_before_ms;
    bool is_ours = is_signed && bytes_equal(BYTES_OF(facts.key.spki_sha256.b), BYTES_OF(key.b));
    bool is_fresh = now >= facts.not_before_ms && facts.not_after_ms - now > life / 3;
    /* a clock in doubt says nothing about the end of a certificate, and would give the next one wrong dates
     */
    bool is_clock_held = house->fleet != NULL && clock_guard_check(house->fleet).code != ERR_OK;
    *out = is_ours && (is_fresh || is_clock_held) && bytes_is(buf_view(&hosts), house->config.hosts);
    return OK;
}

static err_t issue(struct house *house, const struct authority *issuer, struct buf *leaf)
{
    AUTO_VAL(issued) issued = {0};
    AUTO_VAL(buf) spki = {0};
    struct host_list hosts = {0};
    TRY(split_hosts(house->config.hosts, &hosts));
    TRY(private_key_spki(house->tls_key, &spki));
    int64_t now = clock_now_ms(clock_system());
    struct certificate_spec spec = {
        .not_before_ms = now - 600000,
        .not_after_ms = now + house->config.server_certificate_days * DAY_MS,
        .publication = {.public_url = house->config.public_url},
    };
    TRY(random_fill(random_system(), spec.serial, sizeof spec.serial));
    TRY(authority_issue_server(issuer, buf_view(&spki), hosts.names, hosts.count, &spec, &issued));
    return buf_append_bytes(leaf, buf_view(&issued.der));
}

/* What tls/server.pem holds: the leaf, then the path. */
static err_t write_text(struct bytes leaf, const struct server_issuer *by, struct buf *pem)
{
    TRY(certificate_to_pem(leaf, pem));
    for (size_t i = 0; i < by->path_count; i++) {
        TRY(certificate_to_pem(by->path[i], pem));
    }
    return OK;
}

err_t server_certificate_ensure(struct house *house, const struct server_issuer *by, struct buf *leaf,
                                bool *is_new)
{
    AUTO(char) *path = NULL;
    AUTO(char) *hosts_path = NULL;
    AUTO_VAL(buf) former = {0};
    AUTO_VAL(buf) pem = {0};
    bool is_good = false;
    leaf->n = 0;
    TRY(house_path(house, HOUSE_SERVER_CERTIFICATE, &path));
    TRY(house_path(house, "tls/hosts", &hosts_path));
    if (file_exists(path) && file_exists(hosts_path)) {
        TRY(file_read(path, 65536, &former));
        if (certificate_from_pem(buf_view(&former), leaf).code == ERR_OK) {
            TRY(is_current(house, by, hosts_path, buf_view(leaf), &is_good));
        }
    }
    *is_new = !is_good;
    if (!is_good) {
        leaf->n = 0;
        TRY(issue(house, by->authority, leaf));
    }
    TRY(write_text(buf_view(leaf), by, &pem));
    if (!bytes_equal(buf_view(&former), buf_view(&pem))) { /* a cross certificate came or went */
        TRY(file_write_durable(path, buf_view(&pem), 0644));
    }
    return is_good ? OK : file_write_durable(hosts_path, bytes_str(house->config.hosts), 0644);
}
