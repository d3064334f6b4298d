/* `whorld check`: is the directory whole, what must be backed up, and what would an auditor ask about.
 * Changes nothing. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "cmd/whorld/check_firmware.h"
#include "cmd/whorld/commands.h"
#include "cmd/whorld/house.h"
#include "cmd/whorld/memory.h"
#include "db/crl_rows.h"
#include "db/journal.h"
#include "db/recount_rows.h"
#include "fleet/authority_set.h"

enum { OTHERS_ANY = 077, OTHERS_WRITE = 022 };

struct findings {
    int problems, notes;
};

static void problem(struct findings *f, const char *what, err_t error)
{
    f->problems++;
    printf("  PROBLEM  %s: %s\n", what, error.detail);
}

static void note(struct findings *f, const char *text)
{
    f->notes++;
    printf("  note     %s\n", text);
}

/* Secrets that others of this machine can read are as good as published; who may write in the folder can put
 * his own in their place. */
static void check_mode(const struct house *house, struct findings *f, const char *name, mode_t forbidden)
{
    AUTO(char) *path = NULL;
    struct stat st;
    if (house_path(house, name, &path).code != ERR_OK || stat(path, &st) != 0) {
        return;
    }
    if ((st.st_mode & forbidden) != 0) {
        problem(f, name,
                ERR(ERR_FORBIDDEN, "others can %s it (mode %03o); chmod go-%s",
                    forbidden == OTHERS_WRITE ? "write in" : "read", (unsigned)(st.st_mode & 0777),
                    forbidden == OTHERS_WRITE ? "w" : "rwx"));
    }
}

static err_t check_keys(struct house *house, struct findings *f)
{
    AUTO_VAL(secret) passphrase = {0};
    AUTO(char) *keys = NULL;
    bool is_embedded = false;
    TRY(passphrase_read(house->folder, &house->config, &passphrase, &is_embedded));
    TRY(house_path(house, HOUSE_KEYS, &keys));
    TRY(keystore_open_settings(keys, &house->config, buf_view(&passphrase.bytes), &house->keystore));
    if (is_embedded) {
        note(f, "the CA keys' passphrase lies beside them (keys/passphrase): fine for a trial; for "
                "production give ca_passphrase_file or a"
                " systemd credential, and keep it elsewhere");
    }
    return OK;
}

struct list_query {
    const char *id;
    struct crl_row *row;
};

static err_t read_list(struct db_tx *tx, void *arg)
{
    struct list_query *query = arg;
    return crl_rows_find_state(tx, query->id, CRL_COMPLETE, query->row);
}

/* Nobody here signs the next list of an authority whose key is elsewhere: it has to be brought in time. */
static err_t check_list_from_elsewhere(struct house *house, struct findings *f, const char *id)
{
    AUTO_VAL(crl_row) row = {.number = 0};
    struct list_query query = {.id = id, .row = &row};
    char until[32];
    char text[160];
    err_t found = db_read(house->db, read_list, &query);
    if (found.code != ERR_NOT_FOUND) {
        TRY(found);
    }
    int64_t now_ms = clock_now_ms(clock_system());
    time_format(row.next_update, until);
    if (row.number == 0) {
        (void)snprintf(text, sizeof text, "the key of %s is elsewhere (offline), and no CRL of it is here",
                       id);
        note(f, text);
        return OK;
    }
    ENSURE(row.next_update > now_ms, ERR_WRONG_STATE,
           "its key is elsewhere (offline), and its CRL ran out at %s: bring the next one", until);
    bool is_near = row.next_update - now_ms < 30LL * 86400000;
    (void)snprintf(text, sizeof text, "the key of %s is elsewhere (offline); its CRL %s %s%s", id,
                   is_near ? "runs out soon, at" : "is good until", until,
                   row.is_stale ? ", and lacks what is revoked since: whorld ca request" : "");
    note(f, text);
    return OK;
}

