/* The reader of the journal: a file that a disk or somebody else may have changed. Whatever it takes for a
 * whole record is written again with the same bytes. */
#include <stdlib.h>
#include <string.h>

#include "db/journal_format.h"
#include "tests/fuzz/fuzz.h"

static size_t read_record(struct bytes in, struct sha256 *before, int64_t seq)
{
    AUTO_VAL(buf) again = {0};
    struct journal_record record;
    struct journal_entry entry;
    enum journal_look look = JOURNAL_BAD;
    struct sha256 hash = *before;
    if (journal_look(in, before, seq, &record, &look).code != ERR_OK || look != JOURNAL_WHOLE) {
        bool found = false;
        err_ignore(journal_finds_record(in, before, seq, &found)); /* must not crash */
        return 0;
    }
    if (journal_decode(&record, &entry).code == ERR_OK) {
        if (journal_encode(&entry, seq, &hash, &again).code != ERR_OK || again.n != record.size ||
            memcmp(again.p, in.p, again.n) != 0) {
            abort();
        }
    }
    *before = record.hash;
    return record.size;
}

/* The bytes of a payload alone, so that inputs need no right hash to come further. */
static void decode_payload(struct bytes in)
{
    struct journal_entry entry;
    if (in.n < 1) {
        return;
    }
    struct journal_record record = {
        .kind = in.p[0] % (JOURNAL_KINDS + 1), .version = 1, .seq = 1, .payload = {in.p + 1, in.n - 1}};
    if (journal_decode(&record, &entry).code == ERR_OK) {
        AUTO_VAL(buf) again = {0};
        struct sha256 hash = {{0}};
        if (journal_encode(&entry, 1, &hash, &again).code != ERR_OK ||
            again.n != record.payload.n + JOURNAL_RECORD_LEAST ||
            memcmp(again.p + JOURNAL_RECORD_HEAD, record.payload.p, record.payload.n) != 0) {
            abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct journal_header header;
    struct bytes rest = {data, size};
    decode_payload(rest);
    if (journal_header_decode(rest, &header).code != ERR_OK) {
        return 0;
    }
    int64_t seq = header.first;
    size_t taken = header.size;
    while (taken > 0 && taken <= rest.n) {
        rest = (struct bytes){rest.p + taken, rest.n - taken};
        taken = rest.n > 0 ? read_record(rest, &header.before, seq++) : 0;
    }
    return 0;
}
