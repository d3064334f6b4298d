/* Trust anchors in force, fetched and stored. The order that survives a power cut: the record is replaced in
 * one write; who was open when the power failed goes on with the old set, which the new one was made from. */
#include "device/core/anchors.h"

#include "device/core/authority.h"
#include "device/core/device_internal.h"

static bool is_name_of(const struct whorl_device *device, struct whorl_bytes root,
                       const uint8_t server_id[WHORL_HASH_BYTES])
{
    struct whorl_certificate certificate;
    uint8_t hash[WHORL_HASH_BYTES];
    return whorl_certificate_read(root, &certificate) &&
           whorl_sha256(device->settings.ports->crypto, certificate.spki, hash) == WHORL_OK &&
           whorl_equal(hash, server_id, sizeof hash);
}

bool whorl_device_trusts(const struct whorl_device *device, const uint8_t server_id[WHORL_HASH_BYTES])
{
    const struct whorl_anchor_view *view = &device->anchors;
    for (size_t i = 0; i < view->count; i++) {
        if (whorl_equal(view->server_id[i], server_id, WHORL_HASH_BYTES)) {
            return true;
        }
    }
    if (view->count != 0) {
        return false;
    }
    for (size_t i = 0; i < device->settings.root_count; i++) {
        if (is_name_of(device, device->settings.roots[i], server_id)) {
            return true;
        }
    }
    return whorl_equal(device->settings.server_id, server_id, WHORL_HASH_BYTES);
}

const uint8_t *whorl_device_server_id(const struct whorl_device *device)
{
    const struct whorl_anchor_view *view = &device->anchors;
    return view->count == 0 ? device->settings.server_id : view->server_id[view->count - 1];
}

/* Tells the transport, and keeps the names. */
static enum whorl_result put_in_force(struct whorl_device *device, const struct whorl_anchors *anchors)
{
    const struct whorl_ports *ports = device->settings.ports;
    struct whorl_anchor_view next;
    whorl_zero(&next, sizeof next);
    for (size_t i = 0; i < anchors->count; i++) {
        struct whorl_certificate root;
        if (!whorl_certificate_read(anchors->root[i], &root)) {
            return WHORL_ERROR_STORAGE;
        }
        WHORL_TRY(whorl_sha256(ports->crypto, root.spki, next.server_id[i]));
    }
    if (!ports->trust->use(ports->trust->context, anchors->root, anchors->count)) {
        return WHORL_ERROR_CRYPTO;
    }
    next.count = anchors->count;
    whorl_copy(next.digest, anchors->digest, sizeof next.digest);
    device->anchors = next;
    return WHORL_OK;
}

/* A record that was made under another pinned root is of another server, and one that is damaged is none: the
 * roots of the settings hold then. */
enum whorl_result whorl_device_load_anchors(struct whorl_device *device)
{
    struct whorl_anchors anchors;
    if (device->settings.ports->trust == NULL) {
        return WHORL_OK;
    }
    enum whorl_result result =
        whorl_anchors_load(device->settings.ports->storage, device->settings.work, &anchors);
    if (result != WHORL_OK || !whorl_equal(anchors.pinned, device->settings.server_id, WHORL_HASH_BYTES)) {
        return WHORL_OK;
    }
    return put_in_force(device, &anchors);
}

/* EST's cacerts, as nobody, over a connection that the trusted roots verify. Decoded where it stands; the
 * digest names these very bytes. */
static enum whorl_result fetch(struct whorl_device *device, const uint8_t digest[WHORL_HASH_BYTES],
                               struct whorl_bytes *out)
{
    const struct whorl_http_request request = {"GET", "/.well-known/est/cacerts", {NULL, 0}};
    struct whorl_bytes body;
    uint8_t hash[WHORL_HASH_BYTES];
    size_t size = 0;
    WHORL_TRY(whorl_link_open(device, NULL));
    enum whorl_result result = whorl_link_call(device, &request, &body);
    whorl_link_close(device);
    WHORL_TRY(result);
    struct whorl_space in_place = {device->settings.work.data + (body.data - device->settings.work.data),
                                   body.size};
    if (!whorl_base64_decode(body, in_place, &size)) {
        return WHORL_ERROR_ANSWER;
    }
    out->data = in_place.data;
    out->size = size;
    WHORL_TRY(whorl_sha256(device->settings.ports->crypto, *out, hash));
    return whorl_equal(hash, digest, sizeof hash) ? WHORL_OK : WHORL_ERROR_ANSWER;
}

static bool is_in(const struct whorl_set *set, struct whorl_bytes certificate)
{
    for (size_t i = 0; i < set->count; i++) {
        if (set->certificate[i].size == certificate.size &&
            whorl_equal(set->certificate[i].data, certificate.data, certificate.size)) {
            return true;
        }
    }
    return false;
}

/* The roots in force now, as the record or the settings have them; views into the credential buffer, which no
 * connection uses at this time. */