static err_t check_authority(struct house *house, struct findings *f, const char *id)
{
    AUTO_PTR(authority) *authority = NULL;
    char until[32];
    TRY(house_load_authority(house, id, &authority));
    if (!authority_has_key(authority)) {
        TRY(check_list_from_elsewhere(house, f, id));
    }
    int64_t left = authority_not_after_ms(authority) - clock_now_ms(clock_system());
    time_format(authority_not_after_ms(authority), until);
    printf("  ok       authority %s, valid until %s\n", id, until);
    if (left < (int64_t)365 * 86400000) {
        note(f, "an authority has less than a year left");
    }
    return OK;
}

struct ids {
    char items[AUTHORITIES_MAX][AUTHORITY_ID_SIZE];
    size_t count;
};

/* Those that are in use or were; what waits for its certificate has none to check. */
static err_t take_id(const struct authority_row *row, void *arg)
{
    struct ids *ids = arg;
    bool is_checked = row->state != AUTHORITY_PENDING && row->state != AUTHORITY_RETIRED;
    if (is_checked && ids->count < AUTHORITIES_MAX) {
        memcpy(ids->items[ids->count++], row->id, sizeof row->id);
    }
    return OK;
}

static err_t read_ids(struct db_tx *tx, void *arg)
{
    return authority_rows_each(tx, take_id, arg);
}

static void check_authorities(struct house *house, struct findings *f)
{
    struct ids ids = {.count = 0};
    err_t read = db_read(house->db, read_ids, &ids);
    if (read.code != ERR_OK) {
        problem(f, "authorities", read);
    }
    for (size_t i = 0; i < ids.count; i++) {
        err_t error = check_authority(house, f, ids.items[i]);
        if (error.code != ERR_OK) {
            problem(f, ids.items[i], error);
        }
    }
}

static void check_inventory(struct house *house, struct findings *f)
{
    struct audit_report report = {0};
    err_t error = db_self_check(house->db);
    if (error.code != ERR_OK) {
        problem(f, "inventory", error);
        return;
    }
    printf("  ok       inventory\n");
    error = audit_verify(house->db, &report);
    if (error.code == ERR_OK && report.first_bad[0] != '\0') {
        error = ERR(ERR_DB, "%s", report.first_bad);
    }
    if (error.code != ERR_OK) {
        problem(f, "audit log", error);
        return;
    }
    printf("  ok       audit log, %lld records\n", (long long)report.records);
}

static err_t compare_counts(struct db_tx *tx, void *arg)
{
    (void)arg;
    return recount_rows_compare(tx);
}

static void check_counts(struct house *house, struct findings *f)
{
    err_t error = db_read(house->db, compare_counts, NULL);
    if (error.code != ERR_OK) {
        problem(f, "counts", error);
    } else {
        printf("  ok       counts of devices and certificates\n");
    }
}

/* A disk that dies takes inventory and journal with it when both are on it. */
static void check_disk(struct house *house, struct findings *f, const char *folder)
{
    AUTO(char) *database = NULL;
    struct stat inventory, journal;
    if (house_path(house, HOUSE_DATABASE, &database).code == ERR_OK && stat(database, &inventory) == 0 &&
        stat(folder, &journal) == 0 && inventory.st_dev == journal.st_dev) {
        note(
            f,
            "the journal lies on the file system of the inventory: give journal_dir on another disk, so that "
            "no backup that is restored can undo what was decided after it");
    }
}

static err_t check_journal_of(struct house *house, const char *folder, const char *node)
{
    struct journal_state state;
    struct journal_report report;
    TRY(journal_compare(house->db, folder, node, &state));
    TRY(state.verdict);
    if (!state.has_files) {
        return OK;
    }
    TRY(journal_verify(folder, node, &report));
    printf("  ok       journal of %s, %lld entries\n", node, (long long)(report.last - report.first + 1));
    return OK;
}

