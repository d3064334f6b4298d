/* Judges a bundle outside of any transaction, then stores what the plan says, if no authority has changed
 * since. */
#include "fleet/authority_import.h"

#include <string.h>

#include "fleet/authorities.h"
#include "fleet/authority_import_apply.h"
#include "fleet/authority_set.h"
#include "fleet/internal.h"

enum { ATTEMPTS = 4 };

struct run {
    struct import_run import;
    const char *only; /* the authority that all of it must be of; NULL: any */
};

static void run_clear(struct run *run)
{
    import_run_clear(&run->import);
}
DEFINE_AUTO_VAL(run, run_clear);

static err_t apply_in(struct db_tx *tx, void *arg)
{
    struct run *run = arg;
    return import_apply(tx, &run->import);
}

static err_t attempt(struct fleet *fleet, struct run *run)
{
    struct import_run *import = &run->import;
    import_world_clear(&import->world);
    TRY(import_world_read(fleet, &import->world));
    const struct import_view view = import_world_view(&import->world, clock_now_ms(fleet->clock));
    TRY(authority_import_judge(&view, import->bundle, import->plan));
    for (size_t i = 0; run->only != NULL && i < import->plan->count; i++) {
        ENSURE(strcmp(import->plan->steps[i].authority, run->only) == 0, ERR_UNPROCESSABLE,
               "it is of %s, not of %s", import->plan->steps[i].authority, run->only);
    }
    return import_changes_anything(import->plan) ? db_write(fleet->db, apply_in, run) : OK;
}

static err_t import(struct fleet *fleet, struct run *run)
{
    err_t error = OK;
    *run->import.plan = (struct import_plan){.count = 0};
    for (int i = 0; i < ATTEMPTS; i++) {
        error = attempt(fleet, run);
        if (error.code != ERR_BUSY) {
            break;
        }
    }
    TRY(error);
    return authority_set_reload(fleet);
}

err_t authority_import(struct fleet *fleet, const struct actor *actor, const struct ca_bundle *bundle,
                       struct import_plan *out)
{
    AUTO_VAL(run) run = {.import = {.actor = actor, .bundle = bundle, .plan = out}};
    return import(fleet, &run);
}

static err_t is_visible(const struct authority_row *row, void *arg)
{
    (void)row, (void)arg;
    return OK;
}

err_t authority_import_crl(struct fleet *fleet, const struct terms *terms, const char *id, struct bytes file,
                           struct import_step *out)
{
    struct import_plan plan;
    AUTO_VAL(ca_bundle) bundle = {.count = 0};
    AUTO_VAL(run) run = {.import = {.actor = &terms->actor, .bundle = &bundle, .plan = &plan}, .only = id};
    TRY(ca_bundle_add(file, &bundle));
    ENSURE(bundle.count == 1 && bundle.items[0].kind == CA_ITEM_CRL, ERR_UNPROCESSABLE, "give one CRL");
    TRY(authority_get(fleet, &terms->tenant, id, is_visible, NULL));
    TRY(import(fleet, &run));
    *out = plan.steps[0];
    return OK;
}
