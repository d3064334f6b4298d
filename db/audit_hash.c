/* The hashes of the audit log. Knows no row and no transaction. */
#include "db/audit_hash.h"

static void put_u32(uint8_t out[4], uint32_t value)
{
    for (size_t i = 0; i < 4; i++) {
        out[i] = (uint8_t)(value >> (24 - 8 * i));
    }
}

static void put_u64(uint8_t out[8], int64_t value)
{
    for (size_t i = 0; i < 8; i++) {
        out[i] = (uint8_t)((uint64_t)value >> (56 - 8 * i));
    }
}

enum { FIELDS = 7, PARTS_OF_FIELDS = 2 * FIELDS };

/* @param[out] parts length and bytes of each field @param lengths memory that they point to */
static err_t put_fields(const struct audit_record *record, uint8_t lengths[FIELDS][4],
                        struct bytes parts[PARTS_OF_FIELDS])
{
    const struct bytes fields[FIELDS] = {record->tenant, record->device, record->actor, record->request_id,
                                         record->kind,   record->result, record->body};
    for (size_t i = 0; i < FIELDS; i++) {
        ENSURE(fields[i].n < UINT32_MAX, ERR_TOO_LARGE, "an audit field of %zu bytes", fields[i].n);
        put_u32(lengths[i], fields[i].p == NULL ? UINT32_MAX : (uint32_t)fields[i].n);
        parts[2 * i] = BYTES_OF(lengths[i]);
        parts[2 * i + 1] = fields[i];
    }
    return OK;
}

err_t audit_content_hash(const struct audit_record *record, struct sha256 *out)
{
    uint8_t at[8];
    uint8_t lengths[FIELDS][4];
    struct bytes parts[2 + PARTS_OF_FIELDS] = {bytes_str("whorl-audit-content-v1"), BYTES_OF(at)};
    put_u64(at, record->at_ms);
    TRY(put_fields(record, lengths, parts + 2));
    return sha256_of_parts(parts, sizeof parts / sizeof parts[0], out);
}

err_t audit_hash_first_form(const struct audit_record *record, struct sha256 *out)
{
    const struct audit_link *link = &record->link;
    uint8_t numbers[4][8];
    uint8_t lengths[FIELDS][4];
    struct bytes parts[4 + PARTS_OF_FIELDS] = {bytes_str("whorl-audit-v1"),
                                               BYTES_OF(link->prev.b),
                                               BYTES_OF(link->node.b),
                                               {numbers[0], sizeof numbers}};
    put_u64(numbers[0], link->epoch);
    put_u64(numbers[1], link->lane);
    put_u64(numbers[2], link->seq);
    put_u64(numbers[3], record->at_ms);
    TRY(put_fields(record, lengths, parts + 4));
    return sha256_of_parts(parts, sizeof parts / sizeof parts[0], out);
}

err_t audit_link_hash(const struct audit_link *link, const struct sha256 *content, struct sha256 *out)
{
    uint8_t numbers[3][8];
    put_u64(numbers[0], link->epoch);
    put_u64(numbers[1], link->lane);
    put_u64(numbers[2], link->seq);
    const struct bytes parts[] = {bytes_str("whorl-audit-v2"),
                                  BYTES_OF(link->prev.b),
                                  BYTES_OF(link->node.b),
                                  {numbers[0], sizeof numbers},
                                  BYTES_OF(content->b)};
    return sha256_of_parts(parts, sizeof parts / sizeof parts[0], out);
}

err_t audit_hash(const struct audit_record *record, struct sha256 *out)
{
    struct sha256 content;
    TRY(audit_content_hash(record, &content));
    return audit_link_hash(&record->link, &content, out);
}
