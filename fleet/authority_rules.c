/* The rules of orders about authorities, verb by verb. What each state means is in fleet/authority_set.h. */
#include "fleet/authority_rules.h"

#include <stdio.h>
#include <string.h>

#include "fleet/authorities.h"
#include "fleet/authority_set.h"

static bool is_root(const struct authority_brief *item)
{
    return strcmp(item->role, "root") == 0;
}

static bool is_live(const struct authority_brief *item)
{
    return item->state != AUTHORITY_RETIRED && item->state != AUTHORITY_COMPROMISED;
}

static err_t wrong_state(const struct authority_brief *item, const char *allowed)
{
    return ERR(ERR_WRONG_STATE, "the authority %s is %s; %s", item->id, authority_state_name(item->state),
               allowed);
}

static err_t fault(const struct authority_question *q, const char *pointer, err_t error)
{
    if (q->faults == NULL) {
        return error;
    }
    TRY(faults_note(q->faults, pointer, error));
    return faults_error(q->faults);
}

/* --- what several verbs need -------------------------------------------------------------------------- */

/* The root that signs a new issuing CA. @param usual where the order names none */
static err_t find_issuer(const struct authority_question *q, const char *usual,
                         const struct authority_brief **out)
{
    const char *id = q->order->issuer[0] != '\0' ? q->order->issuer : usual;
    const struct authority_brief *root = authority_view_find(q->view, id);
    if (q->order->issuer[0] == '\0' && (root == NULL || root->state != AUTHORITY_ACTIVE)) {
        root = authority_view_default(q->view, "root", NULL);
    }
    *out = root;
    if (root == NULL || !is_root(root)) {
        return fault(q, "/issuer", ERR(ERR_UNPROCESSABLE, "no root is named %s", id));
    }
    ENSURE(root->state == AUTHORITY_ACTIVE, ERR_WRONG_STATE, "the root %s is %s; it signs when it is active",
           root->id, authority_state_name(root->state));
    ENSURE(
        root->is_default || root->predecessor[0] == '\0' || root->has_new_with_old, ERR_WRONG_STATE,
        "nobody vouches for the root %s yet: import its cross certificate by %s (NewWithOld) first, or who "
        "trusts only that one is cut off",
        root->id, root->predecessor);
    bool may_ask = q->order->is_external || q->order->verb == AUTHORITY_COMPROMISE;
    ENSURE(!root->is_external || may_ask, ERR_WRONG_STATE,
           "the key of the root %s is elsewhere: say \"external\": true, let its owner sign the request, and "
           "import the certificate",
           root->id);
    return OK;
}

static const struct authority_brief *successor_of(const struct authority_view *view,
                                                  const struct authority_brief *item)
{
    for (size_t i = 0; i < view->count; i++) {
        const struct authority_brief *other = &view->items[i];
        bool is_coming = other->state == AUTHORITY_PENDING || other->state == AUTHORITY_STANDBY ||
                         (is_root(other) && other->state == AUTHORITY_ACTIVE);
        if (strcmp(other->predecessor, item->id) == 0 && is_coming) {
            return other;
        }
    }
    return NULL;
}

static void take_owner(struct authority_brief *made, const struct authority_brief *from)
{
    (void)snprintf(made->role, sizeof made->role, "%s", from->role);
    made->has_tenant = from->has_tenant;
    made->tenant = from->tenant;
    made->crl_shards = from->crl_shards;
}

/* --- create --------------------------------------------------------------------------------------------- */

static err_t choose_id(const struct authority_question *q, const struct authority_order *order,
                       struct authority_plan *out)
{
    char wished[AUTHORITY_ID_SIZE];
    if (order->authority[0] != '\0') {
        TRY(fault(q, "/id", authority_id_check(bytes_str(order->authority))));
        ENSURE(authority_view_find(q->view, order->authority) == NULL, ERR_CONFLICT,
               "an authority named %s is there already", order->authority);
        (void)snprintf(out->made.id, sizeof out->made.id, "%s", order->authority);
        return OK;
    }
    (void)snprintf(wished, sizeof wished, "%s%s%s", q->stem, q->stem[0] != '\0' ? "-" : "", order->role);
    if (authority_view_find(q->view, wished) == NULL) {
        (void)snprintf(out->made.id, sizeof out->made.id, "%s", wished);
        return OK;
    }
    return authority_name_after(q->view, wished, out->made.id);
}

