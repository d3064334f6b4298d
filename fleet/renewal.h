/* The always-on schedule: when a device should ask for its next certificate, and from when on its old key
 * will not do. Due times are a pure function of the plan (the product), the device's id, its certificate and
 * the age of its key: nothing is drawn, nothing is kept, and a batch that was enrolled in one minute is
 * spread evenly over its window. Enforces nothing: a device may renew at any time (docs/rekey.md). */
#ifndef WHORL_FLEET_RENEWAL_H
#define WHORL_FLEET_RENEWAL_H

#include "db/authority_rows.h"

/* The product's plan, as product_row has it:
 *  renew_percent, renew_spread_percent  the window of renewals, in percent of the certificate's life: the one
 *                                       less and plus the other, cut to 1 … 99
 *  rekey_period_s           a key lives that long over renewals; each device is asked for a new one in the
 * last part of it, twice as wide as the spread. 0: a key may stay for ever rekey_required           a key
 * whose period has passed is not certified again overdue_alert_after_s    a device that is due for so long is
 * overdue: counted and reported. 0: never overdue_quarantine_days  so many days of contact after it was told,
 * and it is put in quarantine. 0: never */

struct renewal {
    int64_t due_at;     /* Unix ms: when it should come; in the past when it was ordered to come before */
    int64_t new_key_at; /* from then on renewing the old key is not enough; 0: it always is */
};

/** By the plan and by orders. @param key_since when the certificate's key was certified for the first time
 *  @thread any, like all functions here */
struct renewal renewal_of(const struct product_row *product, const struct device_row *device,
                          const struct certificate_row *certificate, int64_t key_since);
/** Whether a renewal at `due_at`, or now if that has passed, needs a new key. */
bool renewal_needs_new_key(const struct renewal *renewal, int64_t now_ms);
/** The same as far as what is kept can tell: an order that came later counts. */
struct renewal renewal_with_order(struct renewal planned, const struct device_row *device,
                                  const struct certificate_row *certificate);
/** Whether the device was ordered to make a new key and this certificate is not over one. */
bool renewal_is_ordered(const struct device_row *device, const struct certificate_row *certificate);

/** When a device is told to rekey whose certificate is of a compromised authority: one in a hundred in the
 *  first eighth of the time until loss->rekey_by, one in ten in the second, all others in the rest; each has
 *  its place by its id, so that they do not come at once. */
int64_t renewal_healing_at(const struct authority_loss *loss, const struct device_id *id);
/** The same with the schedule: whatever is sooner, and always with a new key. @param loss zeros: nothing
 * changes */
struct renewal renewal_with_loss(struct renewal planned, const struct authority_loss *loss,
                                 const struct device_id *id);

/** Where the product certifies no key beyond its period: whether that of this one has passed. */
bool renewal_is_key_over(const struct product_row *product, int64_t key_since, int64_t now_ms);
/** When a device that is due since `due_at` counts as overdue; 0: never. */
int64_t renewal_overdue_at(const struct product_row *product, int64_t due_at);

#endif
