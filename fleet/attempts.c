/* Failed attempts: counted, and written within bounds that a flood cannot break. A record that cannot be
 * written is logged and dropped: the refusal itself stands. */
#include "fleet/attempts.h"

#include <stdio.h>

#include "fleet/event.h"
#include "fleet/internal.h"
#include "fleet/refusals.h"

err_t attempt_begin(struct fleet *fleet, const char *address, const char *request_id, struct attempt *out)
{
    *out = (struct attempt){.fleet = fleet, .address = address, .request_id = request_id};
    return source_limits_check(fleet->source_limits, address, clock_now_ms(fleet->clock), &out->source);
}

struct record {
    const struct attempt *attempt;
    const struct person_row *person;
    const char *cause;
    char network[NETWORK_TEXT_SIZE];
    int64_t unrecorded;
};

static err_t write_in(struct db_tx *tx, void *arg)
{
    const struct record *run = arg;
    char actor[ACTOR_SIZE] = "unknown";
    if (run->person != NULL) {
        char id[UUID_TEXT_SIZE];
        uuid_format(run->person->id, id);
        (void)snprintf(actor, sizeof actor, "user:%s", id);
    }
    struct event event = {.kind = run->attempt->kind,
                          .result = "refused",
                          .actor = actor,
                          .request_id = run->attempt->request_id,
                          .tenant = run->person != NULL ? &run->person->tenant : NULL};
    return event_append(tx, &event, "{\"cause\":\"%s\",\"network\":\"%s\",\"unrecorded\":%lld}", run->cause,
                        run->network, (long long)run->unrecorded);
}

err_t attempt_failed(const struct attempt *attempt, const struct person_row *person, const char *cause,
                     err_t error)
{
    struct fleet *fleet = attempt->fleet;
    struct record run = {.attempt = attempt, .person = person, .cause = cause};
    int64_t now_ms = clock_now_ms(fleet->clock);
    source_limits_failed(fleet->source_limits, &attempt->source, now_ms);
    refusals_network(attempt->address, run.network);
    if (!refusals_may_record(fleet->refusals, REFUSAL_LOGIN, bytes_str(run.network), now_ms,
                             &run.unrecorded)) {
        return error;
    }
    err_t written = db_write(fleet->db, write_in, &run);
    if (written.code != ERR_OK) {
        log_error(fleet->log, "failed_login_not_recorded", attempt->request_id, written);
    }
    return error;
}
