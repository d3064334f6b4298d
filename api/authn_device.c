/* Devices: by their TLS identity, or by a proof of possession. Decides nothing about a device's state; called
 * by authn.c for routes of devices, and by their handlers for a proof. */
#include "api/authn.h"

#include <stdio.h>
#include <string.h>

#include "api/authn_kinds.h"
#include "api/basic.h"
#include "api/rates.h"
#include "base/hash.h"
#include "fleet/registry.h"

/* The EST label of a route with one: its only parameter on the device listener. */
static const char *label_of(const struct request *request)
{
    bool is_est =
        request->route != NULL && strncmp(request->route->path, "/.well-known/est/{label}/", 25) == 0;
    return is_est ? request->params[0] : "";
}

static err_t set_device_id(struct principal *p)
{
    char hex[2 * DEVICE_ID_SIZE + 1];
    struct sha256 hash = {{0}};
    if (p->contact.is_known) {
        p->device_id = p->contact.device.id;
    } else {
        if (p->facts.peer == NULL) {
            TRY(sha256_of(p->facts.proved_spki, &hash));
        } else {
            hash = p->facts.peer->certificate.key.spki_sha256;
        }
        memcpy(p->device_id.b, hash.b, DEVICE_ID_SIZE);
    }
    hex_encode(BYTES_OF(p->device_id.b), hex);
    snprintf(p->actor.name, sizeof p->actor.name, "device:%s", hex);
    return OK;
}

/* Only where the device was judged: a malformed request (400, 413, 415) says nothing about it. */
static bool is_refusal(err_code code)
{
    int status = err_status(code);
    return status == 401 || status == 403 || status == 409 || status == 422;
}

err_t authn_refused(struct api *api, const struct principal *device, err_t error)
{
    if (is_refusal(error.code)) {
        contact_refused(api->options.fleet, &device->facts, &device->contact, error);
    }
    return error;
}

/* By the key, which was proved, and not by what is known of it: what is unknown or refused costs as much. */
static err_t meet(struct api *api, const struct request *request, const struct contact_facts *facts)
{
    struct sha256 hash;
    if (facts->peer != NULL) {
        return rates_meet_device(api, request, BYTES_OF(facts->peer->certificate.key.spki_sha256.b));
    }
    TRY(sha256_of(facts->proved_spki, &hash));
    return rates_meet_device(api, request, BYTES_OF(hash.b));
}

err_t authn_device(struct api *api, const struct request *request, const struct device_evidence *evidence,
                   const struct principal **out)
{
    *out = NULL;
    void *memory = NULL;
    TRY(arena_alloc(request->arena, sizeof(struct principal), &memory));
    struct principal *p = memory;
    p->kind = PRINCIPAL_DEVICE;
    p->actor.request_id = request->request_id;
    p->facts = (struct contact_facts){.peer = evidence->proved_spki.n == 0 ? request->peer : NULL,
                                      .proved_spki = evidence->proved_spki,
                                      .code = evidence->code,
                                      .is_resumed = request->is_resumed,
                                      .label = label_of(request),
                                      .address = request->address,
                                      .request_id = request->request_id};
    TRY(meet(api, request, &p->facts));
    p->changes = fleet_changes(api->options.fleet);
    err_t error = contact_resolve(api->options.fleet, &p->facts, &p->contact);
    if (error.code != ERR_OK) {
        return authn_refused(api, p, error);
    }
    TRY(set_device_id(p));
    *out = p;
    return OK;
}

err_t authn_device_by_tls(struct api *api, const struct request *request, struct bytes code,
                          const struct principal **out)
{
    const struct device_evidence evidence = {.code = code};
    *out = NULL;
    ENSURE(request->peer->kind != PEER_NONE, ERR_UNAUTHORIZED,
           "a client certificate or a challenge proof is needed");
    return authn_device(api, request, &evidence, out);
}

/* EST clients know no other place for a code than a password. Where no product of the label takes codes, it
 * is not looked at: old clients send passwords unasked. */
static err_t code_of(struct api *api, const struct request *request, struct bytes *out)
{
    const char *value = NULL;
    const char *label = label_of(request);
    bool wants_code = label[0] == '\0';
    *out = BYTES_NONE;
    TRY(authn_authorization(request, &value));
    if (value == NULL || request->route->errors != ERRORS_TEXT) {
        return OK;
    }
    if (!wants_code) {
        TRY(admission_label_wants_code(api->options.fleet, label, &wants_code));
    }
    if (!wants_code) {
        return OK;
    }
    AUTO_VAL(buf) password = {0};
    TRY(basic_password(bytes_str(value), &password));
    if (password.n == 0) {
        return OK;
    }
    const char *kept = NULL;
    err_t error = arena_dup_str(request->arena, buf_view(&password), &kept);
    *out = (struct bytes){(const uint8_t *)kept, kept == NULL ? 0 : password.n};
    bytes_wipe(password.p, password.n);
    return error;
}

err_t authn_admit_device(struct api *api, struct request *request)
{
    struct bytes code = BYTES_NONE;
    const char *label = label_of(request);
    if (authn_takes_target_token(request)) {
        return authn_by_target_token(api, request);
    }
    if (label[0] != '\0') {
        struct tenant_row tenant;
        TRY(tenant_find(api->options.fleet, label, &tenant));
    }
    TRY(code_of(api, request, &code));
    TRY(authn_device_by_tls(api, request, code, &request->principal));
    bool is_open = !request->principal->contact.is_issuer_lost ||
                   (request->route->flags & (ROUTE_FULL_HANDSHAKE | ROUTE_HEALS)) != 0;
    ENSURE(is_open, ERR_DEVICE_REFUSED,
           "the authority of this certificate was compromised: get another certificate first");
    return OK;
}
