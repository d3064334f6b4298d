/* An import over REST: read, judged outside of the transaction, then stored or left to a second person. */
#include "fleet/authority_import_order.h"

#include <stdio.h>
#include <string.h>

#include "fleet/approvals.h"
#include "fleet/authorities.h"
#include "fleet/authority_import_apply.h"
#include "fleet/authority_orders.h"
#include "fleet/authority_set.h"
#include "fleet/internal.h"

enum { ATTEMPTS = 4 };
static const char OP_KIND[] = "authority.import";
static const char POINTER[] = "/certificate";
static const char *const what_names[] = {"certificate", "cross_certificate"};

/* --- judged --------------------------------------------------------------------------------------------- */

static err_t find_owner(const struct import_world *world, const struct import_order *order,
                        const struct uuid *tenant, const struct import_authority **out)
{
    *out = import_world_find(world, order->authority);
    ENSURE(*out != NULL && (!(*out)->row.has_tenant || uuid_equal((*out)->row.tenant, *tenant)),
           ERR_NOT_FOUND, "no such authority");
    return OK;
}

static bool holds(const struct ca_bundle *bundle, struct bytes der)
{
    for (size_t i = 0; i < bundle->count; i++) {
        if (bytes_equal(buf_view(&bundle->items[i].der), der)) {
            return true;
        }
    }
    return false;
}

static err_t check_pending(const struct import_authority *owner, const struct ca_bundle *bundle)
{
    bool is_here = owner->certificate.n > 0 && holds(bundle, buf_view(&owner->certificate));
    ENSURE(is_here || owner->row.state == AUTHORITY_PENDING, ERR_WRONG_STATE,
           "the authority %s is %s: only a pending one waits for a certificate", owner->row.id,
           authority_state_name(owner->row.state));
    ENSURE(is_here || owner->request.n > 0, ERR_WRONG_STATE,
           "the authority %s is pending, and its key is being made: ask for its request first",
           owner->row.id);
    return OK;
}

static err_t check_root(const struct import_authority *owner)
{
    enum authority_state state = owner->row.state;
    ENSURE(strcmp(owner->role, "root") == 0 && !owner->row.is_external, ERR_WRONG_STATE,
           "the authority %s is no root of this installation: cross certificates lead from one root to the "
           "next",
           owner->row.id);
    ENSURE(state != AUTHORITY_PENDING && state != AUTHORITY_RETIRED && state != AUTHORITY_COMPROMISED,
           ERR_WRONG_STATE, "the root %s is %s: one that is active or retiring has cross certificates",
           owner->row.id, authority_state_name(state));
    return OK;
}

static err_t check_owner(const struct import_order *order, const struct import_authority *owner,
                         const struct ca_bundle *bundle)
{
    return order->what == IMPORT_A_CROSS ? check_root(owner) : check_pending(owner, bundle);
}

/* Told before anything else is asked of what came: it was signed for another request. */
static err_t check_key(const struct import_world *world, const struct import_authority *owner,
                       const struct ca_bundle *bundle)
{
    const struct import_known *known = &world->known[owner - world->items];
    bool is_for_it = known->state != AUTHORITY_PENDING;
    for (size_t i = 0; i < bundle->count && !is_for_it; i++) {
        AUTO_VAL(ca_certificate) certificate = {.is_ca = false};
        TRY(ca_certificate_read(buf_view(&bundle->items[i].der), &certificate));
        TRY(authority_import_is_requested(known, &certificate, &is_for_it));
    }
    ENSURE(is_for_it, ERR_UNPROCESSABLE,
           "it is for another key: no certificate here is over the key of the request of %s", owner->row.id);
    return OK;
}

static err_t check_step(const struct import_order *order, const struct import_step *step)
{
    bool is_cross = step->kind == IMPORT_NEW_WITH_OLD || step->kind == IMPORT_OLD_WITH_NEW;
    if (order->what == IMPORT_A_CROSS) {
        bool is_of_it =
            strcmp(step->authority, order->authority) == 0 || strcmp(step->issuer, order->authority) == 0;
        bool is_here = step->kind == IMPORT_KNOWN && step->authority[0] == '\0';
        ENSURE(is_cross || is_here, ERR_UNPROCESSABLE,
               "the certificate of %s is no cross certificate: give it at its own authority",
               step->authority);
        ENSURE(is_here || is_of_it, ERR_UNPROCESSABLE, "it is between %s and %s, not of %s", step->issuer,
               step->authority, order->authority);
        return OK;
    }
    ENSURE(!is_cross, ERR_UNPROCESSABLE,
           "a cross certificate of %s came along: give it at cross-certificates", step->authority);
    ENSURE(step->kind != IMPORT_ISSUED || strcmp(step->authority, order->authority) == 0, ERR_UNPROCESSABLE,
           "the certificate of %s came along: give each at its own authority", step->authority);
    return OK;
}

