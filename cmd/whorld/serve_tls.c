/* The TLS of the listeners of `whorld serve`: whose certificate they show, and whom they trust. */
#include "cmd/whorld/serve_tls.h"

#include "base/file.h"
#include "fleet/authority_set.h"
#include "fleet/expiries.h"
#include "fleet/ocsp.h"
#include "pki/certificate.h"

enum { CLIENT_CA_MAX = 1 << 20 };

/* a product may ask for less */
static const struct key_policy any_key = {.allow_rsa = true, .allow_rsa_2048 = true};

/* Whoever ever issued to devices: what each of its certificates is good for still, the inventory says. */
static err_t make_device_trust(const struct authority_set *set, struct peer_trust **out)
{
    const struct authority *issuers[AUTHORITIES_MAX];
    const struct authority_member *member = NULL;
    size_t count = 0;
    for (size_t i = 0; (member = authority_set_at(set, i)) != NULL; i++) {
        bool issues_to_devices = member->role != AUTHORITY_ROOT && member->role != AUTHORITY_INFRASTRUCTURE;
        if (issues_to_devices && member->state != AUTHORITY_RETIRED && count < AUTHORITIES_MAX) {
            issuers[count++] = member->authority;
        }
    }
    return peer_trust_new(issuers, count, &any_key, out);
}

static err_t make_trust(struct house *house, const struct authority_set *set, bool for_devices,
                        struct peer_trust **out)
{
    const char *path = house->config.management_client_ca;
    if (for_devices) {
        return make_device_trust(set, out);
    }
    *out = NULL;
    if (path[0] == '\0') {
        return OK;
    }
    AUTO_VAL(buf) pem = {0};
    err_t error = file_read(path, CLIENT_CA_MAX, &pem);
    if (error.code == ERR_OK) {
        error = peer_trust_new_anchors(buf_view(&pem), &any_key, out);
    }
    ENSURE(error.code == ERR_OK, ERR_UNPROCESSABLE, "management_client_ca: %.110s", error.detail);
    return OK;
}

/* Its end is watched with those of authorities and CRLs. */
static err_t note_expiry(const struct house *house, struct bytes leaf)
{
    AUTO_VAL(certificate_facts) facts = {.serial_size = 0};
    TRY(certificate_read(leaf, &facts));
    expiries_note_server_certificate(house->fleet, facts.not_before_ms, facts.not_after_ms);
    return OK;
}

err_t serve_tls_make(struct house *house, bool for_devices, struct tls_snapshot *former,
                     struct tls_snapshot **out)
{
    AUTO_VAL(buf) leaf = {0};
    bool is_new = false;
    struct peer_trust *trust = NULL;
    struct bytes chain[AUTHORITY_PATH_MAX];
    AUTO_PTR(authority_set) *set = authority_set_take(house->fleet);
    const struct authority_member *issuer = authority_set_default(set, AUTHORITY_INFRASTRUCTURE, NULL);
    ENSURE(issuer != NULL, ERR_UNAVAILABLE, "there is no active authority of servers");
    authority_free(house->infrastructure); /* its key may be at hand now */
    house->infrastructure = authority_ref(issuer->authority);
    const struct server_issuer by = {issuer->authority, chain, authority_set_path(set, issuer, chain)};
    TRY(server_certificate_ensure(house, &by, &leaf, &is_new));
    TRY(note_expiry(house, buf_view(&leaf)));
    TRY(ocsp_know(house->fleet, buf_view(&leaf)));
    TRY(make_trust(house, set, for_devices, &trust));
    const struct tls_options options = {
        .key = house->tls_key,
        .certificate_der = buf_view(&leaf),
        .chain = chain,
        .chain_count = by.path_count,
        .trust = trust,
        .tickets = for_devices,
        .ticket_lifetime_s = (int)house->config.tls_ticket_lifetime_s,
        .clock = clock_system(),
        .random = random_system(),
        .former = former,
    };
    return tls_snapshot_new(&options, out);
}
