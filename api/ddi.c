/* Who calls DDI, under which name, and how it is answered. Decides nothing about firmware. */
#include "api/ddi.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "api/accept.h"
#include "fleet/registry.h"

/* --- who and where ----------------------------------------------------------------------------------- */

/* Clients that cannot be told a tenant say DEFAULT: there it is the one that the certificate tells. */
static err_t check_tenant(struct api *api, const struct contact *contact, const char *segment)
{
    char name[NAME_SIZE];
    struct tenant_row tenant;
    if (strcmp(segment, "DEFAULT") == 0) {
        return OK;
    }
    size_t n = strlen(segment);
    ENSURE(n < sizeof name, ERR_NOT_FOUND, "no such tenant");
    for (size_t i = 0; i <= n; i++) {
        name[i] = (char)tolower((unsigned char)segment[i]);
    }
    TRY(tenant_find(api->options.fleet, name, &tenant));
    ENSURE(uuid_equal(tenant.id, contact->device.tenant), ERR_NOT_FOUND, "no such tenant");
    return OK;
}

static err_t check_caller(struct api *api, const struct principal *device)
{
    const enum proof_kind proof = device->contact.proof;
    if (device->contact.is_known && (proof == PROOF_OPERATIONAL || proof == PROOF_TARGET_TOKEN)) {
        return OK;
    }
    return authn_refused(
        api, device,
        ERR(ERR_FORBIDDEN,
            "firmware is for devices with a certificate that is honoured: enrol, renew, or ask "
            "an operator (GET /device/v1/status tells what is the matter)"));
}

err_t ddi_origin(const struct request *request, struct buf *out)
{
    const char *host = http_header(request, "Host");
    ENSURE(host != NULL && host[0] != '\0', ERR_BAD_REQUEST, "links are made from Host, which is missing");
    return buf_printf(out, "%s://%s", request->is_tls ? "https" : "http", host);
}

err_t ddi_append_segment(struct buf *out, const char *text)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:@+=,";
    for (const char *p = text; *p != '\0'; p++) {
        bool is_plain = strchr(plain, *p) != NULL;
        TRY(is_plain ? buf_append(out, p, 1) : buf_printf(out, "%%%02X", (unsigned char)*p));
    }
    return OK;
}

static err_t write_base(const struct request *request, struct ddi_place *out)
{
    AUTO_VAL(buf) base = {0};
    TRY(ddi_origin(request, &base));
    TRY(buf_append_str(&base, "/"));
    TRY(ddi_append_segment(&base, request->params[0]));
    TRY(buf_append_str(&base, "/controller/v1/"));
    TRY(ddi_append_segment(&base, request->params[1]));
    ENSURE(base.n < sizeof out->base, ERR_BAD_REQUEST, "Host and names are too long for links");
    (void)snprintf(out->base, sizeof out->base, "%s", buf_str(&base));
    return OK;
}

err_t ddi_open(struct api *api, const struct request *request, struct ddi_place *out)
{
    const struct principal *device = request->principal;
    *out = (struct ddi_place){.device = device, .contact = &device->contact};
    TRY(check_caller(api, device));
    TRY(check_tenant(api, &device->contact, request->params[0]));
    TRY(firmware_controller_check(api->options.fleet, &device->contact, request->params[1]));
    return write_base(request, out);
}

err_t ddi_action_id(const char *text, int64_t *out)
{
    int64_t id = 0;
    *out = 0;
    for (const char *p = text; *p != '\0'; p++) {
        ENSURE(*p >= '0' && *p <= '9' && id <= FIRMWARE_ACTION_ID_MAX, ERR_NOT_FOUND, "no such action");
        id = id * 10 + (*p - '0');
    }
    ENSURE(id >= 1 && id <= FIRMWARE_ACTION_ID_MAX, ERR_NOT_FOUND, "no such action");
    *out = id;
    return OK;
}

/* --- answers ----------------------------------------------------------------------------------------- */

err_t ddi_reply(const struct request *request, struct response *response, const json_t *value)
{
    static const char *const offers[] = {"application/hal+json", "application/json"};
    const char *accept = http_header(request, "Accept");
    /* whoever asks for CBOR alone would take JSON for it */
    bool is_cbor = accept != NULL && strstr(accept, "cbor") != NULL && strstr(accept, "json") == NULL &&
                   strchr(accept, '*') == NULL;
    ENSURE(!is_cbor, ERR_NOT_ACCEPTABLE, "application/hal+json and application/json are offered");
    response->status = 200;
    response->content_type = offers[accept_choose(accept, offers, 2)];
    return json_append(&response->body, value);
}

err_t ddi_reply_empty(struct response *response)
{
    response->status = 200;
    return OK;
}

err_t ddi_set_link(json_t *object, const char *name, const char *base, const char *tail)
{
    AUTO_VAL(buf) href = {0};
    AUTO(json_t) *link = json_object();
    TRY(buf_printf(&href, "%s/%s", base, tail));
    TRY(json_set_text(link, "href", buf_str(&href)));
    return json_take(object, name, TAKE(link));
}
