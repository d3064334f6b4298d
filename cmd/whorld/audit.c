/* `whorld audit verify`: proves the audit log of a data directory, or, without server and directory, an
 * export or a checkpoint that somebody kept. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "cmd/whorld/commands.h"
#include "cmd/whorld/house.h"
#include "db/audit_chain_rows.h"
#include "fleet/audit_file.h"

enum { ANCHORS_MAX = 1 << 20, CHECKPOINT_MAX = 16 << 20 };

struct words {
    const char *dir, *file, *ca, *checkpoint;
    struct buf anchors; /* of --ca */
};

static int usage(void)
{
    (void)fputs("usage: whorld audit verify --dir DIR [--checkpoint FILE]\n"
                "       whorld audit verify FILE [--ca ca.pem] [--checkpoint FILE]\n",
                stderr);
    return EXIT_USAGE;
}

static int broken(const char *where, err_t error)
{
    printf("BROKEN: %s%s\n", where, error.detail[0] != '\0' ? error.detail : err_title(error.code));
    return EXIT_FAILED;
}

/* A file that cannot be read says nothing about the log. */
static bool is_reading_error(err_t error)
{
    return error.code == ERR_NOT_FOUND || error.code == ERR_IO || error.code == ERR_NO_MEMORY;
}

/* --- checkpoints ------------------------------------------------------------------------------------- */

/* The bare CMS structure, or the JSON answer that holds it. */
static err_t read_cms(struct bytes text, struct buf *out)
{
    AUTO(json_t) *answer = NULL;
    if (text.n > 0 && text.p[0] == 0x30) {
        return buf_append_bytes(out, text);
    }
    TRY(json_parse(text, CHECKPOINT_MAX, &answer));
    const char *cms = json_string_value(json_object_get(answer, "cms"));
    ENSURE(cms != NULL, ERR_UNPROCESSABLE, "neither an export nor a checkpoint of an audit log");
    return base64_decode(bytes_str(cms), out);
}

static err_t open_checkpoint(const char *path, struct bytes anchors, struct audit_statement *out)
{
    AUTO_VAL(buf) text = {0};
    AUTO_VAL(buf) cms = {0};
    TRY(file_read(path, CHECKPOINT_MAX, &text));
    TRY(read_cms(buf_view(&text), &cms));
    return audit_statement_open(buf_view(&cms), anchors, out);
}

static void print_signer(const char *signer, int64_t at_ms, bool is_known)
{
    char at[32];
    time_format(at_ms, at);
    printf("Signed at %s by \"%s\", %s.\n", at, signer,
           is_known ? "of the installation of that ca.pem"
                    : "of WHICH INSTALLATION was not checked (--ca ca.pem)");
}

static err_t print_end(const struct audit_end *end, void *arg)
{
    char node[UUID_TEXT_SIZE], hash[2 * SHA256_SIZE + 1];
    (void)arg;
    uuid_format(end->node, node);
    hex_encode(BYTES_OF(end->hash.b), hash);
    printf("node %s epoch %" PRId64 " lane %" PRId64 " record %" PRId64 " %s\n", node, end->epoch, end->lane,
           end->seq, hash);
    return OK;
}

static int verify_checkpoint(const struct words *words)
{
    AUTO_VAL(audit_statement) statement = {.content = NULL};
    err_t error = open_checkpoint(words->file, buf_view(&words->anchors), &statement);
    if (error.code != ERR_OK) {
        return is_reading_error(error) ? fail(error) : broken("", error);
    }
    printf("The checkpoint verifies.\n");
    print_signer(statement.signer, statement.at_ms, words->anchors.n > 0);
    err_ignore(audit_statement_ends(&statement, print_end, NULL)); /* their form was checked */
    return EXIT_OK;
}

/* --- exports ----------------------------------------------------------------------------------------- */

static err_t expect_end(const struct audit_end *end, void *arg)
{
    return audit_file_expect(arg, end);
}

