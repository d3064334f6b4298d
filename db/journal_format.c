/* Encodes and decodes records and the beginnings of segments by one table of fields (db/journal_fields.c). */
#include "db/journal_format.h"

#include <string.h>

#include "db/journal_fields.h"

static const char CHAIN[] = "whorl-journal-v1";
static const char MAGIC[] = "WHORLJ1\n";
enum { MAGIC_SIZE = sizeof MAGIC - 1, SEARCH_SPAN = 1 << 20, PAYLOAD_BITS = 21 };

/* --- numbers ---------------------------------------------------------------------------------------- */

static void put_number(uint8_t *out, size_t size, int64_t value)
{
    for (size_t i = 0; i < size; i++) {
        out[i] = (uint8_t)((uint64_t)value >> (8 * (size - 1 - i)));
    }
}

static int64_t get_number(const uint8_t *in, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++) {
        value = value << 8 | in[i];
    }
    return (int64_t)value;
}

static err_t append_number(struct buf *out, size_t size, int64_t value)
{
    uint8_t bytes[8];
    put_number(bytes, size, value);
    return buf_append(out, bytes, size);
}

/* --- payloads --------------------------------------------------------------------------------------- */

static err_t append_field(const struct journal_field *field, const uint8_t *value, struct buf *out)
{
    int64_t number = 0;
    struct bytes bytes;
    switch (field->kind) {
    case FIELD_I64:
        memcpy(&number, value, sizeof number);
        return append_number(out, sizeof number, number);
    case FIELD_TEXT:
        bytes = bytes_str((const char *)value);
        TRY(append_number(out, 1, (int64_t)bytes.n));
        return buf_append_bytes(out, bytes);
    case FIELD_BYTES:
        memcpy(&bytes, value, sizeof bytes);
        ENSURE(bytes.n < JOURNAL_PAYLOAD_MAX / 2, ERR_TOO_LARGE, "a journal entry of %zu bytes", bytes.n);
        TRY(append_number(out, 4, (int64_t)bytes.n));
        return buf_append_bytes(out, bytes);
    case FIELD_U8:
    case FIELD_RAW:
    case FIELD_END:
        break;
    }
    return buf_append(out, value, field->size);
}

/* The length of a counted field, taken from `in`. */
static err_t take_length(size_t size, struct bytes *in, size_t *out)
{
    ENSURE(in->n >= size, ERR_UNPROCESSABLE, "it is too short");
    *out = (size_t)get_number(in->p, size);
    *in = (struct bytes){in->p + size, in->n - size};
    ENSURE(*out <= in->n, ERR_UNPROCESSABLE, "it is too short");
    return OK;
}

static err_t take_field(const struct journal_field *field, struct bytes *in, uint8_t *value)
{
    size_t n = field->size;
    if (field->kind == FIELD_TEXT || field->kind == FIELD_BYTES) {
        TRY(take_length(field->kind == FIELD_TEXT ? 1 : 4, in, &n));
    }
    ENSURE(in->n >= n, ERR_UNPROCESSABLE, "it is too short");
    struct bytes taken = {in->p, n};
    int64_t number = 0;
    switch (field->kind) {
    case FIELD_I64:
        number = get_number(taken.p, n);
        memcpy(value, &number, sizeof number);
        break;
    case FIELD_TEXT:
        ENSURE(n < field->size && memchr(taken.p, 0, n) == NULL, ERR_UNPROCESSABLE, "a text does not fit");
        memcpy(value, taken.p, n);
        value[n] = 0;
        break;
    case FIELD_BYTES:
        memcpy(value, &taken, sizeof taken);
        break;
    case FIELD_U8:
    case FIELD_RAW:
    case FIELD_END:
        memcpy(value, taken.p, n);
        break;
    }
    *in = (struct bytes){in->p + n, in->n - n};
    return OK;
}

/* --- records ---------------------------------------------------------------------------------------- */

static err_t chain_hash(const struct sha256 *before, struct bytes record, struct sha256 *out)
{
    const struct bytes parts[] = {bytes_str(CHAIN), BYTES_OF(before->b), record};
    return sha256_of_parts(parts, sizeof parts / sizeof parts[0], out);
}

