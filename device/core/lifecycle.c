/* Status, enrolment, renewal and rekey over TLS client certificates. The order that survives a power cut
 * anywhere:
 *   1. the state record takes the new generation, before anyone sees it;
 *   2. the answer is stored as pending, beside the certificate in use;
 *   3. the pending certificate is used once (status): that confirms it at the server;
 *   4. it replaces the one in use.
 * Whatever step was the last one, the next call of any function here goes on from there. */
#include "device/core/device_internal.h"

/* A request for a certificate over an open connection. */
struct wish {
    uint32_t generation;
    const uint8_t *owner_salt;
    struct whorl_bytes subject;
    struct whorl_bytes san;
    struct whorl_bytes code; /* at first contact */
};

static enum whorl_result post_csr(struct whorl_device *device, const struct wish *wish, struct whorl_key key)
{
    const struct whorl_ports *ports = device->settings.ports;
    uint8_t csr_room[WHORL_CSR_MAX];
    struct whorl_space room = {csr_room, sizeof csr_room};
    struct whorl_csr_wish csr_wish = {key, wish->subject, wish->san};
    struct whorl_bytes csr;
    struct whorl_text text;
    WHORL_TRY(whorl_csr_write(ports->crypto, &csr_wish, room, &csr));
    whorl_text_begin(&text, device->settings.work);
    whorl_message_put_enrol(&text, csr, wish->generation, NULL, wish->code);
    if (text.is_full) {
        return WHORL_ERROR_SPACE;
    }
    struct whorl_http_request request = {"POST", "/device/v1/enrol", whorl_text_view(&text)};
    struct whorl_bytes answer;
    WHORL_TRY(whorl_link_call(device, &request, &answer));
    struct whorl_credential credential = {0};
    credential.generation = wish->generation;
    whorl_copy(credential.owner_salt, wish->owner_salt, WHORL_SALT_BYTES);
    return whorl_device_receive(device, answer, &credential);
}

static enum whorl_result ask_for_certificate(struct whorl_device *device, const struct wish *wish)
{
    const struct whorl_crypto *crypto = device->settings.ports->crypto;
    struct whorl_key key;
    WHORL_TRY(whorl_keygen_key(crypto, device->prk, wish->generation, wish->owner_salt, &key));
    enum whorl_result result = post_csr(device, wish, key);
    crypto->p256_destroy(crypto->context, key);
    return result;
}

/* Connects as the owner of a stored certificate, and asks for the status. The connection stays open, as does
 * the key in it. */
static enum whorl_result connect_with(struct whorl_device *device, const struct whorl_credential *credential,
                                      struct whorl_key key, struct whorl_status *out)
{
    static const struct whorl_bytes no_code = {NULL, 0};
    struct whorl_identity identity = {key, {{NULL, 0}}, credential->chain_count};
    for (size_t i = 0; i < credential->chain_count; i++) {
        identity.chain[i] = credential->chain[i];
    }
    WHORL_TRY(whorl_link_open(device, &identity));
    return out == NULL ? WHORL_OK : whorl_link_status(device, no_code, out);
}

/* The status as this certificate sees it. */
static enum whorl_result status_with(struct whorl_device *device, enum whorl_record record,
                                     struct whorl_status *out)
{
    const struct whorl_ports *ports = device->settings.ports;
    struct whorl_credential credential;
    struct whorl_key key;
    WHORL_TRY(whorl_credential_load(ports->storage, record, device->settings.credential, &credential));
    WHORL_TRY(
        whorl_keygen_key(ports->crypto, device->prk, credential.generation, credential.owner_salt, &key));
    enum whorl_result result = connect_with(device, &credential, key, out);
    whorl_link_close(device);
    ports->crypto->p256_destroy(ports->crypto->context, key);
    return result;
}

enum whorl_result whorl_device_talk(struct whorl_device *device, whorl_talk_fn talk, void *context)
{
    const struct whorl_ports *ports = device->settings.ports;
    struct whorl_credential credential;
    struct whorl_key key;
    WHORL_TRY(whorl_credential_load(ports->storage, WHORL_RECORD_CREDENTIAL, device->settings.credential,
                                    &credential));
    WHORL_TRY(
        whorl_keygen_key(ports->crypto, device->prk, credential.generation, credential.owner_salt, &key));
    enum whorl_result result = connect_with(device, &credential, key, NULL);
    if (result == WHORL_OK) {
        result = talk(device, context);
    }
    whorl_link_close(device);
    ports->crypto->p256_destroy(ports->crypto->context, key);
    return result;
}

bool whorl_device_is_refused(const struct whorl_device *device, enum whorl_result result)
{
    return result == WHORL_ERROR_REFUSED && (device->problem.status == 401 || device->problem.status == 403);
}

