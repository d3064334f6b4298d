/* What a pass of the scheduler costs: the same number of due devices among few and among many. Makes two
 * scratch inventories (rows by SQL; indexes of devices that no pass touches are left out), then runs the job
 * itself on each in turn and prints the CPU time of the whole process for it, in microseconds, as JSON.
 *
 *   pass FOLDER FEW MANY DUE */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/ports.h"
#include "db/db.h"
#include "fleet/internal.h"

enum { ROUNDS = 7 };
static const int64_t NOW_MS = 1780272000000, DAY_MS = 86400000;

struct inventory {
    char path[256];
    struct manual_clock clock;
    struct db *db;
    struct fleet *fleet;
    int64_t devices, due;
    int64_t cpu_us[ROUNDS];
};

static void check(err_t error, const char *what)
{
    if (error.code != ERR_OK) {
        (void)fprintf(stderr, "pass: %s: %s (%s:%d)\n", what, error.detail, error.file, error.line);
        exit(1);
    }
}

/* --- rows --------------------------------------------------------------------------------------------- */

static const char *const LEFT_OUT[] = {
    "DROP INDEX device_by_tenant", "DROP INDEX device_by_batch",      "DROP INDEX device_by_batch_state",
    "DROP INDEX device_by_state",  "DROP INDEX device_by_product",    "DROP INDEX device_by_product_state",
    "DROP INDEX device_by_serial", "DROP INDEX device_by_registered", "DROP INDEX device_by_enrolled",
};
#define NUMBERS "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $1) "
#define ID      "CAST(printf('%032d', i) AS BLOB)"
static const char SQL_DEVICES[] = NUMBERS
    "INSERT INTO device (id, tenant, batch, product, state, claim, reenrol_allowed, generation, serial, "
    "model, attributes, registered_at, enrolled_at, updated_at, ver) SELECT " ID ", zeroblob(16), "
    "zeroblob(16), zeroblob(16), 1, 2, 0, 1, printf('SN-%08d', i), 'meter', '{\"line\":\"7\"}', $2, $2, "
    "$2, 1 FROM n";
static const char SQL_TERMS[] =
    NUMBERS "INSERT INTO device_term (device, tenant, renew_at, expires_at, term, next_at) SELECT " ID
            ", zeroblob(16), $2 + 1, $2 + 8640000000, 0, $2 + 1 FROM n";
/* Due ones lie all over the tables, and come in an order that has nothing to do with where they lie. */
static const char SQL_DUE[] = NUMBERS
    "UPDATE device_term SET term = 0, renew_at = $2 - 1 - (i * 7919) % $1, next_at = $2 - 1 - (i * "
    "7919) % $1 FROM n WHERE device = CAST(printf('%032d', i * $3) AS BLOB) AND tenant = zeroblob(16)";
static const char SQL_LEFT[] = "SELECT COUNT(*) FROM device_term WHERE term = 0 AND next_at <= $1";

static err_t no_row(const struct db_row *row, void *arg)
{
    (void)row, (void)arg;
    return OK;
}

static err_t make_in(struct db_tx *tx, void *arg)
{
    const struct inventory *inventory = arg;
    for (size_t i = 0; i < sizeof LEFT_OUT / sizeof LEFT_OUT[0]; i++) {
        TRY(db_run(tx, LEFT_OUT[i], NULL, 0, no_row, NULL));
    }
    int64_t later = NOW_MS + 30 * DAY_MS;
    TRY(db_run(tx, SQL_DEVICES, DB_VALUES(DB_I(inventory->devices), DB_I(NOW_MS)), no_row, NULL));
    return db_run(tx, SQL_TERMS, DB_VALUES(DB_I(inventory->devices), DB_I(later)), no_row, NULL);
}

static err_t due_in(struct db_tx *tx, void *arg)
{
    const struct inventory *inventory = arg;
    int64_t apart = inventory->devices / inventory->due;
    return db_run(tx, SQL_DUE, DB_VALUES(DB_I(inventory->due), DB_I(NOW_MS), DB_I(apart)), no_row, NULL);
}

static err_t take_number(const struct db_row *row, void *arg)
{
    *(int64_t *)arg = db_row_int(row, 0);
    return OK;
}

static err_t left_in(struct db_tx *tx, void *arg)
{
    return db_run(tx, SQL_LEFT, DB_VALUES(DB_I(NOW_MS)), take_number, arg);
}

static void make(const char *folder, int64_t devices, int64_t due, struct inventory *out)
{
    static const uint8_t salt[SALT_SECRET_SIZE] = {1};
    *out = (struct inventory){.devices = devices, .due = due};
    (void)snprintf(out->path, sizeof out->path, "%s/%lld.db", folder, (long long)devices);
    manual_clock_init(&out->clock, NOW_MS);
    const struct db_options db = {.path = out->path,
                                  .node_name = "bench",
                                  .clock = &out->clock.clock,
                                  .random = random_system(),
                                  .read_connections = 2,
                                  .queue_limit = 100};
    check(db_open(&db, &out->db), "open");
    const struct fleet_options fleet = {.db = out->db,
                                        .clock = &out->clock.clock,
                                        .random = random_system(),
                                        .public_url = "http://bench.invalid",
                                        .salt_secret = BYTES_OF(salt),
                                        .challenge_ttl_ms = 120000,
                                        .crl_lifetime_ms = DAY_MS,
                                        .supersede_overlap_ms = DAY_MS};
    check(fleet_new(&fleet, &out->fleet), "fleet");
    check(db_write(out->db, make_in, out), "rows");
}

/* --- measuring ---------------------------------------------------------------------------------------- */

static int64_t process_cpu_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void run(struct inventory *inventory, int round)
{
    int64_t left = 0;
    check(db_write(inventory->db, due_in, inventory), "due");
    check(db_checkpoint(inventory->db), "checkpoint");
    check(db_read(inventory->db, left_in, &left), "count");
    if (left != inventory->due) {
        (void)fprintf(stderr, "pass: %lld are due, not %lld\n", (long long)left, (long long)inventory->due);
        exit(1);
    }
    int64_t before = process_cpu_us();
    while (left > 0) {
        check(device_terms_pass(inventory->fleet, NOW_MS), "pass");
        left -= 10000; /* of one run of the job (fleet/device_terms.c) */
    }
    inventory->cpu_us[round] = process_cpu_us() - before;
    check(db_read(inventory->db, left_in, &left), "count");
    if (left != 0) {
        (void)fprintf(stderr, "pass: %lld were left\n", (long long)left);
        exit(1);
    }
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int64_t median(struct inventory *inventory)
{
    qsort(inventory->cpu_us, ROUNDS, sizeof inventory->cpu_us[0], compare);
    return inventory->cpu_us[ROUNDS / 2];
}

static void end(struct inventory *inventory)
{
    fleet_free(inventory->fleet);
    db_close(inventory->db);
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        (void)fprintf(stderr, "usage: pass FOLDER FEW MANY DUE\n");
        return 2;
    }
    struct inventory few, many;
    int64_t due = strtoll(argv[4], NULL, 10);
    make(argv[1], strtoll(argv[2], NULL, 10), due, &few);
    make(argv[1], strtoll(argv[3], NULL, 10), due, &many);
    for (int round = 0; round < ROUNDS; round++) { /* in turn: noise hits both alike */
        run(&few, round);
        run(&many, round);
    }
    (void)printf("{\"few_us\":%lld,\"many_us\":%lld,\"due\":%lld}\n", (long long)median(&few),
                 (long long)median(&many), (long long)due);
    end(&few);
    end(&many);
    return 0;
}
