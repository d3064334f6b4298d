/* What a product says of how its devices fetch firmware: how often they ask, and what they may show. A
 * product that nobody has touched: every 300 seconds, only with a client certificate, under a name of the
 * device's own at its first use, and a device that is late with its key is warned of. */
#ifndef WHORL_FLEET_FIRMWARE_POLICY_H
#define WHORL_FLEET_FIRMWARE_POLICY_H

#include "db/firmware_policy_rows.h"
#include "fleet/terms.h"

/* hawkBit's clients read HH:MM:SS, eight characters: below a day. */
enum { FIRMWARE_POLL_DEFAULT_S = 300, FIRMWARE_POLL_MIN_S = 1, FIRMWARE_POLL_MAX_S = 86399 };

/* What is asked for; what is not there stays as it is, or in a whole one takes its default. */
struct firmware_policy_change {
    bool is_whole; /* replaces */
    bool has_poll_s, has_signed_urls, has_target_tokens, has_first_use_alias, has_overdue;
    int64_t poll_s;
    bool signed_urls, target_tokens, first_use_alias;
    enum firmware_overdue overdue;
};

const char *firmware_overdue_name(enum firmware_overdue overdue);
/** @errors ERR_UNPROCESSABLE naming the known ones */
err_t firmware_overdue_parse(struct bytes word, enum firmware_overdue *out);

/** As it is; version 0 when it was never changed. @param product its name or its id
 *  @errors ERR_NOT_FOUND no such product of the tenant @thread worker */
err_t firmware_policy_get(struct fleet *fleet, struct uuid tenant, struct bytes product,
                          struct firmware_policy_row *out);
/** Holds from the next request of each device on. @errors ERR_UNPROCESSABLE with faults, ERR_NOT_FOUND,
 *  ERR_PRECONDITION @thread worker */
err_t firmware_policy_change(struct fleet *fleet, const struct terms *terms, struct bytes product,
                             const struct firmware_policy_change *change, struct firmware_policy_row *out);

/** What holds for a product now, its defaults included. @thread of tx */
err_t firmware_policy_of(struct db_tx *tx, struct uuid tenant, struct uuid product,
                         struct firmware_policy_row *out);

#endif
