/* Status and enrolment where no client certificate reaches the server: the identity key signs the server's
 * single-use nonce together with the request (docs/device-protocol.md, "Proof of possession"). The server is
 * named in the signed text, so a rogue one cannot pass the proof on. */
#include "device/core/anchors.h"
#include "device/core/device_internal.h"

static enum whorl_result ask_challenge(struct whorl_device *device, enum whorl_pop_purpose purpose,
                                       struct whorl_challenge *out)
{
    struct whorl_text text;
    struct whorl_bytes answer;
    whorl_text_begin(&text, device->settings.work);
    whorl_message_put_challenge(&text, device->id, whorl_device_server_id(device), purpose);
    struct whorl_http_request request = {"POST", "/device/v1/challenge", whorl_text_view(&text)};
    if (text.is_full) {
        return WHORL_ERROR_SPACE;
    }
    WHORL_TRY(whorl_link_call(device, &request, &answer));
    if (!whorl_message_read_challenge(answer, out) || !whorl_device_trusts(device, out->server_id)) {
        return WHORL_ERROR_ANSWER;
    }
    return WHORL_OK;
}

static enum whorl_result take_counter(struct whorl_device *device, uint64_t *out)
{
    struct whorl_state next = device->state;
    next.counter++;
    WHORL_TRY(whorl_state_save(device->settings.ports->storage, &next));
    device->state = next;
    *out = next.counter;
    return WHORL_OK;
}

static enum whorl_result sign_proof(struct whorl_device *device, const struct whorl_proof_subject *subject,
                                    const struct whorl_challenge *challenge, struct whorl_proof *out)
{
    const struct whorl_ports *ports = device->settings.ports;
    struct whorl_pop pop;
    uint8_t text[WHORL_POP_MAX];
    whorl_zero(&pop, sizeof pop);
    pop.purpose = subject->purpose;
    pop.generation = subject->generation;
    pop.nonce_size = challenge->nonce_size;
    whorl_copy(pop.nonce, challenge->nonce, challenge->nonce_size);
    whorl_copy(pop.server_id, challenge->server_id, sizeof pop.server_id); /* one that it trusts */
    whorl_copy(pop.device_id, device->id, sizeof pop.device_id);
    if (subject->purpose == WHORL_POP_ENROL) {
        WHORL_TRY(whorl_sha256(ports->crypto, subject->new_spki, pop.new_spki_sha256));
        WHORL_TRY(whorl_sha256(ports->crypto, subject->csr, pop.csr_sha256));
    }
    if (!ports->transport->exporter(ports->transport->context, pop.tls_exporter)) {
        return WHORL_ERROR_COMMUNICATION;
    }
    WHORL_TRY(take_counter(device, &pop.counter));
    struct whorl_bytes signed_text = {text, whorl_pop_write(&pop, text)};
    whorl_copy(out->device_id, device->id, sizeof out->device_id);
    whorl_copy(out->spki, device->spki, sizeof out->spki);
    out->nonce.data = challenge->nonce;
    out->nonce.size = challenge->nonce_size;
    out->counter = pop.counter;
    return whorl_sign(ports->crypto, device->identity, signed_text, out->signature, &out->signature_size);
}

enum whorl_result whorl_device_prove(struct whorl_device *device, const struct whorl_proof_subject *subject,
                                     struct whorl_bytes *answer)
{
    struct whorl_challenge challenge;
    struct whorl_proof proof;
    struct whorl_text text;
    WHORL_TRY(ask_challenge(device, subject->purpose, &challenge));
    WHORL_TRY(sign_proof(device, subject, &challenge, &proof));
    whorl_text_begin(&text, device->settings.work);
    struct whorl_http_request request = {"POST", "/device/v1/status", {NULL, 0}};
    if (subject->purpose == WHORL_POP_ENROL) {
        request.path = "/device/v1/enrol";
        whorl_message_put_enrol(&text, subject->csr, subject->generation, &proof, device->settings.code);
    } else {
        whorl_message_put_status(&text, &proof, device->settings.code);
    }
    if (text.is_full) {
        return WHORL_ERROR_SPACE;
    }
    request.body = whorl_text_view(&text);
    return whorl_link_call(device, &request, answer);
}

static enum whorl_result prove_status(struct whorl_device *device, struct whorl_status *out)
{
    static const struct whorl_proof_subject subject = {WHORL_POP_STATUS, 0, {NULL, 0}, {NULL, 0}};
    struct whorl_bytes answer;
    WHORL_TRY(whorl_link_open(device, NULL));
    WHORL_TRY(whorl_device_prove(device, &subject, &answer));
    if (!whorl_message_read_status(answer, out)) {
        return WHORL_ERROR_ANSWER;
    }
    out->is_by_identity = true;
    return whorl_device_learn(device, out);
}

enum whorl_result whorl_device_status_by_challenge(struct whorl_device *device, struct whorl_status *out)
{
    enum whorl_result result = prove_status(device, out);
    whorl_link_close(device);
    return result;
}

static enum whorl_result enrol_with_key(struct whorl_device *device, uint32_t generation,
                                        struct whorl_key key)
{
    const struct whorl_crypto *crypto = device->settings.ports->crypto;
    uint8_t csr_room[WHORL_CSR_MAX];
    uint8_t name[WHORL_NAME_MAX];
    uint8_t spki[WHORL_SPKI_BYTES];
    struct whorl_space room = {csr_room, sizeof csr_room};
    struct whorl_space name_room = {name, sizeof name};
    struct whorl_csr_wish wish = {key, {NULL, 0}, {NULL, 0}};
    struct whorl_proof_subject subject = {WHORL_POP_ENROL, generation, {NULL, 0}, {spki, sizeof spki}};
    struct whorl_bytes answer;
    WHORL_TRY(whorl_name_write(device->id, name_room, &wish.subject));
    WHORL_TRY(whorl_csr_write(crypto, &wish, room, &subject.csr));
    WHORL_TRY(whorl_spki_of(crypto, key, spki));
    WHORL_TRY(whorl_device_prove(device, &subject, &answer));
    struct whorl_credential credential = {0};
    credential.generation = generation;
    whorl_copy(credential.owner_salt, device->state.owner_salt, WHORL_SALT_BYTES);
    return whorl_device_receive(device, answer, &credential);
}

static enum whorl_result enrol_once(struct whorl_device *device, bool is_lost_one_refused)
{
    const struct whorl_crypto *crypto = device->settings.ports->crypto;
    struct whorl_status status;
    struct whorl_key key;
    uint32_t generation = 0;
    WHORL_TRY(prove_status(device, &status));
    const struct whorl_generation_view view = {whorl_device_generation_in_use(device), status.generation,
                                               is_lost_one_refused};
    WHORL_TRY(whorl_device_next_generation(device, &view, &generation));
    if (!device->is_connected) { /* the server closes after each answer */
        WHORL_TRY(whorl_link_open(device, NULL));
    }
    WHORL_TRY(whorl_keygen_key(crypto, device->prk, generation, device->state.owner_salt, &key));
    enum whorl_result result = enrol_with_key(device, generation, key);
    crypto->p256_destroy(crypto->context, key);
    return result;
}

enum whorl_result whorl_device_enrol_by_challenge(struct whorl_device *device)
{
    enum whorl_result result = enrol_once(device, false);
    whorl_link_close(device);
    if (whorl_device_may_try_next(device, result)) {
        result = enrol_once(device, true);
        whorl_link_close(device);
    }
    /* no use of the certificate can be shown to the server over this transport, so nothing is waited for */
    return result == WHORL_OK ? whorl_device_adopt(device) : result;
}
