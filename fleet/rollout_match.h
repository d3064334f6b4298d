/* Whether a rollout means a device, and whether its turn has come: from the device's own rows, so that each
 * can be judged when it polls. Pure; the words are what people are told of a device that waits. */
#ifndef WHORL_FLEET_ROLLOUT_MATCH_H
#define WHORL_FLEET_ROLLOUT_MATCH_H

#include "db/device_firmware_rows.h"
#include "db/firmware_offer_rows.h"
#include "fleet/rollout_spec.h"

enum rollout_verdict {
    ROLLOUT_MEANS_IT, /* and its turn has come */
    /* the rollout does not mean it */
    ROLLOUT_NOT_PRODUCT,
    ROLLOUT_NOT_CLASS,
    ROLLOUT_NOT_BATCH,
    ROLLOUT_NOT_MODEL,
    ROLLOUT_NOT_LABEL,
    ROLLOUT_NOT_VERSION,
    ROLLOUT_NOT_SEQUENCE,
    ROLLOUT_NOT_SOURCE,
    ROLLOUT_LATE_JOINER, /* registered after the start, and such are left out */
    ROLLOUT_HAS_IT,      /* or a newer one */
    /* it is meant, and must not have it */
    ROLLOUT_COUNTER_TOO_HIGH,
    ROLLOUT_MIN_SEQUENCE,
    ROLLOUT_DEVICE_STATE,
    ROLLOUT_OVERDUE,
    ROLLOUT_TAKEN_BACK, /* the release or one of its images */
    ROLLOUT_IDS_USED_UP,
    /* it waits */
    ROLLOUT_OPEN_ACTION, /* of another rollout */
    ROLLOUT_OTHER_WAVE,
    ROLLOUT_WAVE_FULL, /* as many as the count of the wave says */
    ROLLOUT_RATE_USED_UP,
    ROLLOUT_HELD, /* the clock stepped: nobody is offered anything until that is settled */
    ROLLOUT_NEVER_POLLED,
    ROLLOUT_NO_CONTACT, /* it is offered at its next poll */
    ROLLOUT_NOT_BEGUN,
    ROLLOUT_NOT_RUNNING,
    /* it was offered */
    ROLLOUT_WAITS_FOR_REPORT,
    ROLLOUT_OUTSIDE_WINDOW,
    ROLLOUT_WAITS_FOR_CANCEL,
    ROLLOUT_DEVICE_DONE,
    ROLLOUT_DEVICE_UNVERIFIED,
    ROLLOUT_DEVICE_FAILED,
    ROLLOUT_DEVICE_CANCELLED
};
enum { ROLLOUT_VERDICTS = ROLLOUT_DEVICE_CANCELLED + 1 };

/* What is known of a device. */
struct rollout_subject {
    const struct device_row *device;
    const struct device_firmware_row *firmware;
};
/* What is known of a rollout. */
struct rollout_course {
    struct uuid id;
    int64_t started_at, wave;
};

/** The filter alone. @thread any, like all functions here */
enum rollout_verdict rollout_filter_judge(const struct rollout_filter *filter,
                                          const struct rollout_subject *subject);
/** … and whether the device may have the release: class, state, anti-rollback, source, late joiners (where
 *  started_at is not 0). */
enum rollout_verdict rollout_need_judge(const struct rollout_spec *spec, int64_t started_at,
                                        const struct offer_release_row *release,
                                        const struct rollout_subject *subject);
/* How a device stands to the waves. */
struct rollout_place {
    int64_t wave; /* the first one by percent or label, from 0; that after the last one: none */
    int64_t room; /* of the waves that are open, by count: devices offered before it must be fewer; 0: none */
};
/** By canary label, by its place in 10,000 by the hash of rollout and device, and by count. @errors of the
 *  hash */
err_t rollout_place_of(const struct rollout_spec *spec, const struct rollout_course *course,
                       const struct device_row *device, struct rollout_place *out);
/** Whether its turn has come when so many were offered already. */
enum rollout_verdict rollout_wave_judge(const struct rollout_place *place,
                                        const struct rollout_course *course, int64_t offered);
/** Dotted numbers: −1, 0, 1. What is no number counts as the end. */
int rollout_version_compare(const char *a, const char *b);

#endif