static err_t judge_create(const struct authority_question *q, struct authority_plan *out)
{
    const struct authority_order *order = q->order;
    const struct authority_brief *issuer = NULL;
    const struct authority_brief *like = authority_view_default(q->view, order->role, NULL);
    struct authority_brief *made = &out->made;
    TRY(find_issuer(q, "", &issuer));
    TRY(authority_rules_check_room(q->view, order->is_of_tenant ? &q->tenant : NULL, 1));
    out->makes = true;
    out->kind = AUTHORITY_ORDER_CREATE;
    out->is_of_installation = !order->is_of_tenant;
    made->has_tenant = order->is_of_tenant;
    made->tenant = order->is_of_tenant ? q->tenant : (struct uuid){.b = {0}};
    made->crl_shards = like != NULL ? like->crl_shards : 0;
    made->key_purposes = order->key_purposes;
    (void)snprintf(made->role, sizeof made->role, "%s", order->role);
    (void)snprintf(made->issuer, sizeof made->issuer, "%s", issuer->id);
    return choose_id(q, order, out);
}

/* --- activate ------------------------------------------------------------------------------------------- */

static err_t judge_activate(const struct authority_question *q, struct authority_plan *out)
{
    const struct authority_brief *subject = out->subject;
    const struct uuid *tenant = subject->has_tenant ? &subject->tenant : NULL;
    bool wants_default = !q->order->keeps_default && !is_root(subject);
    bool can = subject->state == AUTHORITY_STANDBY ||
               (subject->state == AUTHORITY_ACTIVE && wants_default && !subject->is_default);
    if (subject->state == AUTHORITY_PENDING) {
        return wrong_state(subject, "it waits for its certificate: import that first");
    }
    if (!can) {
        return wrong_state(subject, "what stands by can be activated, and an active one that is no default");
    }
    out->state = AUTHORITY_ACTIVE;
    out->becomes_default = wants_default;
    if (wants_default) {
        out->former = authority_view_default(q->view, subject->role, tenant);
    }
    return OK;
}

/* --- retire --------------------------------------------------------------------------------------------- */

static err_t check_childless(const struct authority_question *q, const struct authority_brief *root)
{
    for (size_t i = 0; i < q->view->count; i++) {
        const struct authority_brief *item = &q->view->items[i];
        ENSURE(!is_live(item) || strcmp(item->issuer, root->id) != 0, ERR_WRONG_STATE,
               "the authority %s is under the root %s and is %s: retire it first", item->id, root->id,
               authority_state_name(item->state));
    }
    return OK;
}

/* Those under it may still be in use. */
static err_t check_ended(const struct authority_question *q, const struct authority_brief *subject)
{
    char end[32];
    if (strcmp(subject->role, "infrastructure") == 0) {
        return OK; /* what it issued is this server's own, and was renewed under its successor */
    }
    ENSURE(subject->ends_at != 0, ERR_WRONG_STATE,
           "the authority %s is retiring; when its last certificate ends is not known yet", subject->id);
    time_format(subject->ends_at, end);
    ENSURE(subject->ends_at <= q->now_ms, ERR_WRONG_STATE,
           "the authority %s is retiring; it ends by itself when its last certificate does, at %s",
           subject->id, end);
    return OK;
}

static err_t judge_retire(const struct authority_question *q, struct authority_plan *out)
{
    const struct authority_brief *subject = out->subject;
    out->state = AUTHORITY_RETIRED;
    if (is_root(subject) && subject->state != AUTHORITY_PENDING) {
        ENSURE(!subject->is_default, ERR_WRONG_STATE,
               "the root %s names this installation: finish a roll-over to another one first", subject->id);
        TRY(check_childless(q, subject));
    }
    switch (subject->state) {
    case AUTHORITY_PENDING:
        out->is_dropped = true;
        return OK;
    case AUTHORITY_STANDBY:
        return OK;
    case AUTHORITY_ACTIVE:
        ENSURE(!subject->is_default || subject->has_tenant, ERR_WRONG_STATE,
               "the authority %s is the default: make another one the default first", subject->id);
        out->state = is_root(subject) ? AUTHORITY_RETIRED : AUTHORITY_RETIRING;
        return OK;
    case AUTHORITY_RETIRING:
        return is_root(subject) ? OK : check_ended(q, subject);
    case AUTHORITY_RETIRED:
    case AUTHORITY_COMPROMISED:
        break;
    }
    return wrong_state(subject, "there is nothing to retire");
}

