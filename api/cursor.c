/* A cursor is the id and eight bytes of a hash over list and id. The hash keeps a cursor from being used with
 * other filters and finds typing errors; it guards nothing: an id made up by the caller only chooses where
 * the caller's own list starts. So it needs no key, and holds on every node and after a restart. */
#include "api/cursor.h"

#include <string.h>

#include "base/hash.h"

enum { CHECK_SIZE = 8 };

static err_t check_of(const struct device_filter *filter, const struct device_id *last,
                      uint8_t out[CHECK_SIZE])
{
    const uint8_t kinds[] = {filter->has_batch ? 1 : 0, filter->has_state ? (uint8_t)(1 + filter->state) : 0};
    const struct uuid batch = filter->has_batch ? filter->batch : (struct uuid){{0}};
    const struct bytes parts[] = {bytes_str("whorl-device-list-1"), BYTES_OF(filter->tenant.b),
                                  BYTES_OF(kinds), BYTES_OF(batch.b), BYTES_OF(last->b)};
    struct sha256 hash;
    TRY(sha256_of_parts(parts, sizeof parts / sizeof parts[0], &hash));
    memcpy(out, hash.b, CHECK_SIZE);
    return OK;
}

err_t cursor_format(const struct device_filter *filter, const struct device_id *last,
                    char out[CURSOR_TEXT_SIZE])
{
    uint8_t bytes[DEVICE_ID_SIZE + CHECK_SIZE];
    memcpy(bytes, last->b, DEVICE_ID_SIZE);
    TRY(check_of(filter, last, bytes + DEVICE_ID_SIZE));
    hex_encode(BYTES_OF(bytes), out);
    return OK;
}

err_t cursor_parse(const struct device_filter *filter, const char *text, struct device_id *out)
{
    uint8_t bytes[DEVICE_ID_SIZE + CHECK_SIZE];
    uint8_t check[CHECK_SIZE];
    err_t error = hex_decode(bytes_str(text), bytes, sizeof bytes);
    ENSURE(error.code == ERR_OK, ERR_BAD_REQUEST, "the cursor is not one of ours");
    memcpy(out->b, bytes, DEVICE_ID_SIZE);
    TRY(check_of(filter, out, check));
    ENSURE(memcmp(check, bytes + DEVICE_ID_SIZE, CHECK_SIZE) == 0, ERR_BAD_REQUEST,
           "the cursor belongs to another list: start again without it");
    return OK;
}
