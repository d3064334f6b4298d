/* Growing and opening a device, and the rules of its records: what is stored before what. */
#include "device/core/anchors.h"
#include "device/core/device_internal.h"

enum whorl_result whorl_device_grow(const struct whorl_ports *ports, struct whorl_enrolment *enrolment)
{
    struct whorl_helper helper;
    struct whorl_space old = {helper.bytes, sizeof helper.bytes};
    size_t size = 0;
    enum whorl_result found = ports->storage->read(ports->storage->context, WHORL_RECORD_HELPER, old, &size);
    if (found != WHORL_ERROR_NOT_AVAILABLE) {
        return found == WHORL_OK ? WHORL_ERROR_EXISTS : found;
    }
    if (ports->puf->cells(ports->puf->context) < WHORL_PUF_CELLS) {
        return WHORL_ERROR_PARAMETER;
    }
    uint8_t cells[WHORL_PUF_CELL_BYTES];
    uint8_t root[WHORL_ROOT_BYTES];
    struct whorl_space reading = {cells, sizeof cells};
    enum whorl_result result = WHORL_OK;
    whorl_enrolment_begin(enrolment);
    for (unsigned i = 0; i < WHORL_PUF_POWER_UPS && result == WHORL_OK; i++) {
        bool is_read = ports->puf->read(ports->puf->context, i, reading);
        result = is_read ? whorl_enrolment_add(enrolment, cells) : WHORL_ERROR_INTERNAL;
    }
    if (result == WHORL_OK) {
        result = whorl_enrolment_finish(enrolment, ports, &helper, root);
    }
    if (result == WHORL_OK) {
        struct whorl_bytes record = {helper.bytes, sizeof helper.bytes};
        result = ports->storage->write(ports->storage->context, WHORL_RECORD_HELPER, record);
    }
    ports->crypto->wipe(ports->crypto->context, root, sizeof root);
    ports->crypto->wipe(ports->crypto->context, cells, sizeof cells);
    ports->crypto->wipe(ports->crypto->context, enrolment, sizeof *enrolment);
    return result;
}

/* Repeated failures are the mark of someone who tries helper data out, so they are counted where they last.
 */
static void count_failure(const struct whorl_storage *storage)
{
    uint8_t count[4] = {0};
    struct whorl_space room = {count, sizeof count};
    struct whorl_bytes record = {count, sizeof count};
    size_t size = 0;
    bool is_there = storage->read(storage->context, WHORL_RECORD_FAILURES, room, &size) == WHORL_OK;
    uint32_t before = is_there && size == sizeof count ? whorl_get_u32(count) : 0;
    whorl_put_u32(count, before == UINT32_MAX ? before : before + 1);
    (void)storage->write(storage->context, WHORL_RECORD_FAILURES,
                         record); /* the caller learns of the failure itself */
}

static enum whorl_result reproduce(const struct whorl_ports *ports, uint8_t prk[WHORL_HASH_BYTES])
{
    struct whorl_helper helper;
    struct whorl_space record = {helper.bytes, sizeof helper.bytes};
    uint8_t cells[WHORL_PUF_CELL_BYTES];
    struct whorl_space reading = {cells, sizeof cells};
    uint8_t root[WHORL_ROOT_BYTES];
    size_t size = 0;
    WHORL_TRY(ports->storage->read(ports->storage->context, WHORL_RECORD_HELPER, record, &size));
    if (size != sizeof helper.bytes) {
        return WHORL_ERROR_HELPER;
    }
    if (!ports->puf->read(ports->puf->context, 0, reading)) {
        return WHORL_ERROR_INTERNAL;
    }
    enum whorl_result result = whorl_extract(ports->crypto, &helper, cells, root);
    if (result == WHORL_OK) {
        result = whorl_keygen_begin(ports->crypto, root, prk);
    }
    ports->crypto->wipe(ports->crypto->context, root, sizeof root);
    ports->crypto->wipe(ports->crypto->context, cells, sizeof cells);
    return result;
}

enum whorl_result whorl_device_open(struct whorl_device *device, const struct whorl_settings *settings)
{
    static const uint8_t no_owner[WHORL_SALT_BYTES] = {0};
    const struct whorl_ports *ports = settings->ports;
    whorl_zero(device, sizeof *device);
    if (settings->birth_count > WHORL_CHAIN_MAX) {
        return WHORL_ERROR_PARAMETER;
    }
    device->settings = *settings;
    enum whorl_result result = reproduce(ports, device->prk);
    if (result == WHORL_ERROR_HELPER) {
        count_failure(ports->storage);
    }
    if (result == WHORL_OK) {
        result = whorl_keygen_key(ports->crypto, device->prk, 0, no_owner, &device->identity);
    }
    if (result == WHORL_OK) {
        result = whorl_spki_of(ports->crypto, device->identity, device->spki);
    }
    if (result == WHORL_OK) {
        struct whorl_bytes spki = {device->spki, sizeof device->spki};
        result = whorl_sha256(ports->crypto, spki, device->id);
    }
    if (result == WHORL_OK) {
        result = whorl_state_load(ports->storage, &device->state);
    }
    if (result == WHORL_OK) {
        result = whorl_device_load_anchors(device);
    }
    if (result != WHORL_OK) {
        whorl_device_close(device);
    }
    return result;
}

