/* The count goes over the certificates of each compromised authority, tenant by tenant along an index, some
 * thousands in a run, so that other jobs go on beside a fleet of any size. It is kept in memory: whoever
 * starts counts again. */
#include "fleet/authority_remains.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "db/certificate_rows.h"
#include "db/tenant_rows.h"
#include "fleet/authority_set.h"
#include "fleet/device_contacts.h"
#include "fleet/internal.h"
#include "fleet/rekey_why.h"

enum { GROWTH = 16, TENANTS_PER_STEP = 100, CERTIFICATES_PER_STEP = 1000, STEPS_MAX = 20 };
/* The pause between two counts: one is a small part of the time, however many there are. */
static const int64_t PAUSE_MS = 2000, CERTIFICATES_PER_PAUSE_MS = 10;

/* One authority and one tenant; and one line with the zero tenant for each authority that was looked at. */
struct line {
    char authority[AUTHORITY_ID_SIZE];
    struct uuid tenant;
    int64_t devices;
};

struct lines {
    struct line *items;
    size_t count, capacity;
    int64_t counted_at, version; /* of the snapshot of authorities */
    int64_t read;                /* certificates that were looked at */
};

struct authority_remains {
    pthread_mutex_t mutex; /* of `shown` */
    struct lines shown;
    /* the background thread's own */
    struct lines next;
    bool is_counting;
    size_t at; /* the line that is counted */
    int64_t after_end;
    uint8_t after_serial[CERTIFICATE_SERIAL_SIZE];
};

err_t authority_remains_new(struct authority_remains **out)
{
    *out = calloc(1, sizeof **out);
    ENSURE(*out != NULL, ERR_NO_MEMORY, "the count of devices");
    (void)pthread_mutex_init(&(*out)->mutex, NULL);
    return OK;
}

void authority_remains_free(struct authority_remains *remains)
{
    if (remains != NULL) {
        free(remains->shown.items);
        free(remains->next.items);
        (void)pthread_mutex_destroy(&remains->mutex);
        free(remains);
    }
}

/* --- what is counted ------------------------------------------------------------------------------------ */

static err_t add_line(struct lines *lines, const char *authority, struct uuid tenant)
{
    if (lines->count == lines->capacity) {
        struct line *grown = reallocarray(lines->items, lines->capacity + GROWTH, sizeof *grown);
        ENSURE(grown != NULL, ERR_NO_MEMORY, "the count of devices");
        lines->items = grown;
        lines->capacity += GROWTH;
    }
    struct line *line = &lines->items[lines->count++];
    *line = (struct line){.tenant = tenant};
    (void)snprintf(line->authority, sizeof line->authority, "%s", authority);
    return OK;
}

struct gathering {
    struct lines *lines;
    const char *authority;
    struct uuid after, tenants[TENANTS_PER_STEP];
    size_t count;
};

static err_t take_tenant(const struct tenant_row *row, void *arg)
{
    struct gathering *run = arg;
    run->tenants[run->count++] = row->id; /* the statement's limit is the array's */
    return OK;
}

/* One look at an index for each tenant. */
static err_t gather_in(struct db_tx *tx, void *arg)
{
    struct gathering *run = arg;
    const struct row_window window = {.after = BYTES_OF(run->after.b), .limit = TENANTS_PER_STEP};
    run->count = 0;
    TRY(tenant_rows_list(tx, &window, take_tenant, run));
    for (size_t i = 0; i < run->count; i++) {
        int64_t last = 0;
        TRY(certificate_rows_last_end(tx, run->tenants[i], run->authority, &last));
        TRY(last > db_tx_now_ms(tx) ? add_line(run->lines, run->authority, run->tenants[i]) : OK);
    }
    return OK;
}

static err_t gather(struct fleet *fleet, const char *authority, struct lines *lines)
{
    static const struct uuid none = {.b = {0}};
    struct gathering run = {.lines = lines, .authority = authority};
    TRY(add_line(lines, authority, none));
    do {
        TRY(db_read(fleet->db, gather_in, &run));
        run.after = run.count > 0 ? run.tenants[run.count - 1] : run.after;
    } while (run.count == TENANTS_PER_STEP);
    return OK;
}

static err_t begin(struct fleet *fleet, int64_t now_ms)
{
    struct authority_remains *remains = fleet->authority_remains;
    AUTO_PTR(authority_set) *set = authority_set_take(fleet);
    remains->next.count = 0;
    remains->next.read = 0;
    remains->next.version = authority_set_version(set);
    for (size_t i = 0; authority_set_at(set, i) != NULL; i++) {
        const struct authority_member *member = authority_set_at(set, i);
        TRY(member->state == AUTHORITY_COMPROMISED ? gather(fleet, member->id, &remains->next) : OK);
    }
    remains->at = 0;
    remains->after_end = now_ms;
    memset(remains->after_serial, 0xff, sizeof remains->after_serial); /* behind what ends now */
    remains->is_counting = true;
    return OK;
}

/* --- counting ------------------------------------------------------------------------------------------- */

struct step {
    struct authority_remains *remains;
    int64_t read, found;
    int64_t after_end;
    uint8_t after_serial[CERTIFICATE_SERIAL_SIZE];
};