static err_t check_content(const struct import_order *order, const struct import_world *world,
                           const struct import_authority *owner, const struct import_run *run, int64_t now_ms)
{
    const struct import_view view = import_world_view(world, now_ms);
    for (size_t i = 0; i < run->bundle->count; i++) {
        ENSURE(run->bundle->items[i].kind == CA_ITEM_CERTIFICATE, ERR_UNPROCESSABLE,
               "a CRL came along: give certificates alone");
    }
    TRY(order->what == IMPORT_THE_CERTIFICATE ? check_key(world, owner, run->bundle) : OK);
    TRY(authority_import_judge(&view, run->bundle, run->plan));
    for (size_t i = 0; i < run->plan->count; i++) {
        TRY(check_step(order, &run->plan->steps[i]));
    }
    return OK;
}

static bool brings_roots(const struct import_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        if (plan->steps[i].kind == IMPORT_EXTERNAL) {
            return true;
        }
    }
    return false;
}

/* --- asked ---------------------------------------------------------------------------------------------- */

struct service {
    struct fleet *fleet;
    const struct terms *terms;
    const struct authority_caller *caller;
    const struct import_order *order;
    struct import_run run;
    const struct import_authority *owner;
    json_t *request;
};

static void service_clear(struct service *service)
{
    import_run_clear(&service->run);
    json_decref(service->request);
}
DEFINE_AUTO_VAL(service, service_clear);

static err_t check_caller(const struct service *service)
{
    const struct authority_caller *caller = service->caller;
    ENSURE(service->owner->row.has_tenant || caller->may_installation, ERR_FORBIDDEN,
           "this is about an authority of the installation: the scope installation is needed");
    ENSURE(!service->owner->row.has_tenant || caller->may_tenant, ERR_FORBIDDEN, "the scope admin is needed");
    return OK;
}

static err_t write_request(struct service *service)
{
    const struct import_order *order = service->order;
    bool is_of_installation = !service->owner->row.has_tenant || brings_roots(service->run.plan);
    json_decref(service->request);
    service->request = json_object();
    TRY(json_set_text(service->request, "authority", order->authority));
    TRY(json_set_text(service->request, "what", what_names[order->what]));
    TRY(json_set_text(service->request, "certificate", order->file));
    return is_of_installation ? json_set_bool(service->request, "installation", true) : OK;
}

/* @param[out] is_done the same key asked for this before */
static err_t find_repeat(struct db_tx *tx, const struct service *service, bool *is_done)
{
    struct op_row op;
    bool is_repeat = false;
    *is_done = false;
    TRY(idempotency_find(tx, &service->terms->idempotency, OP_KIND, &op, &is_repeat));
    return is_repeat ? approval_take_repeat(service->terms, &op, is_done) : OK;
}

static err_t order_in(struct db_tx *tx, void *arg)
{
    struct service *service = arg;
    const struct terms *terms = service->terms;
    bool is_waiting = false;
    int64_t change = 0;
    TRY(find_repeat(tx, service, &is_waiting));
    if (is_waiting) {
        return OK;
    }
    TRY(authority_rows_read_change(tx, &change));
    ENSURE(change == service->run.world.change, ERR_BUSY, "the authorities have changed meanwhile");
    TRY(terms_check_version(terms, service->owner->row.ver));
    if (!import_changes_anything(service->run.plan)) {
        return OK;
    }
    TRY(dual_control_asks(tx, terms, NULL, APPROVAL_AUTHORITY_IMPORT, &is_waiting));
    if (is_waiting) {
        const struct approval_wish wish = {
            .bit = APPROVAL_AUTHORITY_IMPORT, .request = service->request, .op_kind = OP_KIND};
        return approval_request(tx, terms, &wish);
    }
    TRY(import_apply(tx, &service->run));
    return idempotency_keep(tx, &terms->idempotency, OP_KIND, service->order->authority);
}