err_t journal_encode(const struct journal_entry *entry, int64_t seq, struct sha256 *hash, struct buf *out)
{
    const struct journal_kind_fields *of = journal_fields_of((int)entry->kind);
    ENSURE(of != NULL, ERR_INTERNAL, "a journal entry of kind %d", (int)entry->kind);
    size_t start = out->n;
    int version = entry->version != 0 ? entry->version : of->version;
    TRY(append_number(out, 4, 0));
    TRY(append_number(out, 1, entry->kind));
    TRY(append_number(out, 1, version));
    TRY(append_number(out, 8, seq));
    TRY(append_number(out, 8, entry->at_ms));
    const struct journal_field *field = of->fields;
    for (; field->kind != FIELD_END && field->since <= version; field++) {
        TRY(append_field(field, (const uint8_t *)entry + field->offset, out));
    }
    size_t payload = out->n - start - JOURNAL_RECORD_HEAD;
    ENSURE(payload <= JOURNAL_PAYLOAD_MAX, ERR_TOO_LARGE, "a journal entry of %zu bytes", payload);
    int64_t place = entry->place < JOURNAL_PLACE_MAX ? entry->place : JOURNAL_PLACE_MAX;
    put_number(out->p + start, 4, place << PAYLOAD_BITS | (int64_t)payload);
    struct sha256 own;
    TRY(chain_hash(hash, (struct bytes){out->p + start, out->n - start}, &own));
    *hash = own;
    return buf_append(out, own.b, sizeof own.b);
}

err_t journal_look(struct bytes in, const struct sha256 *before, int64_t seq, struct journal_record *out,
                   enum journal_look *look)
{
    *look = JOURNAL_SHORT;
    if (in.n < JOURNAL_RECORD_HEAD) {
        return OK;
    }
    int64_t first = get_number(in.p, 4);
    int64_t payload = first & ((1 << PAYLOAD_BITS) - 1);
    *out = (struct journal_record){.place = first >> PAYLOAD_BITS,
                                   .kind = in.p[4],
                                   .version = in.p[5],
                                   .seq = get_number(in.p + 6, 8),
                                   .at_ms = get_number(in.p + 14, 8),
                                   .payload = {in.p + JOURNAL_RECORD_HEAD, (size_t)payload},
                                   .size = (size_t)payload + JOURNAL_RECORD_LEAST};
    if (payload > JOURNAL_PAYLOAD_MAX || out->seq != seq) {
        *look = JOURNAL_BAD;
        return OK;
    }
    if (in.n < out->size) {
        return OK;
    }
    size_t hashed = out->size - SHA256_SIZE;
    memcpy(out->hash.b, in.p + hashed, SHA256_SIZE);
    struct sha256 own;
    TRY(chain_hash(before, (struct bytes){in.p, hashed}, &own));
    *look = memcmp(own.b, out->hash.b, SHA256_SIZE) == 0 ? JOURNAL_WHOLE : JOURNAL_BAD;
    return OK;
}

/* Whether only the hash of the broken record was changed, so that the next one follows on what it says. */
static err_t finds_next(struct bytes in, const struct sha256 *before, int64_t seq, bool *out)
{
    struct journal_record record;
    enum journal_look look = JOURNAL_BAD;
    TRY(journal_look(in, before, seq, &record, &look));
    if (look != JOURNAL_BAD || record.size > in.n) {
        return OK;
    }
    struct sha256 own;
    struct bytes rest = {in.p + record.size, in.n - record.size};
    TRY(chain_hash(before, (struct bytes){in.p, record.size - SHA256_SIZE}, &own));
    TRY(journal_look(rest, &own, seq + 1, &record, &look));
    *out = look == JOURNAL_WHOLE && record.seq - record.place > seq;
    return OK;
}