static err_t expect(struct audit_file *file, const struct words *words)
{
    AUTO_VAL(audit_statement) statement = {.content = NULL};
    if (words->checkpoint == NULL) {
        return OK;
    }
    TRY(open_checkpoint(words->checkpoint, buf_view(&words->anchors), &statement));
    return audit_statement_ends(&statement, expect_end, file);
}

struct reader {
    FILE *in;
    char *line;
    size_t room;
    int64_t number;
};
static void reader_clear(struct reader *reader)
{
    if (reader->in != NULL) {
        (void)fclose(reader->in); /* read only */
    }
    free(reader->line);
}
DEFINE_AUTO_VAL(reader, reader_clear);

/* @param[out] is_end the file is over */
static err_t next_line(struct reader *reader, struct bytes *out, bool *is_end)
{
    errno = 0;
    ssize_t n = getline(&reader->line, &reader->room, reader->in);
    *is_end = n < 0;
    ENSURE(n >= 0 || feof(reader->in), ERR_IO, "reading failed (%d)", errno);
    if (n < 0) {
        return OK;
    }
    reader->number++;
    ENSURE(reader->line[n - 1] == '\n', ERR_UNPROCESSABLE, "the file ends within this line");
    *out = (struct bytes){(const uint8_t *)reader->line, (size_t)n - 1};
    return OK;
}

static err_t verify_lines(struct reader *reader, struct audit_file *file)
{
    struct bytes line;
    bool is_end = false;
    for (;;) {
        TRY(next_line(reader, &line, &is_end));
        if (is_end) {
            return OK;
        }
        TRY(audit_file_line(file, line));
    }
}

static int print_export(const struct words *words, const struct audit_file_report *report)
{
    printf("The export verifies: %" PRId64 " records, %" PRId64 " hidden ones, %" PRId64
           " stretches of chains.\n",
           report->shown, report->hidden, report->stretches);
    print_signer(report->signer, report->at_ms, words->anchors.n > 0);
    if (words->checkpoint != NULL) {
        printf("Ends of the earlier checkpoint that it holds: %" PRId64 ".\n", report->compared);
    }
    return EXIT_OK;
}

static int verify_export(const struct words *words, struct reader *reader)
{
    AUTO_PTR(audit_file) *file = NULL;
    struct audit_file_report report;
    char where[48];
    err_t error = audit_file_new(buf_view(&words->anchors), &file);
    if (error.code == ERR_OK) {
        error = expect(file, words);
    }
    if (error.code != ERR_OK) {
        return fail(error);
    }
    error = verify_lines(reader, file);
    if (is_reading_error(error)) {
        return fail(error);
    }
    (void)snprintf(where, sizeof where, "line %" PRId64 ": ", reader->number);
    if (error.code == ERR_OK) {
        error = audit_file_finish(file, &report);
    }
    return error.code == ERR_OK ? print_export(words, &report) : broken(where, error);
}

/* An export begins with its first line's event_id; everything else is a checkpoint, or nothing of ours. */
static int verify_file(const struct words *words)
{
    static const char begin[] = "{\"event_id\":";
    char start[sizeof begin] = "";
    AUTO_VAL(reader) reader = {.in = fopen(words->file, "re")};
    if (reader.in == NULL) {
        return fail(ERR(ERR_NOT_FOUND, "%.100s cannot be opened (%d)", words->file, errno));
    }
    size_t n = fread(start, 1, sizeof begin - 1, reader.in);
    rewind(reader.in);
    bool is_export = n == sizeof begin - 1 && memcmp(start, begin, n) == 0;
    return is_export ? verify_export(words, &reader) : verify_checkpoint(words);
}

/* --- the directory ----------------------------------------------------------------------------------- */

struct comparison {
    struct db_tx *tx;
    const struct audit_statement *statement;
    int64_t compared;
};

static err_t compare_end(const struct audit_end *end, void *arg)
{
    struct comparison *run = arg;
    struct sha256 hash;
    err_t error = audit_hash_find(run->tx, end, &hash);
    ENSURE(error.code != ERR_NOT_FOUND, ERR_UNPROCESSABLE,
           "record %lld of epoch %lld, which a checkpoint signed, is missing", (long long)end->seq,
           (long long)end->epoch);
    TRY(error);
    ENSURE(memcmp(hash.b, end->hash.b, sizeof hash.b) == 0, ERR_UNPROCESSABLE,
           "record %lld of epoch %lld is not the one that a checkpoint signed", (long long)end->seq,
           (long long)end->epoch);
    run->compared++;
    return OK;
}

