/* `whorld journal`: proves the chain of a journal, and brings an older copy of the inventory up to date. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cmd/whorld/commands.h"
#include "cmd/whorld/house.h"
#include "db/journal.h"
#include "fleet/journal_replay.h"

static const char *const NODES[] = {HOUSE_NODE_ADMIN, HOUSE_NODE_SERVE};
static const enum house_use USES[] = {HOUSE_ADMIN, HOUSE_SERVE};
enum { NODE_COUNT = 2, TEXT_SIZE = 200 };

/* --- bringing them together -------------------------------------------------------------------------- */

static void tell_replayed(const char *node, const struct journal_report *missing,
                          const struct replay_tally *tally)
{
    char text[TEXT_SIZE];
    journal_report_text(missing, text, sizeof text);
    (void)fprintf(stderr, "journal of %s: entries %" PRId64 " to %" PRId64 " replayed (%s)\n", node,
                  missing->first, missing->last, text);
    (void)fprintf(stderr,
                  "  %" PRId64 " certificates made again, %" PRId64 " changed; %" PRId64
                  " devices made again, %" PRId64 " changed\n",
                  tally->certificates, tally->certificate_changes, tally->devices, tally->device_changes);
    if (tally->authorities > 0) {
        (void)fprintf(stderr, "  %" PRId64 " changes of authorities: their keys are in the keys folder\n",
                      tally->authorities);
    }
    if (tally->unknown_devices > 0) {
        (void)fprintf(stderr,
                      "  %" PRId64
                      " changes of devices whose product is not in this copy: make the product and "
                      "hand the lists over again\n",
                      tally->unknown_devices);
    }
    if (tally->unknown_certificates > 0) {
        (void)fprintf(stderr,
                      "  %" PRId64 " changes of certificates that neither this copy nor the journal has\n",
                      tally->unknown_certificates);
    }
}

static void tell_accepted(const char *node, const struct journal_report *missing)
{
    char text[TEXT_SIZE];
    journal_report_text(missing, text, sizeof text);
    if (missing->is_replaced) {
        (void)fprintf(stderr,
                      "journal of %s: there is none that this inventory can go on with; a new one begins\n",
                      node);
    } else {
        (void)fprintf(stderr, "journal of %s: accepted without its entries %" PRId64 " to %" PRId64 " (%s)\n",
                      node, missing->first, missing->last, text);
    }
    (void)fprintf(
        stderr,
        "  what was decided since this copy is lost: devices that got their certificate then are turned "
        "away\n"
        "  and enrol again, what was revoked then is good again in this copy until you revoke it anew;\n"
        "  the numbers of all CRLs jump, and a serial number that this copy does not know is never called "
        "good\n");
}

static err_t bring_node(const char *folder, size_t i, enum journal_mode mode, struct house_brought *out)
{
    AUTO_VAL(house) house = {0};
    struct journal_report missing = {.first = 0};
    struct replay_tally tally = {.devices = 0};
    TRY(house_open_settings(folder, &house));
    house.journal = (struct journal_options){
        .mode = mode, .replay = journal_replay_entry, .arg = &tally, .missing = &missing};
    TRY(house_open_db(&house, USES[i]));
    if (missing.last == 0 && missing.torn_bytes == 0 && !missing.is_replaced) {
        (void)fprintf(stderr, "journal of %s: nothing is missing\n", NODES[i]);
    } else if (mode == JOURNAL_BRING) {
        tell_replayed(NODES[i], &missing, &tally);
        out->entries += missing.last > 0 ? missing.last - missing.first + 1 : 0;
        out->last_at_ms = missing.last_at_ms > out->last_at_ms ? missing.last_at_ms : out->last_at_ms;
    } else {
        tell_accepted(NODES[i], &missing);
    }
    return OK;
}

err_t house_bring(const char *folder, enum journal_mode mode)
{
    struct house_brought brought = {.entries = 0};
    for (size_t i = 0; i < NODE_COUNT; i++) {
        TRY(bring_node(folder, i, mode, &brought));
    }
    return OK;
}

