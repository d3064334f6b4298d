/* The schedule as arithmetic over rows. Reads no clock and no inventory. */
#include "fleet/renewal.h"

#include "pki/certificate_profile.h"

enum { PERCENT_LEAST = 1, PERCENT_MOST = 99, PERCENT = 100, PLACE_BITS = 24, SECOND_MS = 1000 };

/* Renewals and new keys are spread apart from each other: who comes first for the one need not for the other.
 */
enum spread { SPREAD_RENEWAL = 1, SPREAD_KEY = 2, SPREAD_LOSS = 3 };

/* splitmix64's last step: every bit of the input moves every bit of the output. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

/* A device's place in a window, of 2^PLACE_BITS, and so even over the finest step that a fleet could show.
 * Ids are hashes, but nothing here depends on that. */
static int64_t place_in(int64_t width_ms, enum spread spread, const struct device_id *id)
{
    uint64_t hash = (uint64_t)spread;
    for (size_t i = 0; i < sizeof id->b; i += sizeof(uint64_t)) {
        uint64_t word = 0;
        for (size_t j = 0; j < sizeof word; j++) {
            word = word << 8 | id->b[i + j];
        }
        hash = mix(hash + UINT64_C(0x9e3779b97f4a7c15) + word);
    }
    return width_ms * (int64_t)(hash >> (64 - PLACE_BITS)) >> PLACE_BITS;
}

static int64_t percent_of(int64_t span_ms, int64_t percent)
{
    return span_ms / PERCENT * percent + span_ms % PERCENT * percent / PERCENT;
}

static int64_t planned_renewal(const struct product_row *product, const struct certificate_row *certificate)
{
    if (certificate->not_after >= NO_EXPIRY_MS) {
        return certificate->not_after; /* never: an IDevID is for life */
    }
    int64_t life = certificate->not_after - certificate->issued_at;
    int64_t opens = product->renew_percent - product->renew_spread_percent;
    int64_t closes = product->renew_percent + product->renew_spread_percent;
    opens = opens < PERCENT_LEAST ? PERCENT_LEAST : opens;
    closes = closes > PERCENT_MOST ? PERCENT_MOST : closes;
    int64_t width = percent_of(life, closes - opens);
    return certificate->issued_at + percent_of(life, opens) +
           place_in(width, SPREAD_RENEWAL, &certificate->device);
}

/* Never later than the period's end, which is a promise about the key. */
static int64_t planned_key(const struct product_row *product, const struct device_id *id, int64_t key_since)
{
    if (product->rekey_period_s == 0) {
        return 0;
    }
    int64_t period = product->rekey_period_s * SECOND_MS;
    int64_t width = percent_of(period, 2 * product->renew_spread_percent);
    return key_since + period - place_in(width, SPREAD_KEY, id);
}

bool renewal_is_ordered(const struct device_row *device, const struct certificate_row *certificate)
{
    return device->rekey_requested_at != 0 && certificate->generation <= device->rekey_above;
}

static int64_t sooner(int64_t a, int64_t b)
{
    return b != 0 && b < a ? b : a;
}

struct renewal renewal_with_order(struct renewal planned, const struct device_row *device,
                                  const struct certificate_row *certificate)
{
    if (!renewal_is_ordered(device, certificate)) {
        return planned;
    }
    int64_t at = device->rekey_requested_at;
    return (struct renewal){.due_at = sooner(planned.due_at, at),
                            .new_key_at = sooner(at, planned.new_key_at)};
}

/* The first wave shows whether the way is free while that costs little. In thousandths: of the devices, and
 * of the time. */
static const struct {
    int64_t devices, time;
} WAVES[] = {{10, 125}, {100, 125}, {890, 750}};
enum { THOUSAND = 1000, WAVE_COUNT = sizeof WAVES / sizeof WAVES[0] };

int64_t renewal_healing_at(const struct authority_loss *loss, const struct device_id *id)
{
    const int64_t parts = THOUSAND * THOUSAND;
    int64_t span = loss->rekey_by > loss->compromised_at ? loss->rekey_by - loss->compromised_at : 0;
    int64_t place = place_in(parts, SPREAD_LOSS, id);
    int64_t at = loss->compromised_at;
    for (size_t i = 0; i < WAVE_COUNT; i++) {
        int64_t size = WAVES[i].devices * THOUSAND;
        int64_t width = span / THOUSAND * WAVES[i].time;
        if (place < size) {
            return at + width / size * place + width % size * place / size;
        }
        place -= size;
        at += width;
    }
    return at;
}

struct renewal renewal_with_loss(struct renewal planned, const struct authority_loss *loss,
                                 const struct device_id *id)
{
    if (loss->compromised_at == 0) {
        return planned;
    }
    int64_t at = renewal_healing_at(loss, id);
    return (struct renewal){.due_at = sooner(planned.due_at, at),
                            .new_key_at = sooner(at, planned.new_key_at)};
}

struct renewal renewal_of(const struct product_row *product, const struct device_row *device,
                          const struct certificate_row *certificate, int64_t key_since)
{
    int64_t key_at = planned_key(product, &certificate->device, key_since);
    struct renewal planned = {.due_at = sooner(planned_renewal(product, certificate), key_at),
                              .new_key_at = key_at};
    return renewal_with_order(planned, device, certificate);
}

bool renewal_needs_new_key(const struct renewal *renewal, int64_t now_ms)
{
    int64_t at = renewal->due_at > now_ms ? renewal->due_at : now_ms;
    return renewal->new_key_at != 0 && renewal->new_key_at <= at;
}

bool renewal_is_key_over(const struct product_row *product, int64_t key_since, int64_t now_ms)
{
    bool is_asked = product->rekey_required && product->rekey_period_s != 0;
    return is_asked && now_ms >= key_since + product->rekey_period_s * SECOND_MS;
}

int64_t renewal_overdue_at(const struct product_row *product, int64_t due_at)
{
    return product->overdue_alert_after_s == 0 ? 0 : due_at + product->overdue_alert_after_s * SECOND_MS;
}