static err_t attempt(struct service *service)
{
    struct fleet *fleet = service->fleet;
    struct import_world *world = &service->run.world;
    const struct terms *terms = service->terms;
    import_world_clear(world);
    TRY(import_world_read(fleet, world));
    TRY(find_owner(world, service->order, &terms->tenant, &service->owner));
    TRY(check_caller(service));
    TRY(check_owner(service->order, service->owner, service->run.bundle));
    err_t error =
        check_content(service->order, world, service->owner, &service->run, clock_now_ms(fleet->clock));
    if (error.code != ERR_OK && terms->faults != NULL) {
        TRY(faults_note(terms->faults, POINTER, error));
        return faults_error(terms->faults);
    }
    TRY(error);
    ENSURE(service->caller->may_installation || !brings_roots(service->run.plan), ERR_FORBIDDEN,
           "a company's CA that comes along would be trusted for all tenants: the scope installation is "
           "needed");
    TRY(write_request(service));
    return db_write(fleet->db, order_in, service);
}

err_t authority_import_order(struct fleet *fleet, const struct terms *terms,
                             const struct authority_caller *caller, const struct import_order *order,
                             struct import_plan *out)
{
    AUTO_VAL(ca_bundle) bundle = {.count = 0};
    AUTO_VAL(service)
    service = {.fleet = fleet,
               .terms = terms,
               .caller = caller,
               .order = order,
               .run = {.actor = &terms->actor, .bundle = &bundle, .plan = out}};
    err_t error = ca_bundle_add(bytes_str(order->file), &bundle);
    if (error.code != ERR_OK && terms->faults != NULL) {
        TRY(faults_note(terms->faults, POINTER, error));
        return faults_error(terms->faults);
    }
    TRY(error);
    for (int i = 0; i < ATTEMPTS; i++) {
        error = attempt(&service);
        if (error.code != ERR_BUSY) {
            break;
        }
    }
    TRY(error);
    authorities_show(fleet, terms);
    return OK;
}

/* --- once a second person agreed --------------------------------------------------------------------------
 */

struct kept {
    struct import_order order; /* borrows from the request */
    struct ca_bundle bundle;
    struct import_plan plan;
    struct import_run run;
    const struct import_authority *owner;
};

static void kept_clear(struct kept *kept)
{
    ca_bundle_clear(&kept->bundle);
    import_run_clear(&kept->run);
}
DEFINE_AUTO_VAL(kept, kept_clear);

static err_t restore(struct db_tx *tx, const struct approval_case *this, struct kept *out)
{
    const char *what = json_string_value(json_object_get(this->request, "what"));
    out->order.authority = json_string_value(json_object_get(this->request, "authority"));
    out->order.file = json_string_value(json_object_get(this->request, "certificate"));
    ENSURE(what != NULL && out->order.authority != NULL && out->order.file != NULL, ERR_DB,
           "a stored import is not readable");
    out->order.what = strcmp(what, what_names[IMPORT_A_CROSS]) == 0 ? IMPORT_A_CROSS : IMPORT_THE_CERTIFICATE;
    out->run = (struct import_run){.actor = &this->terms->actor, .bundle = &out->bundle, .plan = &out->plan};
    TRY(ca_bundle_add(bytes_str(out->order.file), &out->bundle));
    TRY(import_world_read_in(tx, &out->run.world));
    TRY(find_owner(&out->run.world, &out->order, &this->terms->tenant, &out->owner));
    return check_owner(&out->order, out->owner, &out->bundle);
}

/* With the version of the row: whatever becomes of the authority voids what waits. */
err_t authority_import_subject(struct db_tx *tx, const struct approval_case *this, json_t *out)
{
    AUTO_VAL(kept) kept = {.owner = NULL};
    AUTO_VAL(buf) all = {0};
    struct sha256 hash;
    TRY(restore(tx, this, &kept));
    for (size_t i = 0; i < kept.bundle.count; i++) {
        TRY(buf_append_bytes(&all, buf_view(&kept.bundle.items[i].der)));
    }
    TRY(sha256_of(buf_view(&all), &hash));
    TRY(json_set_text(out, "authority", kept.order.authority));
    TRY(json_set_text(out, "role", kept.owner->role));
    TRY(json_set_text(out, "what", what_names[kept.order.what]));
    TRY(json_set_int(out, "certificates", (int64_t)kept.bundle.count));
    TRY(json_set_hex(out, "sha256", BYTES_OF(hash.b)));
    return json_set_int(out, "ver", kept.owner->row.ver);
}

err_t authority_import_execute(struct db_tx *tx, const struct approval_case *this,
                               struct approval_outcome *out)
{
    AUTO_VAL(kept) kept = {.owner = NULL};
    TRY(restore(tx, this, &kept));
    TRY(check_content(&kept.order, &kept.run.world, kept.owner, &kept.run, db_tx_now_ms(tx)));
    TRY(import_apply(tx, &kept.run));
    (void)snprintf(out->result, sizeof out->result, "%s", kept.order.authority);
    return OK;
}
