/* Not ready is a node whose CRLs have run out: brokers that ask it would turn every device away. What only
 * keeps something new from being made (the signer, the clock) is told beside it, as it is often the cause;
 * what needs no new signature is served meanwhile, so alone it takes nobody's traffic away. */
#include "cmd/whorld/readiness.h"

#include <stdio.h>
#include <string.h>

#include "fleet/authority_set.h"
#include "fleet/clock_guard.h"
#include "fleet/publication.h"
#include "fleet/signer_watch.h"

enum { MORE_ROOM = 16 }; /* for "; 4294967 more" */

struct reasons {
    char text[ERR_DETAIL_SIZE];
    size_t n, left_out;
    bool takes_traffic_away; /* one of them does */
};

/* What does not fit is counted. */
static void add(struct reasons *reasons, const char *head, const char *name, const char *tail)
{
    char one[ERR_DETAIL_SIZE];
    (void)snprintf(one, sizeof one, "%s%s%s%s", reasons->n > 0 ? "; " : "", head, name, tail);
    size_t n = strlen(one);
    if (reasons->left_out > 0 || reasons->n + n + MORE_ROOM > sizeof reasons->text) {
        reasons->left_out++;
        return;
    }
    memcpy(reasons->text + reasons->n, one, n + 1);
    reasons->n += n;
}

/* Where the key is elsewhere, so is whoever makes the list: that there is none yet is no reason to serve
 * nobody. Nor is it of an authority that came to a server that was ready (imported, made, read from another
 * process): what was served before is served meanwhile, and its list is made within a second or so. */
static void look_at_crl(struct fleet *fleet, const struct authority_member *member, int64_t now_ms,
                        struct reasons *reasons)
{
    int64_t from = 0;
    int64_t to = 0;
    bool is_there = publication_span(fleet, bytes_str(member->id), &from, &to).code == ERR_OK;
    if (member->state == AUTHORITY_RETIRED || (!is_there && !member->has_key)) {
        return;
    }
    if (!is_there) {
        reasons->takes_traffic_away = reasons->takes_traffic_away || !publication_has_begun(fleet);
        add(reasons, "no CRL of authority ", member->id, " yet");
    } else if (to <= now_ms) {
        reasons->takes_traffic_away = true;
        add(reasons, "the CRL of authority ", member->id, " has run out");
    }
}

err_t readiness(struct fleet *fleet)
{
    struct reasons reasons = {.text = ""};
    int64_t now = clock_guard_now_ms(fleet);
    AUTO_PTR(authority_set) *set = authority_set_take(fleet);
    const struct authority_member *member = NULL;
    for (size_t i = 0; (member = authority_set_at(set, i)) != NULL; i++) {
        look_at_crl(fleet, member, now, &reasons);
    }
    if (!signer_watch_is_well(fleet)) {
        add(&reasons, "nothing is signed just now: the signer is away", "", "");
    }
    struct clock_view clock;
    clock_guard_view(fleet, &clock);
    if (clock.is_held) {
        add(&reasons, "nothing is issued just now: the clock is in doubt", "", "");
    }
    if (reasons.left_out > 0) {
        (void)snprintf(reasons.text + reasons.n, sizeof reasons.text - reasons.n, "; %zu more",
                       reasons.left_out);
    }
    err_t ready = !reasons.takes_traffic_away ? OK : ERR(ERR_UNAVAILABLE, "%s", reasons.text);
    memcpy(ready.detail, reasons.text, sizeof ready.detail);
    return ready;
}
