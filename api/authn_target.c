/* hawkBit's target tokens, for routes of DDI only, and only where no client certificate is shown: one that is
 * shown decides alone. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "api/authn_kinds.h"
#include "api/rates.h"
#include "fleet/target_tokens.h"

static const char base[] = "/{tenant}/controller/v1/{controllerId}";
static const char scheme[] = "TargetToken ";

bool authn_takes_target_token(const struct request *request)
{
    return request->peer->kind == PEER_NONE && request->route != NULL &&
           strncmp(request->route->path, base, sizeof base - 1) == 0;
}

/* What people confuse: tokens of the management interface, and hawkBit's gateway tokens. */
static err_t read_token(const struct request *request, struct bytes *out)
{
    const char *value = NULL;
    *out = BYTES_NONE;
    TRY(authn_authorization(request, &value));
    ENSURE(value != NULL, ERR_UNAUTHORIZED,
           "a device shows its client certificate here (or its target token, where its product takes them)");
    ENSURE(strncasecmp(value, scheme, sizeof scheme - 1) == 0, ERR_UNAUTHORIZED,
           "a device shows its client certificate here (or its target token); tokens of the management "
           "interface and gateway tokens are not taken");
    *out = bytes_str(value + sizeof scheme - 1);
    return OK;
}

err_t authn_by_target_token(struct api *api, struct request *request)
{
    struct target_token_claim claim = {.controller = request->params[1]};
    char tenant[NAME_SIZE], id[2 * DEVICE_ID_SIZE + 1];
    void *memory = NULL;
    TRY(read_token(request, &claim.token));
    size_t n = 0;
    for (const char *p = request->params[0]; *p != '\0' && n + 1 < sizeof tenant; p++) {
        tenant[n++] = (char)tolower((unsigned char)*p);
    }
    tenant[n] = '\0';
    claim.tenant = tenant;
    TRY(arena_alloc(request->arena, sizeof(struct principal), &memory));
    struct principal *p = memory;
    p->kind = PRINCIPAL_DEVICE;
    p->actor.request_id = request->request_id;
    p->facts = (struct contact_facts){
        .peer = request->peer, .label = "", .address = request->address, .request_id = request->request_id};
    p->changes = fleet_changes(api->options.fleet);
    TRY(target_token_resolve(api->options.fleet, &claim, &p->contact));
    p->device_id = p->contact.device.id;
    TRY(rates_meet_device(api, request, BYTES_OF(p->device_id.b)));
    hex_encode(BYTES_OF(p->device_id.b), id);
    (void)snprintf(p->actor.name, sizeof p->actor.name, "device:%s", id);
    request->principal = p;
    return OK;
}
