/* The fleet's figures as OpenMetrics text: its counters, then those of each *_figures.c. Names results,
 * authorities and ids of what operators made, never a device. */
#include "fleet/alarms.h"
#include "fleet/course_figures.h"
#include "fleet/event_hub.h"
#include "fleet/expiries.h"
#include "fleet/internal.h"
#include "fleet/inventory_figures.h"
#include "fleet/keeping_figures.h"
#include "fleet/publication.h"
#include "fleet/rates.h"
#include "fleet/work_figures.h"
#include "fleet/yield.h"

struct figure {
    const char *labels; /* with braces, or "" */
    size_t offset;      /* of the counter in struct fleet_counters */
};

struct family {
    const char *name, *help;
    const struct figure *figures;
    size_t count;
};

#define FIGURE(labels_, field_)                                                                              \
    {                                                                                                        \
        (labels_), offsetof(struct fleet_counters, field_)                                                   \
    }
#define FAMILY(name_, help_, figures_)                                                                       \
    {                                                                                                        \
        (name_), (help_), (figures_), sizeof(figures_) / sizeof((figures_)[0])                               \
    }

static const struct figure ENROLMENTS[] = {
    FIGURE("{result=\"enrolled\"}", enrolled), FIGURE("{result=\"renewed\"}", renewed),
    FIGURE("{result=\"recovered\"}", recovered), FIGURE("{result=\"repeated\"}", repeated)};
static const struct figure REFUSALS[] = {FIGURE("{device=\"known\"}", refused),
                                         FIGURE("{device=\"unknown\"}", refused_unknown)};
static const struct figure CONFIRMED[] = {FIGURE("", confirmed)};
static const struct figure POP_FAILED[] = {FIGURE("", pop_failed)};
static const struct figure REVOKED[] = {FIGURE("", revoked)};
static const struct figure REGISTERED[] = {FIGURE("", registered)};
static const struct figure WEBHOOKS[] = {FIGURE("{result=\"delivered\"}", webhook_delivered),
                                         FIGURE("{result=\"turned_down\"}", webhook_turned_down),
                                         FIGURE("{result=\"unreached\"}", webhook_unreached)};
static const struct figure OCSP[] = {FIGURE("{result=\"good\"}", ocsp_good),
                                     FIGURE("{result=\"revoked\"}", ocsp_revoked),
                                     FIGURE("{result=\"unknown\"}", ocsp_unknown),
                                     FIGURE("{result=\"malformed\"}", ocsp_malformed),
                                     FIGURE("{result=\"unauthorized\"}", ocsp_unauthorized),
                                     FIGURE("{result=\"try_later\"}", ocsp_try_later),
                                     FIGURE("{result=\"internal_error\"}", ocsp_internal)};
static const struct figure OCSP_RECALLED[] = {FIGURE("", ocsp_recalled)};
static const struct figure OCSP_SIGNED[] = {FIGURE("", ocsp_signed)};
static const struct figure JOBS_FAILED[] = {FIGURE("", jobs_failed)};

static const struct family FAMILIES[] = {
    FAMILY("whorl_enrolments", "Certificates handed to devices, by result", ENROLMENTS),
    FAMILY("whorl_refusals", "Devices that were turned away", REFUSALS),
    FAMILY("whorl_certificates_confirmed", "First uses of a new certificate", CONFIRMED),
    FAMILY("whorl_certificates_revoked", "Certificates revoked by an operator", REVOKED),
    FAMILY("whorl_proofs_failed", "Challenge proofs that did not hold", POP_FAILED),
    FAMILY("whorl_devices_registered", "Devices registered since the start", REGISTERED),
    FAMILY("whorl_webhook_calls", "Calls of webhooks, by what came back", WEBHOOKS),
    FAMILY("whorl_ocsp_answers", "OCSP requests answered, by what the answer says", OCSP),
    FAMILY("whorl_ocsp_recalled", "OCSP answers that were given from memory", OCSP_RECALLED),
    FAMILY("whorl_ocsp_signed", "OCSP answers that were signed", OCSP_SIGNED),
    FAMILY("whorl_jobs_failed", "Runs of background jobs that ended in an error", JOBS_FAILED)};

static long long figure_read(struct fleet *fleet, const struct figure *figure)
{
    const char *base = (const char *)&fleet->counters;
    return atomic_load((const atomic_llong *)(const void *)(base + figure->offset));
}

static err_t write_streams(struct fleet *fleet, struct buf *out)
{
    return buf_printf(out,
                      "# TYPE whorl_event_streams gauge\n"
                      "# HELP whorl_event_streams Followers of events now\nwhorl_event_streams %d\n",
                      event_hub_streams(fleet));
}

err_t fleet_write_metrics(struct fleet *fleet, struct buf *out)
{
    for (size_t i = 0; i < sizeof FAMILIES / sizeof FAMILIES[0]; i++) {
        const struct family *family = &FAMILIES[i];
        TRY(buf_printf(out, "# TYPE %s counter\n# HELP %s %s\n", family->name, family->name, family->help));
        for (size_t k = 0; k < family->count; k++) {
            const struct figure *figure = &family->figures[k];
            TRY(buf_printf(out, "%s_total%s %lld\n", family->name, figure->labels,
                           figure_read(fleet, figure)));
        }
    }
    TRY(rates_write_metrics(fleet->rates, out));
    TRY(yields_write_metrics(fleet, out));
    TRY(write_streams(fleet, out));
    TRY(work_figures_write(fleet, out));
    TRY(inventory_figures_write(fleet, out));
    TRY(alarms_write_metrics(fleet, out));
    TRY(expiries_write_metrics(fleet, out));
    TRY(course_figures_write(fleet, out));
    return keeping_figures_write(fleet, out);
}
