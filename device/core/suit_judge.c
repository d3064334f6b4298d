/* Whether a release is for this device, and forward: what the device enforces whatever the server says. */
#include "device/core/suit.h"

static bool is_same(struct whorl_bytes part, const uint8_t *name, size_t size)
{
    return part.size == size && whorl_equal(part.data, name, size);
}

static bool is_own_class(const struct whorl_firmware_class *own, struct whorl_bytes class_id)
{
    bool is_own = false;
    for (size_t i = 0; i < own->count; i++) {
        is_own = is_own || is_same(class_id, own->id[i], WHORL_UUID_BYTES);
    }
    return is_own;
}

/* The place of a part, or the next free one. */
static size_t place_of(const struct whorl_installed *installed, struct whorl_bytes name)
{
    size_t i = 0;
    while (i < installed->count && !is_same(name, installed->part[i].name, installed->part[i].name_size)) {
        i++;
    }
    return i;
}

static uint64_t installed_counter(const struct whorl_installed *installed, struct whorl_bytes part)
{
    size_t i = place_of(installed, part);
    return i < installed->count ? installed->part[i].counter : 0;
}

static bool comes_twice(const struct whorl_manifest *manifest, size_t i)
{
    const struct whorl_bytes *part = &manifest->component[i].part;
    for (size_t k = 0; k < i; k++) {
        if (is_same(*part, manifest->component[k].part.data, manifest->component[k].part.size)) {
            return true;
        }
    }
    return false;
}

enum whorl_verdict whorl_suit_judge(const struct whorl_manifest *manifest,
                                    const struct whorl_firmware_class *own,
                                    const struct whorl_installed *installed)
{
    for (size_t i = 0; i < manifest->count; i++) {
        const struct whorl_component *component = &manifest->component[i];
        if (!is_same(component->vendor, own->vendor, WHORL_UUID_BYTES)) {
            return WHORL_VERDICT_VENDOR;
        }
        if (!is_own_class(own, component->class_id)) {
            return WHORL_VERDICT_CLASS;
        }
        if (comes_twice(manifest, i)) {
            return WHORL_VERDICT_PART;
        }
        if (component->size == 0) {
            return WHORL_VERDICT_SIZE;
        }
    }
    if (manifest->sequence <= installed->sequence) {
        return WHORL_VERDICT_SEQUENCE;
    }
    for (size_t i = 0; i < manifest->count; i++) {
        const struct whorl_component *component = &manifest->component[i];
        if (component->counter < installed_counter(installed, component->part)) {
            return WHORL_VERDICT_COUNTER;
        }
        if (component->least_sequence > installed->sequence) {
            return WHORL_VERDICT_MINIMUM;
        }
    }
    return WHORL_VERDICT_GOOD;
}

const char *whorl_verdict_words(enum whorl_verdict verdict)
{
    static const char *const words[] = {
        "good",
        "the manifest is not of the profile",
        "the manifest is not the one that was signed",
        "signed by a key that is no anchor of this device",
        "the signature does not verify",
        "the manifest is for another vendor",
        "the manifest is for another product or hardware",
        "the sequence is not above the installed one",
        "the security counter is below the installed one",
        "another release has to be installed first",
        "the device has no such part, or it comes twice",
        "the image is empty, or larger than the slot",
        "the device cannot verify at this time",
    };
    size_t i = (size_t)verdict;
    return i < sizeof words / sizeof words[0] ? words[i] : "unknown";
}

/* @return what was copied: as much as there is room for */
static size_t copy_text(uint8_t *to, size_t room, struct whorl_bytes text)
{
    size_t size = text.size < room ? text.size : room;
    whorl_copy(to, text.data, size);
    return size;
}

bool whorl_installed_after(const struct whorl_manifest *manifest, const struct whorl_installed *before,
                           struct whorl_installed *out)
{
    whorl_copy(out, before, sizeof *out);
    out->sequence = manifest->sequence;
    out->version_size = copy_text(out->version, sizeof out->version, manifest->component[0].version);
    for (size_t i = 0; i < manifest->count; i++) {
        const struct whorl_component *component = &manifest->component[i];
        size_t place = place_of(out, component->part);
        if (place == WHORL_COMPONENTS_MAX) {
            return false;
        }
        struct whorl_installed_part *part = &out->part[place];
        out->count = place < out->count ? out->count : place + 1;
        part->name_size = copy_text(part->name, sizeof part->name, component->part);
        part->counter = component->counter;
        part->size = component->size;
        whorl_copy(part->digest, component->digest.data, sizeof part->digest);
    }
    return true;
}