bool whorl_code_is_honoured(unsigned code)
{
    return code != WHORL_CODE_NOT_ENROLLED && code != WHORL_CODE_CERTIFICATE_EXPIRED &&
           code != WHORL_CODE_REVOKED && code != WHORL_CODE_DOES_NOT_EXIST &&
           code != WHORL_CODE_DEVICE_REVOKED;
}

/* A record that cannot be read is no certificate; nor is one that is older than the one in use (storage that
 * was put back): going back to an older key is never right. */
static bool is_pending_useless(struct whorl_device *device)
{
    const struct whorl_storage *storage = device->settings.ports->storage;
    const struct whorl_space *room = &device->settings.credential;
    struct whorl_credential pending;
    struct whorl_credential in_use;
    enum whorl_result result = whorl_credential_load(storage, WHORL_RECORD_PENDING, *room, &pending);
    if (result != WHORL_OK) {
        return result == WHORL_ERROR_STORAGE;
    }
    return whorl_credential_load(storage, WHORL_RECORD_CREDENTIAL, *room, &in_use) == WHORL_OK &&
           whorl_equal(pending.owner_salt, in_use.owner_salt, WHORL_SALT_BYTES) &&
           pending.generation < in_use.generation;
}

/* Steps 3 and 4. A pending certificate that the server does not honour is dropped; one that it could not be
 * asked about stays. @param[out] is_taken it is in use now */
static enum whorl_result settle_and_tell(struct whorl_device *device, bool *is_taken)
{
    static const char words[] = "{\"title\":\"The certificate is not honoured\"}";
    const struct whorl_storage *storage = device->settings.ports->storage;
    struct whorl_status status;
    *is_taken = false;
    if (is_pending_useless(device)) {
        return storage->erase(storage->context, WHORL_RECORD_PENDING);
    }
    enum whorl_result result = status_with(device, WHORL_RECORD_PENDING, &status);
    if (result == WHORL_ERROR_NOT_AVAILABLE) {
        return WHORL_OK;
    }
    if (result == WHORL_OK && whorl_code_is_honoured(status.code)) {
        *is_taken = true;
        return whorl_device_adopt(device);
    }
    if (result == WHORL_OK) {
        whorl_message_read_problem(200, whorl_bytes_of(words), &device->problem);
        result = WHORL_ERROR_REFUSED;
        WHORL_TRY(storage->erase(storage->context, WHORL_RECORD_PENDING));
    } else if (whorl_device_is_refused(device, result)) {
        WHORL_TRY(storage->erase(storage->context, WHORL_RECORD_PENDING));
    }
    return result;
}

static enum whorl_result settle(struct whorl_device *device)
{
    bool is_taken;
    return settle_and_tell(device, &is_taken);
}

/* For callers that have another way to go on: only storage trouble stops them. */
static enum whorl_result settle_if_possible(struct whorl_device *device)
{
    enum whorl_result result = settle(device);
    return result == WHORL_ERROR_STORAGE ? result : WHORL_OK;
}

/* The identity key and the certificate that it signs for itself; the bytes must live as long as the
 * connection. */
struct first_contact {
    uint8_t certificate[WHORL_CERTIFICATE_MAX];
    struct whorl_identity identity;
};

static enum whorl_result connect_as_identity(struct whorl_device *device, struct first_contact *contact)
{
    struct whorl_space room = {contact->certificate, sizeof contact->certificate};
    whorl_zero(&contact->identity, sizeof contact->identity);
    contact->identity.key = device->identity;
    contact->identity.chain_count = device->settings.birth_count;
    for (size_t i = 0; i < device->settings.birth_count; i++) {
        contact->identity.chain[i] = device->settings.birth[i];
    }
    if (device->settings.birth_count != 0) {
        return whorl_link_open(device, &contact->identity);
    }
    contact->identity.chain_count = 1;
    WHORL_TRY(whorl_identity_certificate(device->settings.ports->crypto, device->identity, room,
                                         &contact->identity.chain[0]));
    return whorl_link_open(device, &contact->identity);
}

static enum whorl_result status_as_identity(struct whorl_device *device, struct whorl_status *out)
{
    WHORL_TRY(whorl_link_status(device, device->settings.code, out));
    out->is_by_identity = true;
    return whorl_device_learn(device, out);
}

enum whorl_result whorl_device_status(struct whorl_device *device, struct whorl_status *out)
{
    WHORL_TRY(settle_if_possible(device));
    enum whorl_result result = status_with(device, WHORL_RECORD_CREDENTIAL, out);
    if (result == WHORL_OK && whorl_code_is_honoured(out->code)) {
        return whorl_device_learn(device, out);
    }
    bool is_useless = result == WHORL_OK || result == WHORL_ERROR_NOT_AVAILABLE ||
                      result == WHORL_ERROR_STORAGE || whorl_device_is_refused(device, result);
    if (is_useless) {
        struct first_contact contact;
        result = connect_as_identity(device, &contact);
        if (result == WHORL_OK) {
            result = status_as_identity(device, out);
        }
        whorl_link_close(device);
    }
    return result;
}