void whorl_device_close(struct whorl_device *device)
{
    const struct whorl_crypto *crypto = device->settings.ports->crypto;
    whorl_link_close(device);
    if (device->identity.handle != 0) {
        crypto->p256_destroy(crypto->context, device->identity);
        device->identity.handle = 0;
    }
    crypto->wipe(crypto->context, device->prk, sizeof device->prk);
}

enum whorl_result whorl_device_learn(struct whorl_device *device, const struct whorl_status *status)
{
    struct whorl_state next = device->state;
    bool is_new_owner =
        status->has_owner_salt && !whorl_equal(next.owner_salt, status->owner_salt, WHORL_SALT_BYTES);
    if (is_new_owner) {
        whorl_copy(next.owner_salt, status->owner_salt, WHORL_SALT_BYTES);
    }
    if (is_new_owner || status->generation > next.generation_max) {
        next.generation_max = status->generation;
    }
    if (next.generation_max != device->state.generation_max ||
        !whorl_equal(next.owner_salt, device->state.owner_salt, WHORL_SALT_BYTES)) {
        WHORL_TRY(whorl_state_save(device->settings.ports->storage, &next));
        device->state = next;
    }
    return WHORL_OK;
}

enum whorl_result whorl_device_next_generation(struct whorl_device *device,
                                               const struct whorl_generation_view *view, uint32_t *out)
{
    uint32_t highest = device->state.generation_max;
    uint32_t base = view->last > view->in_use ? view->last : view->in_use;
    bool is_one_more = highest <= view->in_use || view->is_lost_one_refused;
    if (is_one_more && highest < base + WHORL_GENERATION_STEP_MAX) {
        struct whorl_state next = device->state;
        next.generation_max = (highest > view->in_use ? highest : view->in_use) + 1;
        WHORL_TRY(whorl_state_save(device->settings.ports->storage, &next));
        device->state = next;
    }
    *out = device->state.generation_max;
    return WHORL_OK;
}

enum whorl_result whorl_device_receive(struct whorl_device *device, struct whorl_bytes answer,
                                       struct whorl_credential *credential)
{
    const struct whorl_storage *storage = device->settings.ports->storage;
    struct whorl_bytes record;
    const struct whorl_space *work = &device->settings.work;
    /* the answer stands at the front of the work buffer; the records are made behind it */
    size_t used = (size_t)(answer.data - work->data) + answer.size;
    struct whorl_space room = {work->data + used, work->size - used};
    device->order.is_given = false; /* it was about the certificate before this one */
    WHORL_TRY(whorl_hub_save(storage, answer, room));
    WHORL_TRY(whorl_credential_write(answer, credential, room, &record));
    return storage->write(storage->context, WHORL_RECORD_PENDING, record);
}

/* A cut between the two steps leaves the same certificate twice, which the next settling finds and puts
 * right. */
enum whorl_result whorl_device_adopt(struct whorl_device *device)
{
    const struct whorl_storage *storage = device->settings.ports->storage;
    const struct whorl_space *room = &device->settings.credential;
    size_t size = 0;
    WHORL_TRY(storage->read(storage->context, WHORL_RECORD_PENDING, *room, &size));
    struct whorl_bytes record = {room->data, size};
    WHORL_TRY(storage->write(storage->context, WHORL_RECORD_CREDENTIAL, record));
    return storage->erase(storage->context, WHORL_RECORD_PENDING);
}

uint32_t whorl_device_generation_in_use(struct whorl_device *device)
{
    struct whorl_credential credential;
    bool is_there = whorl_credential_load(device->settings.ports->storage, WHORL_RECORD_CREDENTIAL,
                                          device->settings.credential, &credential) == WHORL_OK;
    bool is_of_owner =
        is_there && whorl_equal(credential.owner_salt, device->state.owner_salt, WHORL_SALT_BYTES);
    return is_of_owner ? credential.generation : 0;
}

static bool order_is_due(const struct whorl_device *device)
{
    const struct whorl_clock *clock = device->settings.ports->clock;
    uint32_t passed_s = (clock->monotonic_ms(clock->context) - device->order.noted_ms) / 1000;
    return device->order.is_given && (int64_t)passed_s >= device->order.after.delay_s;
}

bool whorl_device_renewal_is_due(struct whorl_device *device)
{
    const struct whorl_clock *clock = device->settings.ports->clock;
    struct whorl_credential credential;
    if (order_is_due(device)) {
        return true;
    }
    int64_t now_s = clock->utc_s(clock->context);
    return whorl_credential_load(device->settings.ports->storage, WHORL_RECORD_CREDENTIAL,
                                 device->settings.credential, &credential) == WHORL_OK &&
           now_s != 0 && credential.renew_after_s != 0 && now_s >= credential.renew_after_s;
}