static err_t has_journal(const char *folder, const char *node, bool *out)
{
    AUTO_VAL(house) house = {0};
    AUTO(char) *journal = NULL;
    TRY(house_open_settings(folder, &house));
    TRY(house_journal_folder(&house, &journal));
    return journal_exists(journal, node, out);
}

/* A copy from before there were journals begins one; any other wants its own. */
err_t house_bring_restored(const char *folder, bool accepts, struct house_brought *out)
{
    *out = (struct house_brought){.entries = 0};
    for (size_t i = 0; i < NODE_COUNT; i++) {
        bool is_there = false;
        TRY(has_journal(folder, NODES[i], &is_there));
        err_t error = bring_node(folder, i, accepts ? JOURNAL_ACCEPT : JOURNAL_BRING, out);
        ENSURE(is_there || error.code != ERR_DB, ERR_WRONG_STATE,
               "the journal of %s is not here: bring it with --journal, or accept with --accept-rollback "
               "what that"
               " costs (docs/backup.md)",
               NODES[i]);
        TRY(error);
    }
    return OK;
}

/* --- verify ------------------------------------------------------------------------------------------ */

static int verify_node(const char *folder, const char *node, int *found)
{
    struct journal_report report;
    char text[TEXT_SIZE];
    err_t error = journal_verify(folder, node, &report);
    if (error.code == ERR_NOT_FOUND) {
        return EXIT_OK;
    }
    ++*found;
    if (error.code != ERR_OK) {
        printf("BROKEN: %s\n", error.detail);
        return EXIT_FAILED;
    }
    journal_report_text(&report, text, sizeof text);
    printf("The journal of %s verifies: entries %" PRId64 " to %" PRId64 " in %" PRId64 " files (%s)", node,
           report.first, report.last, report.segments, text);
    if (report.torn_bytes > 0) {
        printf("; %" PRId64 " bytes of an unfinished entry at its end", report.torn_bytes);
    }
    printf(".\n");
    return EXIT_OK;
}

static int verify_folder(const char *folder)
{
    int found = 0;
    int code = EXIT_OK;
    for (size_t i = 0; i < NODE_COUNT; i++) {
        int result = verify_node(folder, NODES[i], &found);
        code = result != EXIT_OK ? result : code;
    }
    return found > 0 ? code : fail(ERR(ERR_NOT_FOUND, "%.120s has no journal", folder));
}

static int verify_house(const char *dir)
{
    AUTO_VAL(house) house = {0};
    AUTO(char) *folder = NULL;
    err_t error = house_open(dir, HOUSE_READ, &house);
    if (error.code == ERR_OK) {
        error = house_journal_folder(&house, &folder);
    }
    if (error.code != ERR_OK) {
        return fail(error);
    }
    int code = verify_folder(folder);
    for (size_t i = 0; i < NODE_COUNT && code == EXIT_OK; i++) {
        struct journal_state state;
        error = journal_compare(house.db, folder, NODES[i], &state);
        error = error.code == ERR_OK ? state.verdict : error;
        if (error.code != ERR_OK) {
            printf("BROKEN: %s\n", error.detail);
            return EXIT_FAILED;
        }
    }
    return code;
}

/* --- the command ------------------------------------------------------------------------------------- */

static int usage(void)
{
    (void)fputs("usage: whorld journal verify --dir DIR | --folder FOLDER\n"
                "       whorld journal replay --dir DIR\n",
                stderr);
    return EXIT_USAGE;
}

int command_journal(int argc, char **argv)
{
    const char *dir = NULL;
    const char *folder = NULL;
    const struct option_spec specs[] = {{.name = "dir", .value = &dir}, {.name = "folder", .value = &folder}};
    bool is_replay = argc > 0 && strcmp(argv[0], "replay") == 0;
    bool is_verify = argc > 0 && strcmp(argv[0], "verify") == 0;
    if ((!is_replay && !is_verify) || !options_read(argc - 1, argv + 1, specs, is_replay ? 1 : 2) ||
        (dir == NULL) == (folder == NULL)) {
        return usage();
    }
    if (is_verify) {
        return dir != NULL ? verify_house(dir) : verify_folder(folder);
    }
    err_t error = house_bring(dir, JOURNAL_BRING);
    return error.code == ERR_OK ? EXIT_OK : fail(error);
}
