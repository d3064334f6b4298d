/* One read of the kept counts, then text: every state of every authority, the zeros too, as alert rules need
 * them. */
#include "fleet/inventory_figures.h"

#include <stdlib.h>
#include <string.h>

#include "db/certificate_count_rows.h"
#include "db/device_count_rows.h"
#include "db/device_term_rows.h"
#include "fleet/clock_guard.h"
#include "fleet/internal.h"
#include "fleet/states.h"

#define DAY_MS INT64_C(86400000)
enum { GROWTH = 16, SPANS = 2 };

/* How soon: in days from today, which is one of them. */
static const struct span {
    int64_t days;
    const char *label;
} spans[SPANS] = {{7, "7d"}, {30, "30d"}};

struct authority_figures {
    struct certificate_counts counts;
    int64_t due[SPANS];
};
struct inventory {
    int64_t today; /* days since 1970, UTC */
    int64_t devices[DEVICE_STATES], terms[DEVICE_TERMS], overdue;
    struct authority_figures *authorities;
    size_t count, capacity;
};

static void inventory_clear(struct inventory *inventory)
{
    free(inventory->authorities);
}
DEFINE_AUTO_VAL(inventory, inventory_clear);

/* --- read ------------------------------------------------------------------------------------------- */

static err_t take_counts(const struct certificate_counts *counts, void *arg)
{
    struct inventory *all = arg;
    if (all->count == all->capacity) {
        struct authority_figures *grown =
            reallocarray(all->authorities, all->capacity + GROWTH, sizeof *grown);
        ENSURE(grown != NULL, ERR_NO_MEMORY, "the counts of certificates");
        all->authorities = grown;
        all->capacity += GROWTH;
    }
    all->authorities[all->count++] = (struct authority_figures){.counts = *counts};
    return OK;
}

static err_t take_ends(const struct certificate_ends *ends, void *arg)
{
    const struct inventory *all = arg;
    for (size_t i = 0; i < all->count; i++) {
        struct authority_figures *authority = &all->authorities[i];
        for (size_t k = 0; k < SPANS && strcmp(authority->counts.authority, ends->authority) == 0; k++) {
            authority->due[k] += ends->day <= all->today + spans[k].days ? ends->count : 0;
        }
    }
    return OK;
}

static err_t read_in(struct db_tx *tx, void *arg)
{
    struct inventory *all = arg;
    const struct uuid owner = device_owner_all();
    all->count = 0;
    TRY(device_count_rows_read(tx, owner, all->devices));
    TRY(device_term_rows_counts(tx, owner, all->terms));
    TRY(device_term_rows_overdue(tx, owner, &all->overdue));
    TRY(certificate_count_rows_each(tx, take_counts, all));
    return certificate_count_rows_ends(tx, all->today, all->today + spans[SPANS - 1].days, take_ends, all);
}

/* --- written ---------------------------------------------------------------------------------------- */

static err_t write_devices(const struct inventory *all, struct buf *out)
{
    static const char *const terms[DEVICE_TERMS] = {
        [TERM_CURRENT] = "current", [TERM_DUE] = "due", [TERM_EXPIRED] = "expired"};
    TRY(buf_append_str(out, "# TYPE whorl_devices gauge\n# HELP whorl_devices Devices by state.\n"));
    for (int i = 0; i < DEVICE_STATES; i++) {
        TRY(buf_printf(out, "whorl_devices{state=\"%s\"} %lld\n", device_state_name((enum device_state)i),
                       (long long)all->devices[i]));
    }
    TRY(buf_append_str(out,
                       "# TYPE whorl_devices_certified gauge\n# HELP whorl_devices_certified Enrolled "
                       "devices by where their certificate stands: current, due for renewal, expired.\n"));
    for (int i = 0; i < DEVICE_TERMS; i++) {
        TRY(buf_printf(out, "whorl_devices_certified{term=\"%s\"} %lld\n", terms[i],
                       (long long)all->terms[i]));
    }
    return buf_printf(out,
                      "# TYPE whorl_devices_overdue gauge\n# HELP whorl_devices_overdue Devices that should "
                      "have renewed long ago.\nwhorl_devices_overdue %lld\n",
                      (long long)all->overdue);
}

static err_t write_certificates(const struct inventory *all, struct buf *out)
{
    TRY(buf_append_str(out, "# TYPE whorl_certificates gauge\n# HELP whorl_certificates Certificates of "
                            "devices by authority and state, those that have ended too.\n"));
    for (size_t i = 0; i < all->count; i++) {
        const struct certificate_counts *counts = &all->authorities[i].counts;
        for (int state = 0; state < CERTIFICATE_STATES; state++) {
            TRY(buf_printf(out, "whorl_certificates{authority=\"%s\",state=\"%s\"} %lld\n", counts->authority,
                           certificate_state_name((enum certificate_state)state),
                           (long long)counts->by_state[state]));
        }
    }
    TRY(buf_append_str(out, "# TYPE whorl_certificates_due gauge\n# HELP whorl_certificates_due Confirmed "
                            "certificates that end today or within so many days (UTC).\n"));
    for (size_t i = 0; i < all->count; i++) {
        for (int k = 0; k < SPANS; k++) {
            TRY(buf_printf(out, "whorl_certificates_due{authority=\"%s\",within=\"%s\"} %lld\n",
                           all->authorities[i].counts.authority, spans[k].label,
                           (long long)all->authorities[i].due[k]));
        }
    }
    return OK;
}

err_t inventory_figures_write(struct fleet *fleet, struct buf *out)
{
    AUTO_VAL(inventory) all = {.today = clock_guard_now_ms(fleet) / DAY_MS};
    TRY(db_read(fleet->db, read_in, &all));
    TRY(write_devices(&all, out));
    return write_certificates(&all, out);
}
