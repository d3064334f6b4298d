/* A campaign over 10,000 devices that come as fast as they can, on a real clock and a real disk: how many
 * were told in the fullest second, wherever it begins. The devices are rows; each contact is what a request
 * of a device does after its TLS handshake. campaign [DEVICES [RATE]] */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "db/certificate_rows.h"
#include "db/device_count_rows.h"
#include "db/device_rows.h"
#include "db/product_rows.h"
#include "db/tenant_rows.h"
#include "fleet/fleet.h"
#include "fleet/rekey_contact.h"
#include "fleet/rekey_plans.h"

enum { COMERS = 8, DEVICES = 10000, RATE = 1000, SECOND_MS = 1000, DAY_MS = 86400000, TIMEOUT_S = 300 };

struct bench {
    int devices, rate;
    char folder[64];
    struct db *db;
    struct fleet *fleet;
    struct tenant_row tenant;
    struct product_row product;
    int64_t began_ms;
    atomic_int told;
    atomic_llong contacts;
    int64_t *at; /* when each was told, in order */
    int count;
};

static void must(err_t error)
{
    if (error.code != ERR_OK) {
        (void)fprintf(stderr, "campaign: %s:%d: %s\n", error.file, error.line, error.detail);
        exit(1);
    }
}

/* --- the fleet ---------------------------------------------------------------------------------------- */

static struct certificate_row certificate_of(const struct bench *bench, int number)
{
    struct sha256 hash;
    struct certificate_row row = {.authority = "device",
                                  .tenant = bench->tenant.id,
                                  .generation = 1,
                                  .state = CERTIFICATE_CONFIRMED,
                                  .issued_at = bench->began_ms - DAY_MS,
                                  .confirmed_at = bench->began_ms - DAY_MS,
                                  .first_used_at = bench->began_ms - DAY_MS,
                                  .not_after = bench->began_ms + INT64_C(90) * DAY_MS,
                                  .revocation_reason = -1,
                                  .ver = 1};
    must(sha256_of((struct bytes){(const uint8_t *)&number, sizeof number}, &hash));
    memcpy(row.device.b, hash.b, sizeof row.device.b);
    memcpy(row.serial, hash.b, sizeof row.serial);
    memcpy(row.spki_sha256, hash.b, sizeof row.spki_sha256);
    return row;
}

static err_t insert_in(struct db_tx *tx, void *arg)
{
    struct bench *bench = arg;
    const struct batch_row batch = {.product = bench->product.id};
    TRY(tenant_rows_insert(tx, &bench->tenant));
    TRY(product_rows_insert(tx, &bench->product));
    for (int i = 0; i < bench->devices; i++) {
        bool is_new = false;
        struct certificate_row certificate = certificate_of(bench, i);
        const struct device_row device = {.id = certificate.device,
                                          .tenant = bench->tenant.id,
                                          .product = bench->product.id,
                                          .state = DEVICE_ENROLLED,
                                          .generation = 1,
                                          .attributes = "{}",
                                          .enrolled_at = bench->began_ms - DAY_MS,
                                          .registered_at = bench->began_ms - DAY_MS,
                                          .ver = 1};
        TRY(device_rows_insert(tx, &device, BYTES_NONE, &is_new));
        TRY(certificate_rows_insert(tx, &certificate, NULL));
    }
    return device_count_rows_add(tx, &batch, DEVICE_ENROLLED, bench->devices);
}

static void make_fleet(struct bench *bench)
{
    static const uint8_t salt[32] = {1};
    static char path[96];
    (void)snprintf(bench->folder, sizeof bench->folder, "%s/whorl-bench-XXXXXX", "/tmp");
    if (mkdtemp(bench->folder) == NULL) {
        must(ERR(ERR_IO, "no folder"));
    }
    (void)snprintf(path, sizeof path, "%s/whorl.db", bench->folder);
    const struct db_options db = {.path = path,
                                  .node_name = "bench",
                                  .clock = clock_system(),
                                  .random = random_system(),
                                  .read_connections = COMERS,
                                  .queue_limit = 1000};
    must(db_open(&db, &bench->db));
    const struct fleet_options options = {.db = bench->db,
                                          .clock = clock_system(),
                                          .random = random_system(),
                                          .public_url = "http://bench.example",
                                          .salt_secret = BYTES_OF(salt),
                                          .challenge_ttl_ms = 120 * SECOND_MS,
                                          .crl_lifetime_ms = DAY_MS};
    must(fleet_new(&options, &bench->fleet));
    bench->began_ms = clock_now_ms(clock_system());
    bench->tenant = (struct tenant_row){.id = {{1}}, .name = "bench", .ver = 1};
    bench->product = (struct product_row){.id = {{2}},
                                          .tenant = bench->tenant.id,
                                          .name = "sensor",
                                          .certificate_ttl_s = 90 * 86400,
                                          .renew_percent = 66,
                                          .key_algorithms = 15,
                                          .ver = 1};
    must(db_write(bench->db, insert_in, bench));
}

/* --- the campaign ------------------------------------------------------------------------------------- */