static enum whorl_result read_trusted(struct whorl_device *device, struct whorl_set *out)
{
    struct whorl_anchors anchors;
    out->count = 0;
    if (device->anchors.count == 0) {
        for (size_t i = 0; i < device->settings.root_count; i++) {
            out->certificate[out->count++] = device->settings.roots[i];
        }
        return out->count == 0 ? WHORL_ERROR_PARAMETER : WHORL_OK;
    }
    WHORL_TRY(whorl_anchors_load(device->settings.ports->storage, device->settings.credential, &anchors));
    for (size_t i = 0; i < anchors.count; i++) {
        out->certificate[out->count++] = anchors.root[i];
    }
    return WHORL_OK;
}

static enum whorl_result add_root(struct whorl_anchors *anchors, struct whorl_bytes root)
{
    if (anchors->count == WHORL_ANCHORS_MAX) {
        return WHORL_ERROR_SPACE;
    }
    anchors->root[anchors->count++] = root;
    return WHORL_OK;
}

/* A root of a name of its own is nobody's successor here: a company's, under which the server issues. It is
 * left aside, and the set is not refused for it. */
static bool wants_to_follow(const struct whorl_judgement *judgement, struct whorl_bytes root)
{
    struct whorl_certificate wanted, trusted;
    if (!whorl_certificate_read(root, &wanted)) {
        return true;
    }
    for (size_t i = 0; i < judgement->trusted->count; i++) {
        if (whorl_certificate_read(judgement->trusted->certificate[i], &trusted) &&
            trusted.subject.size == wanted.subject.size &&
            whorl_equal(trusted.subject.data, wanted.subject.data, wanted.subject.size)) {
            return true;
        }
    }
    return false;
}

/* What the next set is: of the trusted ones those that stay, of the given ones those that are vouched for. */
static enum whorl_result choose(const struct whorl_judgement *judgement, struct whorl_anchors *next,
                                struct whorl_anchor_news *news)
{
    const struct whorl_trust *trust = judgement->trust;
    for (size_t i = 0; i < judgement->trusted->count; i++) {
        struct whorl_bytes root = judgement->trusted->certificate[i];
        if (!is_in(judgement->given, root) && !trust->stands_on(trust->context, root)) {
            news->dropped++;
            continue;
        }
        WHORL_TRY(add_root(next, root));
    }
    for (size_t i = 0; i < judgement->given->count; i++) {
        struct whorl_bytes root = judgement->given->certificate[i];
        if (!whorl_certificate_is_root(judgement, root) || is_in(judgement->trusted, root)) {
            continue;
        }
        switch (whorl_root_word(judgement, root)) {
        case WHORL_WORD_NONE:
            news->refused += wants_to_follow(judgement, root) ? 1 : 0;
            break;
        case WHORL_WORD_FORMER: /* the device began after it */
            break;
        case WHORL_WORD_GOOD:
            news->added++;
            WHORL_TRY(add_root(next, root));
            break;
        }
    }
    return WHORL_OK;
}

static enum whorl_result update(struct whorl_device *device, const uint8_t digest[WHORL_HASH_BYTES],
                                struct whorl_anchor_news *news)
{
    const struct whorl_ports *ports = device->settings.ports;
    struct whorl_bytes message;
    struct whorl_set given;
    struct whorl_set trusted;
    struct whorl_anchors next;
    WHORL_TRY(fetch(device, digest, &message));
    if (!whorl_certs_only_read(message, &given)) {
        return WHORL_ERROR_ANSWER;
    }
    WHORL_TRY(read_trusted(device, &trusted));
    const struct whorl_judgement judgement = {ports->trust, &trusted, &given,
                                              ports->clock->utc_s(ports->clock->context)};
    whorl_zero(&next, sizeof next);
    whorl_copy(next.pinned, device->settings.server_id, sizeof next.pinned);
    whorl_copy(next.digest, digest, sizeof next.digest);
    news->trusted = (unsigned)trusted.count;
    WHORL_TRY(choose(&judgement, &next, news));
    if (news->refused != 0 || next.count == 0) {
        return WHORL_ERROR_ANSWER;
    }
    size_t used = (size_t)(message.data - device->settings.work.data) + message.size;
    struct whorl_space room = {device->settings.work.data + used, device->settings.work.size - used};
    WHORL_TRY(whorl_anchors_save(ports->storage, &next, room));
    news->trusted = (unsigned)next.count;
    return put_in_force(device, &next);
}

void whorl_device_update_anchors(struct whorl_device *device, const uint8_t digest[WHORL_HASH_BYTES],
                                 struct whorl_anchor_news *out)
{
    whorl_zero(out, sizeof *out);
    bool is_same = whorl_equal(device->anchors.digest, digest, WHORL_HASH_BYTES);
    if (device->settings.ports->trust == NULL || is_same) {
        return;
    }
    out->result = update(device, digest, out);
    if (out->result != WHORL_OK) {
        out->added = 0;
        out->dropped = 0;
    }
}
