/* The device protocol's enrolment (docs/device-protocol.md): a request in, the certificate, its chain and the
 * hub out. The proof is a challenge signature or the TLS identity. Holds no rule of enrolment. */
#include <string.h>

#include "api/device_v1.h"
#include "api/rekey_after.h"
#include "api/tables.h"
#include "fleet/authorities.h"
#include "fleet/enrol.h"

/* The caller and the request, checked as far as form and proofs go. */
struct applicant {
    const struct principal *device;
    struct csr *csr;
    struct challenge_proof proof;
    bool has_proof;
};
static void applicant_clear(struct applicant *applicant)
{
    csr_free(applicant->csr);
}
DEFINE_AUTO_VAL(applicant, applicant_clear);

/* The proof names the request's key, so the request is read before we know whose rules hold: read with the
 * widest rules, then an RSA key, where rules differ, is held to the caller's. */
static err_t applicant_by_proof(struct api *api, const struct request *request, const struct enrol_body *body,
                                struct applicant *out)
{
    static const struct key_policy widest = {.allow_rsa = true, .allow_rsa_2048 = true};
    bool is_bound = false;
    struct key_policy policy;
    struct key_info info;
    TRY(csr_parse(buf_view(&body->csr), &widest, &out->csr));
    out->has_proof = true;
    out->proof = proof_of(request, &body->proof, PURPOSE_ENROL);
    out->proof.generation = body->generation;
    out->proof.new_spki = csr_borrow_spki(out->csr);
    out->proof.csr = buf_view(&body->csr);
    TRY(challenge_check(api->options.fleet, &out->proof, &is_bound));
    out->proof.is_bound = is_bound; /* what held, not what could have */
    const struct device_evidence evidence = {.proved_spki = out->proof.spki, .code = body->code};
    TRY(authn_device(api, request, &evidence, &out->device));
    if (csr_borrow_key(out->csr)->alg != KEY_ALG_RSA) {
        return OK;
    }
    TRY(enrol_key_policy(api->options.fleet, &out->device->contact, &policy));
    return key_check_spki(csr_borrow_spki(out->csr), &policy, &info);
}

static err_t applicant_by_tls(struct api *api, const struct request *request, const struct enrol_body *body,
                              struct applicant *out)
{
    struct key_policy policy;
    TRY(authn_device_by_tls(api, request, body->code, &out->device));
    TRY(enrol_key_policy(api->options.fleet, &out->device->contact, &policy));
    return csr_parse(buf_view(&body->csr), &policy, &out->csr);
}

static err_t enrol_applicant(struct api *api, const struct request *request, const struct enrol_body *body,
                             const struct applicant *applicant, struct enrolment *out)
{
    const struct principal *device = applicant->device;
    struct enrol_order order = {.contact = &device->contact,
                                .facts = &device->facts,
                                .csr = applicant->csr,
                                .generation = body->generation,
                                .binding = request->binding,
                                .proof = applicant->has_proof ? &applicant->proof : NULL,
                                .actor = device->actor};
    if (device->contact.proof == PROOF_OPERATIONAL) {
        order.subject_of_peer = buf_view(&request->peer->certificate.subject);
        order.san_of_peer = buf_view(&request->peer->certificate.san);
    }
    return enrol(api->options.fleet, &order, out);
}

/* From the issuing CA up; the root is the device's trust anchor and is not sent. */
static err_t add_chain(struct api *api, const struct certificate_row *row, json_t *answer)
{
    AUTO_VAL(authority_chain) ders = {.count = 0};
    AUTO(json_t) *chain = json_array();
    TRY(authority_chain_of(api->options.fleet, row->authority, &ders));
    for (size_t i = 0; i + 1 < ders.count; i++) {
        AUTO_VAL(buf) text = {0};
        TRY(base64_append(&text, buf_view(&ders.ders[i])));
        ENSURE(json_array_append_new(chain, json_string(buf_str(&text))) == 0, ERR_NO_MEMORY, "a chain");
    }
    return json_take(answer, "chain", TAKE(chain));
}

static err_t add_hub(const struct enrolment *enrolment, json_t *answer)
{
    if (enrolment->hub_url[0] == '\0') {
        return OK;
    }
    AUTO(json_t) *hub = json_object();
    TRY(json_set_text(hub, "url", enrolment->hub_url));
    TRY(json_set_text(hub, "ca", enrolment->hub_ca));
    return json_take(answer, "hub", TAKE(hub));
}

static err_t reply_enrolment(struct api *api, const struct principal *device,
                             const struct enrolment *enrolment, struct response *response)
{
    const struct certificate_row *row = &enrolment->certificate;
    AUTO(json_t) *answer = json_object();
    TRY(json_set_hex(answer, "device_id", BYTES_OF(device->device_id.b)));
    TRY(json_set_text(answer, "status", device_word_name(WORD_ENROLLED)));
    TRY(json_set_int(answer, "code", WORD_ENROLLED));
    TRY(json_set_int(answer, "generation", row->generation));
    TRY(json_set_base64(answer, "certificate", buf_view(&row->der)));
    TRY(add_chain(api, row, answer));
    TRY(json_set_time(answer, "not_before", row->not_before));
    TRY(json_set_time(answer, "not_after", row->not_after));
    TRY(json_set_time(answer, "renew_after", enrolment->renew_after));
    if (enrolment->needs_new_key) {
        TRY(json_set_bool(answer, "rekey", true));
    }
    TRY(add_hub(enrolment, answer));
    TRY(rekey_after_tell(api, enrolment->renew_after, enrolment->needs_new_key, response));
    return reply_json(response, 200, answer);
}

static err_t post_enrol(struct api *api, const struct request *request, struct response *response)
{
    AUTO(json_t) *document = NULL;
    AUTO_VAL(enrol_body) body = {0};
    AUTO_VAL(applicant) applicant = {0};
    AUTO_VAL(enrolment) enrolment = {0};
    TRY(request_json(request, &document));
    TRY(enrol_body_read(document, &body));
    err_t error = body.has_proof ? applicant_by_proof(api, request, &body, &applicant)
                                 : applicant_by_tls(api, request, &body, &applicant);
    if (error.code == ERR_OK) {
        error = enrol_applicant(api, request, &body, &applicant, &enrolment);
    }
    if (error.code != ERR_OK) {
        return applicant.device == NULL ? error : authn_refused(api, applicant.device, error);
    }
    return reply_enrolment(api, applicant.device, &enrolment, response);
}

const struct route device_enrol_routes[] = {
    {.method = HTTP_POST,
     .path = "/device/v1/enrol",
     .listeners = LISTENER_DEVICE,
     .access = ACCESS_ANYONE,
     .body_limit = DEVICE_BODY_LIMIT,
     .flags = ROUTE_FULL_HANDSHAKE,
     .handler = post_enrol},
};