static err_t compare(struct db_tx *tx, void *arg)
{
    struct comparison *run = arg;
    run->tx = tx;
    return audit_statement_ends(run->statement, compare_end, run);
}

struct anchors {
    struct db_tx *tx;
    struct bytes ca;
    int64_t count;
};

static err_t check_anchor(const struct audit_anchor_row *row, void *arg)
{
    struct anchors *run = arg;
    AUTO_VAL(audit_statement) statement = {.content = NULL};
    TRY(audit_statement_open(row->signature, run->ca, &statement));
    struct comparison comparison = {.statement = &statement};
    run->count++;
    return compare(run->tx, &comparison);
}

static err_t check_anchors(struct db_tx *tx, void *arg)
{
    struct anchors *run = arg;
    run->tx = tx;
    return audit_anchor_each(tx, check_anchor, run);
}

static err_t verify_rows(struct house *house, const struct words *words, struct audit_report *report,
                         struct anchors *anchors)
{
    TRY(audit_verify(house->db, report));
    ENSURE(report->first_bad[0] == '\0', ERR_UNPROCESSABLE, "%s", report->first_bad);
    TRY(db_read(house->db, check_anchors, anchors));
    if (words->checkpoint == NULL) {
        return OK;
    }
    AUTO_VAL(audit_statement) statement = {.content = NULL};
    struct comparison run = {.statement = &statement};
    TRY(open_checkpoint(words->checkpoint, anchors->ca, &statement));
    return db_read(house->db, compare, &run);
}

static int verify_house(struct words *words)
{
    AUTO_VAL(house) house = {0};
    AUTO(char) *ca = NULL;
    struct audit_report report = {0};
    struct anchors anchors = {.count = 0};
    err_t error = house_open(words->dir, HOUSE_READ, &house);
    if (error.code == ERR_OK) {
        error = house_path(&house, HOUSE_ANCHOR, &ca);
    }
    if (error.code == ERR_OK) {
        error = file_read(ca, ANCHORS_MAX, &words->anchors);
    }
    if (error.code != ERR_OK) {
        return fail(error);
    }
    anchors.ca = buf_view(&words->anchors);
    error = verify_rows(&house, words, &report, &anchors);
    if (error.code != ERR_OK) {
        return is_reading_error(error) ? fail(error) : broken("", error);
    }
    printf("The audit log verifies: %" PRId64 " records in %" PRId64 " chains, %" PRId64 " signed anchors.\n",
           report.records, report.chains, anchors.count);
    return EXIT_OK;
}

/* --- the command ------------------------------------------------------------------------------------- */

static int verify(struct words *words)
{
    if (words->file == NULL) {
        return verify_house(words);
    }
    if (words->ca != NULL) {
        err_t error = file_read(words->ca, ANCHORS_MAX, &words->anchors);
        if (error.code != ERR_OK) {
            return fail(error);
        }
    }
    return verify_file(words);
}

int command_audit(int argc, char **argv)
{
    struct words words = {.dir = NULL};
    const struct option_spec specs[] = {{.name = "dir", .value = &words.dir},
                                        {.name = "ca", .value = &words.ca},
                                        {.name = "checkpoint", .value = &words.checkpoint}};
    if (argc < 1 || strcmp(argv[0], "verify") != 0) {
        return usage();
    }
    int at = 1;
    if (argc > 1 && strncmp(argv[1], "--", 2) != 0) {
        words.file = argv[at++];
    }
    if (!options_read(argc - at, argv + at, specs, 3) || (words.dir == NULL) == (words.file == NULL) ||
        (words.dir != NULL && words.ca != NULL)) {
        return usage();
    }
    int code = verify(&words);
    buf_clear(&words.anchors);
    return code;
}
