/* The seal of an export, as a value. Knows no file and no signature. */
#include "fleet/audit_seal.h"

err_t audit_seal_open(struct audit_seal *seal, struct bytes head)
{
    *seal = (struct audit_seal){.shown = 0};
    return sha256_of(head, &seal->head);
}

static void put_number(uint8_t out[8], int64_t value)
{
    for (size_t i = 0; i < 8; i++) {
        out[i] = (uint8_t)((uint64_t)value >> (56 - 8 * i));
    }
}

err_t audit_seal_add(struct audit_seal *seal, const struct audit_stretch *stretch)
{
    const struct audit_link *first = &stretch->first;
    uint8_t numbers[4][8];
    struct sha256 next;
    put_number(numbers[0], first->epoch);
    put_number(numbers[1], first->lane);
    put_number(numbers[2], first->seq);
    put_number(numbers[3], stretch->last_seq);
    const struct bytes parts[] = {
        bytes_str("whorl-audit-stretch-v1"), BYTES_OF(seal->stretches.b), BYTES_OF(first->node.b),
        {numbers[0], sizeof numbers},        BYTES_OF(first->prev.b),     BYTES_OF(stretch->last_hash.b)};
    TRY(sha256_of_parts(parts, sizeof parts / sizeof parts[0], &next));
    seal->stretches = next;
    return OK;
}

err_t audit_seal_write(const struct audit_seal *seal, json_t **out)
{
    *out = NULL;
    AUTO(json_t) *object = json_object();
    TRY(json_set_hex(object, "head_sha256", BYTES_OF(seal->head.b)));
    TRY(json_set_int(object, "shown", seal->shown));
    TRY(json_set_int(object, "hidden", seal->hidden));
    TRY(json_set_hex(object, "stretches_sha256", BYTES_OF(seal->stretches.b)));
    *out = TAKE(object);
    return OK;
}

bool audit_seal_is(const struct audit_seal *seal, const json_t *written)
{
    AUTO(json_t) *own = NULL;
    return audit_seal_write(seal, &own).code == ERR_OK && written != NULL && json_equal(own, written) == 1;
}
