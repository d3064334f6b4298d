/* The device protocol's status and challenge (docs/device-protocol.md): who am I to you, and how do I prove
 * it without a client certificate. Tells the truth under a proof, and the same to everybody without. */
#include "api/cacerts.h"
#include "api/device_v1.h"
#include "api/rekey_after.h"
#include "api/tables.h"
#include "fleet/authority_set.h"
#include "pki/authority.h"

static err_t add_certificate(json_t *answer, const struct device_status *status)
{
    if (!status->has_certificate) {
        return OK;
    }
    const struct certificate_row *row = &status->certificate;
    AUTO(json_t) *certificate = json_object();
    TRY(json_set_hex(certificate, "serial", BYTES_OF(row->serial)));
    TRY(json_set_time(certificate, "not_before", row->not_before));
    TRY(json_set_time(certificate, "not_after", row->not_after));
    if (row->profile[0] != '\0') {
        TRY(json_set_text(certificate, "profile", row->profile));
        TRY(json_set_int(certificate, "profile_version", row->profile_version));
    }
    TRY(json_take(answer, "certificate", TAKE(certificate)));
    if (status->needs_new_key) {
        TRY(json_set_bool(answer, "rekey", true));
    }
    return status->renew_after == 0 ? OK : json_set_time(answer, "renew_after", status->renew_after);
}

/* The root that names the server now, and its set: a device that knows another digest fetches EST's cacerts.
 */
static err_t add_anchors(struct api *api, json_t *answer)
{
    struct sha256 hash;
    AUTO_PTR(authority_set) *set = authority_set_take(api->options.fleet);
    TRY(json_set_hex(answer, "server_id",
                     BYTES_OF(authority_spki_sha256(authority_set_root(set)->authority)->b)));
    TRY(cacerts_sha256(api, &hash));
    return json_set_hex(answer, "anchors_sha256", BYTES_OF(hash.b));
}

static err_t reply_status(struct api *api, const struct request *request, const struct principal *device,
                          struct response *response)
{
    struct device_status status = {.word = WORD_DOES_NOT_EXIST};
    TRY(contact_status(api->options.fleet, &device->contact, &status));
    if (!device->contact.is_known && !device->contact.is_admissible) {
        err_ignore(
            authn_refused(api, device, ERR(ERR_DEVICE_REFUSED, "no tenant has this key"))); /* only counted */
    }
    AUTO(json_t) *answer = json_object();
    TRY(json_set_hex(answer, "device_id", BYTES_OF(device->device_id.b)));
    TRY(json_set_text(answer, "status", device_word_name(status.word)));
    TRY(json_set_int(answer, "code", status.word));
    if (status.tenant[0] != '\0') {
        TRY(json_set_text(answer, "tenant", status.tenant));
    }
    TRY(json_set_int(answer, "generation", status.generation));
    if (status.has_owner_salt) {
        TRY(json_set_hex(answer, "owner_salt", BYTES_OF(status.owner_salt)));
    }
    TRY(add_certificate(answer, &status));
    if (device->contact.proof == PROOF_OPERATIONAL) {
        TRY(rekey_after_tell(api, status.renew_after, status.needs_new_key, response));
    }
    TRY(json_set_time(answer, "server_time", request->now_ms));
    TRY(add_anchors(api, answer));
    return reply_json(response, 200, answer);
}

static err_t get_status(struct api *api, const struct request *request, struct response *response)
{
    return reply_status(api, request, request->principal, response);
}

static err_t device_by_proof(struct api *api, const struct request *request, const struct status_body *body,
                             const struct principal **out)
{
    struct challenge_proof proof = proof_of(request, &body->proof, PURPOSE_STATUS);
    const struct device_evidence evidence = {.proved_spki = proof.spki, .code = body->code};
    bool is_bound = false;
    *out = NULL;
    TRY(challenge_check(api->options.fleet, &proof, &is_bound));
    TRY(challenge_consume(api->options.fleet, &proof));
    return authn_device(api, request, &evidence, out);
}

static err_t post_status(struct api *api, const struct request *request, struct response *response)
{
    AUTO(json_t) *document = NULL;
    AUTO_VAL(status_body) body = {0};
    const struct principal *device = NULL;
    TRY(request_json(request, &document));
    TRY(status_body_read(document, &body));
    TRY(body.has_proof ? device_by_proof(api, request, &body, &device)
                       : authn_device_by_tls(api, request, body.code, &device));
    return reply_status(api, request, device, response);
}

static err_t post_challenge(struct api *api, const struct request *request, struct response *response)
{
    AUTO(json_t) *document = NULL;
    struct challenge_question question;
    struct challenge challenge;
    TRY(request_json(request, &document));
    TRY(challenge_body_read(document, &question));
    TRY(challenge_make(api->options.fleet, &question, &challenge));
    AUTO(json_t) *answer = json_object();
    TRY(json_set_base64(answer, "nonce", BYTES_OF(challenge.nonce)));
    TRY(json_set_int(answer, "expires_in", challenge.expires_in_s));
    TRY(json_set_hex(answer, "server_id", BYTES_OF(challenge.server_id.b)));
    return reply_json(response, 200, answer);
}

const struct route device_status_routes[] = {
    {.method = HTTP_GET,
     .path = "/device/v1/status",
     .listeners = LISTENER_DEVICE,
     .access = ACCESS_DEVICE,
     .flags = ROUTE_HEALS,
     .handler = get_status},
    {.method = HTTP_POST,
     .path = "/device/v1/status",
     .listeners = LISTENER_DEVICE,
     .access = ACCESS_ANYONE,
     .body_limit = DEVICE_BODY_LIMIT,
     .handler = post_status},
    {.method = HTTP_POST,
     .path = "/device/v1/challenge",
     .listeners = LISTENER_DEVICE,
     .access = ACCESS_ANYONE,
     .body_limit = DEVICE_BODY_LIMIT,
     .flags = ROUTE_FULL_HANDSHAKE,
     .handler = post_challenge},
};