static void check_journal(struct house *house, struct findings *f)
{
    static const char *const nodes[] = {HOUSE_NODE_SERVE, HOUSE_NODE_ADMIN};
    AUTO(char) *folder = NULL;
    err_t error = house_journal_folder(house, &folder);
    for (size_t i = 0; i < 2 && error.code == ERR_OK; i++) {
        error = check_journal_of(house, folder, nodes[i]);
    }
    if (error.code != ERR_OK) {
        problem(f, "journal", error);
    }
    check_disk(house, f, folder != NULL ? folder : "");
}

static void check_store(struct house *house, struct findings *f, bool reads_all)
{
    struct firmware_check check = {.reads_all = reads_all};
    err_t error = check_firmware(house, &check);
    f->problems += check.wrong;
    if (error.code != ERR_OK) {
        problem(f, "firmware", error);
    } else if (check.wrong == 0) {
        printf("  ok       firmware, %lld files of %lld bytes%s\n", (long long)check.images,
               (long long)check.bytes, reads_all ? ", all read" : "");
    }
}

/* What it takes when it is treated as badly as can be; mostly it is a small part of that. */
static void check_memory(const struct config *config, struct findings *f)
{
    int64_t there_mib = memory_there();
    int64_t most_mib = memory_bound(config, 0, there_mib);
    printf("  memory   at most %lld MiB under these settings, of which bodies %lld MiB; there are %lld MiB\n",
           (long long)most_mib, (long long)memory_bodies(config, there_mib), (long long)there_mib);
    if (most_mib > there_mib) {
        note(f, "more memory may be asked for than there is: lower connections, workers or body_memory_mib");
    }
}

static void check_all(struct house *house, struct findings *f, bool reads_firmware)
{
    static const char *const secrets[] = {HOUSE_KEYS, HOUSE_PASSPHRASE, HOUSE_TOKEN, HOUSE_DATABASE};
    AUTO(char) *token = NULL;
    for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++) {
        check_mode(house, f, secrets[i], OTHERS_ANY);
    }
    check_mode(house, f, ".", OTHERS_WRITE);
    check_inventory(house, f);
    check_counts(house, f);
    check_journal(house, f);
    check_store(house, f, reads_firmware);
    err_t error = check_keys(house, f);
    if (error.code != ERR_OK) {
        problem(f, "keys", error);
    } else {
        check_authorities(house, f);
    }
    if (strcmp(house->config.sandbox, "off") == 0) {
        note(f, "sandbox = off: the server keeps rights, files and system calls that it never needs");
    }
    if (house_path(house, HOUSE_TOKEN, &token).code == ERR_OK && file_exists(token)) {
        note(f, "admin.token is still there: keep the token in a vault and delete the file");
    }
}

int command_check(int argc, char **argv)
{
    const char *dir = NULL;
    bool reads_firmware = false;
    const struct option_spec specs[] = {{.name = "dir", .value = &dir},
                                        {.name = "firmware", .flag = &reads_firmware}};
    if (!options_read(argc, argv, specs, 2) || dir == NULL) {
        (void)fputs("usage: whorld check --dir DIR [--firmware]\n", stderr);
        return EXIT_USAGE;
    }
    AUTO_VAL(house) house = {0};
    struct findings findings = {0};
    err_t error = house_open(dir, HOUSE_READ, &house);
    if (error.code != ERR_OK) {
        return fail(error);
    }
    printf("%s\n", dir);
    check_all(&house, &findings, reads_firmware);
    check_memory(&house.config, &findings);
    printf("\nKeep, apart from each other: %s/" HOUSE_KEYS
           "/ and the passphrase of these keys. Back up regularly: whorld backup "
           "--dir %s --to FILE --recipient CERT.pem\n%d problems, %d notes\n",
           dir, dir, findings.problems, findings.notes);
    return findings.problems == 0 ? EXIT_OK : EXIT_FAILED;
}