/* --- roll ----------------------------------------------------------------------------------------------- */

/* The role is its predecessor's: what such a one has none of cannot be wished for. */
static err_t check_roll_wishes(const struct authority_question *q, const struct authority_brief *subject)
{
    const struct authority_order *order = q->order;
    if (order->has_key_purposes && is_root(subject)) {
        return fault(q, "/key_purposes", ERR(ERR_UNPROCESSABLE, "a root has no key purposes"));
    }
    err_t error = order->has_key_purposes ? authority_purposes_check(subject->role, order->key_purposes) : OK;
    if (error.code != ERR_OK) {
        return fault(q, "/key_purposes", error);
    }
    if (order->permitted_dns[0] != '\0' && strcmp(subject->role, "edge") != 0) {
        return fault(q, "/permitted_dns",
                     ERR(ERR_UNPROCESSABLE, "only an authority of the role edge has names"));
    }
    return OK;
}

static err_t judge_roll(const struct authority_question *q, struct authority_plan *out)
{
    const struct authority_brief *subject = out->subject;
    const struct authority_brief *issuer = NULL;
    struct authority_brief *made = &out->made;
    if (subject->state != AUTHORITY_ACTIVE) {
        return wrong_state(subject, "an active one is rolled over");
    }
    const struct authority_brief *coming = successor_of(q->view, subject);
    ENSURE(coming == NULL, ERR_WRONG_STATE, "the authority %s has a successor already: %s, which is %s",
           subject->id, coming->id, authority_state_name(coming->state));
    if (is_root(subject)) {
        ENSURE(subject->is_default, ERR_WRONG_STATE, "the root %s is no default: roll the default one over",
               subject->id);
        ENSURE(!subject->is_external || q->order->is_external, ERR_WRONG_STATE,
               "the key of the root %s is elsewhere: say \"external\": true, and let its owner sign the "
               "cross certificate",
               subject->id);
    } else {
        TRY(find_issuer(q, subject->issuer, &issuer));
    }
    TRY(check_roll_wishes(q, subject));
    TRY(authority_rules_check_room(q->view, subject->has_tenant ? &subject->tenant : NULL,
                                   is_root(subject) ? 3 : 1));
    out->makes = true;
    out->kind = AUTHORITY_ORDER_ROLL;
    take_owner(made, subject);
    made->key_purposes = q->order->has_key_purposes ? q->order->key_purposes : subject->key_purposes;
    (void)snprintf(made->issuer, sizeof made->issuer, "%s", issuer != NULL ? issuer->id : "");
    (void)snprintf(made->predecessor, sizeof made->predecessor, "%s", subject->id);
    return authority_name_after(q->view, subject->id, made->id);
}

/* The root may be named, or its successor. */
static err_t judge_finish(const struct authority_question *q, struct authority_plan *out)
{
    const struct authority_brief *named = out->subject;
    const struct authority_brief *old = authority_view_default(q->view, "root", NULL);
    ENSURE(is_root(named) && old != NULL, ERR_WRONG_STATE,
           "the roll-over of a root is finished, and %s is none", named->id);
    const struct authority_brief *next = named == old ? successor_of(q->view, old) : named;
    ENSURE(next != NULL && strcmp(next->predecessor, old->id) == 0 && next->state == AUTHORITY_ACTIVE,
           ERR_WRONG_STATE, "the root %s is not being rolled over: roll it over first", old->id);
    for (size_t i = 0; i < q->view->count; i++) {
        const struct authority_brief *item = &q->view->items[i];
        bool is_issuing = item->state == AUTHORITY_ACTIVE && !is_root(item);
        ENSURE(!is_issuing || strcmp(item->issuer, old->id) != 0, ERR_WRONG_STATE,
               "the authority %s issues under the root %s: roll it over under %s first", item->id, old->id,
               next->id);
    }
    out->subject = old;
    out->next = next;
    out->state = AUTHORITY_RETIRING;
    return OK;
}

/* --- compromised ---------------------------------------------------------------------------------------- */

