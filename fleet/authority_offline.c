/* The two steps of taking a root offline that concern the inventory. */
#include "fleet/authority_offline.h"

#include <string.h>

#include "fleet/crl_make.h"
#include "fleet/event.h"
#include "fleet/internal.h"

enum { DAYS_LEAST = 30, DAYS_MOST = 3653 };
static const int64_t DAY_MS = 86400000;

err_t authority_offline_list(struct fleet *fleet, const char *id, int64_t days, struct offline_list *out)
{
    AUTO_PTR(authority_set) *set = authority_set_take(fleet);
    AUTO_VAL(crl_row) row = {.list = CRL_COMPLETE};
    const struct authority_member *member = authority_set_find(set, bytes_str(id));
    ENSURE(member != NULL, ERR_NOT_FOUND, "there is no authority %.32s", id);
    ENSURE(member->role == AUTHORITY_ROOT, ERR_WRONG_STATE,
           "%.32s issues certificates every day: only the key of a root can be elsewhere", id);
    ENSURE(member->has_key, ERR_WRONG_STATE, "the key of %.32s is not here", id);
    ENSURE(days >= DAYS_LEAST && days <= DAYS_MOST, ERR_UNPROCESSABLE,
           "the CRL of an offline root lives %d to %d days", DAYS_LEAST, DAYS_MOST);
    ENSURE(clock_now_ms(fleet->clock) + days * DAY_MS <= authority_not_after_ms(member->authority),
           ERR_UNPROCESSABLE, "a CRL of %lld days would outlive %.32s", (long long)days, id);
    TRY(crl_make_for(fleet, member, days * DAY_MS, &row));
    *out = (struct offline_list){.number = row.number, .next_update_ms = row.next_update};
    return OK;
}

struct note {
    const struct actor *actor;
    const char *id;
};

static err_t note_in(struct db_tx *tx, void *arg)
{
    const struct note *note = arg;
    const struct event event = {.kind = "authority.key_taken_offline",
                                .result = "ok",
                                .actor = note->actor->name,
                                .request_id = note->actor->request_id};
    TRY(authority_rows_note_change(tx));
    return event_append(tx, &event, "{\"authority\":\"%s\"}", note->id);
}

err_t authority_offline_tell(struct fleet *fleet, const struct actor *actor, const char *id)
{
    struct note note = {.actor = actor, .id = id};
    TRY(db_write(fleet->db, note_in, &note));
    return authority_set_reload(fleet);
}