/* How the identity key asks for a certificate. */
struct manner {
    bool is_forced; /* also when the one in use seems to be good */
    bool is_lost_one_refused;
};

static enum whorl_result enrol_once(struct whorl_device *device, struct first_contact *contact,
                                    struct manner manner)
{
    struct whorl_status status;
    struct wish wish = {0, device->state.owner_salt, {NULL, 0}, {NULL, 0}, device->settings.code};
    uint8_t name[WHORL_NAME_MAX];
    struct whorl_space name_room = {name, sizeof name};
    WHORL_TRY(connect_as_identity(device, contact));
    WHORL_TRY(status_as_identity(device, &status));
    uint32_t in_use = whorl_device_generation_in_use(device);
    bool is_fine = whorl_code_is_honoured(status.code) && in_use != 0 && in_use == status.generation;
    if (is_fine && !manner.is_forced) {
        return WHORL_OK;
    }
    const struct whorl_generation_view view = {in_use, status.generation, manner.is_lost_one_refused};
    WHORL_TRY(whorl_device_next_generation(device, &view, &wish.generation));
    WHORL_TRY(whorl_name_write(device->id, name_room, &wish.subject));
    if (!device->is_connected) { /* the server closes after each answer */
        WHORL_TRY(whorl_link_open(device, &contact->identity));
    }
    return ask_for_certificate(device, &wish);
}

static enum whorl_result enrol(struct whorl_device *device, bool is_forced)
{
    struct first_contact contact;
    struct manner manner = {is_forced, false};
    bool is_taken = false;
    enum whorl_result settled = settle_and_tell(device, &is_taken);
    if (settled == WHORL_ERROR_STORAGE || is_taken) {
        return settled; /* one that was in waiting works: it was only its confirmation that got lost */
    }
    enum whorl_result result = enrol_once(device, &contact, manner);
    whorl_link_close(device);
    if (whorl_device_may_try_next(device, result)) {
        manner.is_lost_one_refused = true;
        result = enrol_once(device, &contact, manner);
        whorl_link_close(device);
    }
    return result == WHORL_OK ? settle(device) : result;
}

enum whorl_result whorl_device_enrol(struct whorl_device *device)
{
    return enrol(device, false);
}

enum whorl_result whorl_device_recover(struct whorl_device *device)
{
    return enrol(device, true);
}

/* Renewal and rekey: the certificate in use asks for its successor. Subject and SAN must be its own (RFC 7030
 * §4.2.2). */
static enum whorl_result replace_once(struct whorl_device *device, bool is_rekey, bool is_lost_one_refused)
{
    const struct whorl_ports *ports = device->settings.ports;
    struct whorl_credential credential;
    struct whorl_certificate certificate;
    struct whorl_key key;
    WHORL_TRY(whorl_credential_load(ports->storage, WHORL_RECORD_CREDENTIAL, device->settings.credential,
                                    &credential));
    if (!whorl_certificate_read(credential.chain[0], &certificate)) {
        return WHORL_ERROR_STORAGE;
    }
    struct wish wish = {
        credential.generation, credential.owner_salt, certificate.subject, certificate.san, {NULL, 0}};
    if (is_rekey) {
        const struct whorl_generation_view view = {credential.generation, credential.generation,
                                                   is_lost_one_refused};
        WHORL_TRY(whorl_device_next_generation(device, &view, &wish.generation));
    }
    WHORL_TRY(
        whorl_keygen_key(ports->crypto, device->prk, credential.generation, credential.owner_salt, &key));
    enum whorl_result result = connect_with(device, &credential, key, NULL);
    if (result == WHORL_OK) {
        result = ask_for_certificate(device, &wish);
    }
    whorl_link_close(device);
    ports->crypto->p256_destroy(ports->crypto->context, key);
    return result;
}

enum whorl_result whorl_device_renew(struct whorl_device *device)
{
    WHORL_TRY(settle_if_possible(device));
    WHORL_TRY(replace_once(device, false, false));
    return settle(device);
}

enum whorl_result whorl_device_rekey(struct whorl_device *device)
{
    WHORL_TRY(settle_if_possible(device));
    enum whorl_result result = replace_once(device, true, false);
    if (whorl_device_may_try_next(device, result)) {
        result = replace_once(device, true, true);
    }
    return result == WHORL_OK ? settle(device) : result;
}
