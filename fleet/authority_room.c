/* How many certificates of authorities devices take, and how many there are. */
#include "fleet/authority_rules.h"
#include "fleet/authority_set.h"

static bool is_live(const struct authority_brief *item)
{
    return item->state != AUTHORITY_RETIRED && item->state != AUTHORITY_COMPROMISED;
}

/* Devices take CACERTS_MAX certificates of authorities at most: those of the installation, one tenant's, and
 * the cross certificates. */
err_t authority_rules_check_room(const struct authority_view *view, const struct uuid *tenant, size_t more)
{
    size_t shared = view->crosses;
    size_t most = 0;
    for (size_t i = 0; i < view->count; i++) {
        const struct authority_brief *item = &view->items[i];
        size_t own = 0;
        shared += is_live(item) && !item->has_tenant ? 1 : 0;
        for (size_t k = 0; k < view->count && item->has_tenant; k++) {
            const struct authority_brief *other = &view->items[k];
            own += is_live(other) && other->has_tenant && uuid_equal(other->tenant, item->tenant) ? 1 : 0;
        }
        bool counts = tenant == NULL || (item->has_tenant && uuid_equal(item->tenant, *tenant));
        most = counts && own > most ? own : most;
    }
    ENSURE(shared + most + more <= CACERTS_MAX, ERR_WRONG_STATE,
           "devices take %d certificates of authorities at most, and %zu are in use: retire one first",
           CACERTS_MAX, shared + most);
    return OK;
}