err_t journal_finds_record(struct bytes in, const struct sha256 *before, int64_t seq, bool *out)
{
    *out = false;
    TRY(finds_next(in, before, seq, out));
    /* the hash of the record before stands right before it, whatever else was changed there */
    for (size_t at = SHA256_SIZE; at + JOURNAL_RECORD_LEAST <= in.n && !*out; at++) {
        int64_t number = get_number(in.p + at + 6, 8);
        if (number <= seq || number - seq > SEARCH_SPAN) {
            continue;
        }
        struct sha256 stored;
        struct journal_record record;
        enum journal_look look = JOURNAL_BAD;
        memcpy(stored.b, in.p + at - SHA256_SIZE, SHA256_SIZE);
        TRY(journal_look((struct bytes){in.p + at, in.n - at}, &stored, number, &record, &look));
        *out = look == JOURNAL_WHOLE && record.seq - record.place > seq;
    }
    return OK;
}

err_t journal_decode(const struct journal_record *record, struct journal_entry *out)
{
    const struct journal_kind_fields *of = journal_fields_of(record->kind);
    bool is_ours = of != NULL && record->version >= 1 && record->version <= of->version;
    ENSURE(is_ours, ERR_UNPROCESSABLE,
           "entry %lld of the journal has kind %d, version %d: this program does not know it; use a newer "
           "whorld",
           (long long)record->seq, record->kind, record->version);
    *out = (struct journal_entry){.kind = (enum journal_kind)record->kind,
                                  .version = record->version,
                                  .seq = record->seq,
                                  .at_ms = record->at_ms,
                                  .place = record->place};
    struct bytes rest = record->payload;
    const struct journal_field *field = of->fields;
    err_t error = OK;
    for (; field->kind != FIELD_END && field->since <= record->version && error.code == ERR_OK; field++) {
        error = take_field(field, &rest, (uint8_t *)out + field->offset);
    }
    ENSURE(error.code == ERR_OK && rest.n == 0, ERR_UNPROCESSABLE,
           "entry %lld of the journal is not a whole %s: %s", (long long)record->seq,
           journal_kind_name(record->kind), error.code == ERR_OK ? "it is too long" : error.detail);
    return OK;
}

/* --- segments --------------------------------------------------------------------------------------- */

err_t journal_header_encode(const struct journal_header *header, struct buf *out)
{
    size_t start = out->n;
    struct sha256 sum;
    TRY(buf_append_str(out, MAGIC));
    TRY(buf_append(out, header->installation.b, SHA256_SIZE));
    TRY(append_number(out, 1, (int64_t)strlen(header->node)));
    TRY(buf_append_str(out, header->node));
    TRY(append_number(out, 8, header->first));
    TRY(buf_append(out, header->before.b, SHA256_SIZE));
    TRY(sha256_of((struct bytes){out->p + start, out->n - start}, &sum));
    return buf_append(out, sum.b, sizeof sum.b);
}

err_t journal_header_decode(struct bytes in, struct journal_header *out)
{
    *out = (struct journal_header){.first = 0};
    size_t name_at = MAGIC_SIZE + SHA256_SIZE;
    ENSURE(in.n > name_at && memcmp(in.p, MAGIC, MAGIC_SIZE) == 0, ERR_UNPROCESSABLE,
           "it does not begin like a journal");
    size_t name = in.p[name_at];
    size_t hashed = name_at + 1 + name + 8 + SHA256_SIZE;
    ENSURE(name > 0 && name < JOURNAL_NODE_SIZE && in.n >= hashed + SHA256_SIZE, ERR_UNPROCESSABLE,
           "its beginning is cut off");
    struct sha256 sum;
    TRY(sha256_of((struct bytes){in.p, hashed}, &sum));
    ENSURE(memcmp(sum.b, in.p + hashed, SHA256_SIZE) == 0, ERR_UNPROCESSABLE, "its beginning was changed");
    memcpy(out->installation.b, in.p + MAGIC_SIZE, SHA256_SIZE);
    memcpy(out->node, in.p + name_at + 1, name);
    out->first = get_number(in.p + name_at + 1 + name, 8);
    memcpy(out->before.b, in.p + name_at + 1 + name + 8, SHA256_SIZE);
    out->size = hashed + SHA256_SIZE;
    ENSURE(out->first > 0 && strlen(out->node) == name, ERR_UNPROCESSABLE, "its beginning makes no sense");
    return OK;
}