static void start(const struct bench *bench)
{
    char text[256];
    struct faults faults = {.count = 0};
    struct rekey_plan plan;
    const struct terms terms = {
        .tenant = bench->tenant.id, .actor = {.name = "bench", .request_id = ""}, .faults = &faults};
    (void)snprintf(text, sizeof text,
                   "{\"name\":\"all\",\"filter\":{\"product\":\"sensor\"},\"rate_limit\":{\"devices\":%d,"
                   "\"per\":\"second\"}}",
                   bench->rate);
    AUTO(json_t) *document = json_loads(text, 0, NULL);
    must(rekey_plan_add(bench->fleet, &terms, document, &plan));
    must(rekey_plan_order(bench->fleet, &terms, plan.row.id, REKEY_ORDER_START, &plan));
}

struct finding {
    const struct certificate_row *certificate;
    struct device_row *device;
};

static err_t find_in(struct db_tx *tx, void *arg)
{
    const struct finding *finding = arg;
    return device_rows_find(tx, finding->certificate->tenant, &finding->certificate->device, finding->device);
}

static bool comes(struct bench *bench, int number)
{
    static const struct peer_identity peer = {.kind = PEER_ISSUED, .certificate.key.alg = KEY_ALG_P256};
    const struct contact_facts facts = {.peer = &peer, .label = "", .address = "192.0.2.1", .request_id = ""};
    struct contact contact = {.proof = PROOF_OPERATIONAL, .certificate = certificate_of(bench, number)};
    struct finding finding = {&contact.certificate, &contact.device};
    must(db_read(bench->db, find_in, &finding));
    rekey_contact(bench->fleet, &facts, &contact);
    atomic_fetch_add(&bench->contacts, 1);
    return contact.device.rekey_requested_at != 0;
}

struct comer {
    struct bench *bench;
    int first;
    pthread_t thread;
};

/* Its share of the devices, round after round, until each was told. */
static void *come_until_told(void *context)
{
    const struct comer *comer = context;
    struct bench *bench = comer->bench;
    int number = comer->first;
    while (number < bench->devices) {
        if (comes(bench, number)) {
            atomic_fetch_add(&bench->told, 1);
            number += COMERS;
        }
    }
    return NULL;
}

static err_t take_time(const struct db_row *row, void *arg)
{
    struct bench *bench = arg;
    bench->at[bench->count++] = db_row_int(row, 0);
    return OK;
}

static err_t times_in(struct db_tx *tx, void *arg)
{
    return db_run(tx, "SELECT told_at FROM rekey_member ORDER BY told_at", NULL, 0, take_time, arg);
}

static int fullest_second(const struct bench *bench)
{
    int most = 0;
    for (int first = 0, last = 0; last < bench->count; last++) {
        while (bench->at[first] <= bench->at[last] - SECOND_MS) {
            first++;
        }
        most = last - first + 1 > most ? last - first + 1 : most;
    }
    return most;
}

static int report(struct bench *bench)
{
    bench->at = calloc((size_t)bench->devices, sizeof bench->at[0]);
    must(bench->at != NULL ? OK : ERR(ERR_NO_MEMORY, "times"));
    must(db_read(bench->db, times_in, bench));
    const int most = fullest_second(bench);
    const double seconds = (double)(bench->at[bench->count - 1] - bench->at[0]) / SECOND_MS;
    const bool is_met = bench->count == bench->devices && most <= bench->rate;
    (void)printf("(h) campaign: %d of %d devices told in %.1f s, the fullest second has %d (at most %d: %s), "
                 "%lld contacts\n",
                 bench->count, bench->devices, seconds, most, bench->rate, is_met ? "yes" : "NO",
                 (long long)atomic_load(&bench->contacts));
    free(bench->at);
    return is_met ? 0 : 1;
}

static int number_or(const char *text, int fallback)
{
    long number = text != NULL ? strtol(text, NULL, 10) : 0;
    return number > 0 && number <= 1000000 ? (int)number : fallback;
}

int main(int argc, char **argv)
{
    struct bench bench = {.devices = number_or(argc > 1 ? argv[1] : NULL, DEVICES),
                          .rate = number_or(argc > 2 ? argv[2] : NULL, RATE)};
    struct comer comers[COMERS];
    char command[96];
    (void)alarm(TIMEOUT_S); /* a campaign that stands still ends the program */
    make_fleet(&bench);
    start(&bench);
    for (int i = 0; i < COMERS; i++) {
        comers[i] = (struct comer){.bench = &bench, .first = i};
        if (pthread_create(&comers[i].thread, NULL, come_until_told, &comers[i]) != 0) {
            must(ERR(ERR_NO_MEMORY, "a thread"));
        }
    }
    for (int i = 0; i < COMERS; i++) {
        (void)pthread_join(comers[i].thread, NULL);
    }
    int status = report(&bench);
    fleet_free(bench.fleet);
    db_close(bench.db);
    (void)snprintf(command, sizeof command, "rm -rf '%s'", bench.folder);
    return system(command) == 0 ? status : 1;
}
