/* Whether a campaign means a device, and whether its turn has come: from the device's own rows, so that each
 * can be judged when it comes. Pure; the words are what people are told of a device that waits. */
#ifndef WHORL_FLEET_REKEY_MATCH_H
#define WHORL_FLEET_REKEY_MATCH_H

#include "fleet/rekey_spec.h"

enum rekey_verdict {
    REKEY_IS_MEANT, /* the filter means it, and its wave is open */
    /* the filter does not mean it */
    REKEY_NOT_PRODUCT,
    REKEY_NOT_BATCH,
    REKEY_NOT_LABEL,
    REKEY_NO_CERTIFICATE, /* none is confirmed: there is no key to replace */
    REKEY_NOT_AUTHORITY,
    REKEY_NOT_ALGORITHM,
    REKEY_NOT_ISSUED_BEFORE,
    REKEY_NOT_GENERATION,
    REKEY_LATE_JOINER, /* enrolled after the start, and such are left out */
    /* nothing is to be done, or not now */
    REKEY_HAS_NEW_KEY,  /* made after the start, by whatever reason */
    REKEY_DEVICE_STATE, /* quarantined, revoked, …: it is told nothing */
    REKEY_OTHER_WAVE,
    REKEY_ORDERED_ALREADY, /* by an operator or an earlier campaign, which keeps it */
    REKEY_RATE_USED_UP,
    REKEY_HELD,       /* the clock stepped: nobody is told until that is settled */
    REKEY_NO_CONTACT, /* it will be told when it comes */
    REKEY_NOT_BEGUN,  /* starts_at is ahead */
    REKEY_NOT_RUNNING,
    /* it was told */
    REKEY_IS_TOLD,
    REKEY_IS_CONFIRMED,
    REKEY_NOT_IN_TIME,
    REKEY_LEFT_OUT /* told, and not enrolled any more when its time was over */
};
enum { REKEY_VERDICTS = REKEY_LEFT_OUT + 1 };

/* What is known of a device. */
struct rekey_subject {
    const struct device_row *device;
    const struct certificate_row *certificate; /* the confirmed one that it uses; or NULL */
    uint32_t key_algorithm;                    /* of its key: key_algorithm_bit() */
    int64_t key_since;                         /* when its key was first seen */
};

/* What is known of a campaign. */
struct rekey_course {
    struct uuid id;
    int64_t started_at, wave;
};

/** The filter alone. @thread any */
enum rekey_verdict rekey_filter_judge(const struct rekey_filter *filter, const struct rekey_subject *subject);
/** … and whether the device needs what the campaign is for. A device that enrolled after the start is a late
 *  joiner; of another one a key that was made since needs no rekey. */
enum rekey_verdict rekey_need_judge(const struct rekey_spec *spec, const struct rekey_course *course,
                                    const struct rekey_subject *subject);
/** The first wave that a device is in, from 0: a canary label, or its place in 10,000 by the hash of campaign
 *  and device. @errors of the hash @thread any */
err_t rekey_wave_of(const struct rekey_spec *spec, struct uuid plan, const struct device_row *device,
                    int64_t *out);

#endif
