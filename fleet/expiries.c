/* Ends that somebody must not miss. Every thing that ends is a row made from what memory holds, judged by the
 * table of its kind: a lead in days, and never more than a share of the whole life, so that what lives a week
 * is not wrong from its first day. */
#include "fleet/expiries.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fleet/alarms.h"
#include "fleet/authority_set.h"
#include "fleet/internal.h"
#include "fleet/ocsp.h"
#include "fleet/publication.h"

enum { GROWTH = 16 };
static const int64_t DAY_MS = 86400000;

/* How long before the end it is said. */
struct lead {
    int64_t days; /* 0: no limit but the share */
    int64_t percent;
};
struct ending_kind {
    const char *alarm;         /* of fleet/alarm_kinds.c */
    const char *label, *words; /* in the gauge; before the subject, for people */
    struct lead leads[ALARM_SEVERITIES];
};

/* An authority: a whole fleet needs months to rekey, and what is issued never outlives its issuer. A CRL is
 * signed again at half of its life, the key of OCSP answers is renewed then too, the server's certificate
 * when a third is left: a few failed attempts are no alarm. */
static const struct ending_kind AUTHORITY = {"authority.expires",
                                             "authority",
                                             "the certificate of authority",
                                             {[ALARM_WARNING] = {365, 25}, [ALARM_CRITICAL] = {90, 10}}};
static const struct ending_kind CRL = {
    "crl.overdue", "crl", "the CRL of authority", {[ALARM_WARNING] = {0, 40}, [ALARM_CRITICAL] = {0, 20}}};
/* Where the key is elsewhere somebody has to go there: a month is needed, and half of what lives less. */
static const struct ending_kind CRL_FROM_ELSEWHERE = {
    "crl.overdue",
    "crl",
    "the CRL, which is signed elsewhere, of authority",
    {[ALARM_WARNING] = {30, 50}, [ALARM_CRITICAL] = {7, 20}}};
static const struct ending_kind OCSP_SIGNER = {"ocsp_signer.expires",
                                               "ocsp_signer",
                                               "the key that signs OCSP answers for authority",
                                               {[ALARM_WARNING] = {0, 40}, [ALARM_CRITICAL] = {0, 20}}};
static const struct ending_kind SERVER_CERTIFICATE = {
    "server_certificate.expires",
    "server_certificate",
    "the certificate of this",
    {[ALARM_WARNING] = {30, 28}, [ALARM_CRITICAL] = {7, 10}}};

struct ending {
    const struct ending_kind *kind;
    char subject[AUTHORITY_ID_SIZE];
    int64_t from_ms, to_ms;
    bool is_over; /* of an authority that has ended: nobody waits for it */
    bool is_wrong;
    enum alarm_severity severity; /* when it is */
    char detail[128];
};
struct endings {
    struct ending *items;
    size_t count, capacity;
};

static void endings_clear(struct endings *all)
{
    free(all->items);
}
DEFINE_AUTO_VAL(endings, endings_clear);

void expiries_note_server_certificate(struct fleet *fleet, int64_t not_before_ms, int64_t not_after_ms)
{
    atomic_store(&fleet->server_certificate_from, not_before_ms);
    atomic_store(&fleet->server_certificate_to, not_after_ms);
}

/* --- what there is ---------------------------------------------------------------------------------- */

static err_t add(struct endings *all, const struct ending *ending)
{
    if (ending->to_ms == 0) {
        return OK;
    }
    if (all->count == all->capacity) {
        struct ending *grown = reallocarray(all->items, all->capacity + GROWTH, sizeof *grown);
        ENSURE(grown != NULL, ERR_NO_MEMORY, "what ends");
        all->items = grown;
        all->capacity += GROWTH;
    }
    all->items[all->count++] = *ending;
    return OK;
}

/* What nobody knows yet (no list is shown, no certificate was told) is left out. */
static err_t collect_authority(struct fleet *fleet, const struct authority_member *member,
                               struct endings *all)
{
    bool is_over = member->state == AUTHORITY_RETIRED;
    struct ending crl = {.kind = member->has_key ? &CRL : &CRL_FROM_ELSEWHERE, .is_over = is_over};
    struct ending signer = {.kind = &OCSP_SIGNER, .is_over = is_over};
    struct ending own = {.kind = &AUTHORITY,
                         .is_over = is_over,
                         .from_ms = authority_not_before_ms(member->authority),
                         .to_ms = authority_not_after_ms(member->authority)};
    memcpy(own.subject, member->id, sizeof member->id);
    memcpy(signer.subject, member->id, sizeof member->id);
    memcpy(crl.subject, member->id, sizeof member->id);
    TRY(add(all, &own));
    if (ocsp_signer_life(fleet, member->id, &signer.from_ms, &signer.to_ms)) {
        TRY(add(all, &signer));
    }
    if (publication_span(fleet, bytes_str(member->id), &crl.from_ms, &crl.to_ms).code == ERR_OK) {
        TRY(add(all, &crl));
    }
    return OK;
}

