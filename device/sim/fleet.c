/* The fleet's threads and its figures. Threads take the next device from one counter; each has its own lane.
 * What they share is that counter and the result, which is behind a lock. */
#include "device/sim/fleet.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "device/host/pem.h"
#include "device/sim/fleet_internal.h"

enum { STACK_BYTES = 512 * 1024, MAX_GROWERS = 64 };

struct sim_fleet {
    struct fleet_plan plan;
    struct fleet_device *devices;
    struct fleet_result result;
    pthread_mutex_t lock; /* of result */
    atomic_size_t next;
};

DEFINE_AUTO_PTR(sim_fleet, sim_fleet_free);

static int64_t now_us(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail with this clock */
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Runs `work` on so many threads and waits for all. True when at least one could be started. */
static bool run_threads(struct sim_fleet *fleet, size_t count, void *(*work)(void *))
{
    pthread_attr_t attributes;
    size_t started = 0;
    pthread_t *threads = calloc(count, sizeof *threads);
    if (threads == NULL || pthread_attr_init(&attributes) != 0) {
        free(threads);
        return false;
    }
    (void)pthread_attr_setstacksize(&attributes,
                                    STACK_BYTES); /* the default does as well, it is only larger */
    atomic_store(&fleet->next, 0);
    while (started < count && pthread_create(&threads[started], &attributes, work, fleet) == 0) {
        started++;
    }
    for (size_t i = 0; i < started; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    (void)pthread_attr_destroy(&attributes);
    free(threads);
    return started != 0;
}

static void *grow_some(void *argument)
{
    struct sim_fleet *fleet = argument;
    for (;;) {
        size_t i = atomic_fetch_add(&fleet->next, 1);
        if (i >= fleet->plan.count) {
            return NULL;
        }
        fleet_device_grow(&fleet->devices[i], fleet->plan.seed_base + i, &fleet->plan.model);
    }
}

/* Everything but a refusal by the checks of enrolment is a fault of this program. */
static bool count_grown(struct sim_fleet *fleet)
{
    for (size_t i = 0; i < fleet->plan.count; i++) {
        enum whorl_result grown = fleet->devices[i].grown;
        if (grown == WHORL_OK) {
            fleet->result.devices++;
        } else if (grown == WHORL_ERROR_PUF_BIASED || grown == WHORL_ERROR_PUF_NOISY) {
            fleet->result.refused_chips++;
        } else {
            return false;
        }
    }
    return true;
}

bool sim_fleet_new(const struct fleet_plan *plan, struct sim_fleet **out)
{
    *out = NULL;
    AUTO_PTR(sim_fleet) *fleet = calloc(1, sizeof *fleet);
    if (fleet == NULL) {
        return false;
    }
    fleet->plan = *plan;
    if (pthread_mutex_init(&fleet->lock, NULL) != 0) {
        free(TAKE(fleet));
        return false;
    }
    fleet->devices = calloc(plan->count, sizeof *fleet->devices);
    fleet->result.enrol.us = calloc(plan->count, sizeof(uint32_t));
    fleet->result.renew.us = calloc(plan->count, sizeof(uint32_t));
    if (fleet->devices == NULL || fleet->result.enrol.us == NULL || fleet->result.renew.us == NULL) {
        return false;
    }
    int64_t start_us = now_us();
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    size_t growers = cores < 1 ? 1 : cores > MAX_GROWERS ? MAX_GROWERS : (size_t)cores;
    if (!run_threads(fleet, growers, grow_some) || !count_grown(fleet)) {
        return false;
    }
    fleet->result.grow_s = (double)(now_us() - start_us) / 1e6;
    *out = TAKE(fleet);
    return true;
}

void sim_fleet_free(struct sim_fleet *fleet)
{
    if (fleet == NULL) {
        return;
    }
    for (size_t i = 0; fleet->devices != NULL && i < fleet->plan.count; i++) {
        fleet_device_clear(&fleet->devices[i]);
    }
    free(fleet->devices);
    free(fleet->result.enrol.us);
    free(fleet->result.renew.us);
    (void)pthread_mutex_destroy(&fleet->lock);
    free(fleet);
}

bool sim_fleet_id(const struct sim_fleet *fleet, size_t index, uint8_t out[WHORL_ID_BYTES])
{
    const struct fleet_device *device = &fleet->devices[index];
    whorl_copy(out, device->id, WHORL_ID_BYTES);
    return device->grown == WHORL_OK;
}

struct whorl_bytes sim_fleet_borrow_credential(const struct sim_fleet *fleet, size_t index)
{
    const struct fleet_device *device = &fleet->devices[index];
    return (struct whorl_bytes){device->credential, device->credential == NULL ? 0 : device->credential_size};
}

/* Writes what the server has just acknowledged, before the next device is served. */
static bool save_certificate(struct fleet_lane *lane, const struct fleet_device *device)
{
    char path[512];
    uint8_t pem[4096];
    uint8_t hex[WHORL_ID_HEX];
    struct whorl_space pem_room = {pem, sizeof pem};
    struct whorl_space hex_room = {hex, sizeof hex};
    struct whorl_bytes id = {device->id, sizeof device->id};
    struct whorl_credential credential;
    struct whorl_text text;
    whorl_text_begin(&text, hex_room);
    whorl_text_hex(&text, id);
    int size =
        snprintf(path, sizeof path, "%s/%.*s.pem", lane->plan->save_folder, WHORL_ID_HEX, (const char *)hex);
    if (size < 0 || (size_t)size >= sizeof path ||
        whorl_credential_load(&lane->storage.port, WHORL_RECORD_CREDENTIAL, lane->device.settings.credential,
                              &credential) != WHORL_OK) {
        return false;
    }
    whorl_text_begin(&text, pem_room);
    host_pem_put(&text, credential.chain[0]);
    FILE *file = fopen(path, "we");
    if (file == NULL) {
        return false;
    }
    bool is_written = fwrite(pem, 1, text.size, file) == text.size;
    return fclose(file) == 0 && is_written;
}

static void note_time(struct fleet_latency *latency, int64_t us)
{
    latency->us[latency->count++] = us > (int64_t)UINT32_MAX ? UINT32_MAX : (uint32_t)us;
}

static void note_problem(struct sim_fleet *fleet, const struct fleet_lane *lane, size_t index,
                         enum whorl_result result)
{
    char why[256];
    fleet_lane_explain(lane, result, why, sizeof why);
    if (fleet->result.failed == 0) {
        (void)snprintf(fleet->result.first_problem, sizeof fleet->result.first_problem,
                       "chip %" PRIu64 ": %s", fleet->plan.seed_base + index, why);
    }
    fleet->result.failed++;
}

static void onboard(struct sim_fleet *fleet, struct fleet_lane *lane, size_t index)
{
    struct fleet_device *device = &fleet->devices[index];
    int64_t start_us = now_us();
    enum whorl_result result = fleet_lane_enrol(lane, device);
    int64_t enrolled_us = now_us();
    bool is_enrolled = result == WHORL_OK;
    if (is_enrolled && fleet->plan.save_folder != NULL && !save_certificate(lane, device)) {
        result = WHORL_ERROR_STORAGE;
    }
    int64_t renew_start_us = now_us();
    bool is_renewed = false;
    if (result == WHORL_OK && fleet->plan.is_renew) {
        result = fleet_lane_renew(lane);
        is_renewed = result == WHORL_OK;
    }
    int64_t end_us = now_us();
    if (result == WHORL_OK && fleet->plan.is_kept && !fleet_lane_keep(lane, device)) {
        result = WHORL_ERROR_INTERNAL;
    }
    (void)pthread_mutex_lock(&fleet->lock);
    if (is_enrolled) {
        fleet->result.enrolled++;
        note_time(&fleet->result.enrol, enrolled_us - start_us);
    }
    if (is_renewed) {
        fleet->result.renewed++;
        note_time(&fleet->result.renew, end_us - renew_start_us);
    }
    if (result != WHORL_OK) {
        note_problem(fleet, lane, index, result);
    }
    (void)pthread_mutex_unlock(&fleet->lock);
}

static void *onboard_some(void *argument)
{
    struct sim_fleet *fleet = argument;
    struct fleet_lane *lane = malloc(sizeof *lane);
    if (lane == NULL) {
        return NULL; /* its share is done by the others, or counted as missing by the caller */
    }
    fleet_lane_init(lane, &fleet->plan);
    for (;;) {
        size_t i = atomic_fetch_add(&fleet->next, 1);
        if (i >= fleet->plan.count) {
            break;
        }
        if (fleet->devices[i].grown == WHORL_OK) {
            onboard(fleet, lane, i);
        }
    }
    fleet_lane_clear(lane);
    free(lane);
    return NULL;
}

static int compare_us(const void *a, const void *b)
{
    const uint32_t *x = a;
    const uint32_t *y = b;
    return *x < *y ? -1 : *x > *y ? 1 : 0;
}

bool sim_fleet_run(struct sim_fleet *fleet)
{
    int64_t start_us = now_us();
    size_t threads =
        fleet->plan.connections < fleet->plan.count ? fleet->plan.connections : fleet->plan.count;
    if (fleet->plan.trust == NULL || !run_threads(fleet, threads, onboard_some)) {
        return false;
    }
    fleet->result.run_s = (double)(now_us() - start_us) / 1e6;
    qsort(fleet->result.enrol.us, fleet->result.enrol.count, sizeof(uint32_t), compare_us);
    qsort(fleet->result.renew.us, fleet->result.renew.count, sizeof(uint32_t), compare_us);
    return true;
}

const struct fleet_result *sim_fleet_borrow_result(const struct sim_fleet *fleet)
{
    return &fleet->result;
}