/* The newest of those that stand by for it before any other that could. */
static const struct authority_brief *find_next(const struct authority_view *view,
                                               const struct authority_brief *subject)
{
    const struct authority_brief *best = NULL;
    for (size_t i = 0; i < view->count; i++) {
        const struct authority_brief *item = &view->items[i];
        bool can = (item->state == AUTHORITY_STANDBY || item->state == AUTHORITY_ACTIVE) && item != subject &&
                   authority_brief_is_akin(item, subject);
        bool is_heir = can && strcmp(item->predecessor, subject->id) == 0;
        if (can && (best == NULL || is_heir || best->state == AUTHORITY_ACTIVE)) {
            best = best != NULL && !is_heir && item->state == AUTHORITY_ACTIVE ? best : item;
        }
    }
    return best;
}

static err_t take_next(const struct authority_question *q, struct authority_plan *out)
{
    const struct authority_brief *subject = out->subject;
    const char *id = q->order->successor;
    out->next = id[0] != '\0' ? authority_view_find(q->view, id) : find_next(q->view, subject);
    if (id[0] == '\0') {
        return OK;
    }
    bool is_ready = out->next != NULL && out->next != subject &&
                    authority_brief_is_akin(out->next, subject) &&
                    (out->next->state == AUTHORITY_STANDBY || out->next->state == AUTHORITY_ACTIVE);
    return is_ready
               ? OK
               : fault(q, "/successor",
                       ERR(ERR_UNPROCESSABLE, "no authority %s of the same role and owner stands by", id));
}

static err_t make_next(const struct authority_question *q, struct authority_plan *out)
{
    const struct authority_brief *issuer = NULL;
    struct authority_brief *made = &out->made;
    TRY(find_issuer(q, out->subject->issuer, &issuer));
    out->makes = true;
    out->kind = AUTHORITY_ORDER_REPLACE;
    take_owner(made, out->subject);
    made->key_purposes = out->subject->key_purposes;
    (void)snprintf(made->issuer, sizeof made->issuer, "%s", issuer->id);
    (void)snprintf(made->predecessor, sizeof made->predecessor, "%s", out->subject->id);
    return authority_name_after(q->view, out->subject->id, made->id);
}

static err_t judge_compromise(const struct authority_question *q, struct authority_plan *out)
{
    const struct authority_brief *subject = out->subject;
    ENSURE(!is_root(subject), ERR_WRONG_STATE,
           "%s is a root: nobody can revoke it; whoever trusts it must be told another way "
           "(docs/authorities.md)",
           subject->id);
    if (subject->state == AUTHORITY_COMPROMISED) {
        return wrong_state(subject, "that is final");
    }
    if (subject->state == AUTHORITY_PENDING) {
        return wrong_state(subject, "it has no certificate yet: retire it, and make another one");
    }
    out->state = AUTHORITY_COMPROMISED;
    out->becomes_default = subject->is_default;
    if (subject->state != AUTHORITY_ACTIVE) {
        return OK; /* it issues nothing: nobody needs to take its place */
    }
    TRY(take_next(q, out));
    return out->next == NULL ? make_next(q, out) : OK;
}

/* --- all of them ---------------------------------------------------------------------------------------- */

static err_t find_subject(const struct authority_question *q, struct authority_plan *out)
{
    const struct authority_brief *item = authority_view_find(q->view, q->order->authority);
    ENSURE(item != NULL && (!item->has_tenant || uuid_equal(item->tenant, q->tenant)), ERR_NOT_FOUND,
           "no such authority");
    out->subject = item;
    out->state = item->state;
    out->is_of_installation = !item->has_tenant;
    return OK;
}

err_t authority_rules_judge(const struct authority_question *question, struct authority_plan *out)
{
    static err_t (*const judges[])(const struct authority_question *, struct authority_plan *) = {
        [AUTHORITY_CREATE] = judge_create,      [AUTHORITY_ACTIVATE] = judge_activate,
        [AUTHORITY_RETIRE] = judge_retire,      [AUTHORITY_ROLL] = judge_roll,
        [AUTHORITY_FINISH_ROLL] = judge_finish, [AUTHORITY_COMPROMISE] = judge_compromise};
    *out = (struct authority_plan){.made = {.state = AUTHORITY_PENDING}};
    if (question->order->verb != AUTHORITY_CREATE) {
        TRY(find_subject(question, out));
    }
    return judges[question->order->verb](question, out);
}