static err_t collect(struct fleet *fleet, struct endings *all)
{
    AUTO_PTR(authority_set) *set = authority_set_take(fleet);
    const struct authority_member *member = NULL;
    for (size_t i = 0; (member = authority_set_at(set, i)) != NULL; i++) {
        TRY(collect_authority(fleet, member, all));
    }
    return add(all, &(struct ending){.kind = &SERVER_CERTIFICATE,
                                     .subject = "server",
                                     .from_ms = atomic_load(&fleet->server_certificate_from),
                                     .to_ms = atomic_load(&fleet->server_certificate_to)});
}

/* --- judged ----------------------------------------------------------------------------------------- */

static int64_t lead_ms(const struct lead *lead, int64_t life_ms)
{
    int64_t share = life_ms / 100 * lead->percent;
    return lead->days > 0 && lead->days * DAY_MS < share ? lead->days * DAY_MS : share;
}

static void judge(struct ending *ending, int64_t now_ms)
{
    int64_t left = ending->to_ms - now_ms;
    int64_t life = ending->to_ms - ending->from_ms;
    char end[32];
    for (int i = 0; i < ALARM_SEVERITIES; i++) {
        bool is_near = !ending->is_over && left < lead_ms(&ending->kind->leads[i], life);
        ending->severity = is_near ? (enum alarm_severity)i : ending->severity;
        ending->is_wrong = ending->is_wrong || is_near;
    }
    time_format(ending->to_ms, end);
    (void)snprintf(ending->detail, sizeof ending->detail, "%s %s ends at %s", ending->kind->words,
                   ending->subject, end);
}

static struct alarm alarm_of(const struct ending *ending)
{
    return (struct alarm){.kind = ending->kind->alarm,
                          .subject = ending->subject,
                          .severity = ending->severity,
                          .detail = ending->detail};
}

/* @param[out] arg only those whose alarm is not as it should be stay */
static err_t keep_changed(struct db_tx *tx, void *arg)
{
    struct endings *all = arg;
    size_t changed = 0;
    for (size_t i = 0; i < all->count; i++) {
        const struct ending *ending = &all->items[i];
        const struct alarm alarm = alarm_of(ending);
        bool stands = false;
        enum alarm_severity severity = ALARM_WARNING;
        TRY(alarm_stands(tx, &alarm, &stands, &severity));
        if (stands != ending->is_wrong || (stands && severity != ending->severity)) {
            all->items[changed++] = *ending;
        }
    }
    all->count = changed;
    return OK;
}

static err_t store(struct db_tx *tx, void *arg)
{
    const struct endings *changed = arg;
    for (size_t i = 0; i < changed->count; i++) {
        const struct alarm alarm = alarm_of(&changed->items[i]);
        TRY(changed->items[i].is_wrong ? alarm_raise(tx, &alarm) : alarm_clear(tx, &alarm));
    }
    return OK;
}

err_t expiries_check(struct fleet *fleet, int64_t now_ms)
{
    AUTO_VAL(endings) all = {.count = 0};
    TRY(collect(fleet, &all));
    for (size_t i = 0; i < all.count; i++) {
        judge(&all.items[i], now_ms);
    }
    TRY(db_read(fleet->db, keep_changed, &all));
    if (all.count == 0) {
        return OK;
    }
    TRY(db_write(fleet->db, store, &all));
    for (size_t i = 0; i < all.count; i++) {
        LOG(fleet->log, all.items[i].is_wrong ? LOG_WARN : LOG_INFO,
            all.items[i].is_wrong ? "alarm.raised" : "alarm.cleared",
            LOG_STR("alarm", all.items[i].kind->alarm), LOG_STR("detail", all.items[i].detail));
    }
    return OK;
}

/* --- figures ---------------------------------------------------------------------------------------- */

err_t expiries_write_metrics(struct fleet *fleet, struct buf *out)
{
    AUTO_VAL(endings) all = {.count = 0};
    TRY(collect(fleet, &all));
    TRY(buf_append_str(out, "# TYPE whorl_expiry_timestamp_seconds gauge\n"
                            "# HELP whorl_expiry_timestamp_seconds Unix time at which something ends\n"));
    for (size_t i = 0; i < all.count; i++) {
        TRY(buf_printf(out, "whorl_expiry_timestamp_seconds{what=\"%s\",subject=\"%s\"} %lld\n",
                       all.items[i].kind->label, all.items[i].subject,
                       (long long)(all.items[i].to_ms / 1000)));
    }
    return OK;
}