static err_t take_certificate(const struct certificate_row *row, void *arg)
{
    struct step *step = arg;
    step->read++;
    step->found += row->state == CERTIFICATE_CONFIRMED ? 1 : 0;
    step->after_end = row->not_after;
    memcpy(step->after_serial, row->serial, sizeof step->after_serial);
    return OK;
}

static err_t step_in(struct db_tx *tx, void *arg)
{
    struct step *step = arg;
    const struct authority_remains *remains = step->remains;
    const struct line *line = &remains->next.items[remains->at];
    struct certificate_range range = {.tenant = line->tenant,
                                      .authority = line->authority,
                                      .expires_before = INT64_MAX,
                                      .has_after = true,
                                      .after_end = remains->after_end,
                                      .limit = CERTIFICATES_PER_STEP};
    memcpy(range.after_serial, remains->after_serial, sizeof range.after_serial);
    memcpy(range.after_authority, line->authority, sizeof range.after_authority);
    step->read = step->found = 0;
    return certificate_rows_page(tx, &range, take_certificate, step);
}

static err_t count_some(struct fleet *fleet, int64_t now_ms)
{
    struct authority_remains *remains = fleet->authority_remains;
    struct step step = {.remains = remains};
    TRY(db_read(fleet->db, step_in, &step));
    remains->next.items[remains->at].devices += step.found;
    remains->next.read += step.read;
    if (step.read == CERTIFICATES_PER_STEP) {
        remains->after_end = step.after_end;
        memcpy(remains->after_serial, step.after_serial, sizeof remains->after_serial);
        return OK;
    }
    remains->at++;
    remains->after_end = now_ms;
    memset(remains->after_serial, 0xff, sizeof remains->after_serial);
    return OK;
}

static void show(struct authority_remains *remains, int64_t now_ms)
{
    remains->next.counted_at = now_ms;
    (void)pthread_mutex_lock(&remains->mutex);
    struct lines former = remains->shown;
    remains->shown = remains->next;
    (void)pthread_mutex_unlock(&remains->mutex);
    remains->next = former;
    remains->is_counting = false;
}

static bool is_time(const struct fleet *fleet, int64_t now_ms)
{
    const struct authority_remains *remains = fleet->authority_remains;
    AUTO_PTR(authority_set) *set = authority_set_take(fleet);
    bool is_other = remains->shown.version != authority_set_version(set);
    int64_t pause = PAUSE_MS + remains->shown.read / CERTIFICATES_PER_PAUSE_MS;
    bool is_old = remains->shown.count > 0 && now_ms >= remains->shown.counted_at + pause;
    return is_other || is_old || now_ms < remains->shown.counted_at;
}

err_t authority_remains_run(struct fleet *fleet, int64_t now_ms)
{
    struct authority_remains *remains = fleet->authority_remains;
    if (!remains->is_counting) {
        if (!is_time(fleet, now_ms)) {
            return OK;
        }
        TRY(begin(fleet, now_ms));
    }
    for (int i = 0; i < STEPS_MAX && remains->at < remains->next.count; i++) {
        TRY(count_some(fleet, now_ms));
    }
    if (remains->at >= remains->next.count) {
        show(remains, now_ms);
    }
    return OK;
}

void authority_remains_find(const struct fleet *fleet, const char *id, const struct uuid *tenant,
                            struct authority_remainder *out)
{
    struct authority_remains *remains = fleet->authority_remains;
    *out = (struct authority_remainder){.is_counted = false};
    (void)pthread_mutex_lock(&remains->mutex);
    for (size_t i = 0; i < remains->shown.count; i++) {
        const struct line *line = &remains->shown.items[i];
        if (strcmp(line->authority, id) == 0) {
            out->is_counted = true;
            out->counted_at = remains->shown.counted_at;
            out->devices += tenant == NULL || uuid_equal(line->tenant, *tenant) ? line->devices : 0;
        }
    }
    (void)pthread_mutex_unlock(&remains->mutex);
}

/* --- one device ----------------------------------------------------------------------------------------- */

struct loss_query {
    const struct device_row *device;
    struct device_loss *out;
};

static err_t find_in(struct db_tx *tx, void *arg)
{
    const struct loss_query *query = arg;
    struct device_loss *out = query->out;
    struct authority_loss loss;
    struct rekey_key key;
    TRY(rekey_key_read(tx, query->device, false, &key));
    if (!key.is_found) {
        return OK;
    }
    TRY(authority_rows_find_loss(tx, key.certificate.authority, &loss));
    out->is_lost = loss.compromised_at != 0;
    out->compromised_at = loss.compromised_at;
    out->rekey_at = renewal_healing_at(&loss, &query->device->id);
    memcpy(out->authority, key.certificate.authority, sizeof out->authority);
    return OK;
}

err_t device_loss_find(struct fleet *fleet, const struct device_row *device, struct device_loss *out)
{
    struct device_contact_row contact;
    struct loss_query query = {.device = device, .out = out};
    *out = (struct device_loss){.is_lost = false};
    TRY(db_read(fleet->db, find_in, &query));
    if (!out->is_lost) {
        return OK;
    }
    TRY(device_contacts_find(fleet, device, &contact));
    out->seen_at = contact.seen_at;
    return OK;
}
