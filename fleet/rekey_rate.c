/* A sliding window in slots. All that was told within the last window_ms lies in the present slot and the 20
 * before it; so their sum is never less than the true number. */
#include "fleet/rekey_rate.h"

static int64_t sum_of(const struct rekey_window *window)
{
    int64_t sum = 0;
    for (size_t i = 0; i < REKEY_RATE_SLOTS; i++) {
        sum += window->n[i];
    }
    return sum;
}

/* The clock went back, or the slots are others: what is remembered is taken for told just now, which is later
 * than it was. */
static void move_back(struct rekey_window *window, int64_t slot)
{
    const struct rekey_window before = *window;
    *window = (struct rekey_window){.slot = slot, .n = {(uint32_t)sum_of(&before)}};
}

static void move_on(struct rekey_window *window, int64_t slot)
{
    const struct rekey_window before = *window;
    const int64_t by = slot - before.slot;
    *window = (struct rekey_window){.slot = slot};
    for (int64_t i = by; i < REKEY_RATE_SLOTS; i++) {
        window->n[i] = before.n[i - by];
    }
}

static int64_t slot_of(const struct rekey_rate *rate, int64_t now_ms)
{
    return now_ms / (rate->window_ms / (REKEY_RATE_SLOTS - 1));
}

bool rekey_rate_take(const struct rekey_rate *rate, int64_t now_ms, struct rekey_window *window)
{
    if (rate->devices == 0) {
        return true;
    }
    const int64_t slot = slot_of(rate, now_ms);
    if (slot < window->slot) {
        move_back(window, slot);
    } else if (slot > window->slot) {
        move_on(window, slot);
    }
    if (sum_of(window) >= rate->devices) {
        return false;
    }
    window->n[0]++;
    return true;
}

bool rekey_rate_change(const struct rekey_rate *before, const struct rekey_rate *rate, int64_t now_ms,
                       struct rekey_window *window)
{
    bool is_same = rate->devices == before->devices && rate->window_ms == before->window_ms;
    if (rate->devices == 0 || is_same) {
        return false;
    }
    move_back(window, slot_of(rate, now_ms));
    return true;
}
